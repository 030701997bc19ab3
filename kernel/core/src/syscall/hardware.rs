//! `hw_control`: I/O ports, interrupt lines, power, counters, the log.
//!
//! Owns: their checks. Never here: the devices. A port range or interrupt is all in its capability.

use tine_abi::{
    Error,
    capability::{Destination, Rights},
    hardware::HardwareOperation,
};

use crate::{
    machine::Machine,
    object::{
        ThreadId,
        capability::{Capability, Object},
    },
    state::State,
    syscall::{Answer, Arguments, Done},
};

/// Bytes of one `PortWriteBytes` or `LogRead` at most.
const BYTES: usize = 256;

impl<M: Machine> State<M> {
    pub(super) fn hardware_control(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [operation, first, second, third, _] = arguments.words;
        let operation = HardwareOperation::from_number(operation).ok_or(Error::BadArgument)?;
        let capability = self.capability(me, arguments.main)?;
        let object = capability.object().ok_or(Error::BadCapability)?;
        match (operation, object) {
            (HardwareOperation::MakePortRange, Object::Hardware) => {
                capability.require(Rights::DEVICE)?;
                let range = port_range(first, second)?;
                self.make(me, third, range)
            }
            (HardwareOperation::MakeInterrupt, Object::Hardware) => {
                capability.require(Rights::DEVICE)?;
                if first >= u64::from(self.machine.interrupt_lines()) {
                    return Err(Error::BadArgument);
                }
                self.make(me, second, Object::Interrupt(first as u32))
            }
            (HardwareOperation::PortRead, Object::PortRange { .. }) => {
                capability.require(Rights::DEVICE)?;
                let (port, width) = port_access(object, first, second)?;
                Ok(Done::Values(u64::from(self.machine.port_read(port, width)), 0))
            }
            (HardwareOperation::PortWrite, Object::PortRange { .. }) => {
                capability.require(Rights::DEVICE)?;
                let (port, width) = port_access(object, first, second)?;
                self.machine.port_write(port, width, third as u32);
                Ok(Done::NOTHING)
            }
            (HardwareOperation::PortWriteBytes, Object::PortRange { .. }) => {
                capability.require(Rights::DEVICE)?;
                let (port, width) = port_access(object, first, 1)?;
                let mut bytes = [0; BYTES];
                let length = usize::try_from(third).map_err(|_| Error::BadArgument)?;
                let bytes = bytes.get_mut(..length).ok_or(Error::BadArgument)?;
                let space = self.thread(me)?.space;
                self.read_bytes(space, second, bytes)?;
                for byte in bytes {
                    self.machine.port_write(port, width, u32::from(*byte));
                }
                Ok(Done::NOTHING)
            }
            (HardwareOperation::InterruptBind, Object::Interrupt(line)) => {
                capability.require(Rights::DEVICE)?;
                self.bind_interrupt(me, line, first, second)
            }
            (HardwareOperation::InterruptAcknowledge, Object::Interrupt(line)) => {
                capability.require(Rights::DEVICE)?;
                self.machine.interrupt_mask(line, false);
                Ok(Done::NOTHING)
            }
            (HardwareOperation::PowerOff, Object::Hardware) => {
                capability.require(Rights::POWER)?;
                self.machine.power_off();
                Ok(Done::NOTHING)
            }
            (HardwareOperation::Reboot, Object::Hardware) => {
                capability.require(Rights::POWER)?;
                self.machine.reboot();
                Ok(Done::NOTHING)
            }
            (HardwareOperation::Statistics, Object::Hardware) => {
                capability.require(Rights::STATISTICS)?;
                let statistics = self.statistics();
                self.write_structure(me, first, &statistics)?;
                Ok(Done::NOTHING)
            }
            (HardwareOperation::LogRead, Object::Hardware) => {
                capability.require(Rights::STATISTICS)?;
                let mut bytes = [0; BYTES];
                let length = third.min(BYTES as u64) as usize;
                let (position, copied) = self.machine.log_read(first, &mut bytes[..length]);
                let space = self.thread(me)?.space;
                self.write_bytes(space, second, &bytes[..copied])?;
                Ok(Done::Values(copied as u64, position))
            }
            _ => Err(Error::WrongKind),
        }
    }

    /// Puts a new capability with all rights into a slot.
    fn make(&mut self, me: ThreadId, destination: u64, object: Object) -> Answer {
        let destination = Destination::from_bits(destination).ok_or(Error::BadArgument)?;
        let table = self.thread(me)?.tables[destination.slot.table() as usize];
        let slot = self.find_slot(table, destination, false)?;
        let capability = Capability::new(object, Rights::ALL).with_flags(destination.flags);
        self.tables.set(table, slot, capability);
        Ok(Done::Values(u64::from(slot), 0))
    }

    /// Has a line set a bit of an Event. A binding to an Event that is gone counts as none.
    fn bind_interrupt(&mut self, me: ThreadId, line: u32, event: u64, bit: u64) -> Answer {
        let reference = u32::try_from(event).map_err(|_| Error::BadCapability)?;
        let capability = self.capability(me, reference)?;
        let event = capability.event()?;
        capability.require(Rights::SIGNAL)?;
        if bit >= 64 {
            return Err(Error::BadArgument);
        }
        let events = &self.events;
        let line_state = self.lines.get_mut(line as usize).ok_or(Error::BadArgument)?;
        if line_state.target.is_some_and(|(event, _)| events.get(event).is_some()) {
            return Err(Error::Busy);
        }
        line_state.target = Some((event, bit as u8));
        self.machine.interrupt_mask(line, false);
        Ok(Done::NOTHING)
    }
}

/// A range of I/O ports from two argument words.
fn port_range(first: u64, count: u64) -> Result<Object, Error> {
    let end = first.checked_add(count).ok_or(Error::BadArgument)?;
    if count == 0 || end > 0x1_0000 {
        return Err(Error::BadArgument);
    }
    Ok(Object::PortRange { first: first as u16, count: count as u32 })
}

/// A port of a range and a width from two argument words.
fn port_access(range: Object, port: u64, width: u64) -> Result<(u16, u8), Error> {
    let Object::PortRange { first, count } = range else { return Err(Error::WrongKind) };
    let first = u64::from(first);
    let end = port.checked_add(width).ok_or(Error::BadArgument)?;
    if !matches!(width, 1 | 2 | 4) || port < first || end > first + u64::from(count) {
        return Err(Error::BadArgument);
    }
    Ok((port as u16, width as u8))
}
