//! Arrays that grow page by page: capability tables.
//!
//! Owns [`PageArray`]. Never here: what the elements mean, or which are free. Called by kernel core
//! for tables of plain records that are copied whole at fork.
//!
//! Invariant A1: every element below `length` is initialised, and its page is owned.

use core::{marker::PhantomData, ptr::NonNull, slice};

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
    length: usize,
    _owns: PhantomData<T>,
}

impl<T: Copy> PageArray<T> {
    const SHIFT: u32 = {
        assert!(size_of::<T>() > 0 && size_of::<T>() <= PAGE_SIZE, "an element must fit a page");
        (PAGE_SIZE / size_of::<T>()).ilog2()
    };

    /// Elements in a page: a power of two.
    pub const PER_PAGE: usize = 1 << Self::SHIFT;

    /// The most elements an array of this type can hold.
    pub const LIMIT: usize = Pages::LIMIT * Self::PER_PAGE;

    /// An array without elements and pages.
    pub const fn new() -> PageArray<T> {
        PageArray { pages: Pages::new(), length: 0, _owns: PhantomData }
    }

    /// Elements.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no element.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Pages owned, the directory included.
    pub const fn pages(&self) -> usize {
        self.pages.owned()
    }

    /// Where element `index` is.
    ///
    /// # Safety
    /// Its page is owned.
    #[inline(always)]
    unsafe fn place(&self, index: usize) -> NonNull<T> {
        // SAFETY: the caller's promise; a page holds PER_PAGE elements and is not at address null.
        unsafe {
            let page = self.pages.page(index >> Self::SHIFT).cast::<T>();
            NonNull::new_unchecked(page.add(index & (Self::PER_PAGE - 1)))
        }
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<&T> {
        // SAFETY: the element is there (A1); `&self` excludes mutable references.
        (index < self.length).then(|| unsafe { self.place(index).as_ref() })
    }

    /// The element at `index`, for change.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        // SAFETY: the element is there (A1); `&mut self` excludes other references.
        (index < self.length).then(|| unsafe { self.place(index).as_mut() })
    }

    /// The elements of page `page` (of [`PageArray::PER_PAGE`] each, the last perhaps fewer), or an
    /// empty slice beyond the end: whole-table walks read a page at a time.
    pub fn chunk(&self, page: usize) -> &[T] {
        let start = page.saturating_mul(Self::PER_PAGE);
        match self.length.checked_sub(start) {
            None | Some(0) => &[],
            // SAFETY: `start` is a page's first element, and `rest` others follow it, of which
            // PER_PAGE at most are in that page (A1); `&self` excludes mutable references.
            Some(rest) => unsafe {
                slice::from_raw_parts(self.place(start).as_ptr(), rest.min(Self::PER_PAGE))
            },
        }
    }

    /// As [`PageArray::chunk`], for change.
    pub fn chunk_mut(&mut self, page: usize) -> &mut [T] {
        let start = page.saturating_mul(Self::PER_PAGE);
        match self.length.checked_sub(start) {
            None | Some(0) => &mut [],
            // SAFETY: as in `chunk`; `&mut self` excludes every other reference.
            Some(rest) => unsafe {
                slice::from_raw_parts_mut(self.place(start).as_ptr(), rest.min(Self::PER_PAGE))
            },
        }
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.pages.count()).flat_map(|page| self.chunk(page))
    }

    /// Grows to `length` elements, new ones being copies of `fill`; shorter is left as it is.
    /// All or nothing: on failure no element and no page was added.
    pub fn grow(
        &mut self,
        pages: &mut impl PageSource,
        length: usize,
        fill: T,
    ) -> Result<(), Exhausted> {
        self.pages.grow(pages, length.div_ceil(Self::PER_PAGE))?;
        while self.length < length {
            let count = (length - self.length).min(Self::PER_PAGE - self.length % Self::PER_PAGE);
            // SAFETY: the pages up to `length` are owned now.
            let first = unsafe { self.place(self.length) };
            for index in 0..count {
                // SAFETY: `count` ends at the end of the page or of the array.
                unsafe { first.add(index).write(fill) };
            }
            self.length += count;
        }
        Ok(())
    }

    /// Shortens to `length` elements and gives the pages behind them back.
    pub fn truncate(&mut self, pages: &mut impl PageSource, length: usize) {
        self.length = self.length.min(length);
        // SAFETY: with the length lowered no element is in the pages that go.
        unsafe { self.pages.shrink(pages, self.length.div_ceil(Self::PER_PAGE)) };
    }

    /// Gives every page back.
    pub fn release(mut self, pages: &mut impl PageSource) {
        self.truncate(pages, 0);
    }
}

impl<T: Copy> Default for PageArray<T> {
    fn default() -> Self {
        Self::new()
    }
}
