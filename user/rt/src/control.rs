//! The control block of a thread, at the base of GS.
//!
//! Owns: words 0 and 1 of it. Word 0 holds the block's own address, word 1 the process id.
//!
//! Why here and not in a static: a vfork child shares the statics, but has a process id of its own.
//! On the host there is no such block; one word per process stands for it.

use tine_abi::layout;

/// Words of the block: see the module's header.
pub const WORDS: usize = (layout::CONTROL / 8) as usize;

/// The control block of the main thread, whose stack's lowest byte is `stack`: the last bytes of
/// the hot region.
#[must_use]
pub const fn of_main_stack(stack: u64) -> u64 {
    (stack | (layout::REGION - 1)) + 1 - layout::CONTROL
}

/// The process id of the caller; 0 in servers.
#[inline]
#[must_use]
pub fn process() -> u32 {
    word::get()
}

/// Records the process id: at the start, and in the child of a fork.
#[inline]
pub fn set_process(process: u32) {
    word::set(process);
}

#[cfg(target_os = "none")]
mod word {
    use core::arch::asm;

    #[inline]
    pub(super) fn get() -> u32 {
        let process: u32;
        // SAFETY: GS points to the thread's control block from the first instruction of `_start`
        // on, and the block has WORDS words. Only reads memory; needs no stack.
        unsafe {
            asm!("mov {:e}, gs:[8]", out(reg) process, options(nostack, readonly, preserves_flags));
        }
        process
    }

    #[inline]
    pub(super) fn set(process: u32) {
        // SAFETY: as in `get`; no Rust object lies in the control block.
        unsafe {
            asm!("mov gs:[8], {}", in(reg) u64::from(process), options(nostack, preserves_flags));
        }
    }
}

#[cfg(not(target_os = "none"))]
mod word {
    use core::sync::atomic::{AtomicU32, Ordering};

    static PROCESS: AtomicU32 = AtomicU32::new(0);

    pub(super) fn get() -> u32 {
        PROCESS.load(Ordering::Relaxed)
    }

    pub(super) fn set(process: u32) {
        PROCESS.store(process, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_the_end_of_the_hot_region() {
        let region = 3 * layout::REGION;
        let stack = region + layout::REGION - layout::STACK;
        assert_eq!(of_main_stack(stack), region + layout::REGION - layout::CONTROL);
    }
}
