//! One slot of a capability table: what it names and what it allows.
//!
//! Owns: [`Capability`] (16 bytes: forks copy many of them) and [`Object`], its meaning. Never here:
//! tables, counts of holders (`object.rs`), rights checks of particular calls. Everybody calls it.
//!
//! A capability names its object by generational id, so it is a weak reference: what it names may be
//! gone, and then every use says so. A *badged* port capability names a Grant, which names the port;
//! to programs both are Ports. Port ranges, interrupts and the machine have no object behind them.

use core::fmt;

use tine_abi::{
    Error, Kind,
    capability::{Rights, SlotFlags},
};
use tine_ksync::Id;

use crate::{
    account::AccountId,
    memory::MemoryId,
    object::{DomainId, EventId, GrantId, PortId, SpaceId, ThreadId},
};

/// What a slot holds, as one byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Held {
    /// Nothing.
    Empty,
    /// Nothing yet: a reply may fill it. `name` is the token of the call that reserved it.
    Reserved,
    /// A Domain.
    Domain,
    /// A Thread.
    Thread,
    /// An AddressSpace.
    Space,
    /// A Memory.
    Memory,
    /// A Port without identity.
    Port,
    /// A Port with the identity of a Grant.
    Grant,
    /// An Event.
    Event,
    /// An Account.
    Account,
    /// I/O ports; `name` is the first and, shifted by 16, how many.
    PortRange,
    /// An interrupt line; `name` is its number.
    Interrupt,
    /// The machine.
    Hardware,
}

impl Held {
    /// Every one, in the order of the numbers.
    const ALL: [Self; 13] = [
        Self::Empty,
        Self::Reserved,
        Self::Domain,
        Self::Thread,
        Self::Space,
        Self::Memory,
        Self::Port,
        Self::Grant,
        Self::Event,
        Self::Account,
        Self::PortRange,
        Self::Interrupt,
        Self::Hardware,
    ];
}

/// What a capability names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Object {
    /// A Domain.
    Domain(DomainId),
    /// A Thread.
    Thread(ThreadId),
    /// An AddressSpace.
    Space(SpaceId),
    /// A Memory.
    Memory(MemoryId),
    /// A Port without identity.
    Port(PortId),
    /// A Port with the identity of a Grant.
    Grant(GrantId),
    /// An Event.
    Event(EventId),
    /// An Account.
    Account(AccountId),
    /// `count` I/O ports from `first` on.
    PortRange {
        /// The lowest port.
        first: u16,
        /// How many, at most 65536.
        count: u32,
    },
    /// An interrupt line.
    Interrupt(u32),
    /// The machine.
    Hardware,
}

/// A slot of a capability table, or of a message on its way.
///
/// Two words, so that it travels in registers: the object's name; rights in bits 0..32, slot flags in
/// 32..40, [`Held`] in 56..64.
#[derive(Clone, Copy)]
pub struct Capability {
    name: u64,
    word: u64,
}

const _: () = assert!(size_of::<Capability>() == 16);

/// Where the flags stand in the second word.
const FLAGS: u32 = 32;
/// Where [`Held`] stands: at the top, so that a shift is enough to look at it.
const HELD: u32 = 56;

impl fmt::Debug for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} with {:?}", self.object(), self.rights())
    }
}

impl Capability {
    /// Nothing.
    pub const EMPTY: Self = Self { name: 0, word: (Held::Empty as u64) << HELD };

    /// A capability to `object`.
    #[must_use]
    pub fn new(object: Object, rights: Rights) -> Self {
        let (held, name) = match object {
            Object::Domain(id) => (Held::Domain, id.raw()),
            Object::Thread(id) => (Held::Thread, id.raw()),
            Object::Space(id) => (Held::Space, id.raw()),
            Object::Memory(id) => (Held::Memory, id.raw()),
            Object::Port(id) => (Held::Port, id.raw()),
            Object::Grant(id) => (Held::Grant, id.raw()),
            Object::Event(id) => (Held::Event, id.raw()),
            Object::Account(id) => (Held::Account, id.raw()),
            Object::PortRange { first, count } => {
                (Held::PortRange, u64::from(first) | u64::from(count) << 16)
            }
            Object::Interrupt(line) => (Held::Interrupt, u64::from(line)),
            Object::Hardware => (Held::Hardware, 0),
        };
        Self { name, word: u64::from(rights.bits()) | (held as u64) << HELD }
    }

    /// A slot that the call with this token keeps for its reply.
    #[must_use]
    pub const fn reserved(token: u64, flags: SlotFlags) -> Self {
        Self { name: token, word: (flags.bits() as u64) << FLAGS | (Held::Reserved as u64) << HELD }
    }

    /// What the slot holds.
    #[inline]
    #[must_use]
    pub const fn held(&self) -> Held {
        match (self.word >> HELD) as usize {
            held if held < Held::ALL.len() => Held::ALL[held],
            _ => Held::Empty,
        }
    }

    /// Whether the slot holds this.
    #[inline(always)]
    const fn holds(&self, held: Held) -> bool {
        self.word >> HELD == held as u64
    }

    /// Whether the slot is empty.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.holds(Held::Empty)
    }

    /// Whether the slot holds a capability: neither empty nor reserved.
    #[inline]
    #[must_use]
    pub const fn is_live(&self) -> bool {
        const { assert!((Held::Empty as u64) < 2 && (Held::Reserved as u64) < 2) };
        self.word >> HELD >= 2
    }

    /// Whether the call with this token has reserved the slot.
    #[inline]
    #[must_use]
    pub const fn is_reserved_by(&self, token: u64) -> bool {
        self.holds(Held::Reserved) && self.name == token
    }

    /// What its holder may do.
    #[inline]
    #[must_use]
    pub const fn rights(&self) -> Rights {
        Rights::from_bits_retain(self.word as u32)
    }

    /// The same with only those rights that `mask` has as well.
    #[inline]
    #[must_use]
    pub const fn narrowed(self, mask: Rights) -> Self {
        let mask = !(u32::MAX as u64) | mask.bits() as u64;
        Self { word: self.word & mask, ..self }
    }

    /// The flags of the slot.
    #[inline]
    #[must_use]
    pub const fn flags(&self) -> SlotFlags {
        SlotFlags::from_bits_retain((self.word >> FLAGS) as u8)
    }

    /// The same with other flags.
    #[inline]
    #[must_use]
    pub const fn with_flags(self, flags: SlotFlags) -> Self {
        let rest = self.word & !(0xff << FLAGS);
        Self { word: rest | (flags.bits() as u64) << FLAGS, ..self }
    }

    /// Succeeds if all of `rights` are there.
    ///
    /// # Errors
    /// [`Error::MissingRight`].
    #[inline]
    pub const fn require(&self, rights: Rights) -> Result<(), Error> {
        if self.rights().contains(rights) { Ok(()) } else { Err(Error::MissingRight) }
    }

    /// The id behind a capability that must hold `held`.
    #[inline]
    fn id<T>(&self, held: Held) -> Result<Id<T>, Error> {
        if self.holds(held)
            && let Some(id) = Id::from_raw(self.name)
        {
            return Ok(id);
        }
        Err(if self.is_live() { Error::WrongKind } else { Error::BadCapability })
    }

    /// The Grant of a badged Port, on the hot path: no reason is given for another kind.
    #[inline(always)]
    pub(crate) fn as_grant(&self) -> Option<GrantId> {
        if self.holds(Held::Grant) { Id::from_raw(self.name) } else { None }
    }

    /// The Port of a capability without identity, on the hot path.
    #[inline(always)]
    pub(crate) fn as_port(&self) -> Option<PortId> {
        if self.holds(Held::Port) { Id::from_raw(self.name) } else { None }
    }

    /// The Domain; WRONG_KIND or BAD_CAPABILITY if it is none.
    ///
    /// # Errors
    /// As said; the same holds for the accessors below.
    #[inline]
    pub fn domain(&self) -> Result<DomainId, Error> {
        self.id(Held::Domain)
    }

    /// The Thread.
    ///
    /// # Errors
    /// As for [`Capability::domain`].
    #[inline]
    pub fn thread(&self) -> Result<ThreadId, Error> {
        self.id(Held::Thread)
    }

    /// The AddressSpace.
    ///
    /// # Errors
    /// As for [`Capability::domain`].
    #[inline]
    pub fn space(&self) -> Result<SpaceId, Error> {
        self.id(Held::Space)
    }

    /// The Memory.
    ///
    /// # Errors
    /// As for [`Capability::domain`].
    #[inline]
    pub fn memory(&self) -> Result<MemoryId, Error> {
        self.id(Held::Memory)
    }

    /// The Port, of a capability without identity.
    ///
    /// # Errors
    /// As for [`Capability::domain`].
    #[inline]
    pub fn port(&self) -> Result<PortId, Error> {
        match self.held() {
            // A badged Port is a Port, but what asks here needs RECEIVE or MINT, which it never has.
            Held::Grant => Err(Error::MissingRight),
            _ => self.id(Held::Port),
        }
    }

    /// The Grant of a badged Port.
    ///
    /// # Errors
    /// As for [`Capability::domain`].
    #[inline]
    pub fn grant(&self) -> Result<GrantId, Error> {
        self.id(Held::Grant)
    }

    /// The Event.
    ///
    /// # Errors
    /// As for [`Capability::domain`].
    #[inline]
    pub fn event(&self) -> Result<EventId, Error> {
        self.id(Held::Event)
    }

    /// The Account.
    ///
    /// # Errors
    /// As for [`Capability::domain`].
    #[inline]
    pub fn account(&self) -> Result<AccountId, Error> {
        self.id(Held::Account)
    }

    /// What it names; `None` for a slot without capability.
    #[must_use]
    pub fn object(&self) -> Option<Object> {
        Some(match self.held() {
            Held::Empty | Held::Reserved => return None,
            Held::Domain => Object::Domain(Id::from_raw(self.name)?),
            Held::Thread => Object::Thread(Id::from_raw(self.name)?),
            Held::Space => Object::Space(Id::from_raw(self.name)?),
            Held::Memory => Object::Memory(Id::from_raw(self.name)?),
            Held::Port => Object::Port(Id::from_raw(self.name)?),
            Held::Grant => Object::Grant(Id::from_raw(self.name)?),
            Held::Event => Object::Event(Id::from_raw(self.name)?),
            Held::Account => Object::Account(Id::from_raw(self.name)?),
            Held::PortRange => {
                Object::PortRange { first: self.name as u16, count: (self.name >> 16) as u32 }
            }
            Held::Interrupt => Object::Interrupt(self.name as u32),
            Held::Hardware => Object::Hardware,
        })
    }

    /// The kind that programs are told.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        Some(match self.held() {
            Held::Empty | Held::Reserved => return None,
            Held::Domain => Kind::Domain,
            Held::Thread => Kind::Thread,
            Held::Space => Kind::AddressSpace,
            Held::Memory => Kind::Memory,
            Held::Port | Held::Grant => Kind::Port,
            Held::Event => Kind::Event,
            Held::Account => Kind::Account,
            Held::PortRange => Kind::PortRange,
            Held::Interrupt => Kind::Interrupt,
            Held::Hardware => Kind::Hardware,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_its_object_and_rights() {
        let objects = [
            Object::Domain(Id::from_raw(1 << 32 | 7).unwrap()),
            Object::Grant(Id::from_raw(3 << 32).unwrap()),
            Object::PortRange { first: 0x3f8, count: 8 },
            Object::PortRange { first: 0, count: 0x1_0000 },
            Object::Interrupt(4),
            Object::Hardware,
        ];
        for object in objects {
            let capability = Capability::new(object, Rights::READ | Rights::CONTROL);
            assert_eq!(capability.object(), Some(object));
            assert_eq!(capability.narrowed(Rights::READ).rights(), Rights::READ);
            assert_eq!(capability.narrowed(Rights::WRITE).rights(), Rights::empty());
            assert!(capability.is_live());
        }
        assert_eq!(Capability::EMPTY.object(), None);
        let flagged = Capability::new(Object::Hardware, Rights::ALL)
            .with_flags(SlotFlags::CLOEXEC | SlotFlags::CLOFORK)
            .narrowed(Rights::POWER)
            .with_flags(SlotFlags::CLOFORK);
        assert_eq!((flagged.flags(), flagged.rights()), (SlotFlags::CLOFORK, Rights::POWER));
        assert_eq!(flagged.held(), Held::Hardware);
    }

    #[test]
    fn numbers_of_what_is_held_are_places_in_the_list() {
        for (number, held) in Held::ALL.iter().enumerate() {
            assert_eq!(*held as usize, number);
        }
    }

    #[test]
    fn a_wrong_kind_and_an_empty_slot_are_told_apart() {
        let hardware = Capability::new(Object::Hardware, Rights::ALL);
        assert_eq!(hardware.domain(), Err(Error::WrongKind));
        assert_eq!(Capability::EMPTY.domain(), Err(Error::BadCapability));
        let reserved = Capability::reserved(5, SlotFlags::CLOEXEC);
        assert_eq!(reserved.event(), Err(Error::BadCapability));
        assert!(reserved.is_reserved_by(5) && !reserved.is_reserved_by(6));
    }
}
