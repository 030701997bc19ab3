//! `cap_dup`, `cap_close`, `cap_revoke`, `cap_info`, `cap_move`.
//!
//! Owns: their checks and effects on slots. Never here: tables (`object/table.rs`), what closing the
//! last capability of an object entails (`object.rs`).

use tine_abi::{
    CapRef, Error,
    capability::{Destination, Rights},
    message::NO_TOKEN,
};

use crate::{
    machine::Machine,
    object::{
        PortId, ThreadId,
        capability::{Capability, Held},
        table::TableId,
        thread::Token,
    },
    state::State,
    syscall::{Answer, Arguments, Done},
};

/// Bit of the options: make a new identity.
const MINT: u64 = 1;
/// Bit of the options: the slot may be in use.
const REPLACE: u64 = 2;

/// Rights of an argument.
fn rights(word: u64) -> Result<Rights, Error> {
    let bits = u32::try_from(word).map_err(|_| Error::BadArgument)?;
    Rights::from_bits(bits).ok_or(Error::BadArgument)
}

impl<M: Machine> State<M> {
    pub(super) fn cap_duplicate(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [destination, mask, badge, options, _] = arguments.words;
        let destination = Destination::from_bits(destination).ok_or(Error::BadArgument)?;
        let mask = rights(mask)?;
        if options & 0xffff_ffff & !(MINT | REPLACE) != 0 {
            return Err(Error::BadArgument);
        }
        let source = self.capability(me, arguments.main)?;
        let table = self.destination_table(me, destination, options)?;
        let is_mint = options & MINT != 0;
        if is_mint {
            source.port()?;
            source.require(Rights::MINT)?;
        } else {
            source.require(Rights::DUPLICATE)?;
        }
        let slot = self.find_slot(table, destination, options & REPLACE != 0)?;
        let copy = if is_mint {
            let account = self.account_of(me)?;
            self.mint(source, badge, mask, account)?
        } else {
            let copy = source.narrowed(mask);
            self.hold(copy);
            copy
        };
        self.replace(table, slot, copy.with_flags(destination.flags));
        Ok(Done::Values(u64::from(slot), 0))
    }

    pub(super) fn cap_move(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [destination, mask, options, ..] = arguments.words;
        let destination = Destination::from_bits(destination).ok_or(Error::BadArgument)?;
        let mask = rights(mask)?;
        if options & 0xffff_ffff & !REPLACE != 0 {
            return Err(Error::BadArgument);
        }
        let source = self.capability(me, arguments.main)?;
        let (from, from_slot) = self.place(me, arguments.main)?;
        let table = self.destination_table(me, destination, options)?;
        let is_same =
            table == from && !destination.lowest_free && destination.slot.slot() == from_slot;
        let slot = self.find_slot(table, destination, is_same || options & REPLACE != 0)?;
        let moved = source.narrowed(mask).with_flags(destination.flags);
        self.hold(moved);
        self.tables.take(from, from_slot);
        self.replace(table, slot, moved);
        self.close(source);
        Ok(Done::Values(u64::from(slot), 0))
    }

    pub(super) fn cap_close(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let (table, slot) = self.place(me, arguments.main)?;
        let held = self.tables.take(table, slot);
        if held.is_empty() {
            return Err(Error::BadCapability);
        }
        self.close(held);
        Ok(Done::NOTHING)
    }

    pub(super) fn cap_revoke(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let capability = self.capability(me, arguments.main)?;
        let id = capability.grant()?;
        capability.require(Rights::MINT)?;
        let grant = self.grants.get_mut(id).ok_or(Error::BadCapability)?;
        if grant.is_revoked {
            return Err(Error::Revoked);
        }
        grant.is_revoked = true;
        Ok(Done::NOTHING)
    }

    pub(super) fn cap_info(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let capability = self.capability(me, arguments.main)?;
        let kind = capability.kind().ok_or(Error::BadCapability)?;
        let detail = match (Token(arguments.words[0]), capability.held()) {
            (Token(NO_TOKEN), Held::Memory) => {
                self.memories.get(capability.memory()?).map_or(0, |memory| memory.length())
            }
            (Token(NO_TOKEN), _) => 0,
            (token, _) => self.supervised_as(self.receiving_port(me, arguments.main)?, token)?,
        };
        let info = kind as u64
            | u64::from(capability.flags().bits()) << 8
            | u64::from(capability.rights().bits()) << 32;
        Ok(Done::Values(info, detail))
    }

    /// The badge under which a port supervises the Domain whose call it has in service; 0 if it
    /// does not.
    fn supervised_as(&self, port: PortId, token: Token) -> Result<u64, Error> {
        let caller = self.served(port, token)?.ok_or(Error::CallerGone)?;
        let domain = self.domains.get(self.thread(caller)?.domain);
        let binding = domain.and_then(|domain| domain.supervisor);
        Ok(binding.filter(|binding| binding.port == port).map_or(0, |binding| binding.badge))
    }

    /// The table of a destination: the caller's, or of the Domain that the options name.
    fn destination_table(
        &mut self,
        me: ThreadId,
        destination: Destination,
        options: u64,
    ) -> Result<TableId, Error> {
        let index = destination.slot.table() as usize;
        let reference = (options >> 32) as u32;
        if reference == CapRef::SELF.bits() {
            return Ok(self.thread(me)?.tables[index]);
        }
        let capability = self.capability(me, reference)?;
        let domain = capability.domain()?;
        capability.require(Rights::CONTROL)?;
        Ok(self.living_domain(domain)?.tables[index])
    }

    /// Fills a slot that has room, and closes what it held.
    pub(crate) fn replace(&mut self, table: TableId, slot: u32, capability: Capability) {
        let held = self.tables.slot(table, slot);
        self.tables.set(table, slot, capability);
        self.close(held);
    }
}
