//! Unmap: taking a promise back.
//!
//! Owns: [`Space::unmap`] and its job. Never here: what becomes of frames that nobody holds any more
//! (`teardown`). Called by the memory calls and by exec.
//!
//! Order: reserve the copies of tables that the range covers in part and others share; edit the tree
//! (the point of no return); make those tables private; then, in chunks, take entries away. An entry
//! that lies wholly in the range goes as a whole, whatever is below it; so only the tables on the
//! way to the two ends are edited, and those are private now.

use core::ops::Range;

use heapless::Vec;
use tine_abi::Error;

use super::{
    CHUNK, MemoryContext, Progress, Reservation, Space,
    address::{self, GROUP, ROOT_LEVEL},
    entry, path,
    space::Job,
    table,
};
use crate::machine::{Frame, PhysicalMemory, Translation};

/// Up to how many pages are flushed one by one.
const FEW_PAGES: u64 = 8;

/// One end of a range: the tables on the way to it down to the last one covered in part.
struct Edge {
    address: u64,
    /// The lowest level whose table on the way exists and is covered in part.
    bottom: u32,
    /// Tables to copy.
    count: u32,
}

impl Space {
    /// Removes whatever is mapped in the range; nothing there is no error.
    ///
    /// [`Error::BadArgument`]: unaligned, empty, out of range. [`Error::NoMemory`]: a node or table
    /// could not be copied, and nothing has changed. [`Error::Busy`], [`Error::Gone`]: as for map.
    pub fn unmap<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        address: u64,
        length: u64,
    ) -> Result<Progress, Error> {
        let root = self.idle_root()?;
        let range = address::range(address, length)?;
        match self.tree(range.start).next(cx.nodes, range.start) {
            Some(mapping) if mapping.start < range.end => {}
            _ => return Ok(Progress::Done),
        }
        let edges = [range.start, range.end - 1].map(|at| edge(cx, root, &range, at));
        let count = edges.iter().map(|edge| edge.count).sum();
        let mut reservation = cx.frames.reserve(cx.accounts, self.account, count)?;
        if let Err(error) = self.edit(cx, &range, &[]) {
            cx.frames.cancel(cx.accounts, reservation);
            return Err(error);
        }
        for edge in edges {
            sever(cx, &mut reservation, root, &edge);
        }
        cx.frames.cancel(cx.accounts, reservation);
        self.job = Some(Job::Unmap(range));
        Ok(self.advance(cx))
    }

    /// One chunk of the job: takes entries away. Returns whether the range is done.
    pub(crate) fn take_entries<M: Translation>(
        cx: &mut MemoryContext<'_, M>,
        root: Frame,
        range: &mut Range<u64>,
    ) -> bool {
        const ROOM: usize = CHUNK as usize + ROOT_LEVEL as usize;
        let mut taken: Vec<u64, ROOM> = Vec::new();
        let begin = range.start;
        let mut steps = CHUNK;
        while range.start < range.end && taken.len() < CHUNK as usize && steps > 0 {
            steps -= 1;
            take_first(cx, root, range, |value| {
                let is_pushed = taken.push(value).is_ok();
                debug_assert!(is_pushed, "a step takes at most one entry a level");
            });
        }
        if !taken.is_empty() {
            flush(cx.machine, root, &(begin..range.start));
        }
        for value in taken {
            cx.frames.lower(cx.accounts, entry::frame(value));
        }
        range.start >= range.end
    }
}

/// Finds the tables to copy on the way to `at`, one end of `range`.
fn edge<M: PhysicalMemory>(
    cx: &mut MemoryContext<'_, M>,
    root: Frame,
    range: &Range<u64>,
    at: u64,
) -> Edge {
    let is_partial = |level: u32| {
        let first = at & !(address::span(level + 1) - 1);
        first < range.start || range.end < first + address::span(level + 1)
    };
    let lowest = (1..ROOT_LEVEL).find(|level| is_partial(*level)).unwrap_or(ROOT_LEVEL);
    let reach = path::descend(cx, root, at, lowest);
    let mut edge = Edge { address: at, bottom: reach.level, count: 0 };
    let mut shared = reach.shared;
    while let Some(table) = shared {
        edge.bottom -= 1;
        edge.count += 1;
        let index = address::index(at, edge.bottom);
        shared = match table::entry(cx.machine, cx.frames, table, index) {
            value if value != 0 && edge.bottom > lowest => Some(entry::frame(value)),
            _ => None,
        };
    }
    edge
}

/// Makes the way to an edge private.
fn sever<M: Translation>(
    cx: &mut MemoryContext<'_, M>,
    reservation: &mut Reservation,
    root: Frame,
    edge: &Edge,
) {
    let reach = path::descend(cx, root, edge.address, edge.bottom);
    let broken = path::privatise(cx, reservation, &reach, edge.address, edge.bottom);
    if broken.is_any() {
        cx.machine.flush_page(root, edge.address);
        broken.release(cx.frames, cx.accounts);
    }
}

/// Takes the first entry of `range` away, and the tables that it leaves empty; or skips addresses
/// without entries. Moves the start of `range` behind it.
fn take_first<M: PhysicalMemory>(
    cx: &mut MemoryContext<'_, M>,
    root: Frame,
    range: &mut Range<u64>,
    mut taken: impl FnMut(u64),
) {
    let at = range.start;
    let mut way = [root; ROOT_LEVEL as usize + 1];
    let mut level = ROOT_LEVEL;
    loop {
        let table = way[level as usize];
        let first = at & !(address::span(level) - 1);
        let next = first + address::span(level);
        let value = table::entry(cx.machine, cx.frames, table, address::index(at, level));
        if value == 0 {
            range.start = next_live(cx, table, level, at).min(range.end);
            return;
        }
        if level == 1 || (first == at && next <= range.end) {
            taken(value);
            let mut live = table::clear(cx.machine, cx.frames, table, address::index(at, level));
            while live == 0 && level < ROOT_LEVEL {
                level += 1;
                let (table, index) = (way[level as usize], address::index(at, level));
                taken(cx.machine.load(table, index));
                live = table::clear(cx.machine, cx.frames, table, index);
            }
            range.start = next;
            return;
        }
        level -= 1;
        way[level as usize] = entry::frame(value);
    }
}

/// The first address behind `at` whose entry in `table` may be in use, by the occupancy map.
pub(crate) fn next_live<M>(cx: &MemoryContext<'_, M>, table: Frame, level: u32, at: u64) -> u64 {
    let index = address::index(at, level);
    let groups = cx.frames.usage(table).0 >> (index / GROUP);
    let next = match groups.trailing_zeros() as usize {
        0 => index + 1,
        skipped => ((index / GROUP + skipped) * GROUP).min(address::ENTRIES),
    };
    let base = at & !((address::span(level) << 9) - 1);
    base + next as u64 * address::span(level)
}

/// Drops what the processor remembers of a range.
pub(crate) fn flush<M: Translation>(machine: &mut M, root: Frame, range: &Range<u64>) {
    if (range.end - range.start) / address::PAGE <= FEW_PAGES {
        let mut at = range.start;
        while at < range.end {
            machine.flush_page(root, at);
            at += address::PAGE;
        }
    } else {
        machine.flush_all(root);
    }
}
