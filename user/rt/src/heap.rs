//! The heap: the allocator `talc` over the first heap, then over anonymous memory.
//!
//! Owns: the global allocator, and where it gets memory ([`growth`] decides, this file does it).
//!
//! Never enters it: memory that programs map themselves (`tine_sys::memory`).
//!
//! Invariants: the lock is not held across anything but the steps of growing, each two system calls
//! at most; a fork of a single-threaded program therefore never copies a locked heap.
//!
//! Memory of a program gets its frames when it is touched, and a program that finds none is killed.
//! A server must not be: after [`commit`] memory has its frames before the heap has it, so that
//! running out is a failed allocation.

pub mod growth;

use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;

use growth::{Growth, Step};
use spin::{mutex::SpinMutex, relax::RelaxStrategy};
use talc::TalcLock;
use talc::base::{Talc, binning::Binning};
use talc::source::Source;
use tine_abi::memory::Protection;
use tine_abi::{CapRef, Error, layout};
use tine_sys::{domain, memory};

use crate::{control, start};

/// How the lock waits: it lets other threads run.
#[derive(Debug)]
pub struct Yield;

impl RelaxStrategy for Yield {
    #[inline]
    fn relax() {
        domain::yield_now();
    }
}

/// A lock that lets other threads run while it waits.
pub type YieldLock = SpinMutex<(), Yield>;

/// Data behind a [`YieldLock`].
pub type Lock<T> = lock_api::Mutex<YieldLock, T>;

/// Where the allocator gets memory.
#[derive(Debug)]
struct Memory {
    growth: Growth,
    /// The first heap as far as it was claimed.
    first: Option<NonNull<u8>>,
    /// Memory gets its frames before it is used.
    commits: bool,
}

impl Memory {
    const fn new(growth: Growth) -> Self {
        Self { growth, first: None, commits: false }
    }

    /// Sees to the frames of memory that the heap is about to get.
    ///
    /// # Safety
    /// The range is mapped for writing, and nothing uses it yet.
    unsafe fn prepare(&self, start: usize, end: usize) -> Result<(), ()> {
        if !self.commits {
            return Ok(());
        }
        // SAFETY: the caller's promise.
        unsafe { memory::commit(start as u64, (end - start) as u64) }.map_err(|_| ())
    }
}

// SAFETY: the pointer is the end of memory that the allocator owns, whichever thread uses it.
unsafe impl Send for Memory {}

// SAFETY: neither mapping nor claiming uses the global allocator.
unsafe impl Source for Memory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let before = talc.source.growth.clone();
        let step = talc.source.growth.next(layout.size(), layout.align()).ok_or(())?;
        grow(talc, step, before.claimed()).inspect_err(|()| talc.source.growth = before)
    }
}

/// Takes a step from the end of what is claimed of the first heap. A step that fails gives the heap
/// nothing.
fn grow<B: Binning>(talc: &mut Talc<Memory, B>, step: Step, claimed: usize) -> Result<(), ()> {
    match step {
        Step::First { start, end } => {
            // SAFETY: `set_first`'s caller gave this range to the heap.
            unsafe { talc.source.prepare(start, end) }?;
            let base = core::ptr::with_exposed_provenance_mut(start);
            // SAFETY: `set_first`'s caller gave this range to the heap.
            let heap = unsafe { talc.claim(base, end - start) }.ok_or(())?;
            talc.source.first = Some(heap);
        }
        Step::Extend { end } => {
            let heap = talc.source.first.ok_or(())?;
            // SAFETY: as above; the heap ends where this begins.
            unsafe { talc.source.prepare(claimed, end) }?;
            let end = core::ptr::with_exposed_provenance_mut(end);
            // SAFETY: `heap` is the end that the last claim or extension returned, and the
            // memory up to `end` belongs to the first heap, of which nothing else is used.
            talc.source.first = Some(unsafe { talc.extend(heap, end) });
        }
        Step::Map { bytes } => {
            let mut mapping = memory::Mapping::anonymous(bytes).map_err(|_| ())?;
            let (base, length) = (mapping.bytes_mut().as_mut_ptr(), mapping.length());
            let start = base.expose_provenance();
            // SAFETY: the mapping is new.
            unsafe { talc.source.prepare(start, start + length) }?;
            // The heap keeps it for good.
            core::mem::forget(mapping);
            // SAFETY: the mapping is the allocator's alone.
            unsafe { talc.claim(base, length) }.ok_or(())?;
        }
    }
    Ok(())
}

#[cfg_attr(target_os = "none", global_allocator)]
static HEAP: TalcLock<YieldLock, Memory> = TalcLock::new(Memory::new(Growth::none()));

/// Bytes of the main stack that [`commit`] leaves: more than servers use.
const STACK: u64 = 64 << 10;

/// From now on the program's memory has its frames before it is used, see the header: what the heap
/// gets from here on, what it has, the program's data, and the first 64 KiB of the main stack. There
/// is no more stack than that: who needs it ends every time, not only when memory is short.
///
/// # Errors
/// NO_MEMORY; on the host UNKNOWN_CALL.
pub fn commit() -> Result<(), Error> {
    let block = start::block();
    let top = control::of_main_stack(block.stack) + layout::CONTROL;
    let mut heap = HEAP.lock();
    heap.source.commits = true;
    let claimed = heap.source.growth.claimed() as u64;
    drop(heap);
    let data = block.heap - block.heap % layout::REGION;
    let bottom = top - layout::STACK;
    let rest = layout::STACK - STACK;
    // SAFETY: the only thread is here, and its stack does not reach so far down.
    unsafe { memory::protect(CapRef::SELF, bottom, rest, Protection::empty()) }?;
    for (start, end) in [(data, claimed), (top - STACK, top)] {
        // SAFETY: data, heap and stack are mapped for writing, and the only thread is here.
        unsafe { memory::commit(start, end - start) }?;
    }
    Ok(())
}

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
            TalcLock::new(Memory::new(Growth::new(start..start + (1 << 17))));
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
        // Nothing can be committed either: the heap has what it had, and no more.
        heap.lock().source.commits = true;
        let before = heap.lock().source.growth.clone();
        let larger = Layout::from_size_align(1 << 18, 16).unwrap();
        // SAFETY: the layout has a size.
        assert!(unsafe { heap.alloc(larger) }.is_null());
        assert_eq!(heap.lock().source.growth, before);
        let large = Layout::from_size_align(100_000, 4096).unwrap();
        // SAFETY: the layout has a size.
        let block = unsafe { heap.alloc(large) };
        assert!(!block.is_null(), "what was freed is one piece again");
    }
}
