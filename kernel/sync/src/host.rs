//! Pages from the host's heap and tokens of its threads, for tests (feature `host`).
//!
//! Owns [`HeapPages`] and [`IrqsOff::on_host`]. The source counts what is out, and fails on demand, which is how fault injection at
//! every allocation is written: `for n in 0.. { source.fail_after(n); ... }`. Never in the kernel.

extern crate std;

use core::{marker::PhantomData, ptr::NonNull};
use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    collections::BTreeSet,
};

use crate::{
    order::IrqsOff,
    page::{PAGE_SIZE, Page, PageSource},
};

const LAYOUT: Layout = match Layout::from_size_align(PAGE_SIZE, PAGE_SIZE) {
    Ok(layout) => layout,
    Err(_) => panic!("a page is a valid layout"),
};

/// A [`PageSource`] over the host's heap with an injectable failure countdown.
#[derive(Debug, Default)]
pub struct HeapPages {
    /// Addresses of the pages that are out: only these may come back.
    out: BTreeSet<usize>,
    remaining: Option<usize>,
}

impl HeapPages {
    /// A source that never fails.
    pub const fn new() -> HeapPages {
        HeapPages { out: BTreeSet::new(), remaining: None }
    }

    /// A source that hands out `count` pages and then fails, as [`HeapPages::fail_after`].
    pub const fn with_limit(count: usize) -> HeapPages {
        HeapPages { out: BTreeSet::new(), remaining: Some(count) }
    }

    /// From now on, hand out `count` more pages and then fail. Pages given back do not count.
    pub fn fail_after(&mut self, count: usize) {
        self.remaining = Some(count);
    }

    /// Never fail again.
    pub fn heal(&mut self) {
        self.remaining = None;
    }

    /// Pages handed out and not given back.
    pub fn outstanding(&self) -> usize {
        self.out.len()
    }
}

impl PageSource for HeapPages {
    fn take_page(&mut self) -> Option<Page> {
        self.remaining = match self.remaining {
            Some(0) => return None,
            Some(count) => Some(count - 1),
            None => None,
        };
        // SAFETY: the layout's size is not zero.
        let address = NonNull::new(unsafe { alloc_zeroed(LAYOUT) })?;
        self.out.insert(address.addr().get());
        // SAFETY: 1. the allocator returned 4096 bytes at this alignment, valid until `dealloc`.
        // 2. A fresh allocation has no other user.
        Some(unsafe { Page::from_raw(address) })
    }

    fn give_page(&mut self, page: Page) {
        assert!(self.out.remove(&page.address()), "a page goes back to the source it came from");
        // SAFETY: the page came from `take_page` above, so from this allocator with this layout;
        // the token proves that nobody uses it any more (P1).
        unsafe { dealloc(page.into_raw().as_ptr(), LAYOUT) };
    }
}

impl IrqsOff {
    /// A token for host tests, where nothing interrupts: a second one on a thread could at worst
    /// wait for itself.
    pub const fn on_host() -> IrqsOff {
        IrqsOff(PhantomData)
    }
}
