//! Hardware capabilities: I/O ports, interrupt lines, power, counters, the log.

use crate::wire::words;

/// First argument of `hw_control`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum HardwareOperation {
    /// Hardware, DEVICE: makes a PortRange. Argument 0: first port, 1: number of ports, 2:
    /// destination. RSI: slot.
    MakePortRange = 1,
    /// Hardware, DEVICE: makes an Interrupt. Argument 0: ISA line or global system interrupt, 1:
    /// destination. RSI: slot.
    MakeInterrupt = 2,
    /// PortRange, DEVICE. Argument 0: port, 1: width in bytes (1, 2, 4). RSI: the value.
    PortRead = 3,
    /// PortRange, DEVICE. Argument 0: port, 1: width in bytes, 2: the value.
    PortWrite = 4,
    /// PortRange, DEVICE: writes bytes to one port. Argument 0: port, 1: address, 2: length, at
    /// most 256.
    PortWriteBytes = 5,
    /// Interrupt, DEVICE: has the line set a bit of an Event (SIGNAL); the line is masked when it
    /// fires. Argument 0: Event, 1: bit.
    InterruptBind = 6,
    /// Interrupt, DEVICE: lets it fire again.
    InterruptAcknowledge = 7,
    /// Hardware, POWER: switches the machine off.
    PowerOff = 8,
    /// Hardware, POWER: resets the machine.
    Reboot = 9,
    /// Hardware, STATISTICS. Argument 0: address of a [`Statistics`].
    Statistics = 10,
    /// Hardware, STATISTICS: copies what the kernel has logged. Argument 0: position of the first byte
    /// wanted, that is how many were logged before it since boot, 1: address, 2: length; at most 256
    /// bytes are copied. RSI: how many were. RDX: position of the first of them: the oldest that is
    /// kept, if those asked for are gone, and the log's end, if they are not there yet.
    LogRead = 11,
}

impl HardwareOperation {
    /// The operation with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::MakePortRange),
            2 => Some(Self::MakeInterrupt),
            3 => Some(Self::PortRead),
            4 => Some(Self::PortWrite),
            5 => Some(Self::PortWriteBytes),
            6 => Some(Self::InterruptBind),
            7 => Some(Self::InterruptAcknowledge),
            8 => Some(Self::PowerOff),
            9 => Some(Self::Reboot),
            10 => Some(Self::Statistics),
            11 => Some(Self::LogRead),
            _ => None,
        }
    }
}

words! {
    /// The kernel's counters; they are in every build. Benchmarks and leak checks read them.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    #[repr(C)]
    pub struct Statistics {
        /// System calls, faults and interrupts taken so far.
        pub entries: u64,
        /// Of those: page faults.
        pub faults: u64,
        /// CR3 loads so far.
        pub cr3_loads: u64,
        /// Frames that are free.
        pub frames_free: u64,
        /// Frames that the machine gave to Tine.
        pub frames_total: u64,
        /// Frames that hold kernel objects and tables of slots.
        pub frames_kernel: u64,
        /// Live objects of every kind together.
        pub objects: u64,
        /// Live Domains.
        pub domains: u64,
        /// Kernel tasks that have not finished: zero means that all teardown is done.
        pub tasks: u64,
    }
}
