//! Fork: a second space over the same tables and mappings.
//!
//! Owns: [`Space::fork`]. Never here: threads, registers, capability tables. Called by
//! `clone_caller`.
//!
//! Both spaces keep every table below the root; the entries of both roots lose W and the tables gain
//! a reference. The tree of inherited mappings gains one as well. So the cost is that of the live
//! top-level entries, whatever lies under them, and what a write costs later is `resolve`'s affair.

use tine_abi::Error;

use super::{
    Mapping, MemoryContext, Space,
    address::{self, INHERITED_GROUPS},
    entry,
};
use crate::{account::AccountId, machine::Translation};

impl Space {
    /// A space with the same memory, whose later tables and pages are charged to `account`.
    ///
    /// One frame, all or nothing. [`Error::Busy`]: a job is in progress, see [`Space::advance`].
    #[inline]
    pub fn fork<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        account: AccountId,
    ) -> Result<Space, Error> {
        let root = self.idle_root()?;
        let mut reservation = cx.frames.reserve(cx.accounts, account, 1)?;
        let child = cx.frames.take_root(cx.machine, &mut reservation);

        let occupancy = cx.frames.usage(root).0 & INHERITED_GROUPS;
        let mut groups = occupancy;
        let mut live = 0;
        while groups != 0 {
            let first = address::first_of(groups);
            groups &= groups - 1;
            cx.machine.copy_entries(child, root, first, !entry::WRITABLE, |entry| {
                cx.frames.raise(entry);
                live += 1;
            });
        }
        cx.frames.set_usage(child, occupancy, live);
        cx.machine.flush_all(root);

        if let Some(node) = self.inherited.root {
            cx.nodes.raise(node);
        }
        let recent = if address::is_own(self.recent.start) { Mapping::EMPTY } else { self.recent };
        Ok(Space { hints: self.hints, recent, ..Space::with(child, account, self.inherited) })
    }
}
