//! The I/O port instructions.
//!
//! Owns: nothing but the three widths. Never here: which device a port belongs to. Called by the
//! device modules beside this one and, for user-space drivers, by `machine`.
//!
//! These functions are safe to call: an I/O port is not memory. A device that is told to write
//! memory is told so by whoever was given its ports by capability; that is outside Rust's rules and
//! stated in `kernel/doc/caveats.md`.
//! Source: Intel SDM volume 1, chapter 19.

use x86_64::instructions::port::Port;

/// Reads one byte.
#[inline]
pub(crate) fn read8(port: u16) -> u8 {
    // SAFETY: see the module's documentation: no memory is touched.
    unsafe { Port::new(port).read() }
}

/// Writes one byte.
#[inline]
pub(crate) fn write8(port: u16, value: u8) {
    // SAFETY: as above.
    unsafe { Port::new(port).write(value) }
}

/// Reads two bytes.
#[inline]
pub(crate) fn read16(port: u16) -> u16 {
    // SAFETY: as above.
    unsafe { Port::new(port).read() }
}

/// Writes two bytes.
#[inline]
pub(crate) fn write16(port: u16, value: u16) {
    // SAFETY: as above.
    unsafe { Port::new(port).write(value) }
}

/// Reads four bytes.
#[inline]
pub(crate) fn read32(port: u16) -> u32 {
    // SAFETY: as above.
    unsafe { Port::new(port).read() }
}

/// Writes four bytes.
#[inline]
pub(crate) fn write32(port: u16, value: u32) {
    // SAFETY: as above.
    unsafe { Port::new(port).write(value) }
}
