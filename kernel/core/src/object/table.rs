//! Capability tables: numbered slots, the lowest free one found by bitmap.
//!
//! Owns: [`CapTable`], and [`Tables`], the slabs of them and of their far slots. Never here: what capabilities
//! mean, counts of holders, rights. Called by the capability calls, IPC, forks and exits.
//!
//! Shape: the first [`INLINE`] slots lie in the table itself, so that a small table costs no page
//! and a lookup one load; the others in pages behind `More`, with a bitmap of two levels.
//!
//! Invariants: C1 a slot's bit is set exactly when it is not empty (reserved counts as in use).
//! C2 a bit of `full` is set exactly when its word of the bitmap is all ones. C3 `users` is the
//! number of Domains whose table it is; the last one empties it, chunk by chunk. C4 a table on the
//! list `unused` has no users, and nothing is put into it any more.

use tine_abi::{
    CapRef, Error,
    capability::{Destination, SlotFlags},
};
use tine_ksync::{Id, Linked, Links, List, PageSource, Slab};

use crate::{
    account::{AccountId, Accounts},
    object::{capability::Capability, cost::bytes},
};

mod more;
#[cfg(test)]
mod tests;

use more::More;

/// Names a capability table.
pub type TableId = Id<CapTable>;

/// Slots in the table itself.
pub const INLINE: usize = 24;

/// Slots of a table at most.
const SLOTS: usize = CapRef::SLOTS as usize;

/// A capability table.
#[derive(Debug)]
pub struct CapTable {
    slots: [Capability; INLINE],
    /// Which of them are in use.
    occupied: u32,
    /// Domains that use it.
    pub users: u32,
    /// How far it has been emptied.
    cursor: u32,
    /// A word of the user's: a table of paths has one.
    pub word: u64,
    more: Option<Id<More>>,
    /// Who pays for its pages.
    account: AccountId,
    /// Link of the tables that nobody uses any more.
    unused: Links<CapTable>,
}

/// Tag of the tables that nobody uses any more.
#[derive(Debug)]
enum Unused {}

impl Linked<Unused> for CapTable {
    fn links(&self) -> &Links<Self> {
        &self.unused
    }
}

impl CapTable {
    /// An empty table of one user.
    #[must_use]
    pub const fn new(account: AccountId) -> CapTable {
        CapTable {
            slots: [Capability::EMPTY; INLINE],
            occupied: 0,
            users: 1,
            cursor: 0,
            word: 0,
            more: None,
            account,
            unused: Links::NONE,
        }
    }
}

/// Where tables get memory: pages, and who is charged for them.
#[derive(Debug)]
pub struct TableMemory<'k, P> {
    /// Pages.
    pub pages: &'k mut P,
    /// Accounts.
    pub accounts: &'k mut Accounts,
}

/// All capability tables.
#[derive(Debug, Default)]
pub struct Tables {
    tables: Slab<CapTable>,
    more: Slab<More>,
    /// Those that nobody uses any more and that are not empty yet.
    unused: List<CapTable, Unused>,
}

impl Tables {
    /// Bytes of slabs for each table.
    pub const BYTES: usize = bytes::<CapTable>() + bytes::<More>();

    /// No table.
    #[must_use]
    pub const fn new() -> Tables {
        Tables { tables: Slab::new(), more: Slab::new(), unused: List::new() }
    }

    /// How many tables there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Adds a table with one user.
    ///
    /// # Errors
    /// [`Error::NoMemory`].
    #[inline]
    pub fn insert(
        &mut self,
        pages: &mut impl PageSource,
        account: AccountId,
    ) -> Result<TableId, Error> {
        self.tables.insert_with(pages, || CapTable::new(account)).map_err(|_| Error::NoMemory)
    }

    /// Pages that the slabs of tables take.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.tables.pages() + self.more.pages()
    }

    /// Frames that a table is charged with, and to whom.
    #[must_use]
    pub fn charges(&self, id: TableId) -> (u32, Option<AccountId>) {
        let Some(table) = self.tables.get(id) else { return (0, None) };
        let more = table.more.and_then(|more| self.more.get(more));
        (more.map_or(0, More::pages), Some(table.account))
    }

    /// The table itself.
    #[must_use]
    pub fn get(&self, id: TableId) -> Option<&CapTable> {
        self.tables.get(id)
    }

    /// The table itself, for its word and for counting its users.
    pub fn get_mut(&mut self, id: TableId) -> Option<&mut CapTable> {
        self.tables.get_mut(id)
    }

    /// Puts a table that nobody uses any more in line to be emptied.
    pub fn push_unused(&mut self, id: TableId) {
        self.unused.push_back(&mut self.tables, id);
    }

    /// Takes the first of that line.
    pub fn pop_unused(&mut self) -> Option<TableId> {
        self.unused.pop_front(&mut self.tables)
    }

    /// How many are in that line.
    #[must_use]
    pub const fn unused(&self) -> usize {
        self.unused.len()
    }

    /// All tables, for checks.
    pub fn iter(&self) -> impl Iterator<Item = (TableId, &CapTable)> {
        self.tables.iter()
    }

    /// What a slot holds; [`Capability::EMPTY`] beyond the end.
    #[inline(always)]
    #[must_use]
    pub fn slot(&self, id: TableId, slot: u32) -> Capability {
        let Some(table) = self.tables.get(id) else { return Capability::EMPTY };
        match table.slots.get(slot as usize) {
            Some(capability) => *capability,
            None => self.far_slot(table, slot as usize - INLINE),
        }
    }

    /// As [`Tables::slot`], but only for inline slots.
    #[inline(always)]
    #[must_use]
    pub fn near_slot(&self, id: TableId, slot: u32) -> Option<Capability> {
        self.tables.get(id)?.slots.get(slot as usize).copied()
    }

    #[inline(never)]
    fn far_slot(&self, table: &CapTable, index: usize) -> Capability {
        let more = table.more.and_then(|more| self.more.get(more));
        more.map_or(Capability::EMPTY, |more| more.slot(index))
    }

    /// Fills or empties a slot for which there is room; `false` if there is none. What it held
    /// before is forgotten: whoever calls has counted it.
    #[inline]
    pub fn set(&mut self, id: TableId, slot: u32, capability: Capability) -> bool {
        let Some(table) = self.tables.get_mut(id) else { return false };
        let index = slot as usize;
        if let Some(place) = table.slots.get_mut(index) {
            *place = capability;
            let bit = 1 << index;
            let rest = table.occupied & !bit;
            table.occupied = if capability.is_empty() { rest } else { rest | bit };
            return true;
        }
        let Some(more) = table.more.and_then(|more| self.more.get_mut(more)) else { return false };
        more.set(index - INLINE, capability)
    }

    /// Empties a slot and tells what it held.
    #[inline]
    pub fn take(&mut self, id: TableId, slot: u32) -> Capability {
        let held = self.slot(id, slot);
        if !held.is_empty() {
            self.set(id, slot, Capability::EMPTY);
        }
        held
    }

    /// The lowest free slot at or above `from`, which may lie beyond the end of the table.
    #[inline]
    #[must_use]
    pub fn lowest_free(&self, id: TableId, from: u32) -> Option<u32> {
        const ALL: u32 = (1 << INLINE) - 1;
        let table = self.tables.get(id)?;
        if (from as usize) < INLINE {
            let free = !table.occupied & ALL & u32::MAX << from;
            if free != 0 {
                return Some(free.trailing_zeros());
            }
        }
        let from = (from as usize).saturating_sub(INLINE);
        let slot = INLINE
            + match table.more.and_then(|more| self.more.get(more)) {
                Some(more) => more.lowest_free(from),
                None => from,
            };
        (slot < SLOTS).then_some(slot as u32)
    }

    /// The lowest slot in use at or above `from`: one step of a walk.
    #[inline]
    #[must_use]
    pub fn next_occupied(&self, id: TableId, from: u32) -> Option<u32> {
        let table = self.tables.get(id)?;
        if (from as usize) < INLINE {
            let used = table.occupied & u32::MAX << from;
            if used != 0 {
                return Some(used.trailing_zeros());
            }
        }
        let more = self.more.get(table.more?)?;
        let from = (from as usize).saturating_sub(INLINE);
        more.next_occupied(from).map(|slot| (slot + INLINE) as u32)
    }

    /// Sees to it that slot `slot` has room.
    ///
    /// # Errors
    /// [`Error::NoMemory`]; [`Error::NoSlots`] beyond the largest table.
    #[inline]
    pub fn make_room<P: PageSource>(
        &mut self,
        memory: &mut TableMemory<'_, P>,
        id: TableId,
        slot: u32,
    ) -> Result<(), Error> {
        if (slot as usize) < INLINE {
            Ok(())
        } else {
            self.make_far_room(memory, id, slot as usize)
        }
    }

    #[inline(never)]
    fn make_far_room<P: PageSource>(
        &mut self,
        memory: &mut TableMemory<'_, P>,
        id: TableId,
        slot: usize,
    ) -> Result<(), Error> {
        if slot >= SLOTS {
            return Err(Error::NoSlots);
        }
        let table = self.tables.get_mut(id).ok_or(Error::Gone)?;
        let more = match table.more {
            Some(more) => more,
            None => {
                let more = self.more.insert_with(memory.pages, More::new);
                let more = more.map_err(|_| Error::NoMemory)?;
                table.more = Some(more);
                more
            }
        };
        let more = self.more.get_mut(more).ok_or(Error::Gone)?;
        if more.has_room(slot - INLINE) {
            return Ok(());
        }
        more.grow(memory.pages, memory.accounts, table.account, slot - INLINE + 1)
    }

    /// Finds the slot that `destination` means and has room for it; nothing is in it yet. With
    /// `replace` an exact slot may be in use.
    ///
    /// # Errors
    /// [`Error::NoSlots`] if it is in use or the table is full, [`Error::NoMemory`].
    pub fn find<P: PageSource>(
        &mut self,
        memory: &mut TableMemory<'_, P>,
        id: TableId,
        destination: Destination,
        replace: bool,
    ) -> Result<u32, Error> {
        let wanted = destination.slot.slot();
        let slot = if destination.lowest_free {
            // Private slot 0 is "self" and never filled.
            let from = if destination.slot.is_self() { 1 } else { wanted };
            self.lowest_free(id, from).ok_or(Error::NoSlots)?
        } else {
            if !replace && !self.slot(id, wanted).is_empty() {
                return Err(Error::NoSlots);
            }
            wanted
        };
        self.make_room(memory, id, slot)?;
        Ok(slot)
    }

    /// Begins a copy of a table for a fork's child: an empty table of one user with room for every
    /// slot of `source`, for which `account` pays.
    ///
    /// # Errors
    /// [`Error::NoMemory`].
    #[inline]
    pub fn begin_copy<P: PageSource>(
        &mut self,
        memory: &mut TableMemory<'_, P>,
        source: TableId,
        account: AccountId,
    ) -> Result<TableId, Error> {
        let copy = self.insert(memory.pages, account)?;
        let has_more = self.tables.get(source).is_some_and(|table| table.more.is_some());
        if has_more && let Err(error) = self.copy_far_room(memory, source, copy) {
            self.remove(memory.pages, copy);
            return Err(error);
        }
        Ok(copy)
    }

    /// Copies what a fork's child gets: the word, and live slots without CLOFORK. `hold` counts each
    /// copy.
    #[inline]
    pub fn fill_copy(&mut self, source: TableId, copy: TableId, mut hold: impl FnMut(Capability)) {
        let Some((from, to)) = self.tables.pair_mut(source, copy) else { return };
        to.word = from.word;
        let mut occupied = from.occupied;
        while occupied != 0 {
            let slot = occupied.trailing_zeros() as usize;
            occupied &= occupied - 1;
            let (Some(from), Some(place)) = (from.slots.get(slot), to.slots.get_mut(slot)) else {
                break;
            };
            if is_inherited(from) {
                hold(*from);
                *place = *from;
                to.occupied |= 1 << slot;
            }
        }
        if let (Some(from), Some(to)) = (from.more, to.more)
            && let Some((from, to)) = self.more.pair_mut(from, to)
        {
            to.fill(from, hold);
        }
    }

    /// Takes the capabilities of the lowest slots in use, as many as there is room for; those of the
    /// slots behind them the next time. Fewer than there is room for: the table is empty.
    pub fn take_some(&mut self, id: TableId, into: &mut [Capability]) -> usize {
        let Some(table) = self.tables.get_mut(id) else { return 0 };
        let mut count = 0;
        if (table.cursor as usize) < INLINE {
            let mut left = table.occupied & u32::MAX << table.cursor;
            while left != 0 {
                let Some(place) = into.get_mut(count) else { return count };
                let slot = left.trailing_zeros();
                if let Some(capability) = table.slots.get_mut(slot as usize) {
                    *place = core::mem::replace(capability, Capability::EMPTY);
                }
                table.occupied &= !(1 << slot);
                left &= left - 1;
                table.cursor = slot + 1;
                count += 1;
            }
        }
        if let Some(more) = table.more.and_then(|more| self.more.get_mut(more))
            && let Some(room) = into.get_mut(count..)
        {
            let mut far = (table.cursor as usize).saturating_sub(INLINE);
            let taken = more.take_some(&mut far, room);
            if taken > 0 {
                table.cursor = (far + INLINE) as u32;
            }
            count += taken;
        }
        count
    }

    /// Has room in `copy` for the highest far slot of `source` in use.
    #[inline(never)]
    fn copy_far_room<P: PageSource>(
        &mut self,
        memory: &mut TableMemory<'_, P>,
        source: TableId,
        copy: TableId,
    ) -> Result<(), Error> {
        let more = self.tables.get(source).and_then(|table| table.more);
        let Some(more) = more.and_then(|more| self.more.get(more)) else { return Ok(()) };
        match more.last_occupied() {
            Some(slot) => self.make_far_room(memory, copy, slot + INLINE),
            None => Ok(()),
        }
    }

    /// Removes an emptied table and gives its pages back.
    pub fn remove(&mut self, pages: &mut impl PageSource, id: TableId) {
        let Some(table) = self.tables.remove(id) else { return };
        if let Some(more) = table.more.and_then(|more| self.more.remove(more)) {
            more.release(pages);
        }
    }
}

/// Whether a fork copies the slot.
#[inline]
fn is_inherited(capability: &Capability) -> bool {
    capability.is_live() && !capability.flags().contains(SlotFlags::CLOFORK)
}
