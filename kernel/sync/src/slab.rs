//! Typed slab: objects of one type at stable addresses, found by generational id.
//!
//! Owns [`Slab`]: slots in pages, the free list, generations. Never here: reference counts,
//! accounts, locks (a slab is plain data; who shares it locks it). Called by kernel core on every
//! path there is, so a lookup is two dependent loads (root, page), one bound and one generation
//! compare, with shifts for divisions.
//!
//! Invariants:
//! - S1 `used` slots have ever been used; their pages are owned and their generations written.
//! - S2 a slot's value is initialised exactly when its generation is odd.
//! - S3 a slot is on the free list exactly when its generation is even and not zero; at zero the
//!   32 bits have run out and the slot is retired, so an id never comes to life again.
//! - S4 a slot never moves and its page is never given back before [`Slab::release`].
//! - S5 the slab makes references to *values* only, never to a slot or page, so a raw pointer from
//!   [`Slab::ptr`] stays usable beside lookups of other elements.

use core::{marker::PhantomData, mem::MaybeUninit, ptr::NonNull};

use crate::{
    directory::Directory,
    id::Id,
    page::{Exhausted, PAGE_SIZE, PageSource},
};

/// Pages of a slab: 64 x 512 are 128 MiB of objects of one type.
type Pages = Directory<0, 64>;

/// End of the free list.
const NONE: u32 = u32::MAX;

#[repr(C)]
struct Slot<T> {
    generation: u32,
    /// The next free slot's index while free; unused while in use.
    next: u32,
    value: MaybeUninit<T>,
}

/// A growable pool of `T` (see the module's invariants).
///
/// Dropping a slab leaks its pages and forgets its values; call [`Slab::release`].
#[derive(Debug)]
pub struct Slab<T> {
    pages: Pages,
    used: u32,
    free: u32,
    free_length: u32,
    length: u32,
    _owns: PhantomData<T>,
}

impl<T> Slab<T> {
    /// Slots in a page: a power of two.
    pub const PER_PAGE: usize = {
        assert!(size_of::<Slot<T>>() <= PAGE_SIZE, "an element and its header must fit a page");
        1 << (PAGE_SIZE / size_of::<Slot<T>>()).ilog2()
    };

    /// The most elements a slab of this type can hold.
    pub const LIMIT: usize = Pages::LIMIT * Self::PER_PAGE;

    /// A slab without any page.
    pub const fn new() -> Slab<T> {
        let pages = Pages::new();
        Slab { pages, used: 0, free: NONE, free_length: 0, length: 0, _owns: PhantomData }
    }

    /// Live elements.
    pub const fn len(&self) -> usize {
        self.length as usize
    }

    /// Whether no element is live.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Pages owned, directories included.
    pub const fn pages(&self) -> usize {
        self.pages.owned()
    }

    /// The slot at `index`.
    ///
    /// # Safety
    /// Its page is owned.
    #[inline(always)]
    unsafe fn slot(&self, index: u32) -> *mut Slot<T> {
        let (page, slot) = (index as usize / Self::PER_PAGE, index as usize % Self::PER_PAGE);
        // SAFETY: the caller's promise; a page holds PER_PAGE slots.
        unsafe { self.pages.page(page).cast::<Slot<T>>().add(slot) }
    }

    /// The id of the live element in the slot at `index`.
    #[inline]
    pub fn id_at(&self, index: u32) -> Option<Id<T>> {
        // SAFETY: the index is below `used`, so the generation is written (S1).
        (index < self.used).then(|| Id::new(index, unsafe { (*self.slot(index)).generation }))?
    }

    /// A pointer to the element's value, valid for reads and writes until the element is removed.
    ///
    /// For the layer below that must hold a register image across a trap. Whoever dereferences it
    /// sees to it that no reference to the same element is in use at that time (S5).
    #[inline(always)]
    pub fn ptr(&self, id: Id<T>) -> Option<NonNull<T>> {
        // SAFETY: the index is below `used`, so the page is owned and the generation written (S1); a
        // place in a page has no null address.
        (id.index() < self.used).then(|| unsafe {
            let slot = self.slot(id.index());
            let value = NonNull::new_unchecked((&raw mut (*slot).value).cast());
            ((*slot).generation == id.generation()).then_some(value)
        })?
    }

    /// The element `id`, or `None` if it is gone.
    #[inline]
    pub fn get(&self, id: Id<T>) -> Option<&T> {
        // SAFETY: ids are odd (I1), so the value is initialised (S2). `&self` excludes mutable
        // references for as long as the result lives.
        self.ptr(id).map(|value| unsafe { value.as_ref() })
    }

    /// The element `id`, for change.
    #[inline]
    pub fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        // SAFETY: as in `get`; `&mut self` excludes every other reference.
        self.ptr(id).map(|mut value| unsafe { value.as_mut() })
    }

    /// Two different elements at once; `None` if one is gone or both are the same.
    #[inline(always)]
    pub fn pair_mut(&mut self, one: Id<T>, other: Id<T>) -> Option<(&mut T, &mut T)> {
        let (mut first, mut second) = (self.ptr(one)?, self.ptr(other)?);
        if first == second {
            return None;
        }
        // SAFETY: both are initialised (S2), different slots do not overlap, and `&mut self`
        // excludes every other reference.
        Some(unsafe { (first.as_mut(), second.as_mut()) })
    }

    /// The live element in the slot at `index`, whatever its generation.
    pub fn get_index(&self, index: u32) -> Option<(Id<T>, &T)> {
        let id = self.id_at(index)?;
        self.get(id).map(|value| (id, value))
    }

    /// One more than the highest index ever used: the bound for a chunked walk by `get_index`.
    pub const fn index_bound(&self) -> u32 {
        self.used
    }

    /// All live elements in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        (0..self.used).filter_map(|index| self.get_index(index))
    }

    /// Makes sure that `count` insertions will not need a page. All or nothing.
    pub fn reserve(&mut self, pages: &mut impl PageSource, count: usize) -> Result<(), Exhausted> {
        let unused = count.saturating_sub(self.free_length as usize);
        let slots = (self.used as usize).saturating_add(unused);
        self.pages.grow(pages, slots.div_ceil(Self::PER_PAGE))
    }

    /// The id that the next element gets. Makes sure of its page and changes nothing else.
    #[inline]
    fn vacant(&mut self, pages: &mut impl PageSource) -> Result<Id<T>, Exhausted> {
        self.reserve(pages, 1)?;
        let (index, generation) = match self.free {
            NONE => (self.used, 1),
            // SAFETY: slots on the free list are below `used` (S1). The old generation is even (S3),
            // so one more does not wrap.
            free => (free, unsafe { (*self.slot(free)).generation } + 1),
        };
        Id::new(index, generation).ok_or(Exhausted)
    }

    /// Has `make` build the element `id` where it will stay. If it unwinds (on the host: the kernel
    /// aborts), the slot is still vacant.
    ///
    /// # Safety
    /// `id` is what `vacant` has just said.
    #[inline(always)]
    unsafe fn occupy(&mut self, id: Id<T>, make: impl FnOnce() -> T) -> Id<T> {
        // SAFETY: the slot's page is owned, and the slot is on the free list with a whole header
        // (S3), or the first that was never used.
        unsafe {
            let slot = self.slot(id.index());
            (&raw mut (*slot).value).cast::<T>().write(make());
            (&raw mut (*slot).generation).write(id.generation());
            if self.free == NONE {
                self.used += 1;
            } else {
                self.free = (*slot).next;
                self.free_length -= 1;
            }
        }
        self.length += 1;
        id
    }

    /// Moves `value` in. Takes at most two pages; gives the value back when there are none.
    pub fn insert(&mut self, pages: &mut impl PageSource, value: T) -> Result<Id<T>, T> {
        let Ok(id) = self.vacant(pages) else { return Err(value) };
        // SAFETY: the id is the vacant one.
        Ok(unsafe { self.occupy(id, || value) })
    }

    /// As [`Slab::insert`] for a large value, which `make` builds where it will stay.
    #[inline(always)]
    pub fn insert_with(
        &mut self,
        pages: &mut impl PageSource,
        make: impl FnOnce() -> T,
    ) -> Result<Id<T>, Exhausted> {
        let id = self.vacant(pages)?;
        // SAFETY: the id is the vacant one.
        Ok(unsafe { self.occupy(id, make) })
    }

    /// Moves the element out; its id, and every copy of it, finds nothing from now on.
    pub fn remove(&mut self, id: Id<T>) -> Option<T> {
        let place = self.ptr(id)?;
        let generation = id.generation().wrapping_add(1);
        // SAFETY: the slot is live, so its index is below `used` (S1).
        unsafe {
            let slot = self.slot(id.index());
            (&raw mut (*slot).generation).write(generation);
            (&raw mut (*slot).next).write(self.free);
        }
        self.length -= 1;
        if generation != 0 {
            self.free = id.index();
            self.free_length += 1;
        }
        // SAFETY: the value was initialised (S2), and with the generation even is not read again.
        Some(unsafe { place.read() })
    }

    /// Drops every element and gives every page back.
    pub fn release(mut self, pages: &mut impl PageSource) {
        for index in 0..self.used {
            drop(self.id_at(index).and_then(|id| self.remove(id)));
        }
        // SAFETY: no element is left, and the slab is gone after this.
        unsafe { self.pages.shrink(pages, 0) };
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Slab;
    use crate::{HeapPages, Id};

    #[test]
    fn a_slot_whose_generations_have_run_out_is_retired() {
        let (mut slab, mut pages) = (Slab::<u32>::new(), HeapPages::new());
        let first = slab.insert(&mut pages, 1).unwrap();
        // SAFETY: slot 0 is in use and nothing refers to it.
        unsafe { (*slab.slot(first.index())).generation = u32::MAX };
        let last = Id::new(first.index(), u32::MAX).unwrap();
        assert!(slab.get(first).is_none());
        assert_eq!(slab.remove(last), Some(1));
        let next = slab.insert(&mut pages, 2).unwrap();
        assert_eq!((next.index(), next.generation()), (1, 1));
        assert!(slab.get(last).is_none() && slab.id_at(first.index()).is_none());
        assert_eq!(slab.len(), 1);
        slab.release(&mut pages);
        assert_eq!(pages.outstanding(), 0);
    }
}
