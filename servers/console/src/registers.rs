//! The registers of the first serial line, as I/O ports.

use tine_console_model::uart::Registers;
use tine_sys::hardware::Ports;

/// First port of the line (PC AT).
const FIRST: u16 = 0x3f8;

/// A range of I/O ports that holds the line's.
#[derive(Debug)]
pub(crate) struct SerialPorts(Ports);

impl SerialPorts {
    /// The line in this range.
    pub(crate) const fn new(ports: Ports) -> Self {
        Self(ports)
    }
}

/// A range that root did not give reads as a missing device and swallows what is written.
impl Registers for SerialPorts {
    fn read(&mut self, register: u8) -> u8 {
        self.0.read(FIRST + u16::from(register)).unwrap_or(0xff)
    }

    fn write(&mut self, register: u8, value: u8) {
        self.0.write(FIRST + u16::from(register), value).ok();
    }

    fn write_all(&mut self, register: u8, bytes: &[u8]) {
        self.0.write_bytes(FIRST + u16::from(register), bytes).ok();
    }
}
