//! Capabilities: copy, move, mint, close, revoke, inspect; creation of kernel objects.
//!
//! Owns: stubs for `cap_dup cap_close cap_revoke cap_info cap_move create`.
//!
//! Never enters it: which slots a program uses for what (`tine_abi::capability::slot`).

use tine_abi::capability::{Destination, SlotFlags};
use tine_abi::error::Result;
use tine_abi::message::NO_TOKEN;
use tine_abi::{Call, CapRef, Error, Kind, Rights, Table};

use crate::raw;

/// Bit of the options word: make a new identity.
const MINT: u64 = 1;
/// Bit of the options word: what the slot holds is closed first.
const REPLACE: u64 = 2;

/// How `cap_dup` and `cap_move` place a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The slot.
    pub destination: Destination,
    /// Rights to keep.
    pub rights: Rights,
    /// Close what the slot holds, if anything.
    pub replace: bool,
    /// The Domain whose table is meant ([`CapRef::SELF`]: own).
    pub domain: CapRef,
}

impl Placement {
    /// All rights, into an own slot.
    #[inline]
    #[must_use]
    pub const fn new(destination: Destination) -> Self {
        Self { destination, rights: Rights::ALL, replace: false, domain: CapRef::SELF }
    }

    /// The same with fewer rights.
    #[inline]
    #[must_use]
    pub const fn with_rights(self, rights: Rights) -> Self {
        Self { rights, ..self }
    }

    /// The same, closing what the slot holds.
    #[inline]
    #[must_use]
    pub const fn replacing(self) -> Self {
        Self { replace: true, ..self }
    }

    /// The same in the table of another Domain.
    #[inline]
    #[must_use]
    pub const fn of_domain(self, domain: CapRef) -> Self {
        Self { domain, ..self }
    }

    const fn options(self) -> u64 {
        (self.domain.bits() as u64) << 32 | if self.replace { REPLACE } else { 0 }
    }
}

/// The reference to a slot that the kernel chose in the table of `destination`.
#[inline]
fn placed(destination: Destination, slot: u64) -> Result<CapRef> {
    let slot = u32::try_from(slot & 0xffff_ffff).unwrap_or(u32::MAX);
    // The kernel tells the slot number; a full reference is accepted as well, for both agree in
    // the bits that number the slot.
    CapRef::new(destination.slot.table(), slot & (CapRef::SLOTS - 1)).ok_or(Error::BadArgument)
}

/// Copies a capability; tells where it went.
///
/// # Errors
/// As the row `cap_dup` says.
#[inline]
pub fn duplicate(source: CapRef, placement: Placement) -> Result<CapRef> {
    let arguments =
        [placement.destination.bits(), u64::from(placement.rights.bits()), 0, placement.options()];
    // SAFETY: the arguments of the row; capability tables are not memory.
    let [slot, _] = unsafe { raw::plain(Call::CapDuplicate, source, arguments) }.values()?;
    placed(placement.destination, slot)
}

/// Makes a new identity of a port held with MINT; tells where it went.
///
/// # Errors
/// As the row `cap_dup` says.
#[inline]
pub fn mint(port: CapRef, badge: u64, placement: Placement) -> Result<CapRef> {
    let arguments = [
        placement.destination.bits(),
        u64::from(placement.rights.bits()),
        badge,
        placement.options() | MINT,
    ];
    // SAFETY: the arguments of the row; capability tables are not memory.
    let [slot, _] = unsafe { raw::plain(Call::CapDuplicate, port, arguments) }.values()?;
    placed(placement.destination, slot)
}

/// Moves a capability, or changes the flags of its slot; tells where it is.
///
/// # Errors
/// As the row `cap_move` says.
#[inline]
pub fn move_to(source: CapRef, placement: Placement) -> Result<CapRef> {
    let arguments =
        [placement.destination.bits(), u64::from(placement.rights.bits()), placement.options()];
    // SAFETY: the arguments of the row; capability tables are not memory.
    let [slot, _] = unsafe { raw::plain(Call::CapMove, source, arguments) }.values()?;
    placed(placement.destination, slot)
}

/// Empties a slot.
///
/// # Errors
/// As the row `cap_close` says.
#[inline]
pub fn close(capability: CapRef) -> Result<()> {
    // SAFETY: mappings do not depend on the capability they were made with.
    unsafe { raw::plain(Call::CapClose, capability, []) }.status.result()
}

/// Revokes the identity in this slot: every copy of it stops working.
///
/// # Errors
/// As the row `cap_revoke` says.
#[inline]
pub fn revoke(identity: CapRef) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { raw::plain(Call::CapRevoke, identity, []) }.status.result()
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Information {
    /// Kind of the object.
    pub kind: Kind,
    /// Flags of the slot.
    pub flags: SlotFlags,
    /// Rights of the capability.
    pub rights: Rights,
    /// Bytes of a Memory, else 0.
    pub bytes: u64,
}

/// Tells what a slot holds.
///
/// # Errors
/// As the row `cap_info` says; WRONG_KIND for a kind that this version does not know.
#[inline]
pub fn information(capability: CapRef) -> Result<Information> {
    // SAFETY: no memory is involved.
    let [word, bytes] = unsafe { raw::plain(Call::CapInfo, capability, [NO_TOKEN]) }.values()?;
    Ok(Information {
        kind: Kind::from_number(word & 0xff).ok_or(Error::WrongKind)?,
        flags: SlotFlags::from_bits_truncate((word >> 8) as u8),
        rights: Rights::from_bits_truncate((word >> 32) as u32),
        bytes,
    })
}

/// The badge under which `port` supervises the Domain that makes the call `token`, which it has in
/// service; `None` if it does not.
///
/// # Errors
/// As the row `cap_info` says; BAD_TOKEN without a token.
#[inline]
pub fn supervised_as(port: CapRef, token: u64) -> Result<Option<u64>> {
    if token == NO_TOKEN {
        return Err(Error::BadToken);
    }
    // SAFETY: no memory is involved.
    let [_, badge] = unsafe { raw::plain(Call::CapInfo, port, [token]) }.values()?;
    Ok((badge != 0).then_some(badge))
}

/// Creates an object of `kind` that `account` pays for ([`CapRef::SELF`]: that of the own Domain).
/// [`tine_abi::domain::CreateArguments`] says what the arguments mean.
///
/// A thread of the own Domain is not made here: see [`crate::domain::RemoteThread`].
///
/// # Errors
/// As the row `create` says; BAD_ARGUMENT for a thread of the own Domain.
#[inline]
pub fn create(
    account: CapRef,
    kind: Kind,
    destination: Destination,
    arguments: [u64; 3],
) -> Result<CapRef> {
    if kind == Kind::Thread && arguments[0] as u32 == CapRef::SELF.bits() {
        return Err(Error::BadArgument);
    }
    let [first, second, third] = arguments;
    let arguments = [kind as u64, destination.bits(), first, second, third];
    // SAFETY: the arguments of the row; new objects change no memory of this program.
    let [slot, _] = unsafe { raw::plain(Call::Create, account, arguments) }.values()?;
    placed(destination, slot)
}

/// The lowest free private slot that belongs to the program.
pub const ANYWHERE: Destination =
    Destination::lowest_from(CapRef::private(tine_abi::capability::slot::FREE));

/// The descriptor table, lowest free slot.
pub const LOWEST_DESCRIPTOR: Destination = Destination::lowest_from(CapRef::descriptor(0));

/// Whether this names a descriptor.
#[inline]
#[must_use]
pub const fn is_descriptor(capability: CapRef) -> bool {
    matches!(capability.table(), Table::Descriptors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::host::made;

    #[test]
    fn options_hold_flags_and_the_domain() {
        let domain = CapRef::private(30);
        let to = Destination::exactly(CapRef::descriptor(3));
        let placement = Placement::new(to).replacing().of_domain(domain);
        assert!(duplicate(CapRef::descriptor(1), placement).is_err());
        assert!(mint(CapRef::private(4), 77, Placement::new(ANYWHERE)).is_err());
        let calls = made();
        let all = u64::from(Rights::ALL.bits());
        assert_eq!(calls[0].2, [to.bits(), all, 0, u64::from(domain.bits()) << 32 | 2]);
        assert_eq!(calls[1].2, [ANYWHERE.bits(), all, 77, 1]);
    }

    #[test]
    fn threads_of_the_own_domain_are_not_created_here() {
        let result = create(CapRef::SELF, Kind::Thread, ANYWHERE, [0; 3]);
        assert_eq!(result, Err(Error::BadArgument));
        assert!(made().is_empty());
    }

    #[test]
    fn the_slot_is_found_in_the_table_of_the_destination() {
        assert_eq!(placed(LOWEST_DESCRIPTOR, 5), Ok(CapRef::descriptor(5)));
        let whole = u64::from(CapRef::descriptor(5).bits());
        assert_eq!(placed(LOWEST_DESCRIPTOR, whole), Ok(CapRef::descriptor(5)));
    }
}
