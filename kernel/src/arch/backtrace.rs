//! The chain of frame pointers.
//!
//! Owns: walking it without ever leaving the stacks. Never here: names for addresses; the host has
//! them. Called by the epitaph. The kernel is compiled with frame pointers; without them the chain
//! ends at once.
//! Source: System V ABI, x86-64 supplement, 3.2.2 (stack frame).

use core::{arch::asm, ptr};

use super::{image, stacks};

/// Frames that are followed at most.
const DEPTH: usize = 32;

/// Return addresses, innermost first. From an exception: its instruction and frame pointer.
pub(crate) fn addresses(start: Option<(u64, u64)>) -> impl Iterator<Item = u64> {
    let (first, mut frame) = match start {
        Some((instruction, frame)) => (Some(instruction), frame),
        None => (None, frame_pointer()),
    };
    let rest = core::iter::from_fn(move || {
        if !frame.is_multiple_of(8) || !stacks::contain(frame, 16) {
            return None;
        }
        let place = ptr::with_exposed_provenance::<u64>(frame as usize);
        // SAFETY: two aligned words that lie in one of the mapped stacks.
        let (next, address) = unsafe { (place.read_volatile(), place.add(1).read_volatile()) };
        // The stack grows down, so callers' frames lie above; anything else is no chain.
        frame = if next > frame { next } else { 0 };
        image::is_text(address).then_some(address)
    });
    first.into_iter().chain(rest).take(DEPTH)
}

#[inline(always)]
fn frame_pointer() -> u64 {
    let value: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}
