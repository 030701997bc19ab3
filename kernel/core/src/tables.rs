//! Which capability tables a Domain uses: derived for a fork's child, exchanged, left.
//!
//! Owns: the exchange, and the emptying of tables that nobody uses. Never here: slots
//! (`object/table.rs`), when an exit comes to its tables (`exit.rs`).
//!
//! A table is emptied in steps: the first at once, others by the reaper.

use tine_abi::{Error, Table, domain::Inherit, message::TRANSFERS};
use tine_ksync::List;

use crate::{
    account::{self, AccountId},
    machine::Machine,
    memory::{CHUNK, KernelPages, Progress},
    object::{
        DomainId, ThreadId,
        capability::Capability,
        table::{TableId, TableMemory},
        thread::{Sibling, Thread},
    },
    state::State,
};

/// Capabilities that are closed at a time.
const BATCH: usize = 8;

impl<M: Machine> State<M> {
    /// A table with one user more: a copy of `source`, that itself, or an empty one.
    #[inline]
    pub(crate) fn derive_table(
        &mut self,
        account: AccountId,
        inherit: Inherit,
        source: TableId,
    ) -> Result<TableId, Error> {
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let mut memory = TableMemory { pages: &mut pages, accounts: &mut self.accounts };
        match inherit {
            Inherit::Copy => {
                let copy = self.tables.begin_copy(&mut memory, source, account)?;
                let (mut holders, tables) = self.holders();
                tables.fill_copy(source, copy, |capability| holders.hold(capability));
                Ok(copy)
            }
            Inherit::Share => {
                self.tables.get_mut(source).ok_or(Error::Gone)?.users += 1;
                Ok(source)
            }
            Inherit::Empty => self.tables.insert(memory.pages, account),
        }
    }

    /// Gives a living Domain another table, derived from that of `source`. Calls of its threads lose
    /// the receive slots that they have in the old one.
    pub(crate) fn exchange_table(
        &mut self,
        id: DomainId,
        table: Table,
        inherit: Inherit,
        source: DomainId,
    ) -> Result<(), Error> {
        let index = table as usize;
        let source = self.living_domain(source)?.tables[index];
        let domain = self.living_domain(id)?;
        let (account, old) = (domain.account, domain.tables[index]);
        if inherit == Inherit::Share && source == old {
            return Ok(());
        }
        let new = self.derive_table(account, inherit, source)?;
        let domain = self.domains.get_mut(id).ok_or(Error::Gone)?;
        domain.tables[index] = new;
        let mut next = domain.threads.front();
        while let Some(thread) = next {
            self.release_slots_of(thread, old);
            if let Some(thread) = self.threads.get_mut(thread) {
                thread.tables[index] = new;
            }
            next = List::<Thread, Sibling>::after(&self.threads, thread);
        }
        self.leave_table(old);
        Ok(())
    }

    /// Empties the slots of one table that the thread's call has reserved.
    fn release_slots_of(&mut self, thread: ThreadId, table: TableId) {
        let Some(token) = self.threads.get(thread).map(|it| it.record.token) else { return };
        for index in 0..TRANSFERS {
            if let Some((reserved, slot)) = self.reserved_slot(thread, token, index)
                && reserved == table
            {
                self.tables.set(table, slot, Capability::EMPTY);
            }
        }
    }

    /// One user of a table fewer; behind the last one it is emptied.
    pub(crate) fn leave_table(&mut self, id: TableId) {
        let Some(table) = self.tables.get_mut(id) else { return };
        table.users -= 1;
        let mut budget = CHUNK;
        if table.users == 0 && self.empty_table(id, &mut budget) == Progress::More {
            self.tables.push_unused(id);
            self.wake_reaper();
        }
    }

    /// Closes slots of a table in their order, `budget` of them; removes it when it is empty.
    pub(crate) fn empty_table(&mut self, id: TableId, budget: &mut u32) -> Progress {
        let mut some = [Capability::EMPTY; BATCH];
        loop {
            let count = self.tables.take_some(id, &mut some);
            for capability in some.iter().take(count) {
                self.close(*capability);
            }
            if count < BATCH {
                self.remove_table(id);
                return Progress::Done;
            }
            *budget = budget.saturating_sub(BATCH as u32);
            if *budget == 0 {
                return Progress::More;
            }
        }
    }

    /// Removes an empty table.
    pub(crate) fn remove_table(&mut self, table: TableId) {
        let (frames, account) = self.tables.charges(table);
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        self.tables.remove(&mut pages, table);
        if let Some(account) = account {
            account::give_frames(&mut self.accounts, account.index(), frames);
            self.remove_account_if_over(account);
        }
    }
}
