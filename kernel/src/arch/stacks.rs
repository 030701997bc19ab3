//! The kernel's stacks, each above a page that is never mapped.
//!
//! Owns: the memory of the stacks and where their guard pages are. Never here: what runs on them.
//! Called by `tss`, `entry` and `image`.
//!
//! A trap from user mode starts at the top of [`KERNEL`]; nothing is ever left below it. Double
//! faults, NMIs and machine checks come by the interrupt stack table on stacks of their own, because
//! they may arrive when the stack pointer is not to be trusted: in the first instructions of a
//! system call, or after an overflow. Source: Intel SDM 3A 6.14.5.

use core::cell::UnsafeCell;

/// Bytes of a page.
const PAGE: usize = 4096;
/// Bytes below a stack that are never mapped.
pub(crate) const GUARD: usize = PAGE;

/// A stack of `SIZE` bytes, a multiple of a page, and the guard page below it.
#[repr(C, align(4096))]
pub(crate) struct Stack<const SIZE: usize> {
    guard: [u8; GUARD],
    bytes: UnsafeCell<[u8; SIZE]>,
}

// SAFETY: only the CPU that runs on a stack touches its bytes, through the stack pointer.
unsafe impl<const SIZE: usize> Sync for Stack<SIZE> {}

impl<const SIZE: usize> Stack<SIZE> {
    const fn new() -> Self {
        assert!(SIZE.is_multiple_of(PAGE), "the guard page of the next stack must begin a page");
        Self { guard: [0; GUARD], bytes: UnsafeCell::new([0; SIZE]) }
    }

    /// Address of the guard page.
    fn guard(&self) -> u64 {
        (&raw const self.guard).addr() as u64
    }

    /// The first address above the stack: where an empty stack's pointer is.
    pub(crate) fn top(&self) -> u64 {
        self.bytes.get().addr() as u64 + SIZE as u64
    }
}

/// Bytes of the stack that boot and every trap run on. A debug build's boot moves large values about.
pub(crate) const KERNEL_SIZE: usize = 128 << 10;

// The section is reserved for stacks, holds zeros only, and is placed by the linker script.
/// The stack that boot and every trap from user mode run on.
#[unsafe(link_section = ".stacks")]
pub(crate) static KERNEL: Stack<KERNEL_SIZE> = Stack::new();

/// For double faults and machine checks: both end in the epitaph.
#[unsafe(link_section = ".stacks")]
pub(crate) static FATAL: Stack<{ 32 << 10 }> = Stack::new();

/// For non-maskable interrupts, which only set a bit.
#[unsafe(link_section = ".stacks")]
pub(crate) static NON_MASKABLE: Stack<PAGE> = Stack::new();

/// The guard pages, for the page tables to leave out.
pub(crate) fn guards() -> [u64; 3] {
    [KERNEL.guard(), FATAL.guard(), NON_MASKABLE.guard()]
}

/// Whether `length` bytes at `address` lie in the kernel's or the fatal stack.
pub(crate) fn contain(address: u64, length: u64) -> bool {
    let within = |guard: u64, top: u64| {
        let start = guard + GUARD as u64;
        start <= address && address <= top - length
    };
    within(KERNEL.guard(), KERNEL.top()) || within(FATAL.guard(), FATAL.top())
}
