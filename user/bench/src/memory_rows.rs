//! Faults that the kernel resolves, and what a child holds.

use core::hint::black_box;

use tine::abi::layout::REGION;
use tine::abi::memory::PAGE;
use tine::abi::protocol::process::WaitFlags;
use tine::memory::mmap;
use tine::process::{Fork, fork, waitpid};
use tine::sys::memory::Mapping;
use tine::{_exit, Result, close, pipe, read, write};

use crate::measure::{Measured, OPERATIONS, drained, part};

/// Writes one byte of a page.
#[inline]
fn touch(bytes: &mut [u8], page: usize) {
    bytes[page * PAGE as usize] = black_box(1);
}

/// Pages of a part of a page table: the least that becomes private at once.
const PART_PAGES: usize = 32;
/// Pages enough for the operations and the warm-up, of both passes.
const PAGES: usize = 8 * (REGION / PAGE) as usize;

/// Writes to one page of each part, so that all tables are there and private.
fn touch_parts(mapping: &mut Mapping) {
    for page in (0..PAGES).step_by(PART_PAGES) {
        touch(mapping.bytes_mut(), page);
    }
}

/// The next page of a mapping that is not the first of its part.
fn next(page: &mut usize) -> usize {
    *page += 1;
    if page.is_multiple_of(PART_PAGES) {
        *page += 1;
    }
    *page
}

/// The first write to a page of anonymous memory, its tables being private.
pub(crate) fn zero_fill_fault() -> Result<Measured> {
    let mut mapping = mmap(PAGES * PAGE as usize)?;
    touch_parts(&mut mapping);
    each_page(&mut mapping)
}

/// Measures the first write to every page but the first one of a part.
fn each_page(mapping: &mut Mapping) -> Result<Measured> {
    let mut page = 0;
    part(|probe| {
        let at = next(&mut page);
        let bytes = mapping.bytes_mut();
        probe.count(|| {
            touch(bytes, at);
            Ok(())
        })
    })
}

/// The first write to a page shared with a child, the tables being private.
pub(crate) fn cow_fault() -> Result<Measured> {
    let mut mapping = mmap(PAGES * PAGE as usize)?;
    for page in 0..PAGES {
        touch(mapping.bytes_mut(), page);
    }
    let (reader, writer) = pipe()?;
    let child = match fork()? {
        Fork::Child => {
            // Until the parent closes the other end.
            close(writer).ok();
            read(reader, &mut [0]).ok();
            _exit(7)
        }
        Fork::Parent(pid) => pid,
    };
    close(reader)?;
    touch_parts(&mut mapping);
    let measured = each_page(&mut mapping);
    close(writer)?;
    waitpid(child, WaitFlags::empty())?;
    measured
}

/// Frames that a sleeping child holds which wrote one page of its stack and one of its data.
pub(crate) fn memory_per_child() -> Result<Measured> {
    let (reader, writer) = pipe()?;
    let (ready_reader, ready_writer) = pipe()?;
    let spawn = || -> Result<()> {
        if fork()? == Fork::Child {
            close(writer).ok();
            write(ready_writer, &[1]).ok();
            read(reader, &mut [0]).ok();
            _exit(7);
        }
        read(ready_reader, &mut [0]).map(drop)
    };
    // The first ones make slabs grow; then each costs what the next one costs.
    for _ in 0..8 {
        spawn()?;
    }
    let before = drained()?;
    for _ in 0..OPERATIONS {
        spawn()?;
    }
    let after = drained()?;
    for fd in [reader, writer, ready_reader, ready_writer] {
        close(fd)?;
    }
    for _ in 0..OPERATIONS + 8 {
        waitpid(-1, WaitFlags::empty())?;
    }
    let kibibytes = (before.frames_free - after.frames_free) * PAGE / 1024;
    let mut measured = Measured::single(0, "KiB");
    measured.value = tine::abi::results::Figure::ratio(kibibytes, OPERATIONS as u64);
    measured.median = measured.value;
    Ok(measured)
}
