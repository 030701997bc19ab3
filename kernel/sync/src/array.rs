//! Arrays that grow by whole pages: capability tables.
//!
//! Owns [`PageArray`]. Never here: what the elements mean, or which are free. Called by kernel core
//! for tables of plain records that are copied whole at fork.
//!
//! Invariant A1: every element of every page is initialised.

use core::{marker::PhantomData, ptr::NonNull};

use crate::{
    directory::Directory,
    page::{Exhausted, PAGE_SIZE, PageSource},
};

/// Pages of an array: four before the first directory page is needed.
type Pages = Directory<4, 1>;

/// A growable array of `T` in pages. Dropping it leaks the pages; call [`PageArray::release`].
#[derive(Debug)]
pub struct PageArray<T: Copy> {
    pages: Pages,
    _owns: PhantomData<T>,
}

impl<T: Copy> Default for PageArray<T> {
    /// An array without elements and pages.
    fn default() -> Self {
        PageArray { pages: Pages::new(), _owns: PhantomData }
    }
}

impl<T: Copy> PageArray<T> {
    /// Elements in a page: a power of two.
    pub const PER_PAGE: usize = {
        assert!(size_of::<T>() > 0 && size_of::<T>() <= PAGE_SIZE, "an element must fit a page");
        1 << (PAGE_SIZE / size_of::<T>()).ilog2()
    };

    /// Elements: a multiple of [`PageArray::PER_PAGE`].
    pub const fn len(&self) -> usize {
        self.pages.count() * Self::PER_PAGE
    }

    /// Whether there is no element.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pages owned, the directory included.
    pub const fn pages(&self) -> usize {
        self.pages.owned()
    }

    /// The place of the elements of a page, if the page is owned.
    #[inline(always)]
    fn place(&self, page: usize) -> Option<NonNull<[T]>> {
        // SAFETY: the page is owned and holds PER_PAGE elements, at an address that is not null.
        (page < self.pages.count()).then(|| unsafe {
            let first = NonNull::new_unchecked(self.pages.page(page).cast());
            NonNull::slice_from_raw_parts(first, Self::PER_PAGE)
        })
    }

    /// The elements of page `page`, or an empty slice beyond the end: whole-table walks read a page
    /// at a time.
    #[inline]
    pub fn chunk(&self, page: usize) -> &[T] {
        // SAFETY: the elements are there (A1); `&self` excludes mutable references.
        self.place(page).map_or(&[], |place| unsafe { place.as_ref() })
    }

    /// As [`PageArray::chunk`], for change.
    #[inline]
    pub fn chunk_mut(&mut self, page: usize) -> &mut [T] {
        // SAFETY: the elements are there (A1); `&mut self` excludes other references.
        self.place(page).map_or(&mut [], |mut place| unsafe { place.as_mut() })
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunk(index / Self::PER_PAGE).get(index % Self::PER_PAGE)
    }

    /// The element at `index`, for change.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.chunk_mut(index / Self::PER_PAGE).get_mut(index % Self::PER_PAGE)
    }

    /// Grows to at least `length` elements, new ones being copies of `fill`. All or nothing: on
    /// failure no element and no page was added.
    pub fn grow(
        &mut self,
        pages: &mut impl PageSource,
        length: usize,
        fill: T,
    ) -> Result<(), Exhausted> {
        let before = self.pages.count();
        self.pages.grow(pages, length.div_ceil(Self::PER_PAGE))?;
        for place in (before..self.pages.count()).filter_map(|page| self.place(page)) {
            for index in 0..Self::PER_PAGE {
                // SAFETY: the element lies in the page, which nobody else uses yet.
                unsafe { place.cast::<T>().add(index).write(fill) };
            }
        }
        Ok(())
    }

    /// Gives the pages back that are not needed for the first `length` elements.
    pub fn truncate(&mut self, pages: &mut impl PageSource, length: usize) {
        // SAFETY: references to elements end before `&mut self` begins.
        unsafe { self.pages.shrink(pages, length.div_ceil(Self::PER_PAGE)) };
    }

    /// Gives every page back.
    pub fn release(mut self, pages: &mut impl PageSource) {
        self.truncate(pages, 0);
    }
}
