//! From a trap to what the CPU does next.
//!
//! Owns: the three functions that the entry code calls, the idle loop. Never here:
//! registers and stacks (`arch::entry`), what a trap means (`tine_kcore`). Each function runs on an
//! otherwise empty kernel stack with interrupts off and ends by entering user mode.

use core::{
    fmt,
    ptr::NonNull,
    sync::atomic::{AtomicBool, Ordering},
};

use tine_abi::{Call, registers::UserRegisters};
use tine_kcore::{
    kernel::{Exception, Interrupt, Kernel, Next},
    trace::{Reason, TraceRecord},
};

use crate::{
    arch::{
        cpu,
        entry::{self, KernelFrame},
        interrupt, registers,
    },
    log::log,
    machine::Hardware,
    panic,
};

/// The portable kernel over this machine.
pub(crate) type TineKernel = Kernel<Hardware>;

/// A non-maskable interrupt was logged.
static REPORTED: AtomicBool = AtomicBool::new(false);

/// A system call of the current thread.
pub(crate) extern "C" fn system_call(kernel: &'static TineKernel) -> ! {
    leave(kernel, kernel.syscall())
}

/// An exception or interrupt of user mode.
pub(crate) extern "C" fn trap(kernel: &'static TineKernel, vector: u64, code: u64) -> ! {
    let vector = vector as u8;
    let next = match vector {
        interrupt::PAGE_FAULT => {
            let address = registers::fault_address();
            kernel.fault(Exception { vector, code, address })
        }
        interrupt::DOUBLE_FAULT | interrupt::MACHINE_CHECK => {
            panic!("exception {vector} (error {code:#x}) in user mode")
        }
        0..interrupt::EXCEPTIONS => kernel.fault(Exception { vector, code, address: 0 }),
        _ => interrupted(kernel, vector),
    };
    leave(kernel, next)
}

/// An exception of the kernel itself.
pub(crate) extern "C" fn kernel_fault(frame: &KernelFrame) -> ! {
    panic::exception(frame)
}

/// Does what the kernel says: enters user mode, after waiting for a thread if need be.
#[inline(always)]
pub(crate) fn leave(kernel: &'static TineKernel, next: Next) -> ! {
    entry::leave(match next {
        Next::User(registers) => registers,
        Next::Idle => idle(kernel),
    })
}

/// Waits for interrupts until one of them makes a thread run.
#[inline(never)]
fn idle(kernel: &'static TineKernel) -> NonNull<UserRegisters> {
    loop {
        while let Some(vector) = entry::take_pending() {
            if let Next::User(registers) = interrupted(kernel, vector) {
                return registers;
            }
        }
        if entry::take_non_maskable() && !REPORTED.swap(true, Ordering::Relaxed) {
            log!("a non-maskable interrupt arrived");
        }
        entry::idle();
    }
}

/// An interrupt, of user mode or while idle.
fn interrupted(kernel: &'static TineKernel, vector: u8) -> Next {
    let cause = kernel.with(|state| match vector {
        interrupt::TIMER if state.machine.timer_fired() => Interrupt::Timer,
        _ => match interrupt::line(vector).and_then(|line| state.machine.line_fired(line)) {
            Some(line) => Interrupt::Line(line),
            None => Interrupt::Spurious,
        },
    });
    kernel.interrupt(cause)
}

/// Says the last entries into the kernel, oldest first, if there is a kernel and nobody uses it.
pub(crate) fn last_entries(mut say: impl FnMut(fmt::Arguments<'_>)) {
    if let Some(kernel) = cpu::kernel() {
        say(format_args!("last entries, oldest first:"));
        kernel.epitaph(|record| {
            let TraceRecord { reason, word, thread } = record;
            // Its slab index; the generation in the upper half tells incarnations apart.
            let thread = format_args!("{}.{}", thread as u32, thread >> 32);
            let capability = word >> 32;
            match (reason, Call::from_number(word as u32)) {
                (Reason::Call, Some(call)) => {
                    say(format_args!("  thread {thread}: {} on {capability:#x}", call.info().name));
                }
                (Reason::Call, None) => say(format_args!("  thread {thread}: call {word:#x}")),
                (Reason::Exception, _) => {
                    let (vector, address) = (word >> 56, word << 8 >> 8);
                    say(format_args!("  thread {thread}: exception {vector} at {address:#x}"));
                }
                (Reason::Interrupt, _) => say(format_args!("  thread {thread}: line {word}")),
            }
        });
    }
}
