//! Typed slab: objects of one type at stable addresses, found by generational id.
//!
//! Owns [`Slab`]: slots in pages, a directory of pages, the free list, generations. Never here:
//! reference counts, accounts, locks (a slab is plain data; who shares it locks it). Called by
//! kernel core on every path there is, so a lookup is two dependent loads (directory, page), one
//! bound and one generation compare, with shifts for divisions.
//!
//! Shape: `roots` (inline) -> directory page of 512 page pointers -> page of 2^n slots.
//!
//! Invariants:
//! - S1 `used <= capacity`, and every slot below `used` has an initialised generation; the page and
//!   directory of every slot below `capacity` are owned by the slab.
//! - S2 a slot's value is initialised exactly when its generation is odd.
//! - S3 a slot is on the free list exactly when its generation is even and not zero; at zero the
//!   32 bits have run out and the slot is retired, so an id never comes to life again.
//! - S4 a slot never moves and its page is never given back before [`Slab::release`].
//! - S5 the slab makes references to *values* only, never to a slot, page or directory, so a raw
//!   pointer from [`Slab::ptr`] stays usable beside lookups of other elements.

use core::{
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ptr::{self, NonNull},
};

use crate::{
    id::Id,
    page::{Exhausted, FAN_OUT, PAGE_SIZE, Page, PageSource},
};

/// Directory pages a slab may own: 64 x 512 pages are 128 MiB of objects of one type.
const ROOTS: usize = 64;

/// End of the free list.
const NONE: u32 = u32::MAX;

#[repr(C)]
struct Slot<T> {
    generation: u32,
    /// The next free slot's index while free; unused while in use.
    next: u32,
    value: MaybeUninit<T>,
}

/// A directory: one page of pointers to pages.
type Directory = NonNull<NonNull<u8>>;

/// A growable pool of `T` (see the module's invariants).
///
/// Dropping a slab leaks its pages and forgets its values; call [`Slab::release`].
pub struct Slab<T> {
    roots: [MaybeUninit<Directory>; ROOTS],
    used: u32,
    capacity: u32,
    free: u32,
    free_length: u32,
    length: u32,
    _owns: PhantomData<T>,
}

// SAFETY: the slab owns its pages and values alone (S1), so it moves between CPUs as a `T` does.
unsafe impl<T: Send> Send for Slab<T> {}
// SAFETY: through `&Slab` nothing but values is handed out, and no slot header is written.
unsafe impl<T: Sync> Sync for Slab<T> {}

impl<T> Slab<T> {
    /// log2 of the slots in a page.
    const SHIFT: u32 = {
        assert!(size_of::<Slot<T>>() <= PAGE_SIZE, "an element and its header must fit a page");
        assert!(align_of::<Slot<T>>() <= PAGE_SIZE, "a page cannot be aligned better than itself");
        (PAGE_SIZE / size_of::<Slot<T>>()).ilog2()
    };

    /// Slots in a page: a power of two.
    pub const PER_PAGE: usize = 1 << Self::SHIFT;

    /// The most elements a slab of this type can hold.
    pub const LIMIT: usize = ROOTS * FAN_OUT * Self::PER_PAGE;

    /// A slab without any page.
    pub const fn new() -> Slab<T> {
        Slab {
            roots: [MaybeUninit::uninit(); ROOTS],
            used: 0,
            capacity: 0,
            free: NONE,
            free_length: 0,
            length: 0,
            _owns: PhantomData,
        }
    }

    /// Live elements.
    pub fn len(&self) -> usize {
        self.length as usize
    }

    /// Whether no element is live.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Pages owned, directories included.
    pub fn pages(&self) -> usize {
        let pages = self.capacity as usize >> Self::SHIFT;
        pages + pages.div_ceil(FAN_OUT)
    }

    /// The slot at `index`.
    ///
    /// # Safety
    /// `index < capacity`.
    #[inline(always)]
    unsafe fn slot(&self, index: u32) -> *mut Slot<T> {
        let page = (index >> Self::SHIFT) as usize;
        // SAFETY: the caller's bound with S1: capacity never exceeds LIMIT, so the root exists and
        // is initialised, so are the directory's entry and the page behind it, and the slot lies in
        // that page because PER_PAGE slots do.
        unsafe {
            let directory = self.roots.get_unchecked(page / FAN_OUT).assume_init();
            let base = directory.add(page % FAN_OUT).read();
            base.cast::<Slot<T>>().add(index as usize & (Self::PER_PAGE - 1)).as_ptr()
        }
    }

    /// The generation of the slot at `index`, if it was ever used.
    #[inline(always)]
    fn generation(&self, index: u32) -> Option<u32> {
        // SAFETY: `index < used <= capacity`, and used slots have a generation (S1).
        (index < self.used).then(|| unsafe { (*self.slot(index)).generation })
    }

    /// A pointer to the element's value, valid for reads and writes until the element is removed.
    ///
    /// For the layer below that must hold a register image across a trap. Whoever dereferences it
    /// sees to it that no reference to the same element is in use at that time (S5).
    #[inline(always)]
    pub fn ptr(&self, id: Id<T>) -> Option<NonNull<T>> {
        if self.generation(id.index())? != id.generation() {
            return None;
        }
        // SAFETY: the index was just found below `used`; projecting a field of the slot stays in
        // its page, so the pointer is not null.
        Some(unsafe { NonNull::new_unchecked((&raw mut (*self.slot(id.index())).value).cast()) })
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
    #[inline]
    pub fn pair_mut(&mut self, one: Id<T>, other: Id<T>) -> Option<(&mut T, &mut T)> {
        let (mut first, mut second) = (self.ptr(one)?, self.ptr(other)?);
        if first == second {
            return None;
        }
        // SAFETY: both are initialised (S2), different slots do not overlap, and `&mut self`
        // excludes every other reference.
        Some(unsafe { (first.as_mut(), second.as_mut()) })
    }

    /// Whether `id` is live.
    #[inline]
    pub fn contains(&self, id: Id<T>) -> bool {
        self.ptr(id).is_some()
    }

    /// The live element in the slot at `index`, whatever its generation.
    pub fn get_index(&self, index: u32) -> Option<(Id<T>, &T)> {
        let id = self.id_at(index)?;
        self.get(id).map(|value| (id, value))
    }

    /// The id of the live element in the slot at `index`.
    pub fn id_at(&self, index: u32) -> Option<Id<T>> {
        Id::new(index, self.generation(index)?)
    }

    /// One more than the highest index ever used: the bound for a chunked walk by `get_index`.
    pub fn index_bound(&self) -> u32 {
        self.used
    }

    /// All live elements in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        (0..self.used).filter_map(|index| self.get_index(index))
    }

    /// Adds a page of slots, and a directory before it where one begins. All or nothing.
    fn grow(&mut self, pages: &mut (impl PageSource + ?Sized)) -> Result<(), Exhausted> {
        let page = self.capacity as usize >> Self::SHIFT;
        if page == ROOTS * FAN_OUT {
            return Err(Exhausted);
        }
        let fresh = pages.take_page().ok_or(Exhausted)?;
        if page.is_multiple_of(FAN_OUT) {
            let Some(directory) = pages.take_page() else {
                pages.give_page(fresh);
                return Err(Exhausted);
            };
            self.roots[page / FAN_OUT].write(directory.into_raw().cast());
        }
        // SAFETY: the root was initialised now or when the first page below it came (S1), and the
        // entry lies within the directory's page, which is aligned for pointers.
        unsafe {
            let directory = self.roots[page / FAN_OUT].assume_init();
            directory.add(page % FAN_OUT).write(fresh.into_raw());
        }
        self.capacity += Self::PER_PAGE as u32;
        Ok(())
    }

    /// Gives the last page back, and its directory with it where that has become empty.
    ///
    /// # Safety
    /// No slot of the last page is in use, on the free list, or below `used`.
    unsafe fn shrink(&mut self, pages: &mut (impl PageSource + ?Sized)) {
        self.capacity -= Self::PER_PAGE as u32;
        let page = self.capacity as usize >> Self::SHIFT;
        // SAFETY: the page and the directory were owned (S1) and came from `Page::into_raw`; with
        // `capacity` lowered nothing here refers to them again.
        unsafe {
            let directory = self.roots[page / FAN_OUT].assume_init();
            pages.give_page(Page::from_raw(directory.add(page % FAN_OUT).read()));
            if page.is_multiple_of(FAN_OUT) {
                pages.give_page(Page::from_raw(directory.cast()));
            }
        }
    }

    /// Makes sure that `count` insertions will not need a page. All or nothing.
    pub fn reserve(
        &mut self,
        pages: &mut (impl PageSource + ?Sized),
        count: usize,
    ) -> Result<(), Exhausted> {
        let before = self.capacity;
        while self.free_length as usize + ((self.capacity - self.used) as usize) < count {
            if self.grow(pages).is_err() {
                while self.capacity > before {
                    // SAFETY: `used <= before`: the pages added in this call hold nothing.
                    unsafe { self.shrink(pages) };
                }
                return Err(Exhausted);
            }
        }
        Ok(())
    }

    /// Claims a slot and leaves its value for the caller to write.
    ///
    /// # Safety
    /// On success the caller initialises the value before anything else happens to the slab (S2).
    pub(crate) unsafe fn claim(
        &mut self,
        pages: &mut (impl PageSource + ?Sized),
    ) -> Result<(Id<T>, NonNull<T>), Exhausted> {
        let (index, old) = if self.free != NONE {
            let index = self.free;
            // SAFETY: slots on the free list are below `used` and have a whole header (S1, S3).
            let (generation, next) = unsafe {
                let slot = self.slot(index);
                ((*slot).generation, (*slot).next)
            };
            self.free = next;
            self.free_length -= 1;
            (index, generation)
        } else {
            if self.used == self.capacity {
                self.grow(pages)?;
            }
            self.used += 1;
            (self.used - 1, 0)
        };
        // S3: `old` is even, so one more is odd and there is an id for it.
        let id = Id::new(index, old + 1).ok_or(Exhausted)?;
        // SAFETY: the index is below `used` and so below `capacity`; both places lie in the slot.
        let value = unsafe {
            let slot = self.slot(index);
            (&raw mut (*slot).generation).write(id.generation());
            NonNull::new_unchecked((&raw mut (*slot).value).cast::<T>())
        };
        self.length += 1;
        Ok((id, value))
    }

    /// Moves `value` in. Takes at most two pages; gives the value back when there are none.
    #[inline]
    pub fn insert(&mut self, pages: &mut (impl PageSource + ?Sized), value: T) -> Result<Id<T>, T> {
        // SAFETY: the value is written in the next statement.
        match unsafe { self.claim(pages) } {
            Ok((id, place)) => {
                // SAFETY: a claimed place is valid for a write and holds no value.
                unsafe { place.write(value) };
                Ok(id)
            }
            Err(Exhausted) => Err(value),
        }
    }

    /// Moves the element out; its id, and every copy of it, finds nothing from now on.
    #[inline]
    pub fn remove(&mut self, id: Id<T>) -> Option<T> {
        let place = self.ptr(id)?;
        // SAFETY: `ptr` found the slot in use, so the value is initialised (S2); the slot turns free
        // next, so it is read out exactly once.
        let value = unsafe { place.read() };
        self.forget(id);
        Some(value)
    }

    /// Frees the slot of `id` and leaves its value where it is, without dropping it.
    pub(crate) fn forget(&mut self, id: Id<T>) {
        if !self.contains(id) {
            return;
        }
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
    }

    /// Drops every element and gives every page back.
    pub fn release(self, pages: &mut (impl PageSource + ?Sized)) {
        let mut slab = ManuallyDrop::new(self);
        for index in 0..slab.used {
            if let Some(value) = slab.id_at(index).and_then(|id| slab.ptr(id)) {
                // SAFETY: the slot is in use (S2), each index comes by once, and the slab is gone
                // after this function.
                unsafe { ptr::drop_in_place(value.as_ptr()) };
            }
        }
        slab.used = 0;
        while slab.capacity > 0 {
            // SAFETY: every value was dropped above and the slab is not used again.
            unsafe { slab.shrink(pages) };
        }
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
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
