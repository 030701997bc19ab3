//! The 16550 serial device: what its registers mean and in which order they are touched.
//!
//! Owns: set-up, sending in pieces of the FIFO, receiving, interrupt causes. Never enters it: how a
//! register is reached ([`Registers`]), what the bytes are.
//!
//! The interrupt line is an edge: it rises only when it was low before. So [`Uart::cause`] is asked
//! until there is none, and [`Uart::rearm`] makes an edge where causes were left.
//!
//! Source: National Semiconductor PC16550D data sheet.

/// Register offsets; some mean something else when read (`/`) or written.
mod register {
    /// Receiver buffer / transmitter holding.
    pub(super) const DATA: u8 = 0;
    /// Interrupt enable; divisor high byte while [`super::LATCH`] is set.
    pub(super) const INTERRUPTS: u8 = 1;
    /// Interrupt identification / FIFO control.
    pub(super) const CAUSE: u8 = 2;
    /// Line control.
    pub(super) const LINE: u8 = 3;
    /// Modem control.
    pub(super) const MODEM: u8 = 4;
    /// Line status.
    pub(super) const STATUS: u8 = 5;
    /// Modem status.
    pub(super) const MODEM_STATUS: u8 = 6;
    /// A byte that does nothing.
    pub(super) const SCRATCH: u8 = 7;
}

/// Line control: the divisor is in the first two registers.
const LATCH: u8 = 0x80;
/// Line control: eight bits, no parity, one stop bit.
const EIGHT_BITS: u8 = 0x03;
/// FIFO control: on, both emptied, interrupt at 14 received bytes or when no more come.
const FIFO: u8 = 0xc7;
/// Modem control: terminal ready, request to send, and the gate of the interrupt line.
const READY: u8 = 0x0b;
/// Line status: a byte was received.
const RECEIVED: u8 = 0x01;
/// Line status: the transmitter's FIFO is empty.
const EMPTY: u8 = 0x20;
/// Line status: and the last bit has left.
const IDLE: u8 = 0x40;
/// Interrupt enable: received bytes, and errors of them.
const ON_RECEIVED: u8 = 0x05;
/// Interrupt enable: transmitter empty.
const ON_EMPTY: u8 = 0x02;

/// Bytes of the transmitter's FIFO.
pub const FIFO_BYTES: usize = 16;
/// Looks at the line status before a transmitter counts as busy: more than it takes to send a
/// byte at the highest speed, less than anybody notices.
const POLLS: u32 = 64;
/// Looks at the line status until what somebody else sent has left: 16 bytes at 115,200 baud.
const IDLE_POLLS: u32 = 4096;

/// The eight registers of a device.
pub trait Registers {
    /// Reads the register at this offset.
    fn read(&mut self, register: u8) -> u8;

    /// Writes it.
    fn write(&mut self, register: u8, value: u8);

    /// Writes bytes to it, one after the other; at most [`FIFO_BYTES`].
    fn write_all(&mut self, register: u8, bytes: &[u8]);
}

/// Why the device interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Bytes were received.
    Received,
    /// The transmitter is empty.
    Empty,
    /// Something that reading a status register has ended.
    Other,
}

/// One device.
#[derive(Debug)]
pub struct Uart<R> {
    registers: R,
    is_present: bool,
    interrupts: u8,
}

impl<R: Registers> Uart<R> {
    /// Takes the device over: 115,200 baud, eight bits, FIFOs on, interrupts for received bytes.
    pub fn new(mut registers: R) -> Self {
        let is_present = [0x5a, 0xa5].iter().all(|pattern| {
            registers.write(register::SCRATCH, *pattern);
            registers.read(register::SCRATCH) == *pattern
        });
        let mut uart = Self { registers, is_present, interrupts: 0 };
        if is_present {
            uart.set_up();
        }
        uart
    }

    fn set_up(&mut self) {
        // What another user of the device sent last leaves unharmed.
        for _ in 0..IDLE_POLLS {
            if self.registers.read(register::STATUS) & IDLE != 0 {
                break;
            }
        }
        for (register, value) in [
            (register::INTERRUPTS, 0),
            (register::LINE, LATCH | EIGHT_BITS),
            (register::DATA, 1),
            (register::INTERRUPTS, 0),
            (register::LINE, EIGHT_BITS),
            (register::CAUSE, FIFO),
            (register::MODEM, READY),
        ] {
            self.registers.write(register, value);
        }
        self.enable(ON_RECEIVED);
    }

    fn enable(&mut self, interrupts: u8) {
        if interrupts != self.interrupts && self.is_present {
            self.interrupts = interrupts;
            self.registers.write(register::INTERRUPTS, interrupts);
        }
    }

    /// Whether received bytes interrupt.
    pub fn listen(&mut self, on: bool) {
        let others = self.interrupts & !ON_RECEIVED;
        self.enable(if on { others | ON_RECEIVED } else { others });
    }

    /// Whether an empty transmitter interrupts.
    pub fn announce_empty(&mut self, on: bool) {
        let others = self.interrupts & !ON_EMPTY;
        self.enable(if on { others | ON_EMPTY } else { others });
    }

    /// Makes the interrupt line rise again if there is a cause.
    pub fn rearm(&mut self) {
        let interrupts = self.interrupts;
        self.enable(0);
        self.enable(interrupts);
    }

    /// Sends the first bytes of `bytes`, at most [`FIFO_BYTES`]; how many, 0 when the transmitter
    /// stays busy. Where there is no device everything is sent.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        if !self.is_present {
            return bytes.len();
        }
        for _ in 0..POLLS {
            if self.registers.read(register::STATUS) & EMPTY != 0 {
                let count = bytes.len().min(FIFO_BYTES);
                self.registers.write_all(register::DATA, &bytes[..count]);
                return count;
            }
        }
        0
    }

    /// The oldest received byte.
    pub fn receive(&mut self) -> Option<u8> {
        let is_there = self.is_present && self.registers.read(register::STATUS) & RECEIVED != 0;
        is_there.then(|| self.registers.read(register::DATA))
    }

    /// The most urgent cause of an interrupt; `None` when there is none and the line is low.
    pub fn cause(&mut self) -> Option<Cause> {
        if !self.is_present {
            return None;
        }
        match self.registers.read(register::CAUSE) & 0x0f {
            0x4 | 0xc => Some(Cause::Received),
            0x2 => Some(Cause::Empty),
            0x6 => {
                self.registers.read(register::STATUS);
                Some(Cause::Other)
            }
            0x0 => {
                self.registers.read(register::MODEM_STATUS);
                Some(Cause::Other)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
