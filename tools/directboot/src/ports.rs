//! Port input and output.
//!
//! Owned here: the two instructions. Never here: what a port does. Called by: `serial`, `failure`,
//! `interrupts`, `processors`. Invariant: only byte-wide ports of the PC's fixed devices are used,
//! none of which can write to memory, so the functions are safe inside this crate.
//! Source: Intel SDM volume 2, "IN" and "OUT".

use core::arch::asm;

/// Writes a byte to a port.
pub(crate) fn write(port: u16, value: u8) {
    // SAFETY: this program runs alone at ring 0, and no port it uses starts a transfer to memory.
    unsafe {
        asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags));
    }
}

/// Reads a byte from a port.
pub(crate) fn read(port: u16) -> u8 {
    let value;
    // SAFETY: as for `write`.
    unsafe {
        asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags));
    }
    value
}

/// Waits about `microseconds` by writing to the unused diagnostics port, which takes at least
/// a microsecond on hardware and lets an emulator run its other CPUs.
pub(crate) fn pause(microseconds: u32) {
    for _ in 0..microseconds {
        write(0x80, 0);
    }
}
