//! Arrays that grow page by page: capability tables.
//!
//! Owns [`PageArray`]. Never here: what the elements mean, or which are free. Called by kernel core
//! for tables of plain records that are copied whole at fork.
//!
//! Shape: the first [`INLINE`] pages hang on the array itself, so that a small table costs one page
//! and one load; the next 512 hang on a directory page.
//!
//! Invariants: A1 pages `0..pages` are owned, and the directory is when `pages > INLINE`. A2 every
//! element below `length` is initialised, and `length <= pages * PER_PAGE`.

use core::{
    fmt,
    marker::PhantomData,
    mem::{ManuallyDrop, MaybeUninit},
    ptr::NonNull,
    slice,
};

use crate::page::{Exhausted, FAN_OUT, PAGE_SIZE, Page, PageSource};

/// Pages reached without the directory.
const INLINE: usize = 4;

/// A growable array of `T` in pages. Dropping it leaks the pages; call [`PageArray::release`].
pub struct PageArray<T: Copy> {
    inline: [MaybeUninit<NonNull<u8>>; INLINE],
    directory: MaybeUninit<NonNull<NonNull<u8>>>,
    pages: u32,
    length: u32,
    _owns: PhantomData<T>,
}

// SAFETY: the array owns its pages alone (A1), so it moves between CPUs as a `T` does.
unsafe impl<T: Copy + Send> Send for PageArray<T> {}
// SAFETY: through `&PageArray` only `&T` is handed out.
unsafe impl<T: Copy + Sync> Sync for PageArray<T> {}

impl<T: Copy> PageArray<T> {
    const SHIFT: u32 = {
        assert!(size_of::<T>() > 0 && size_of::<T>() <= PAGE_SIZE, "an element must fit a page");
        assert!(align_of::<T>() <= PAGE_SIZE, "a page cannot be aligned better than itself");
        (PAGE_SIZE / size_of::<T>()).ilog2()
    };

    /// Elements in a page: a power of two.
    pub const PER_PAGE: usize = 1 << Self::SHIFT;

    /// The most elements an array of this type can hold.
    pub const LIMIT: usize = (INLINE + FAN_OUT) * Self::PER_PAGE;

    /// An array without elements and pages.
    pub const fn new() -> PageArray<T> {
        PageArray {
            inline: [MaybeUninit::uninit(); INLINE],
            directory: MaybeUninit::uninit(),
            pages: 0,
            length: 0,
            _owns: PhantomData,
        }
    }

    /// Elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.length as usize
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Pages owned, the directory included.
    pub fn pages(&self) -> usize {
        self.pages as usize + usize::from(self.pages as usize > INLINE)
    }

    /// The first element of page `page`.
    ///
    /// # Safety
    /// `page < self.pages`.
    #[inline(always)]
    unsafe fn page(&self, page: usize) -> NonNull<T> {
        let address = match self.inline.get(page) {
            // SAFETY: the caller's bound with A1.
            Some(page) => unsafe { page.assume_init() },
            // SAFETY: as above; a page beyond the inline ones has an entry in the directory.
            None => unsafe { self.directory.assume_init().add(page - INLINE).read() },
        };
        address.cast()
    }

    /// Where element `index` is, if it exists.
    #[inline(always)]
    fn place(&self, index: usize) -> Option<NonNull<T>> {
        // SAFETY: `index < length` gives a page below `pages` (A2) and an element within it.
        (index < self.length as usize)
            .then(|| unsafe { self.page(index >> Self::SHIFT).add(index & (Self::PER_PAGE - 1)) })
    }

    /// The element at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        // SAFETY: the element is initialised (A2); `&self` excludes mutable references.
        self.place(index).map(|place| unsafe { place.as_ref() })
    }

    /// The element at `index`, for change.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        // SAFETY: the element is initialised (A2); `&mut self` excludes other references.
        self.place(index).map(|mut place| unsafe { place.as_mut() })
    }

    /// The elements of page `page` (of [`PageArray::PER_PAGE`] each, the last perhaps fewer), or an
    /// empty slice beyond the end: whole-table walks read a page at a time.
    pub fn chunk(&self, page: usize) -> &[T] {
        let start = page.saturating_mul(Self::PER_PAGE).min(self.len());
        let count = (self.len() - start).min(Self::PER_PAGE);
        match self.place(start) {
            // SAFETY: `start` is a page's first element, and `count` initialised elements follow it
            // in that page (A2).
            Some(first) => unsafe { slice::from_raw_parts(first.as_ptr(), count) },
            None => &[],
        }
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len().div_ceil(Self::PER_PAGE)).flat_map(|page| self.chunk(page))
    }

    /// Grows to `length` elements, new ones being copies of `fill`; shorter is left as it is.
    /// All or nothing: on failure no element and no page was added.
    pub fn grow(
        &mut self,
        pages: &mut (impl PageSource + ?Sized),
        length: usize,
        fill: T,
    ) -> Result<(), Exhausted> {
        if length > Self::LIMIT {
            return Err(Exhausted);
        }
        let before = self.pages as usize;
        while (self.pages as usize) * Self::PER_PAGE < length {
            if self.add_page(pages).is_err() {
                self.drop_pages(pages, before);
                return Err(Exhausted);
            }
        }
        for index in self.len()..length {
            // SAFETY: the pages up to `length` exist now, and the place lies within its page.
            unsafe {
                self.page(index >> Self::SHIFT).add(index & (Self::PER_PAGE - 1)).write(fill);
            }
        }
        self.length = self.length.max(length as u32);
        Ok(())
    }

    /// Shortens to `length` elements and gives the pages behind them back.
    pub fn truncate(&mut self, pages: &mut (impl PageSource + ?Sized), length: usize) {
        self.length = self.len().min(length) as u32;
        self.drop_pages(pages, self.len().div_ceil(Self::PER_PAGE));
    }

    /// Gives every page back.
    pub fn release(self, pages: &mut (impl PageSource + ?Sized)) {
        let mut array = ManuallyDrop::new(self);
        array.truncate(pages, 0);
    }

    fn add_page(&mut self, pages: &mut (impl PageSource + ?Sized)) -> Result<(), Exhausted> {
        let page = self.pages as usize;
        let fresh = pages.take_page().ok_or(Exhausted)?;
        if let Some(entry) = self.inline.get_mut(page) {
            entry.write(fresh.into_raw());
        } else {
            if page == INLINE {
                let Some(directory) = pages.take_page() else {
                    pages.give_page(fresh);
                    return Err(Exhausted);
                };
                self.directory.write(directory.into_raw().cast());
            }
            // SAFETY: the directory is owned (A1, or just taken), `page - INLINE < FAN_OUT` by the
            // check against LIMIT in `grow`, and a page is aligned for pointers.
            unsafe { self.directory.assume_init().add(page - INLINE).write(fresh.into_raw()) };
        }
        self.pages += 1;
        Ok(())
    }

    /// Gives pages back until `keep` are left; no element lies beyond those.
    fn drop_pages(&mut self, pages: &mut (impl PageSource + ?Sized), keep: usize) {
        while self.pages as usize > keep {
            let page = self.pages as usize - 1;
            // SAFETY: page `page` is owned (A1) and came from `Page::into_raw`; lowering `pages`
            // forgets it. The directory goes with its first page.
            unsafe {
                pages.give_page(Page::from_raw(self.page(page).cast()));
                if page == INLINE {
                    pages.give_page(Page::from_raw(self.directory.assume_init().cast()));
                }
            }
            self.pages -= 1;
        }
    }
}

impl<T: Copy> Default for PageArray<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for PageArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
