//! COM1, for the one line that a failed boot says.
//!
//! Owned here: setting the port up and sending bytes. Never here: formats. Called by: `failure`.
//! Invariant: every wait is bounded, so a machine without the port does not hang.
//! Source: 16550 UART data sheet.

use core::fmt;

use crate::ports;

const BASE: u16 = 0x3f8;

/// The port, set up for 115200 baud, 8 bits, no parity, no interrupts.
#[derive(Debug)]
pub(crate) struct Serial;

impl Serial {
    /// Sets the port up.
    pub(crate) fn new() -> Serial {
        // Interrupts off; divisor 1; 8 bits; FIFOs on and empty; DTR and RTS on.
        for (register, value) in [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 3), (2, 7), (4, 3)] {
            ports::write(BASE + register, value);
        }
        Serial
    }

    fn send(&mut self, byte: u8) {
        const EMPTY: u8 = 1 << 5;
        for _ in 0..100_000 {
            if ports::read(BASE + 5) & EMPTY != 0 {
                break;
            }
        }
        ports::write(BASE, byte);
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.send(b'\r');
            }
            self.send(byte);
        }
        Ok(())
    }
}
