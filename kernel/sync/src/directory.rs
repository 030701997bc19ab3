//! A growable row of pages: what slabs and arrays keep their elements in.
//!
//! Owns [`Directory`]. Never here: what the pages hold. Called by `slab.rs` and `array.rs`.
//!
//! Shape: the first `INLINE` pages hang on the directory itself, so that a small table costs one
//! page and one load; the others on up to `ROOTS` pages of 512 page pointers each.
//!
//! Invariants: D1 pages `0..count`, and the roots that those beyond `INLINE` need, are owned by the
//! directory, and their pointers are written. D2 a page never moves, and goes back only by
//! `shrink` (S4 stands on it). D3 growth is all or nothing.

use core::ptr::{self, NonNull};

use crate::page::{Exhausted, PAGE_SIZE, Page, PageSource};

/// How many page pointers fit into one page.
const FAN_OUT: usize = PAGE_SIZE / size_of::<*mut u8>();

/// A row of owned pages. Dropping it leaks them; `shrink` to nothing first.
#[derive(Debug)]
pub(crate) struct Directory<const INLINE: usize, const ROOTS: usize> {
    inline: [*mut u8; INLINE],
    roots: [*mut *mut u8; ROOTS],
    count: usize,
}

// SAFETY: the pages are owned memory, without any tie to a CPU, and `&Directory` changes nothing.
unsafe impl<const INLINE: usize, const ROOTS: usize> Send for Directory<INLINE, ROOTS> {}
// SAFETY: as above; what the pages hold is its owner's to restrict, by `PhantomData`.
unsafe impl<const INLINE: usize, const ROOTS: usize> Sync for Directory<INLINE, ROOTS> {}

impl<const INLINE: usize, const ROOTS: usize> Directory<INLINE, ROOTS> {
    /// The most pages it can own, roots not counted.
    pub(crate) const LIMIT: usize = INLINE + ROOTS * FAN_OUT;

    pub(crate) const fn new() -> Self {
        Directory { inline: [ptr::null_mut(); INLINE], roots: [ptr::null_mut(); ROOTS], count: 0 }
    }

    /// Pages, roots not counted.
    #[inline]
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Pages, roots included.
    pub(crate) const fn owned(&self) -> usize {
        self.count + self.count.saturating_sub(INLINE).div_ceil(FAN_OUT)
    }

    /// Where the pointer to page `page` is: for change, if `this` was made for change.
    ///
    /// # Safety
    /// `this` may be read, `page < LIMIT`, and the root it needs, if any, is owned.
    #[inline(always)]
    unsafe fn entry(this: *mut Self, page: usize) -> *mut *mut u8 {
        // SAFETY: the caller's bound; a root is a page and holds FAN_OUT pointers.
        unsafe {
            match page.checked_sub(INLINE) {
                None => (&raw mut (*this).inline).cast::<*mut u8>().add(page),
                Some(beyond) => {
                    let root = (&raw const (*this).roots).cast::<*mut *mut u8>();
                    (*root.add(beyond / FAN_OUT)).add(beyond % FAN_OUT)
                }
            }
        }
    }

    /// The address of page `page`.
    ///
    /// # Safety
    /// `page < count`.
    #[inline(always)]
    pub(crate) unsafe fn page(&self, page: usize) -> *mut u8 {
        // SAFETY: the caller's bound with D1; nothing is changed.
        unsafe { *Self::entry(ptr::from_ref(self).cast_mut(), page) }
    }

    /// The root whose first page is number `count`.
    fn root(&mut self) -> Option<&mut *mut *mut u8> {
        let beyond = self.count.checked_sub(INLINE)?;
        if beyond.is_multiple_of(FAN_OUT) { self.roots.get_mut(beyond / FAN_OUT) } else { None }
    }

    /// Grows to `count` pages; more is left as it is.
    pub(crate) fn grow(
        &mut self,
        source: &mut impl PageSource,
        count: usize,
    ) -> Result<(), Exhausted> {
        let before = self.count;
        while self.count < count {
            if self.push(source).is_none() {
                // SAFETY: the pages that go were added by this call; nobody uses them yet.
                unsafe { self.shrink(source, before) };
                return Err(Exhausted);
            }
        }
        Ok(())
    }

    fn push(&mut self, source: &mut impl PageSource) -> Option<()> {
        let count = self.count;
        let page = if count < Self::LIMIT { source.take_page()? } else { return None };
        if let Some(root) = self.root() {
            let Some(taken) = source.take_page() else {
                source.give_page(page);
                return None;
            };
            *root = taken.into_raw().as_ptr().cast();
        }
        // SAFETY: the count is below LIMIT, and the root is owned (D1, or just taken).
        unsafe { Self::entry(self, count).write(page.into_raw().as_ptr()) };
        self.count = count + 1;
        Some(())
    }

    /// Gives pages back until `count` are left, and the roots that have become empty.
    ///
    /// # Safety
    /// Nobody uses the pages that go any more.
    pub(crate) unsafe fn shrink(&mut self, source: &mut impl PageSource, count: usize) {
        while self.count > count {
            self.count -= 1;
            // SAFETY: the page was owned (D1), came from `Page::into_raw`, and with `count` lowered
            // is not found again.
            source.give_page(unsafe { owned(self.page(self.count)) });
            if let Some(root) = self.root() {
                // SAFETY: as above, for the root whose first page has just gone.
                source.give_page(unsafe { owned(root.cast()) });
            }
        }
    }
}

/// # Safety
/// `page` came from `Page::into_raw`, and nobody else makes a token of it.
unsafe fn owned(page: *mut u8) -> Page {
    // SAFETY: the caller's promise, and a page's address is not null.
    unsafe { Page::from_raw(NonNull::new_unchecked(page)) }
}
