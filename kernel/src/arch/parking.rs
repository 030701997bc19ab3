//! Where the CPUs go that do not run: the kernel's own loop, tables and stacks.
//!
//! Owns: moving them there and what they need there. Never here: waking one again. Called by boot
//! before memory of the boot loader is used for anything else.
//!
//! A parked CPU sits in `hlt` with interrupts off, on the kernel's page tables, descriptor tables
//! and a stack of its own, so that nothing of the loader is needed any more. An NMI or a machine
//! check that is broadcast pushes a frame on that stack and returns to the loop.
//! Source: Limine boot protocol, "MP feature", x86-64: a CPU waits until its `goto_address` is
//! written, and jumps there with the address of its structure in RDI.

use core::{
    arch::naked_asm,
    cell::UnsafeCell,
    hint,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use limine::mp;
use x86_64::{VirtAddr, structures::DescriptorTablePointer};

use super::{gdt, idt};

/// CPUs that can be parked.
const CAPACITY: u32 = 256;
/// Bytes of a parked CPU's stack: one interrupt frame and room to spare.
const STACK: usize = 256;
/// How often the count is asked before a CPU counts as lost.
const PATIENCE: u32 = 200_000_000;

/// Memory that parked CPUs use.
#[repr(C, align(64))]
struct Shared<T>(UnsafeCell<T>);

// SAFETY: the tables are written before the first CPU is moved and only read afterwards; a stack is
// used by the one CPU that drew its number.
unsafe impl<T> Sync for Shared<T> {}

const NO_TABLE: DescriptorTablePointer =
    DescriptorTablePointer { limit: 0, base: VirtAddr::zero() };

static STACKS: Shared<[[u8; STACK]; CAPACITY as usize]> =
    Shared(UnsafeCell::new([[0; STACK]; CAPACITY as usize]));
static GATES: Shared<[u128; 32]> = Shared(UnsafeCell::new([0; 32]));
static DESCRIPTORS: Shared<DescriptorTablePointer> = Shared(UnsafeCell::new(NO_TABLE));
static INTERRUPTS: Shared<DescriptorTablePointer> = Shared(UnsafeCell::new(NO_TABLE));

/// The root table that parked CPUs use.
static ROOT: AtomicU64 = AtomicU64::new(0);
/// The next number to draw.
static NUMBER: AtomicU32 = AtomicU32::new(0);
/// CPUs that are parked.
static PARKED: AtomicU32 = AtomicU32::new(0);

/// Why not every CPU is parked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotParked {
    /// There are more than there is room for.
    TooMany,
    /// This many did not arrive.
    Missing(u32),
}

/// Moves the CPUs that wait in the boot loader to the kernel's loop; tells how many.
///
/// `root` is the physical address of the kernel's own tables, complete for the image. This CPU may
/// still use the loader's; its descriptor table is the kernel's already.
pub(crate) fn park(
    cpus: impl Iterator<Item = &'static mp::Cpu>,
    root: u64,
) -> Result<u32, NotParked> {
    // SAFETY: no CPU is moved yet, so nobody else uses these (see `Shared`).
    unsafe {
        let gates = &mut *GATES.0.get();
        *INTERRUPTS.0.get() = idt::fill_parked(gates, resume as *const () as u64);
        *DESCRIPTORS.0.get() = gdt::pointer();
    }
    ROOT.store(root, Ordering::Release);
    let mut count = 0;
    for cpu in cpus {
        if count == CAPACITY {
            return Err(NotParked::TooMany);
        }
        count += 1;
        cpu.goto_address.write(arrive);
    }
    for _ in 0..PATIENCE {
        if PARKED.load(Ordering::Acquire) == count {
            return Ok(count);
        }
        hint::spin_loop();
    }
    Err(NotParked::Missing(count - PARKED.load(Ordering::Acquire)))
}

/// Where a CPU arrives from the boot loader: on its tables and stack, interrupts off.
///
/// # Safety
/// For the boot loader to jump to, after `park` has filled the lot.
#[unsafe(naked)]
unsafe extern "C" fn arrive(_cpu: &mp::Cpu) -> ! {
    naked_asm!(
        "cli",
        // The no-execute bit must be valid before tables with it are loaded.
        "mov ecx, 0xc0000080",
        "rdmsr",
        "bts eax, 11",
        "wrmsr",
        "mov rax, [rip + {root}]",
        "mov cr3, rax",
        // A stack: the top of place number n.
        "mov eax, 1",
        "lock xadd dword ptr [rip + {number}], eax",
        "inc eax",
        "imul eax, eax, {stack}",
        "lea rcx, [rip + {stacks}]",
        "lea rsp, [rcx + rax]",
        "lgdt [rip + {descriptors}]",
        "lidt [rip + {interrupts}]",
        "xor eax, eax",
        "mov ds, eax",
        "mov es, eax",
        "mov fs, eax",
        "mov gs, eax",
        "mov eax, {data}",
        "mov ss, eax",
        "push {code}",
        "lea rax, [rip + 2f]",
        "push rax",
        "retfq",
        "2:",
        "lock inc dword ptr [rip + {parked}]",
        "3:",
        "hlt",
        "jmp 3b",
        root = sym ROOT,
        number = sym NUMBER,
        parked = sym PARKED,
        stack = const STACK,
        stacks = sym STACKS,
        descriptors = sym DESCRIPTORS,
        interrupts = sym INTERRUPTS,
        data = const gdt::KERNEL_DATA,
        code = const gdt::KERNEL_CODE,
    )
}

/// What an interrupt of a parked CPU does: nothing.
///
/// # Safety
/// For the CPU's interrupt delivery only.
#[unsafe(naked)]
unsafe extern "C" fn resume() {
    naked_asm!("iretq")
}
