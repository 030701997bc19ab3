//! The heap: the allocator `talc` over the first heap, then over anonymous memory.
//!
//! Owns: the global allocator, and where it gets memory ([`growth`] decides, this file does it).
//!
//! Never enters it: memory that programs map themselves (`tine_sys::memory`).
//!
//! Invariants: the lock is not held across anything but the two steps of growing, each one system
//! call at most; a fork of a single-threaded program therefore never copies a locked heap.

pub mod growth;

use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use growth::{Growth, Step};
use talc::TalcLock;
use talc::base::{Talc, binning::Binning};
use talc::source::Source;
use tine_sys::{domain, memory};

/// A lock that lets other threads run while it waits.
#[derive(Debug)]
pub struct YieldLock(AtomicBool);

// SAFETY: `try_lock` succeeds for one holder until `unlock`, by an atomic exchange with acquire and
// release ordering.
unsafe impl lock_api::RawMutex for YieldLock {
    const INIT: Self = Self(AtomicBool::new(false));

    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) {
        while !self.try_lock() {
            domain::yield_now();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        !self.0.swap(true, Ordering::Acquire)
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Data behind a [`YieldLock`].
pub type Lock<T> = lock_api::Mutex<YieldLock, T>;

/// Where the allocator gets memory.
#[derive(Debug)]
struct Memory {
    growth: Growth,
    /// The first heap as far as it was claimed.
    first: Option<NonNull<u8>>,
}

// SAFETY: the pointer is the end of memory that the allocator owns, whichever thread uses it.
unsafe impl Send for Memory {}

// SAFETY: neither mapping nor claiming uses the global allocator.
unsafe impl Source for Memory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let step = talc.source.growth.next(layout.size(), layout.align()).ok_or(())?;
        match step {
            Step::First { start, end } => {
                let base = core::ptr::with_exposed_provenance_mut(start);
                // SAFETY: `set_first`'s caller gave this range to the heap.
                let heap = unsafe { talc.claim(base, end - start) }.ok_or(())?;
                talc.source.first = Some(heap);
            }
            Step::Extend { end } => {
                let heap = talc.source.first.ok_or(())?;
                let end = core::ptr::with_exposed_provenance_mut(end);
                // SAFETY: `heap` is the end that the last claim or extension returned, and the
                // memory up to `end` belongs to the first heap, of which nothing else is used.
                talc.source.first = Some(unsafe { talc.extend(heap, end) });
            }
            Step::Map { bytes } => {
                let mut mapping = memory::Mapping::anonymous(bytes).map_err(|_| ())?;
                let (base, length) = (mapping.bytes_mut().as_mut_ptr(), mapping.length());
                // The heap keeps it for good.
                core::mem::forget(mapping);
                // SAFETY: the mapping is the allocator's alone.
                unsafe { talc.claim(base, length) }.ok_or(())?;
            }
        }
        Ok(())
    }
}

#[cfg_attr(target_os = "none", global_allocator)]
static HEAP: TalcLock<YieldLock, Memory> =
    TalcLock::new(Memory { growth: Growth::none(), first: None });

/// Says where the first heap lies. To be called once, before the first allocation.
///
/// # Safety
/// The range is mapped for reading and writing, and nothing else uses it from now on.
pub unsafe fn set_first(range: Range<usize>) {
    HEAP.lock().source.growth = Growth::new(range);
}

#[cfg(test)]
mod tests {
    use core::alloc::GlobalAlloc;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn the_first_heap_grows_in_place_and_ends_with_an_error() {
        let mut arena = std::vec![0_u128; 1 << 14];
        let start = arena.as_mut_ptr().expose_provenance().next_multiple_of(4096);
        let heap: TalcLock<YieldLock, Memory> =
            TalcLock::new(Memory { growth: Growth::new(start..start + (1 << 17)), first: None });
        let layout = Layout::from_size_align(1000, 16).unwrap();
        let mut blocks = Vec::new();
        loop {
            // SAFETY: the layout has a size.
            let block = unsafe { heap.alloc(layout) };
            if block.is_null() {
                break;
            }
            // SAFETY: the block is that long.
            unsafe { block.write_bytes(0x5a, 1000) };
            blocks.push(block);
        }
        // On the host nothing can be mapped, so the end of the first heap is the end.
        assert!(blocks.len() > 100, "{} blocks of 128 KiB", blocks.len());
        for block in blocks {
            // SAFETY: allocated above with this layout.
            unsafe { heap.dealloc(block, layout) };
        }
        let large = Layout::from_size_align(100_000, 4096).unwrap();
        // SAFETY: the layout has a size.
        let block = unsafe { heap.alloc(large) };
        assert!(!block.is_null(), "what was freed is one piece again");
    }
}
