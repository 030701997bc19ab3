//! Capability tables: numbered slots, the lowest free one found by bitmap.
//!
//! Owns: [`CapTable`], [`More`] and the two slabs of both, [`Tables`]. Never here: what capabilities
//! mean, counts of holders, rights. Called by the capability calls, IPC, forks and exits.
//!
//! Shape: the first [`INLINE`] slots lie in the table itself, so that a small table costs no page
//! and a lookup one load; the others in pages behind [`More`], with a bitmap of two levels.
//!
//! Invariants: C1 a slot's bit is set exactly when it is not empty (reserved counts as in use).
//! C2 a bit of `full` is set exactly when its word of the bitmap is all ones. C3 `users` is the
//! number of Domains whose table it is; the last one empties it, chunk by chunk.

use tine_abi::{
    CapRef, Error,
    capability::{Destination, SlotFlags},
};
use tine_ksync::{Id, PageArray, PageSource, Slab};

use crate::{
    account::{AccountId, Accounts},
    object::capability::Capability,
};

/// Names a capability table.
pub type TableId = Id<CapTable>;

/// Slots in the table itself.
pub const INLINE: usize = 24;

/// Slots of a table at most.
const SLOTS: usize = CapRef::SLOTS as usize;

/// Bitmap words of [`More`] that lie in it.
const FIRST_WORDS: usize = 4;

/// A capability table.
#[derive(Debug)]
pub struct CapTable {
    slots: [Capability; INLINE],
    /// Which of them are in use.
    occupied: u32,
    /// Domains that use it.
    pub users: u32,
    more: Option<Id<More>>,
    /// Who pays for its pages.
    account: AccountId,
}

impl CapTable {
    /// An empty table of one user.
    #[must_use]
    pub const fn new(account: AccountId) -> CapTable {
        CapTable { slots: [Capability::EMPTY; INLINE], occupied: 0, users: 1, more: None, account }
    }
}

/// The slots of a table beyond the inline ones; numbers here start at 0 for slot [`INLINE`].
#[derive(Debug)]
pub struct More {
    slots: PageArray<Capability>,
    first: [u64; FIRST_WORDS],
    words: PageArray<u64>,
    full: [u64; SLOTS.div_ceil(64 * 64)],
}

impl More {
    const fn new() -> More {
        More {
            slots: PageArray::new(),
            first: [0; FIRST_WORDS],
            words: PageArray::new(),
            full: [0; SLOTS.div_ceil(64 * 64)],
        }
    }

    fn word(&self, index: usize) -> u64 {
        match self.first.get(index) {
            Some(word) => *word,
            None => self.words.get(index - FIRST_WORDS).copied().unwrap_or(0),
        }
    }

    fn set_word(&mut self, index: usize, value: u64) {
        let word = match self.first.get_mut(index) {
            Some(word) => word,
            None => match self.words.get_mut(index - FIRST_WORDS) {
                Some(word) => word,
                None => return,
            },
        };
        *word = value;
        if let Some(summary) = self.full.get_mut(index / 64) {
            let bit = 1 << (index % 64);
            *summary = if value == u64::MAX { *summary | bit } else { *summary & !bit };
        }
    }

    fn mark(&mut self, slot: usize, in_use: bool) {
        let (index, bit) = (slot / 64, 1 << (slot % 64));
        let word = self.word(index);
        self.set_word(index, if in_use { word | bit } else { word & !bit });
    }

    /// Copies the slots of `from` that a fork inherits; there is room for all of them.
    fn fill(&mut self, from: &More, mut hold: impl FnMut(Capability)) {
        let per_page = PageArray::<Capability>::PER_PAGE;
        for page in 0..self.slots.len() / per_page {
            let source = from.slots.chunk(page);
            for index in page * per_page / 64..(page + 1) * per_page / 64 {
                let place = index * 64 - page * per_page;
                let target = self.slots.chunk_mut(page);
                let (mut left, mut copied) = (from.word(index), 0);
                while left != 0 {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    let (Some(from), Some(to)) =
                        (source.get(place + bit), target.get_mut(place + bit))
                    else {
                        break;
                    };
                    if is_inherited(from) {
                        hold(*from);
                        *to = *from;
                        copied |= 1 << bit;
                    }
                }
                self.set_word(index, copied);
            }
        }
    }

    /// As [`Tables::take_some`].
    fn take_some(&mut self, cursor: &mut usize, into: &mut [Capability]) -> usize {
        let mut count = 0;
        while let Some(slot) = self.next_occupied(*cursor) {
            let Some(place) = into.get_mut(count) else { break };
            if let Some(capability) = self.slots.get_mut(slot) {
                *place = core::mem::replace(capability, Capability::EMPTY);
            }
            self.mark(slot, false);
            *cursor = slot + 1;
            count += 1;
        }
        count
    }

    /// The lowest free slot at or above `from`, whether or not pages for it exist.
    fn lowest_free(&self, from: usize) -> usize {
        let start = from / 64;
        let free = !self.word(start) & u64::MAX << (from % 64);
        if free != 0 {
            return start * 64 + free.trailing_zeros() as usize;
        }
        let next = start + 1;
        for index in next / 64..self.full.len() {
            let above = if index == next / 64 { u64::MAX << (next % 64) } else { u64::MAX };
            let open = !self.full[index] & above;
            if open != 0 {
                let word = index * 64 + open.trailing_zeros() as usize;
                return word * 64 + (!self.word(word)).trailing_zeros() as usize;
            }
        }
        SLOTS
    }

    /// The lowest slot in use at or above `from`.
    fn next_occupied(&self, from: usize) -> Option<usize> {
        let start = from / 64;
        let last = self.slots.len().div_ceil(64);
        (start..last).find_map(|index| {
            let above = if index == start { u64::MAX << (from % 64) } else { u64::MAX };
            let used = self.word(index) & above;
            (used != 0).then(|| index * 64 + used.trailing_zeros() as usize)
        })
    }

    /// Pages that slots and bitmap take.
    fn pages(&self) -> u32 {
        (self.slots.pages() + self.words.pages()) as u32
    }

    /// Has pages for slots `0..length`, charged to `account`; all or nothing.
    fn grow(
        &mut self,
        pages: &mut impl PageSource,
        accounts: &mut Accounts,
        account: AccountId,
        length: usize,
    ) -> Result<(), Error> {
        let (before, words_before, slots_before) =
            (self.pages(), self.words.len(), self.slots.len());
        let slots = length.next_multiple_of(PageArray::<Capability>::PER_PAGE);
        let words = slots.div_ceil(64).saturating_sub(FIRST_WORDS);
        let is_grown = self.words.grow(pages, words, 0).is_ok()
            && self.slots.grow(pages, slots, Capability::EMPTY).is_ok();
        let added = self.pages() - before;
        let is_paid =
            is_grown && accounts.get_mut(account).is_some_and(|payer| payer.frames.take(added));
        if is_paid {
            return Ok(());
        }
        self.words.truncate(pages, words_before);
        self.slots.truncate(pages, slots_before);
        Err(Error::NoMemory)
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
}

impl Tables {
    /// No table.
    #[must_use]
    pub const fn new() -> Tables {
        Tables { tables: Slab::new(), more: Slab::new() }
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

    /// The table itself, for counting its users.
    pub fn get_mut(&mut self, id: TableId) -> Option<&mut CapTable> {
        self.tables.get_mut(id)
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
        more.and_then(|more| more.slots.get(index)).copied().unwrap_or(Capability::EMPTY)
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
        let Some(place) = more.slots.get_mut(index - INLINE) else { return false };
        *place = capability;
        more.mark(index - INLINE, !capability.is_empty());
        true
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
        if slot - INLINE < more.slots.len() {
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

    /// Copies what a fork's child gets: live slots without CLOFORK. `hold` counts each copy.
    #[inline]
    pub fn fill_copy(&mut self, source: TableId, copy: TableId, mut hold: impl FnMut(Capability)) {
        let Some((from, to)) = self.tables.pair_mut(source, copy) else { return };
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

    /// Takes the capabilities of the lowest slots in use at or above `cursor`, as many as there is
    /// room for, and moves `cursor` behind them. None: the table is empty from there on.
    pub fn take_some(&mut self, id: TableId, cursor: &mut u32, into: &mut [Capability]) -> usize {
        let Some(table) = self.tables.get_mut(id) else { return 0 };
        let mut count = 0;
        if (*cursor as usize) < INLINE {
            let mut left = table.occupied & u32::MAX << *cursor;
            while left != 0 {
                let Some(place) = into.get_mut(count) else { return count };
                let slot = left.trailing_zeros();
                if let Some(capability) = table.slots.get_mut(slot as usize) {
                    *place = core::mem::replace(capability, Capability::EMPTY);
                }
                table.occupied &= !(1 << slot);
                left &= left - 1;
                *cursor = slot + 1;
                count += 1;
            }
        }
        if let Some(more) = table.more.and_then(|more| self.more.get_mut(more))
            && let Some(room) = into.get_mut(count..)
        {
            let mut far = (*cursor as usize).saturating_sub(INLINE);
            let taken = more.take_some(&mut far, room);
            if taken > 0 {
                *cursor = (far + INLINE) as u32;
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
        let last = (0..more.slots.len().div_ceil(64)).rev().find(|index| more.word(*index) != 0);
        match last {
            Some(word) => {
                let slot = word * 64 + 63 - more.word(word).leading_zeros() as usize;
                self.make_far_room(memory, copy, slot + INLINE)
            }
            None => Ok(()),
        }
    }

    /// Removes an emptied table and gives its pages back.
    pub fn remove(&mut self, pages: &mut impl PageSource, id: TableId) {
        let Some(table) = self.tables.remove(id) else { return };
        if let Some(more) = table.more.and_then(|more| self.more.remove(more)) {
            more.slots.release(pages);
            more.words.release(pages);
        }
    }
}

/// Whether a fork copies the slot.
#[inline]
fn is_inherited(capability: &Capability) -> bool {
    capability.is_live() && !capability.flags().contains(SlotFlags::CLOFORK)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use tine_abi::{CapRef, capability::Rights};
    use tine_ksync::HeapPages;

    use super::*;
    use crate::{account::Account, object::capability::Object};

    /// Tables with an account, over the host's heap.
    struct World {
        tables: Tables,
        pages: HeapPages,
        accounts: Accounts,
        account: AccountId,
    }

    impl World {
        fn new() -> World {
            let mut pages = HeapPages::new();
            let mut accounts = Accounts::new();
            let account = accounts.insert(&mut pages, Account::new(1000, 1000)).unwrap();
            World { tables: Tables::new(), pages, accounts, account }
        }

        fn table(&mut self) -> TableId {
            self.tables.insert(&mut self.pages, self.account).unwrap()
        }

        fn find(&mut self, id: TableId, from: u16) -> Result<u32, Error> {
            let destination = Destination::lowest_from(CapRef::descriptor(from));
            let mut memory = TableMemory { pages: &mut self.pages, accounts: &mut self.accounts };
            self.tables.find(&mut memory, id, destination, false)
        }

        fn copy(&mut self, id: TableId) -> (TableId, usize) {
            let mut held = 0;
            let mut memory = TableMemory { pages: &mut self.pages, accounts: &mut self.accounts };
            let copy = self.tables.begin_copy(&mut memory, id, self.account).unwrap();
            self.tables.fill_copy(id, copy, |_| held += 1);
            (copy, held)
        }
    }

    fn something() -> Capability {
        Capability::new(Object::Interrupt(7), Rights::ALL)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_bitmap_finds_the_lowest_free_slot(
            steps in proptest::collection::vec((0u32..700, any::<bool>()), 1..300)
        ) {
            let mut world = World::new();
            let id = world.table();
            let mut model = BTreeSet::new();
            for (slot, fill) in steps {
                if fill {
                    let expected = (slot..).find(|slot| !model.contains(slot)).unwrap();
                    let found = world.find(id, slot as u16).unwrap();
                    prop_assert_eq!(found, expected);
                    prop_assert!(world.tables.set(id, found, something()));
                    model.insert(found);
                } else {
                    prop_assert_eq!(world.tables.take(id, slot).is_live(), model.remove(&slot));
                }
                let next = model.range(slot..).next().copied();
                prop_assert_eq!(world.tables.next_occupied(id, slot), next);
            }
            let (copy, held) = world.copy(id);
            prop_assert_eq!(held, model.len());
            for slot in 0..720 {
                prop_assert_eq!(world.tables.slot(copy, slot).is_live(), model.contains(&slot));
            }
            // The copy is taken in the order of slots, seven at a time.
            let (mut cursor, mut taken) = (0, 0);
            for (slot, next) in model.iter().zip(model.iter().skip(1).map(Some).chain([None])) {
                if taken % 7 == 0 {
                    let mut some = [Capability::EMPTY; 7];
                    let count = world.tables.take_some(copy, &mut cursor, &mut some);
                    prop_assert_eq!(count, 7.min(model.len() - taken));
                    prop_assert!(some[..count].iter().all(Capability::is_live));
                }
                taken += 1;
                prop_assert!(next.is_none() || slot < next.unwrap());
            }
            prop_assert_eq!(world.tables.next_occupied(copy, 0), None);
            let charged = world.tables.charges(id).0 + world.tables.charges(copy).0;
            prop_assert_eq!(world.accounts.get(world.account).unwrap().frames.used(), charged);
            let World { mut tables, mut pages, accounts, .. } = world;
            tables.remove(&mut pages, copy);
            tables.remove(&mut pages, id);
            tables.tables.release(&mut pages);
            tables.more.release(&mut pages);
            accounts.release(&mut pages);
            prop_assert_eq!(pages.outstanding(), 0);
        }
    }

    #[test]
    fn the_last_slot_can_be_used_and_the_one_after_it_not() {
        let mut world = World::new();
        let id = world.table();
        assert_eq!(world.find(id, u16::MAX), Ok(u32::from(u16::MAX)));
        world.tables.set(id, u32::from(u16::MAX), something());
        assert_eq!(world.find(id, u16::MAX), Err(Error::NoSlots));
    }

    #[test]
    fn a_table_that_the_account_cannot_pay_for_does_not_grow() {
        let mut world = World::new();
        let id = world.table();
        world.accounts.get_mut(world.account).unwrap().frames.set_limit(2);
        assert_eq!(world.find(id, 30), Ok(30));
        assert_eq!(world.find(id, 5000), Err(Error::NoMemory));
        assert_eq!(world.tables.charges(id).0, 1);
        assert_eq!(world.accounts.get(world.account).unwrap().frames.used(), 1);
    }

    #[test]
    fn reserved_and_clofork_slots_are_not_inherited() {
        let mut world = World::new();
        let id = world.table();
        world.tables.set(id, 3, Capability::reserved(9, SlotFlags::empty()));
        world.tables.set(id, 4, something().with_flags(SlotFlags::CLOFORK));
        world.tables.set(id, 5, something().with_flags(SlotFlags::CLOEXEC));
        let (copy, held) = world.copy(id);
        assert_eq!(held, 1);
        assert!(world.tables.slot(copy, 3).is_empty() && world.tables.slot(copy, 4).is_empty());
        assert_eq!(world.tables.slot(copy, 5).flags(), SlotFlags::CLOEXEC);
    }
}
