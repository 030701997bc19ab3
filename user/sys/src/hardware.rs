//! Hardware for servers: I/O ports, interrupts, power; for programs: the counters and the log.
//!
//! Owns: stubs for `hw_control`, and [`Ports`], a range of I/O ports.

use tine_abi::capability::Destination;
use tine_abi::error::Result;
use tine_abi::hardware::{HardwareOperation, Statistics};
use tine_abi::wire::Wire;
use tine_abi::{Call, CapRef, Error};

use crate::raw;

#[inline]
fn control(
    capability: CapRef,
    operation: HardwareOperation,
    arguments: [u64; 3],
) -> Result<[u64; 2]> {
    let [first, second, third] = arguments;
    let arguments = [operation as u64, first, second, third];
    // SAFETY: devices of Tine's servers do no direct memory access; buffers that an operation
    // names are kept alive by the callers of this function.
    unsafe { raw::plain(Call::HardwareControl, capability, arguments) }.values()
}

#[inline]
fn slot(destination: Destination, slot: u64) -> Result<CapRef> {
    CapRef::new(destination.slot.table(), slot as u32 & (CapRef::SLOTS - 1))
        .ok_or(Error::BadArgument)
}

/// Bytes that [`Ports::write_bytes`] takes at once.
pub const BYTES_MAX: usize = 256;

/// A range of I/O ports. Port numbers are absolute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports(CapRef);

impl Ports {
    /// The range in this slot.
    #[must_use]
    pub const fn new(capability: CapRef) -> Self {
        Self(capability)
    }

    /// Makes a range from the Hardware capability.
    ///
    /// # Errors
    /// As the row `hw_control` says.
    pub fn make(
        hardware: CapRef,
        first: u16,
        count: u16,
        destination: Destination,
    ) -> Result<Self> {
        let arguments = [u64::from(first), u64::from(count), destination.bits()];
        let [number, _] = control(hardware, HardwareOperation::MakePortRange, arguments)?;
        slot(destination, number).map(Self)
    }

    /// Its capability.
    #[must_use]
    pub const fn capability(self) -> CapRef {
        self.0
    }

    /// Reads a byte.
    ///
    /// # Errors
    /// As the row `hw_control` says.
    #[inline]
    pub fn read(self, port: u16) -> Result<u8> {
        let arguments = [u64::from(port), 1, 0];
        Ok(control(self.0, HardwareOperation::PortRead, arguments)?[0] as u8)
    }

    /// Writes a byte.
    ///
    /// # Errors
    /// As the row `hw_control` says.
    #[inline]
    pub fn write(self, port: u16, value: u8) -> Result<()> {
        let arguments = [u64::from(port), 1, u64::from(value)];
        control(self.0, HardwareOperation::PortWrite, arguments).map(drop)
    }

    /// Reads 32 bits.
    ///
    /// # Errors
    /// As the row `hw_control` says.
    #[inline]
    pub fn read_long(self, port: u16) -> Result<u32> {
        let arguments = [u64::from(port), 4, 0];
        Ok(control(self.0, HardwareOperation::PortRead, arguments)?[0] as u32)
    }

    /// Writes 32 bits.
    ///
    /// # Errors
    /// As the row `hw_control` says.
    #[inline]
    pub fn write_long(self, port: u16, value: u32) -> Result<()> {
        let arguments = [u64::from(port), 4, u64::from(value)];
        control(self.0, HardwareOperation::PortWrite, arguments).map(drop)
    }

    /// Writes all bytes to one port, one after the other, in pieces of [`BYTES_MAX`].
    ///
    /// # Errors
    /// As the row `hw_control` says.
    pub fn write_bytes(self, port: u16, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(BYTES_MAX) {
            let address = piece.as_ptr().expose_provenance() as u64;
            let arguments = [u64::from(port), address, piece.len() as u64];
            control(self.0, HardwareOperation::PortWriteBytes, arguments)?;
        }
        Ok(())
    }
}

/// An interrupt line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupt(CapRef);

impl Interrupt {
    /// The line in this slot.
    #[must_use]
    pub const fn new(capability: CapRef) -> Self {
        Self(capability)
    }

    /// Makes one from the Hardware capability.
    ///
    /// # Errors
    /// As the row `hw_control` says.
    pub fn make(hardware: CapRef, line: u32, destination: Destination) -> Result<Self> {
        let arguments = [u64::from(line), destination.bits(), 0];
        let [number, _] = control(hardware, HardwareOperation::MakeInterrupt, arguments)?;
        slot(destination, number).map(Self)
    }

    /// Its capability.
    #[must_use]
    pub const fn capability(self) -> CapRef {
        self.0
    }

    /// Has the line set `bit` of an Event; it is masked when it fires.
    ///
    /// # Errors
    /// As the row `hw_control` says.
    pub fn bind(self, event: CapRef, bit: u32) -> Result<()> {
        let arguments = [u64::from(event.bits()), u64::from(bit), 0];
        control(self.0, HardwareOperation::InterruptBind, arguments).map(drop)
    }

    /// Lets it fire again.
    ///
    /// # Errors
    /// As the row `hw_control` says.
    #[inline]
    pub fn acknowledge(self) -> Result<()> {
        control(self.0, HardwareOperation::InterruptAcknowledge, [0; 3]).map(drop)
    }
}

/// The kernel's counters.
///
/// # Errors
/// As the row `hw_control` says.
pub fn statistics(hardware: CapRef) -> Result<Statistics> {
    let mut words = [0; Statistics::WORDS];
    let address = words.as_mut_ptr().expose_provenance() as u64;
    control(hardware, HardwareOperation::Statistics, [address, 0, 0])?;
    Statistics::decode(&words).ok_or(Error::BadArgument)
}

/// A part of the kernel's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPart<'b> {
    /// Bytes logged before it since boot.
    pub position: u64,
    /// Printable ASCII and newlines.
    pub bytes: &'b [u8],
}

impl LogPart<'_> {
    /// Where the log goes on after it.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.position + self.bytes.len() as u64
    }
}

/// Reads the kernel's log from `position` on, at most 256 bytes. What is gone is skipped: the part
/// begins later then. At the log's end, and beyond, it is empty and begins there.
///
/// # Errors
/// As the row `hw_control` says.
pub fn log_read(hardware: CapRef, position: u64, into: &mut [u8]) -> Result<LogPart<'_>> {
    let address = into.as_mut_ptr().expose_provenance() as u64;
    let arguments = [position, address, into.len() as u64];
    let [length, position] = control(hardware, HardwareOperation::LogRead, arguments)?;
    let bytes = into.get(..length as usize).ok_or(Error::BadArgument)?;
    Ok(LogPart { position, bytes })
}

/// Switches the machine off; returns only on failure.
#[must_use]
pub fn power_off(hardware: CapRef) -> Error {
    control(hardware, HardwareOperation::PowerOff, [0; 3]).err().unwrap_or(Error::Busy)
}

/// Resets the machine; returns only on failure.
#[must_use]
pub fn reboot(hardware: CapRef) -> Error {
    control(hardware, HardwareOperation::Reboot, [0; 3]).err().unwrap_or(Error::Busy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::host::made;

    #[test]
    fn port_access_names_port_width_and_value() {
        let ports = Ports::new(CapRef::private(9));
        assert!(ports.read(0x3f8).is_err());
        assert!(ports.write(0x3f9, 7).is_err());
        assert!(ports.read_long(0xcfc).is_err());
        let arguments: std::vec::Vec<_> = made().iter().map(|call| call.2.clone()).collect();
        assert_eq!(arguments, [[3, 0x3f8, 1, 0], [4, 0x3f9, 1, 7], [3, 0xcfc, 4, 0]]);
    }

    #[test]
    fn reading_the_log_names_position_buffer_and_length() {
        let mut buffer = [0; 300];
        let address = buffer.as_ptr().addr() as u64;
        assert_eq!(log_read(CapRef::private(3), 77, &mut buffer), Err(Error::UnknownCall));
        assert_eq!(made()[0].2, [11, 77, address, 300]);
        assert_eq!(LogPart { position: 77, bytes: b"text" }.end(), 81);
    }
}
