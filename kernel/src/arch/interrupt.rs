//! Which interrupt vector means what.
//!
//! Owns: the numbers. Never here: who handles them (`trap`), the devices that raise them. Vectors
//! below 32 are the CPU's exceptions (Intel SDM 3A 6.3.1); a higher vector has a higher priority in
//! steps of 16 (SDM 3A 11.8.3).

/// First of the 16 vectors of the silenced 8259 controllers.
pub(crate) const LEGACY: u8 = 0x20;
/// First vector of the lines of the I/O APICs: line (global system interrupt) `n` is `LINES + n`.
pub(crate) const LINES: u8 = 0x30;
/// How many lines there can be.
pub(crate) const LINE_COUNT: u32 = 0x90;
/// The local APIC's timer.
pub(crate) const TIMER: u8 = 0xe0;
/// The local APIC's spurious vector; its low four bits must be set on old CPUs (SDM 3A 11.9).
pub(crate) const SPURIOUS: u8 = 0xff;

/// Non-maskable interrupt.
pub(crate) const NON_MASKABLE: u8 = 2;

/// A fault while another was delivered.
pub(crate) const DOUBLE_FAULT: u8 = 8;
/// Page fault.
pub(crate) const PAGE_FAULT: u8 = 14;
/// The machine is broken.
pub(crate) const MACHINE_CHECK: u8 = 18;
/// Number of exception vectors.
pub(crate) const EXCEPTIONS: u8 = 32;

/// The line behind a vector, if it is one.
pub(crate) const fn line(vector: u8) -> Option<u32> {
    if vector >= LINES && (vector - LINES) as u32 / LINE_COUNT == 0 {
        Some((vector - LINES) as u32)
    } else {
        None
    }
}
