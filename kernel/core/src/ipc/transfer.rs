//! What a message carries beside its words: capabilities, receive slots, memory ranges.
//!
//! Owns: reading [`Extras`], taking capabilities from the sender, reserving and filling slots. Never
//! here: when. Every function either fails before it has changed anything, or does all of it.
//!
//! A reserved slot is marked with the token of its call, so that one that was closed meanwhile, and
//! perhaps reserved by another call, is never filled by the wrong reply.

use tine_abi::{
    CapRef, Error,
    capability::{Destination, Rights, SlotFlags},
    message::{ArrivedSlots, Extras, SendCapability, SendMode, TRANSFERS},
    wire::Wire,
};

use crate::{
    account::AccountId,
    machine::Machine,
    object::{
        GrantId, PortId, ThreadId,
        capability::{Capability, Object},
        grant::Grant,
        table::TableId,
        thread::Token,
    },
    state::State,
};

/// Words of extras that the numbers in the first one cover.
fn covered(head: u64) -> usize {
    let count = |shift: u32| (head >> shift & 15) as usize;
    let mut words = 1 + 3 * count(0);
    if count(4) > 0 {
        words = 13 + count(4);
    }
    if count(8) > 0 {
        words = 17 + 2 * count(8);
    }
    if count(12) > 0 || words > Extras::WORDS {
        words = Extras::WORDS;
    }
    words
}

impl<M: Machine> State<M> {
    /// Reads the extras at an address of `me`.
    pub(crate) fn read_extras(&mut self, me: ThreadId, address: u64) -> Result<Extras, Error> {
        let space = self.thread(me)?.space;
        let mut words = [0; Extras::WORDS];
        self.read_words(space, address, &mut words[..1])?;
        let count = covered(words[0]);
        let words = &mut words[..count];
        self.read_words(space, address, words)?;
        Extras::decode(words).ok_or(Error::BadArgument)
    }

    /// Reads the extras of a call into the record of `me`: takes the capabilities, reserves the
    /// slots.
    #[inline(never)]
    pub(crate) fn accept_call_extras(&mut self, me: ThreadId, token: Token) -> Result<(), Error> {
        let address = self.thread(me)?.registers.r15;
        let extras = self.read_extras(me, address)?;
        if extras.starts[0].is_some()
            || extras.disposition != tine_abi::message::Disposition::Answer
            || extras.start_first
        {
            return Err(Error::BadArgument);
        }
        let (capabilities, count) = self.take_sends(me, &extras.capabilities)?;
        let mut missing = 15;
        let mut receive = [u32::MAX; TRANSFERS];
        for (index, destination) in extras.receive.iter().flatten().enumerate() {
            if let Ok(reference) = self.reserve_slot(me, *destination, token) {
                receive[index] = reference.bits();
                missing &= !(1 << index);
            }
        }
        let record = &mut self.thread_mut(me)?.record;
        record.capabilities = capabilities;
        record.capability_count = count as u8;
        record.receive = receive;
        record.missing_slots = missing;
        record.ranges = extras.ranges.map(|range| match range {
            Some(range) => (range.address, range.length | u64::from(range.writable) << 63),
            None => (0, 0),
        });
        Ok(())
    }

    fn reserve_slot(
        &mut self,
        me: ThreadId,
        destination: Destination,
        token: Token,
    ) -> Result<CapRef, Error> {
        let table = self.thread(me)?.tables[destination.slot.table() as usize];
        let slot = self.find_slot(table, destination, false)?;
        self.tables.set(table, slot, Capability::reserved(token.0, destination.flags));
        CapRef::new(destination.slot.table(), slot).ok_or(Error::NoSlots)
    }

    /// Takes capabilities from `me` as a message says; each is held once by what is returned.
    pub(crate) fn take_sends(
        &mut self,
        me: ThreadId,
        list: &[Option<SendCapability>; TRANSFERS],
    ) -> Result<([Capability; TRANSFERS], usize), Error> {
        let mut taken = [Capability::EMPTY; TRANSFERS];
        let mut count = 0;
        for (index, send) in list.iter().flatten().enumerate() {
            let capability = self.capability(me, send.source.bits())?;
            let is_moved_away = list[..index]
                .iter()
                .flatten()
                .any(|other| other.mode == SendMode::Move && other.source == send.source);
            if is_moved_away {
                return Err(Error::BadCapability);
            }
            match send.mode {
                SendMode::Copy => capability.require(Rights::DUPLICATE)?,
                SendMode::Move => {}
                SendMode::Mint => {
                    capability.port()?;
                    capability.require(Rights::MINT)?;
                }
            }
            taken[index] = capability;
            count = index + 1;
        }
        self.mint_sends(me, list, &mut taken)?;
        for (send, capability) in list.iter().flatten().zip(&mut taken) {
            if send.mode == SendMode::Mint {
                continue;
            }
            let original = *capability;
            *capability = original.narrowed(send.rights).with_flags(SlotFlags::empty());
            self.hold(*capability);
            if send.mode == SendMode::Move {
                let (table, slot) = self.place(me, send.source.bits())?;
                self.tables.take(table, slot);
                self.close(original);
            }
        }
        Ok((taken, count))
    }

    /// Makes the identities of a message, in place of the ports they are minted from.
    fn mint_sends(
        &mut self,
        me: ThreadId,
        list: &[Option<SendCapability>; TRANSFERS],
        taken: &mut [Capability; TRANSFERS],
    ) -> Result<(), Error> {
        for index in 0..TRANSFERS {
            let Some(send) = list[index].filter(|send| send.mode == SendMode::Mint) else {
                continue;
            };
            let account = self.account_of(me)?;
            match self.mint(taken[index], send.badge, send.rights, account) {
                Ok(capability) => taken[index] = capability,
                Err(error) => {
                    for earlier in 0..index {
                        let is_minted =
                            list[earlier].is_some_and(|send| send.mode == SendMode::Mint);
                        if is_minted && let Ok(grant) = taken[earlier].grant() {
                            self.unmint(grant);
                        }
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Makes a new identity on the port of `source`, held once by the result. It may have MINT, which
    /// then means that its holder may revoke it.
    pub(crate) fn mint(
        &mut self,
        source: Capability,
        badge: u64,
        rights: Rights,
        account: AccountId,
    ) -> Result<Capability, Error> {
        let grant = self.mint_grant(source.port()?, badge, account, false)?;
        let rights = source.rights() & (rights - Rights::RECEIVE);
        Ok(Capability::new(Object::Grant(grant), rights))
    }

    /// Makes an identity with one holder.
    #[inline]
    pub(crate) fn mint_grant(
        &mut self,
        port: PortId,
        badge: u64,
        account: AccountId,
        is_confined: bool,
    ) -> Result<GrantId, Error> {
        if self.ports.get(port).is_none() {
            return Err(Error::Gone);
        }
        self.charge(account, 1)?;
        let grant = Grant {
            port,
            badge,
            holders: 1,
            is_revoked: false,
            is_confined,
            queue: crate::ipc::queue::QueueLinks::NONE,
            account,
        };
        let mut pages =
            crate::memory::KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let Ok(id) = self.grants.insert(&mut pages, grant) else {
            self.uncharge(account);
            return Err(Error::NoMemory);
        };
        if let Some(port) = self.ports.get_mut(port) {
            port.grants += 1;
        }
        Ok(id)
    }

    /// Takes an identity back that nobody has seen: there is no notification.
    pub(crate) fn unmint(&mut self, id: GrantId) {
        if let Some(port) = self.grants.get(id).map(|grant| grant.port) {
            self.remove_grant(id, port);
        }
    }

    /// Puts the capabilities of a call into the slots where `receiver` wants them. A bit for each
    /// that arrived; the others are closed.
    pub(crate) fn deliver_capabilities(&mut self, caller: ThreadId, receiver: ThreadId) -> u8 {
        let Some(thread) = self.threads.get_mut(caller) else { return 0 };
        let count = core::mem::take(&mut thread.record.capability_count);
        if count == 0 {
            return 0;
        }
        let capabilities = thread.record.capabilities;
        let place = self.threads.get(receiver).map(|it| (it.tables[0], u32::from(it.arrivals)));
        let mut arrived = 0;
        for (index, capability) in capabilities.iter().take(usize::from(count)).enumerate() {
            let is_placed = place.is_some_and(|(table, first)| {
                let slot = first + index as u32;
                first != 0
                    && self.tables.slot(table, slot).is_empty()
                    && self.tables.set(table, slot, *capability)
            });
            if is_placed {
                arrived |= 1 << index;
            } else {
                self.close(*capability);
            }
        }
        arrived
    }

    /// Puts the capabilities of a reply into the slots that the call reserved; those without a slot
    /// are closed.
    pub(crate) fn fill_slots(
        &mut self,
        caller: ThreadId,
        token: Token,
        capabilities: &[Capability],
    ) -> ArrivedSlots {
        let mut arrived = ArrivedSlots::NONE;
        let has_extras = self.threads.get(caller).is_some_and(|caller| caller.record.has_extras);
        for (index, capability) in capabilities.iter().enumerate() {
            let place = if has_extras { self.reserved_slot(caller, token, index) } else { None };
            if let Some((table, slot)) = place {
                let flags = self.tables.slot(table, slot).flags();
                self.tables.set(table, slot, capability.with_flags(flags));
                arrived = arrived.with(index, slot as u16);
            } else {
                self.close(*capability);
            }
        }
        arrived
    }

    /// Empties the slots that a call has reserved and that are still reserved by it.
    pub(crate) fn release_slots(&mut self, caller: ThreadId, token: Token) {
        for index in 0..TRANSFERS {
            if let Some((table, slot)) = self.reserved_slot(caller, token, index) {
                self.tables.set(table, slot, Capability::EMPTY);
            }
        }
    }

    /// Receive slot `index` of a call, if it is still reserved by it.
    pub(crate) fn reserved_slot(
        &self,
        caller: ThreadId,
        token: Token,
        index: usize,
    ) -> Option<(TableId, u32)> {
        let thread = self.threads.get(caller)?;
        let reference = *thread.record.receive.get(index)?;
        if reference == u32::MAX {
            return None;
        }
        let reference = CapRef::from_bits(reference)?;
        let table = *thread.tables.get(reference.table() as usize)?;
        let slot = reference.slot();
        self.tables.slot(table, slot).is_reserved_by(token.0).then_some((table, slot))
    }

    /// Who pays for what a thread makes.
    #[inline]
    pub(crate) fn account_of(&self, me: ThreadId) -> Result<AccountId, Error> {
        let domain = self.thread(me)?.domain;
        self.domains.get(domain).map(|domain| domain.account).ok_or(Error::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_covered_words_are_read() {
        assert_eq!(covered(0), 1);
        assert_eq!(covered(2), 7);
        assert_eq!(covered(1 << 4 | 4), 14);
        assert_eq!(covered(2 << 8), 21);
        assert_eq!(covered(1 << 12), 22);
        assert_eq!(covered(15), 22, "more than there can be: decoding refuses it");
        assert_eq!(covered(u64::MAX), 22);
    }
}
