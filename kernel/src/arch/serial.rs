//! COM1: the console's 16550, used by the kernel's log until the console server takes it.
//!
//! Owns: the line's set-up and polled output. Never here: input, interrupts, what is worth writing
//! (`log`). Called by `log` and, always, by the epitaph. Output never waits without end: a line that
//! accepts nothing loses bytes.
//! Source: National Semiconductor PC16550D data sheet, section 8.

use super::port;

/// First of COM1's eight ports.
const BASE: u16 = 0x3f8;
/// Its ports.
pub(crate) const PORTS: core::ops::Range<u16> = BASE..BASE + 8;

const DATA: u16 = BASE;
const INTERRUPTS: u16 = BASE + 1;
const FIFO: u16 = BASE + 2;
const LINE_CONTROL: u16 = BASE + 3;
const MODEM_CONTROL: u16 = BASE + 4;
const LINE_STATUS: u16 = BASE + 5;

/// Line status: the transmitter takes a byte.
const READY: u8 = 1 << 5;
/// How often the line is asked before a byte is given up: longer than a byte takes at 115,200 baud.
const PATIENCE: u32 = 100_000;

/// Sets 115,200 baud, eight bits, no parity, one stop bit, FIFOs, no interrupts.
pub(crate) fn initialise() {
    port::write8(INTERRUPTS, 0);
    // Divisor 1 while the divisor latch is open (bit 7).
    port::write8(LINE_CONTROL, 0x83);
    port::write8(DATA, 1);
    port::write8(INTERRUPTS, 0);
    port::write8(LINE_CONTROL, 0x03);
    // Enable and clear both FIFOs.
    port::write8(FIFO, 0x07);
    // DTR, RTS, and OUT2, which connects the interrupt line.
    port::write8(MODEM_CONTROL, 0x0b);
}

/// Writes bytes; a newline goes out with a carriage return before it.
pub(crate) fn write(bytes: &[u8]) {
    for &byte in bytes {
        if byte == b'\n' {
            put(b'\r');
        }
        put(byte);
    }
}

fn put(byte: u8) {
    for _ in 0..PATIENCE {
        if port::read8(LINE_STATUS) & READY != 0 {
            port::write8(DATA, byte);
            return;
        }
    }
}
