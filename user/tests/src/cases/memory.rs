//! Memory: contents, protections, sharing.

use alloc::vec::Vec;

use tine::abi::capability::Rights;
use tine::abi::memory::PAGE;
use tine::abi::{CapRef, Error, Kind, layout};
use tine::memory::{mmap, mmap_not_inherited, mmap_shared};
use tine::signal::SIGSEGV;
use tine::sys::capability::{ANYWHERE, LOWEST_DESCRIPTOR, Placement, close, create, duplicate};
use tine::sys::memory::{Mapping, Remote, SharedMapping, copy_in, copy_out, seal};
use tine::sys::trial::{Access, access};

use super::{Case, case, heavy_case};
use crate::process::{Line, Waiting, child, exits, is_killed};
use crate::runner::{counters, drain};
use crate::verdict::{Present, Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("memory.zero-filled", zero_filled),
    case("memory.pieces", pieces),
    case("memory.shared", shared),
    case("memory.not-inherited", not_inherited),
    case("memory.sealed", sealed),
    case("memory.object", object),
    case("memory.filled-in-advance", filled_in_advance),
    case("memory.sparse", sparse),
    heavy_case("memory.released", 48, released),
];

const PAGES: usize = 300;

fn zero_filled() -> Verdict {
    for round in 0..3 {
        let mut memory = mmap(PAGES * PAGE as usize)?;
        let is_zero = memory.bytes().iter().all(|byte| *byte == 0);
        check(is_zero, format_args!("fresh memory is zero in round {round}"))?;
        memory.bytes_mut().fill(0xa5);
    }
    Ok(())
}

/// A mapping is taken apart page by page in all orders, with contents checked.
fn pieces() -> Verdict {
    const COUNT: usize = 40;
    let mut pages: Vec<(usize, Mapping)> = Vec::new();
    for index in 0..COUNT {
        let mut page = mmap(PAGE as usize)?;
        page.bytes_mut().fill(index as u8 + 1);
        pages.push((index, page));
    }
    let mut at = 0;
    while !pages.is_empty() {
        at = (at * 7 + 3) % pages.len();
        drop(pages.swap_remove(at));
        for (index, page) in &pages {
            let is_whole = page.bytes().iter().all(|byte| usize::from(*byte) == index + 1);
            check(is_whole, format_args!("page {index} keeps its content"))?;
        }
    }
    Ok(())
}

fn shared() -> Verdict {
    let memory = mmap_shared(3 * PAGE as usize)?;
    let last = memory.words() - 1;
    memory.store(0, 1).present("word")?;
    let (there, back) = (Line::new()?, Line::new()?);
    let pid = child(|| {
        let (there, back) = (there.listen()?, back.speak()?);
        equal(memory.load(0), Some(1), "what the parent wrote before the fork")?;
        memory.store(last, 2).present("word")?;
        back.say(0)?;
        there.hear()?;
        equal(memory.load(1), Some(3), "what the parent wrote after the fork")?;
        Ok(0)
    })?;
    let (there, back) = (there.speak()?, back.listen()?);
    back.hear()?;
    equal(memory.load(last), Some(2), "what the child wrote, in a page new to both")?;
    memory.store(1, 3).present("word")?;
    there.say(0)?;
    exits(pid, 0)
}

fn not_inherited() -> Verdict {
    let memory = mmap_not_inherited(PAGE as usize)?;
    memory.store(5, 6).present("word")?;
    let begin = layout::NOT_INHERITED.start;
    // The first such range of a process begins where the zone begins.
    let pid = child(|| access(begin, Access::Read))?;
    is_killed(pid, SIGSEGV)?;
    equal(memory.load(5), Some(6), "what the parent has")?;
    let pid = child(|| {
        let own = mmap_not_inherited(PAGE as usize)?;
        equal(own.load(5), Some(0), "memory of the child's own")?;
        own.store(5, 7).present("word")?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    equal(memory.load(5), Some(6), "what the parent has afterwards")
}

fn sealed() -> Verdict {
    let memory = create(CapRef::SELF, Kind::Memory, ANYWHERE, [2 * PAGE, 0, 0])?;
    copy_out(Remote::Memory(memory, PAGE - 3), b"sealed")?;
    let private = Mapping::sealed(memory, PAGE as usize);
    refused(private.map(drop), Error::Denied, "a private view of what can still change")?;
    seal(memory)?;
    let view = Mapping::sealed(memory, 2 * PAGE as usize)?;
    equal(&view.bytes()[PAGE as usize - 3..][..6], b"sealed", "the view")?;
    let written = copy_out(Remote::Memory(memory, 0), b"x");
    check(written.is_err(), "a sealed Memory cannot be written")?;
    let writable = SharedMapping::memory(memory, 0, PAGE as usize, true);
    refused(writable.map(drop), Error::Denied, "mapping it for writing")?;
    // A view outlives the capability, and stores to it are private.
    close(memory)?;
    let mut view = view;
    view.protect(tine::sys::memory::READ_WRITE)?;
    let pid = child(|| {
        equal(&view.bytes()[PAGE as usize - 3..][..6], b"sealed", "the child's view")?;
        Ok(0)
    })?;
    view.bytes_mut()[PAGE as usize - 3..][..6].copy_from_slice(b"broken");
    exits(pid, 0)?;
    equal(&view.bytes()[PAGE as usize - 3..][..6], b"broken", "the parent's view")
}

/// Whoever maps what is there already takes no fault for it, however large it is.
fn filled_in_advance() -> Verdict {
    let length = PAGES * PAGE as usize;
    let memory = create(CapRef::SELF, Kind::Memory, ANYWHERE, [length as u64, 0, 0])?;
    for page in 0..PAGES as u64 {
        copy_out(Remote::Memory(memory, page * PAGE), &(page + 1).to_le_bytes())?;
    }
    let view = SharedMapping::memory(memory, 0, length, false)?;
    close(memory)?;
    let before = counters()?.faults;
    let is_there =
        (0..PAGES).all(|page| view.load(page * PAGE as usize / 8) == Some(page as u64 + 1));
    let faults = counters()?.faults - before;
    check(is_there, "the mapping shows the Memory")?;
    equal(faults, 0, "faults")
}

fn object() -> Verdict {
    let memory = create(CapRef::SELF, Kind::Memory, LOWEST_DESCRIPTOR, [4 * PAGE, 0, 0])?;
    let pid = child(|| {
        copy_out(Remote::Memory(memory, 3 * PAGE), b"from the child")?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    let mut bytes = [0; 14];
    copy_in(&mut bytes, Remote::Memory(memory, 3 * PAGE))?;
    equal(&bytes, b"from the child", "what the child copied there")?;
    let read_only = duplicate(memory, Placement::new(ANYWHERE).with_rights(Rights::READ))?;
    let window = SharedMapping::memory(read_only, 3 * PAGE, PAGE as usize, false)?;
    equal(window.load(0), Some(u64::from_le_bytes(*b"from the")), "a window at an offset")?;
    equal(window.store(0, 0), None, "a store into a window for reading")?;
    equal(window.words() as u64, PAGE / 8, "words of the window")
}

fn sparse() -> Verdict {
    /// Bytes that are mapped, of which few are touched.
    const BYTES: usize = 1 << 33;
    let mut memory = mmap(BYTES)?;
    let step = BYTES / 16;
    for index in 0..16 {
        memory.bytes_mut()[index * step + index] = index as u8 + 1;
    }
    let pid = child(|| {
        for index in 0..16 {
            equal(memory.bytes()[index * step + index], index as u8 + 1, "a touched byte")?;
            equal(memory.bytes()[index * step + 100], 0, "a byte beside it")?;
        }
        memory.bytes_mut()[step] = 99;
        Ok(0)
    })?;
    exits(pid, 0)?;
    equal(memory.bytes()[step], 0, "what the child wrote is the child's")
}

/// Frames come back when ranges are unmapped, also while a child shares them.
fn released() -> Verdict {
    const BYTES: usize = 16 << 20;
    let fill = |memory: &mut Mapping| {
        for page in memory.bytes_mut().chunks_mut(PAGE as usize) {
            page[0] = 1;
        }
    };
    let mut memory = mmap(BYTES)?;
    fill(&mut memory);
    drop(memory);
    drain()?;
    let before = counters()?.frames_free;
    let mut memory = mmap(BYTES)?;
    fill(&mut memory);
    let during = counters()?.frames_free;
    check(before - during >= BYTES as u64 / PAGE, "touched pages take frames")?;
    let sharer = Waiting::start()?;
    drop(memory);
    check(counters()?.frames_free < during + 64, "what a child shares stays")?;
    sharer.release()?;
    drain()?;
    let after = counters()?.frames_free;
    check(after + 64 > before, format_args!("{} frames are missing", before.saturating_sub(after)))
}
