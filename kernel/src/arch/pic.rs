//! The two 8259 interrupt controllers of the PC: silenced.
//!
//! Owns: their initialisation, once. Never here: using them; the I/O APIC does that work. Called by
//! boot. They are still given vectors of their own, because a masked 8259 can raise a spurious
//! interrupt, which must not look like an exception.
//! Source: Intel 8259A data sheet, "Programming the 8259A".

use super::{interrupt, port};

const FIRST: (u16, u16) = (0x20, 0x21);
const SECOND: (u16, u16) = (0xa0, 0xa1);

/// Moves both to [`interrupt::LEGACY`] and masks all their lines.
pub(crate) fn silence() {
    // ICW1: edge triggered, cascaded, ICW4 follows. ICW2: vector. ICW3: where the second one hangs.
    // ICW4: 8086 mode. Then the mask.
    let set_up = |(command, data): (u16, u16), vector: u8, cascade: u8| {
        port::write8(command, 0x11);
        port::write8(data, vector);
        port::write8(data, cascade);
        port::write8(data, 0x01);
        port::write8(data, 0xff);
    };
    set_up(FIRST, interrupt::LEGACY, 1 << 2);
    set_up(SECOND, interrupt::LEGACY + 8, 2);
}
