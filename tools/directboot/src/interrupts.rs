//! Silencing the interrupt controllers, as the protocol promises.
//!
//! Owned here: the masks. Never here: routing. Called by: `boot`, last before `handoff`.
//! Invariant: entries with another delivery mode than fixed or lowest priority stay as they are.
//! Sources: 8259A data sheet; 82093AA (I/O APIC) data sheet, registers 1 and 0x10 and up.

use crate::{ports, window};

/// Masks both legacy controllers.
pub(crate) fn mask_legacy() {
    ports::write(0xa1, 0xff);
    ports::write(0x21, 0xff);
}

/// Masks all inputs of the I/O APIC at `address`.
///
/// # Safety
/// An I/O APIC is at `address` (the MADT says so).
pub(crate) unsafe fn mask_io_apic(address: u32) {
    const MASKED: u32 = 1 << 16;
    let base = u64::from(address);
    // SAFETY: register select and data window of an I/O APIC (caller); masking moves no memory.
    let read = |register| unsafe {
        window::write_register(base, register);
        window::read_register(base + 0x10)
    };
    // SAFETY: as above.
    let write = |register, value| unsafe {
        window::write_register(base, register);
        window::write_register(base + 0x10, value);
    };
    let last_input = read(1) >> 16 & 0xff;
    for input in 0..=last_input {
        let entry = 0x10 + 2 * input;
        if read(entry) >> 8 & 7 <= 1 {
            write(entry, MASKED);
            write(entry + 1, 0);
        }
    }
}
