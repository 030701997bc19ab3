//! Who called whom, as far as the stack tells.
//!
//! Owns: walking the chain of frame pointers, and searching a stack for return addresses, without
//! ever leaving the stacks. Never here: names for addresses; the host has them. Called by the
//! epitaph. A kernel compiled without frame pointers, which is eight instructions a system call
//! faster, has no chain: then the search finds every return address, stale ones among them.
//! Sources: System V ABI, x86-64 supplement, 3.2.2 (stack frame); Intel SDM 2A, CALL (encodings).

use core::{arch::asm, ptr};

use super::{image, stacks};

/// Addresses that are told at most.
const DEPTH: usize = 24;

/// Where to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// Frame pointer, if the code has one.
    pub(crate) frame: u64,
    /// Stack pointer.
    pub(crate) stack: u64,
}

impl Start {
    /// The caller's frame and stack.
    #[inline(always)]
    pub(crate) fn here() -> Self {
        let (frame, stack): (u64, u64);
        // SAFETY: reads two registers.
        unsafe {
            asm!("mov {}, rbp", "mov {}, rsp", out(reg) frame, out(reg) stack,
                options(nomem, nostack, preserves_flags));
        }
        Self { frame, stack }
    }

    /// Return addresses along the chain of frame pointers, innermost first.
    pub(crate) fn chain(self) -> impl Iterator<Item = u64> {
        let mut frame = self.frame;
        let next = move || {
            let (caller, address) = (word(frame)?, word(frame.wrapping_add(8))?);
            // The stack grows down, so callers' frames lie above; anything else is no chain.
            frame = if caller > frame { caller } else { 0 };
            image::is_text(address).then_some(address)
        };
        core::iter::from_fn(next).take(DEPTH)
    }

    /// Every word of the stack that is the address after a call instruction, innermost first.
    pub(crate) fn search(self) -> impl Iterator<Item = u64> {
        let start = self.stack & !7;
        let words = (0..).map_while(move |index: u64| word(start.wrapping_add(8 * index)));
        words.filter(|address| follows_call(*address)).take(DEPTH)
    }
}

/// The word at an address of one of the stacks.
fn word(address: u64) -> Option<u64> {
    if !address.is_multiple_of(8) || !stacks::contain(address, 8) {
        return None;
    }
    // SAFETY: an aligned word that lies in one of the mapped stacks.
    Some(unsafe { ptr::with_exposed_provenance::<u64>(address as usize).read_volatile() })
}

/// Whether the instruction before `address` may be a call: E8 with four bytes, or FF /2 with none to
/// four.
fn follows_call(address: u64) -> bool {
    let byte = |back: u64| {
        let place = address.wrapping_sub(back);
        // SAFETY: a byte of the kernel's own text, which is mapped and never changes.
        image::is_text(place)
            .then(|| unsafe { ptr::with_exposed_provenance::<u8>(place as usize).read() })
    };
    let is_indirect =
        |back| byte(back) == Some(0xff) && byte(back - 1).is_some_and(|it| it >> 3 & 7 == 2);
    image::is_text(address)
        && (byte(5) == Some(0xe8) || [2, 3, 4, 6, 7].into_iter().any(is_indirect))
}
