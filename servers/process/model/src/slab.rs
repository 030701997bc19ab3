//! Generational slabs: records that never move, named by ids that go stale instead of wrong.
//!
//! Owns: storage of every record of the model. Records live in chunks that are allocated once and
//! never copied, so growth costs one bounded allocation and the common path allocates nothing.
//!
//! Invariants: an id names at most one record ever: the generation of a slot rises at each removal,
//! and a slot whose generations are used up is retired. The free list is last in, first out, so a
//! record that is inserted and removed again leaves the order of later ids as it was.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::num::NonZeroU32;
use core::ops::{Index, IndexMut};

use crate::model::OutOfMemory;

/// Records a chunk holds.
const CHUNK: usize = 32;
/// Generations a slot has; ids fit in 62 bits so that a badge can hold one and a kind.
const GENERATIONS: u32 = 1 << 30;

/// Names one record: index and generation. A stale id finds nothing.
pub struct Id<T> {
    index: u32,
    generation: NonZeroU32,
    kind: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The id as a number below 2^62: generation in bits 32 to 62, index below.
    #[must_use]
    pub const fn raw(self) -> u64 {
        (self.generation.get() as u64) << 32 | self.index as u64
    }

    /// The id with this number; `None` when no id has it.
    #[must_use]
    pub const fn from_raw(raw: u64) -> Option<Self> {
        let upper = raw >> 32;
        if upper >= GENERATIONS as u64 {
            return None;
        }
        match NonZeroU32::new(upper as u32) {
            Some(generation) => Some(Self { index: raw as u32, generation, kind: PhantomData }),
            None => None,
        }
    }

    /// The slot's index: small, and unique among the records that exist at one time. The shell
    /// numbers its own tables by it.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.generation == other.generation
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw().cmp(&other.raw())
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw().hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.index, self.generation)
    }
}

/// One place of a slab.
struct Slot<T> {
    generation: NonZeroU32,
    next_free: u32,
    value: Option<T>,
}

/// Slots that are allocated together and never move.
type Chunk<T> = Box<[Slot<T>; CHUNK]>;

/// Records of one kind.
pub(crate) struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// First free slot; the list ends at the number of slots there are.
    free: u32,
    len: u32,
    /// Tests: there is no memory.
    #[cfg(test)]
    pub(crate) starved: bool,
}

impl<T> Slab<T> {
    /// An empty slab; allocates nothing.
    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: 0,
            len: 0,
            #[cfg(test)]
            starved: false,
        }
    }

    /// Number of records.
    pub(crate) const fn len(&self) -> u32 {
        self.len
    }

    /// Makes sure that the next `insert` succeeds.
    pub(crate) fn reserve(&mut self) -> Result<(), OutOfMemory> {
        #[cfg(test)]
        if self.starved {
            return Err(OutOfMemory);
        }
        if (self.free as usize) < self.chunks.len() * CHUNK { Ok(()) } else { self.grow() }
    }

    /// Adds a chunk. All its slots are free, the first one first.
    #[cold]
    fn grow(&mut self) -> Result<(), OutOfMemory> {
        let first = self.chunks.len() * CHUNK;
        if first + CHUNK > u32::MAX as usize {
            return Err(OutOfMemory);
        }
        self.chunks.try_reserve(1)?;
        let mut slots = Vec::new();
        slots.try_reserve_exact(CHUNK)?;
        slots.extend((first + 1..=first + CHUNK).map(|next| Slot {
            generation: NonZeroU32::MIN,
            next_free: next as u32,
            value: None,
        }));
        let chunk = slots.into_boxed_slice().try_into().map_err(|_| OutOfMemory)?;
        self.chunks.push(chunk);
        Ok(())
    }

    /// Adds a record.
    pub(crate) fn insert(&mut self, value: T) -> Result<Id<T>, OutOfMemory> {
        self.reserve()?;
        let index = self.free;
        let chunk = self.chunks.get_mut(index as usize / CHUNK).ok_or(OutOfMemory)?;
        let slot = &mut chunk[index as usize % CHUNK];
        slot.value = Some(value);
        self.free = slot.next_free;
        self.len += 1;
        Ok(Id { index, generation: slot.generation, kind: PhantomData })
    }

    /// The id that the next record will get, which can then not fail.
    pub(crate) fn reserve_id(&mut self) -> Result<Id<T>, OutOfMemory> {
        self.reserve()?;
        let index = self.free;
        let chunk = self.chunks.get(index as usize / CHUNK).ok_or(OutOfMemory)?;
        let generation = chunk[index as usize % CHUNK].generation;
        Ok(Id { index, generation, kind: PhantomData })
    }

    /// Takes a record out; `None` when the id is stale.
    pub(crate) fn remove(&mut self, id: Id<T>) -> Option<T> {
        let value = self.slot_mut(id)?.value.take()?;
        self.retire(id);
        Some(value)
    }

    /// Drops a record where it stands. A stale id changes nothing.
    pub(crate) fn discard(&mut self, id: Id<T>) {
        let Some(slot) = self.slot_mut(id) else { return };
        if slot.value.is_some() {
            slot.value = None;
            self.retire(id);
        }
    }

    /// Makes a slot that was just emptied free, under its next generation.
    fn retire(&mut self, id: Id<T>) {
        let free = self.free;
        self.len -= 1;
        let Some(slot) = self.slot_mut(id) else { return };
        let next = slot.generation.get() + 1;
        if let Some(generation) = NonZeroU32::new(next).filter(|_| next < GENERATIONS) {
            slot.generation = generation;
            slot.next_free = free;
            self.free = id.index;
        }
    }

    /// The record, unless the id is stale.
    #[inline]
    pub(crate) fn get(&self, id: Id<T>) -> Option<&T> {
        let slot = &self.chunks.get(id.index as usize / CHUNK)?[id.index as usize % CHUNK];
        if slot.generation == id.generation { slot.value.as_ref() } else { None }
    }

    /// The record, unless the id is stale.
    #[inline]
    pub(crate) fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        self.slot_mut(id)?.value.as_mut()
    }

    #[inline]
    fn slot_mut(&mut self, id: Id<T>) -> Option<&mut Slot<T>> {
        let chunk = self.chunks.get_mut(id.index as usize / CHUNK)?;
        let slot = &mut chunk[id.index as usize % CHUNK];
        if slot.generation == id.generation { Some(slot) } else { None }
    }

    /// Every record, by index: for queries, broadcasts and checks, never on a common path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).enumerate().filter_map(|(index, slot)| {
            let id = Id { index: index as u32, generation: slot.generation, kind: PhantomData };
            Some((id, slot.value.as_ref()?))
        })
    }

    /// The record at or after a position, and the position after it: a loop that may change the
    /// slab between its rounds.
    pub(crate) fn next_from(&self, position: u32) -> Option<(Id<T>, u32)> {
        let mut position = position as usize;
        while let Some(chunk) = self.chunks.get(position / CHUNK) {
            let slot = &chunk[position % CHUNK];
            if slot.value.is_some() {
                let index = position as u32;
                let id = Id { index, generation: slot.generation, kind: PhantomData };
                return Some((id, index + 1));
            }
            position += 1;
        }
        None
    }
}

/// Access to a record that the invariants say exists; a stale id here is a bug of the model.
impl<T> Index<Id<T>> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, id: Id<T>) -> &T {
        match self.get(id) {
            Some(value) => value,
            None => stale(),
        }
    }
}

impl<T> IndexMut<Id<T>> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        match self.get_mut(id) {
            Some(value) => value,
            None => stale(),
        }
    }
}

#[cold]
#[inline(never)]
fn stale() -> ! {
    panic!("a link of the process model names a record that is gone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_goes_stale_and_is_never_reused() {
        let mut slab = Slab::new();
        let first = slab.insert('a').unwrap();
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('b').unwrap();
        assert_eq!(second.index(), first.index());
        assert_ne!(second, first);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!((slab.len(), slab[second]), (1, 'b'));
    }

    #[test]
    fn records_survive_growth_and_are_listed_by_index() {
        let mut slab = Slab::new();
        let ids: Vec<_> = (0..100).map(|value| slab.insert(value).unwrap()).collect();
        for id in ids.iter().step_by(3) {
            slab.remove(*id);
        }
        let listed: Vec<_> = slab.iter().map(|(_, value)| *value).collect();
        let expected: Vec<_> = (0..100).filter(|value| value % 3 != 0).collect();
        assert_eq!(listed, expected);
        let mut walked = Vec::new();
        let mut position = 0;
        while let Some((id, next)) = slab.next_from(position) {
            walked.push(slab[id]);
            position = next;
        }
        assert_eq!(walked, expected);
    }

    #[test]
    fn raw_ids_survive_and_reserved_bits_are_refused() {
        let mut slab = Slab::new();
        let id = slab.insert(()).unwrap();
        assert_eq!(Id::from_raw(id.raw()), Some(id));
        assert_eq!(Id::<()>::from_raw(7), None, "generation 0");
        assert_eq!(Id::<()>::from_raw(1 << 62), None, "kind bits");
    }

    #[test]
    fn a_slot_out_of_generations_is_retired() {
        let mut slab = Slab::new();
        let id = slab.insert(1).unwrap();
        slab.chunks[0][0].generation = NonZeroU32::new(GENERATIONS - 1).unwrap();
        let last = Id::from_raw(u64::from(GENERATIONS - 1) << 32).unwrap();
        assert_eq!((id.index(), slab.remove(last)), (0, Some(1)));
        assert_eq!(slab.insert(2).unwrap().index(), 1);
    }
}
