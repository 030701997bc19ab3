//! How the kernel ends when it cannot go on.
//!
//! Owns: the epitaph, and the one line for a machine that cannot be used. Never here: recovery.
//! Called by Rust's panics, by exceptions in kernel mode, and by boot.
//!
//! The epitaph goes to COM1, whoever has it: the cause, the registers, the return addresses found
//! through the chain of frame pointers or, without one, on the stack (marked `?`: stale ones are
//! among them), the last entries into the kernel. Addresses of the kernel
//! are said as it was linked (`at 0xffffffff80001234`), so that the host's tool finds their names in
//! the kernel's file without knowing where the loader put it. One `panic` line and one `halt` line go
//! to the results channel. A second panic while the first one speaks says so and stops.

use core::{
    fmt::{self, Write as _},
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

use tine_abi::results::Line;

use crate::{
    arch::{backtrace, cpu, debugcon, entry::KernelFrame, image, power, registers, stacks},
    log::{Buffer, epitaph},
};

/// The epitaph has begun.
static SPEAKING: AtomicBool = AtomicBool::new(false);

#[panic_handler]
fn panic(information: &PanicInfo<'_>) -> ! {
    let mut cause = Buffer::default();
    match information.location() {
        Some(place) => write!(cause, "{}, {}", information.message(), place),
        None => write!(cause, "{}", information.message()),
    }
    .ok();
    die(cause.text(), None)
}

/// Ends because of an exception in kernel mode.
pub(crate) fn exception(frame: &KernelFrame) -> ! {
    let mut cause = Buffer::default();
    let KernelFrame { vector, error, instruction, .. } = *frame;
    let place = image::linked(instruction);
    write!(cause, "exception {vector} (error {error:#x}) in the kernel at {place:#x}").ok();
    if vector == u64::from(crate::arch::interrupt::PAGE_FAULT) {
        write!(cause, ", address {:#x}", registers::fault_address()).ok();
    }
    if stacks::guards().contains(&(registers::fault_address() & !0xfff)) {
        write!(cause, ": a kernel stack is full").ok();
    }
    die(cause.text(), Some(frame))
}

/// Stops because this machine, or what the boot loader brought, cannot be used.
pub(crate) fn halt(reason: &str) -> ! {
    refuse(format_args!("{reason}"))
}

/// As [`halt`].
pub(crate) fn refuse(reason: fmt::Arguments<'_>) -> ! {
    let mut text = Buffer::default();
    text.write_fmt(reason).ok();
    epitaph(format_args!("tine: cannot start: {}", text.text()));
    debugcon::send(&Line::Halt(text.text()));
    debugcon::exit_fatally();
    power::stop()
}

/// Stops because nothing can go on, although the kernel itself could.
pub(crate) fn give_up(reason: &str) -> ! {
    epitaph(format_args!("tine: cannot go on: {reason}"));
    end(reason)
}

/// Writes the epitaph and stops.
fn die(cause: &str, frame: Option<&KernelFrame>) -> ! {
    if SPEAKING.swap(true, Ordering::Relaxed) {
        epitaph(format_args!("\nkernel panic within a kernel panic: {cause}"));
        end("a panic within a panic");
    }
    debugcon::send(&Line::Panic(cause));
    epitaph(format_args!("\nkernel panic: {cause}"));
    if let Some(frame) = frame {
        kernel_registers(frame);
    }
    epitaph(format_args!(
        "  cr2 {:016x}  cr3 {:016x}  slide {:#x}",
        registers::fault_address(),
        registers::active_root(),
        image::slide()
    ));
    let start = match frame {
        Some(frame) => backtrace::Start { frame: frame.general[8], stack: frame.stack },
        None => backtrace::Start::here(),
    };
    epitaph(format_args!("backtrace:"));
    if let Some(frame) = frame {
        epitaph(format_args!("  at {:#x}", image::linked(frame.instruction)));
    }
    // A chain is `main` or a trap at its end and something before; less is no chain.
    if start.chain().nth(1).is_some() {
        start.chain().for_each(|it| epitaph(format_args!("  at {:#x}", image::linked(it))));
    } else {
        start.search().for_each(|it| epitaph(format_args!("  at {:#x} ?", image::linked(it))));
    }
    if let Some(user) = cpu::registers() {
        epitaph(format_args!(
            "current thread: rip {:016x}  rsp {:016x}  rax {:016x}  flags {:x}",
            user.rip, user.rsp, user.rax, user.rflags
        ));
    }
    crate::trap::last_entries(|entry| epitaph(format_args!("  {entry}")));
    end("kernel panic")
}

fn end(reason: &str) -> ! {
    debugcon::send(&Line::Halt(reason));
    debugcon::exit_fatally();
    power::stop()
}

fn kernel_registers(frame: &KernelFrame) {
    const NAMES: [&str; 15] = [
        "r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "rbp", "rdi", "rsi", "rdx", "rcx",
        "rbx", "rax",
    ];
    let named = || NAMES.iter().zip(frame.general.iter()).rev();
    for index in (0..NAMES.len()).step_by(5) {
        let mut line = Buffer::default();
        for (name, value) in named().skip(index).take(5) {
            write!(line, "  {name:>3} {value:016x}").ok();
        }
        epitaph(format_args!("{}", line.text()));
    }
    epitaph(format_args!(
        "  rip {:016x}  rsp {:016x}  flags {:x}  cs {:x}  ss {:x}",
        frame.instruction, frame.stack, frame.flags, frame.code, frame.data
    ));
}
