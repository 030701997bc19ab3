//! The block that belongs to the running CPU, at the base of GS while the kernel runs.
//!
//! Owns: the block, its layout, and who the current thread is. Never here: what a thread is. Used by
//! `entry`, through GS.
//!
//! Invariant: [`Block::registers`] points to the registers of the thread that runs, or ran last; the
//! portable kernel keeps that place alive and in place while the thread is the current one.
//! [`Block::kernel`] is set before user mode is entered, so a trap from there finds it.

use core::{cell::UnsafeCell, ptr};

use tine_abi::registers::UserRegisters;
use x86_64::{
    VirtAddr,
    registers::model_specific::{GsBase, KernelGsBase},
};

use super::stacks;
use crate::trap::TineKernel;

/// What the entry code finds at GS.
#[repr(C)]
pub(crate) struct Block {
    /// Where a trap saves the registers and from where the return to user mode loads them.
    pub(crate) registers: *mut UserRegisters,
    /// What traps are handed to. Set before the first program runs.
    pub(crate) kernel: Option<&'static TineKernel>,
    /// The user's stack pointer for the three instructions until it is saved.
    pub(crate) user_stack: u64,
    /// Top of the kernel's stack.
    pub(crate) kernel_stack: u64,
}

/// The block of the one CPU that runs.
struct Blocks(UnsafeCell<Block>);

// SAFETY: one CPU runs and others are parked; the block is touched by it alone, with interrupts off.
unsafe impl Sync for Blocks {}

static BLOCK: Blocks = Blocks(UnsafeCell::new(Block {
    registers: ptr::null_mut(),
    kernel: None,
    user_stack: 0,
    kernel_stack: 0,
}));

/// Fills the block and points GS to it on this CPU.
pub(crate) fn initialise() {
    let block = BLOCK.0.get();
    // SAFETY: `block` is valid, and nobody else uses it (see `Blocks`).
    unsafe { (*block).kernel_stack = stacks::KERNEL.top() };
    GsBase::write(VirtAddr::from_ptr(block));
    KernelGsBase::write(VirtAddr::zero());
}

/// Names the kernel that traps are handed to.
pub(crate) fn set_kernel(kernel: &'static TineKernel) {
    // SAFETY: the block is valid, and nobody else uses it (see `Blocks`).
    unsafe { (*BLOCK.0.get()).kernel = Some(kernel) };
}

/// The kernel that traps are handed to, for the epitaph.
pub(crate) fn kernel() -> Option<&'static TineKernel> {
    // SAFETY: as above.
    unsafe { (*BLOCK.0.get()).kernel }
}

/// A copy of the current thread's registers, for the epitaph; `None` before the first thread. After
/// a thread has ended it may be what the memory holds now: the place stays mapped in any case.
pub(crate) fn registers() -> Option<UserRegisters> {
    // SAFETY: the pointer is null or points into the direct map, which stays mapped; any bits are
    // valid registers; nothing writes meanwhile.
    unsafe { (*BLOCK.0.get()).registers.as_ref().copied() }
}
