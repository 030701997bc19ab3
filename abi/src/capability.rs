//! How a program names capabilities, and what they allow.
//!
//! A Domain has three capability tables. A [`CapRef`] is a table and a slot in it: 32 bits, the
//! number that system calls take. A Unix file descriptor *n* is slot *n* of the descriptor table.
//! Slot 0 of the private table is never used: its reference, [`CapRef::SELF`], means "my own" -
//! thread, Domain or AddressSpace, as the call requires - so that no Domain needs capabilities to
//! itself.

use bitflags::bitflags;

/// One of the three capability tables of a Domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Table {
    /// Well-known numbers ([`slot`]), the same in every Domain; never inherited as it is.
    Private = 0,
    /// Unix file descriptors.
    Descriptors = 1,
    /// Root directory and working directory ([`path`]), and one word of the user's.
    Paths = 2,
}

impl Table {
    /// The table with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Private),
            1 => Some(Self::Descriptors),
            2 => Some(Self::Paths),
            _ => None,
        }
    }
}

/// A table and a slot: bits 0..24 the slot, bits 30..32 the table, the bits between are zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CapRef(u32);

impl CapRef {
    /// Slots a table can have at most.
    pub const SLOTS: u32 = 1 << 16;
    /// "My own": thread, Domain or AddressSpace of the calling thread, as the call requires.
    pub const SELF: Self = Self(0);

    /// Names `slot` of `table`; `None` at or above [`Self::SLOTS`].
    #[must_use]
    pub const fn new(table: Table, slot: u32) -> Option<Self> {
        if slot < Self::SLOTS { Some(Self((table as u32) << 30 | slot)) } else { None }
    }

    /// A slot of the private table.
    #[must_use]
    pub const fn private(slot: u16) -> Self {
        Self((Table::Private as u32) << 30 | slot as u32)
    }

    /// A slot of the descriptor table: the file descriptor itself.
    #[must_use]
    pub const fn descriptor(slot: u16) -> Self {
        Self((Table::Descriptors as u32) << 30 | slot as u32)
    }

    /// A slot of the path table.
    #[must_use]
    pub const fn path(slot: u16) -> Self {
        Self((Table::Paths as u32) << 30 | slot as u32)
    }

    /// Decodes the number a program passed; `None` when bits are set that have no meaning.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        let slot = bits & 0x3fff_ffff;
        if slot < Self::SLOTS && bits >> 30 < 3 { Some(Self(bits)) } else { None }
    }

    /// The number to pass.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether this is [`Self::SELF`].
    #[must_use]
    pub const fn is_self(self) -> bool {
        self.0 == 0
    }

    /// The table.
    #[must_use]
    pub const fn table(self) -> Table {
        match self.0 >> 30 {
            0 => Table::Private,
            1 => Table::Descriptors,
            _ => Table::Paths,
        }
    }

    /// The slot number in the table.
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.0 & (Self::SLOTS - 1)
    }
}

impl core::fmt::Debug for CapRef {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{:?}[{}]", self.table(), self.slot())
    }
}

/// Where a new capability goes: bit 63 says "lowest free slot from this one on", bits 0..32 are a
/// [`CapRef`], bits 32..40 the [`SlotFlags`] of the slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Destination {
    /// The exact slot, or the first one to consider.
    pub slot: CapRef,
    /// Take the lowest free slot at or above [`Self::slot`]; otherwise the exact slot, which must
    /// be free.
    pub lowest_free: bool,
    /// Flags that the slot gets.
    pub flags: SlotFlags,
}

impl Destination {
    /// Exactly this slot.
    #[must_use]
    pub const fn exactly(slot: CapRef) -> Self {
        Self { slot, lowest_free: false, flags: SlotFlags::empty() }
    }

    /// The lowest free slot of the same table at or above this one.
    #[must_use]
    pub const fn lowest_from(slot: CapRef) -> Self {
        Self { slot, lowest_free: true, flags: SlotFlags::empty() }
    }

    /// The same with slot flags.
    #[must_use]
    pub const fn with_flags(self, flags: SlotFlags) -> Self {
        Self { flags, ..self }
    }

    /// The 64-bit argument.
    #[must_use]
    pub const fn bits(self) -> u64 {
        (self.lowest_free as u64) << 63 | (self.flags.bits() as u64) << 32 | self.slot.bits() as u64
    }

    /// Decodes an argument; `None` for undefined bits and for private slot 0.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        let Some(slot) = CapRef::from_bits(bits as u32) else { return None };
        let Some(flags) = SlotFlags::from_bits((bits >> 32) as u8) else { return None };
        if bits >> 40 & 0x7f_ffff != 0 {
            return None;
        }
        let lowest_free = bits >> 63 == 1;
        if slot.is_self() && !lowest_free {
            return None;
        }
        Some(Self { slot, lowest_free, flags })
    }
}

bitflags! {
    /// Flags of one slot of a capability table.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct SlotFlags: u8 {
        /// The slot is emptied when the Domain executes a new program.
        const CLOEXEC = 1;
        /// The slot is left empty in the copy that a fork makes.
        const CLOFORK = 2;
    }
}

bitflags! {
    /// What a capability allows. Rights only ever shrink. The low half is the kernel's; the high
    /// half ([`Rights::PROTOCOL`]) means whatever the server behind a port says, and is delivered
    /// to it with each message.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Rights: u32 {
        /// Memory: map for reading, copy from. AddressSpace: copy from. Domain, Thread: read state.
        const READ = 1 << 0;
        /// Memory: map for writing, copy to. AddressSpace: copy to.
        const WRITE = 1 << 1;
        /// Memory: map for execution once sealed.
        const EXECUTE = 1 << 2;
        /// Port: call.
        const SEND = 1 << 3;
        /// Port: receive and reply.
        const RECEIVE = 1 << 4;
        /// Port: mint identities (badges) and name it as supervisor.
        const MINT = 1 << 5;
        /// Event: set bits, arm deadlines, bind as the target of a watch.
        const SIGNAL = 1 << 6;
        /// Event: wait for bits and take them.
        const WAIT = 1 << 7;
        /// Domain, Thread, AddressSpace, Account: change, kill, suspend, map.
        const CONTROL = 1 << 8;
        /// Any: may be duplicated and sent in messages as a copy.
        const DUPLICATE = 1 << 9;
        /// Hardware: use ports, bind interrupts.
        const DEVICE = 1 << 10;
        /// Hardware: power off and reboot.
        const POWER = 1 << 11;
        /// Hardware: read the kernel's counters and its log.
        const STATISTICS = 1 << 12;
        /// The sixteen rights that belong to the protocol of a server.
        const PROTOCOL = 0xffff << 16;
    }
}

impl Rights {
    /// All rights.
    pub const ALL: Self = Self::all();

    /// The protocol half as a number, for instance process descriptor rights.
    #[must_use]
    pub const fn protocol(self) -> u16 {
        (self.bits() >> 16) as u16
    }

    /// Kernel rights of this value with the given protocol half.
    #[must_use]
    pub const fn with_protocol(self, protocol: u16) -> Self {
        Self::from_bits_retain(self.bits() & 0xffff | (protocol as u32) << 16)
    }
}

/// The kinds of kernel object, as `create` takes them and `cap_info` tells them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Threads that live, stop, exec and die together.
    Domain = 1,
    /// One thread of a Domain.
    Thread = 2,
    /// Page tables and mappings.
    AddressSpace = 3,
    /// A shareable memory object.
    Memory = 4,
    /// An endpoint with one queue.
    Port = 5,
    /// 64 bits, one waiter, deadlines.
    Event = 6,
    /// Limits and use of frames and objects.
    Account = 7,
    /// A range of I/O ports.
    PortRange = 8,
    /// One interrupt line.
    Interrupt = 9,
    /// The machine itself: makes [`Kind::PortRange`] and [`Kind::Interrupt`], power, statistics, the
    /// log.
    Hardware = 10,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Domain,
        Self::Thread,
        Self::AddressSpace,
        Self::Memory,
        Self::Port,
        Self::Event,
        Self::Account,
        Self::PortRange,
        Self::Interrupt,
        Self::Hardware,
    ];

    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        if number >= 1 && number <= 10 { Some(Self::ALL[number as usize - 1]) } else { None }
    }
}

/// Well-known slots of the private table.
pub mod slot {
    /// The process server, badged with this process's identity. In the console: with its own, to
    /// tell that the interrupt character was typed. In other servers: unused.
    pub const PROCESS: u16 = 1;
    /// The pipe server.
    pub const PIPE: u16 = 2;
    /// Kernel counters and log, read-only ([`super::Rights::STATISTICS`] on the hardware capability).
    pub const STATISTICS: u16 = 3;
    /// First slot that programs use as they like.
    pub const FREE: u16 = 16;

    /// Servers: the port on which the server is called, with all rights.
    pub const SERVICE: u16 = 4;
    /// Servers: the account that pays for what the server creates.
    pub const ACCOUNT: u16 = 5;
    /// Servers: what hardware the server may use (root: all of it).
    pub const HARDWARE: u16 = 6;
    /// Root and initrd: the boot archive, a sealed Memory.
    pub const ARCHIVE: u16 = 7;
    /// Console: its interrupt line.
    pub const INTERRUPT: u16 = 8;
    /// Console: the port range of the results channel.
    pub const RESULTS: u16 = 9;
    /// Process server: the account that pays for programs. initrd: the one that pays for Memories of
    /// program files.
    pub const PROGRAMS: u16 = 10;
    /// Process server: the account of the first process.
    pub const FIRST: u16 = 11;
    /// Servers: four slots from here on are where capabilities in client calls arrive.
    pub const ARRIVALS: u16 = 12;
}

/// Well-known slots of the path table.
pub mod path {
    /// The root directory.
    pub const ROOT: u16 = 0;
    /// The working directory.
    pub const WORKING: u16 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_survive_the_wire() {
        for table in [Table::Private, Table::Descriptors, Table::Paths] {
            for slot in [0, 1, 77, CapRef::SLOTS - 1] {
                let reference = CapRef::new(table, slot).unwrap();
                assert_eq!(CapRef::from_bits(reference.bits()), Some(reference));
                assert_eq!((reference.table(), reference.slot()), (table, slot));
            }
            assert_eq!(CapRef::new(table, CapRef::SLOTS), None);
        }
        assert_eq!(CapRef::from_bits(3 << 30), None);
        assert_eq!(CapRef::from_bits(1 << 20), None);
    }

    #[test]
    fn destinations_survive_the_wire_and_reserved_bits_are_refused() {
        let somewhere =
            Destination::lowest_from(CapRef::descriptor(3)).with_flags(SlotFlags::CLOEXEC);
        assert_eq!(Destination::from_bits(somewhere.bits()), Some(somewhere));
        for bit in 40..63 {
            assert_eq!(Destination::from_bits(somewhere.bits() | 1 << bit), None);
        }
        assert_eq!(Destination::from_bits(0), None, "private slot 0 is never filled");
    }
}
