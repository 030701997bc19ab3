//! Pages: the only memory this crate ever grows by.
//!
//! Owns [`Page`], the token for one 4 KiB page, and [`PageSource`], where pages come from and go
//! back to. Never here: frame numbers, accounts, zeroing (a source's business). Called by
//! everything that grows: slabs, arrays, the task table.
//!
//! Invariant P1: a `Page` value is exclusive ownership of 4096 bytes at a 4096-aligned address.
//! The bytes may hold anything, even uninitialised memory: whoever takes a page writes before it
//! reads. So a source that forgets to zero is a leak of information, never unsoundness.

use core::ptr::NonNull;

/// Bytes in a page.
pub const PAGE_SIZE: usize = 4096;

/// Growth failed because the page source had no page to give. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// Ownership of one 4 KiB page.
///
/// Dropping it leaks the page; give it back to its [`PageSource`] instead.
#[derive(Debug)]
#[must_use = "a dropped page is a leaked page"]
pub struct Page(NonNull<u8>);

// SAFETY: a page is owned memory without any tie to the CPU that took it (P1).
unsafe impl Send for Page {}

impl Page {
    /// Makes the token for the page at `address`.
    ///
    /// # Safety
    /// 1. `address` is a multiple of 4096, and 4096 bytes from it may be read and written through
    ///    this pointer until [`Page::into_raw`] dissolves the token.
    /// 2. Nobody else reads or writes these bytes, and no other token for them exists.
    pub const unsafe fn from_raw(address: NonNull<u8>) -> Page {
        Page(address)
    }

    /// Dissolves the token into the pointer it was made from.
    #[must_use = "the page is leaked without its pointer"]
    pub const fn into_raw(self) -> NonNull<u8> {
        self.0
    }

    /// The page's address, by which a source may recognise it.
    pub fn address(&self) -> usize {
        self.0.addr().get()
    }
}

/// Where pages come from.
pub trait PageSource {
    /// A page, by convention zeroed, or `None` when there is none (or the account is empty). A
    /// source that feeds a [`TaskTable`](crate::TaskTable) does not use that table from here: it
    /// would wait for itself.
    fn take_page(&mut self) -> Option<Page>;

    /// Takes a page back. Its content is arbitrary: zero it before it serves another purpose.
    fn give_page(&mut self, page: Page);
}
