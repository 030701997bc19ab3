//! Single tables: fill, clear and copy entries together with their bookkeeping.
//!
//! Owns: the rule that a table's entries, its live count and its occupancy map change together, and
//! the borrowing of parts. Never here: which table, and whether it may be edited (I4). Called by
//! `path`, `resolve`, `fork`, `unmap`, `protect`, `job` and `object`.
//!
//! A copy of a large table borrows what it does not need yet: a part whose first entry is a marker
//! that names the lender, and whose other entries are zero. The processor and the kernel's own walks
//! take all of it for missing; [`entry`] then brings the part home. Lenders are always tables in
//! which the part is there, so there are no chains: a copy of a marker names the same lender.

use super::{
    FrameTable, Reservation,
    address::{self, ENTRIES, GROUP, GROUPS, PART},
    entry,
};
use crate::machine::{Frame, PhysicalMemory};

/// From how many live entries on a table is large: its copies borrow. A marker counts as so many.
pub(crate) const LARGE: u16 = 64;

/// Fills a zero entry.
#[inline]
pub(crate) fn install<M: PhysicalMemory>(
    machine: &mut M,
    frames: &mut FrameTable,
    table: Frame,
    index: usize,
    value: u64,
) {
    machine.store(table, index, value);
    frames.occupy(table, index);
}

/// Clears an entry that is not zero. Its reference passes to the caller. Returns the live count.
pub(crate) fn clear<M: PhysicalMemory>(
    machine: &mut M,
    frames: &mut FrameTable,
    table: Frame,
    index: usize,
) -> u16 {
    machine.store(table, index, 0);
    let (mut occupancy, live) = frames.usage(table);
    let group = index / GROUP;
    if (group * GROUP..(group + 1) * GROUP).all(|index| machine.load(table, index) == 0) {
        occupancy &= !(1 << group);
    }
    frames.set_usage(table, occupancy, live - 1);
    live - 1
}

/// Makes a copy of a shared table: every entry copied loses W in both, and what it holds gains a
/// reference.
///
/// Of a large table only the part of entry `index` is copied; the others are borrowed, from the
/// table or from whom it borrows them itself. So the cost is bounded, whatever the table holds.
///
/// No flush: what loses W here was reached through an entry without W already (I2). Cost: each
/// entry copied is loaded once and stored twice; groups without a live entry are skipped; a part
/// that is borrowed is a load and a store.
#[inline]
pub(crate) fn copy<M: PhysicalMemory>(
    machine: &mut M,
    frames: &mut FrameTable,
    reservation: &mut Reservation,
    shared: Frame,
    index: usize,
) -> Frame {
    let like = frames.record(shared);
    let new = frames.take_table(machine, reservation, like.level());
    let usage = if like.live() < LARGE {
        copy_groups(machine, frames, new, shared, like.occupancy());
        (like.occupancy(), like.live())
    } else {
        entry(machine, frames, shared, index);
        copy_large(machine, frames, new, shared, index / PART)
    };
    frames.set_usage(new, usage.0, usage.1);
    new
}

/// Copies the part `way` of a large table and borrows the others. Returns what the new table has: its
/// occupancy map and live count.
fn copy_large<M: PhysicalMemory>(
    machine: &mut M,
    frames: &mut FrameTable,
    new: Frame,
    shared: Frame,
    way: usize,
) -> (u64, u16) {
    let others = address::parts_of(frames.usage(shared).0 & !address::groups_of(way));
    // Neighbours mostly have one lender, which is told once.
    let (mut lender, mut parts) = (shared, 0);
    let mut copied = address::first_group_of(way);
    let (mut part, mut own) = (address::first_group_of(0), entry::borrowed(shared, 0));
    for first in (0..ENTRIES).step_by(PART) {
        if others & part != 0 {
            let head = machine.load(shared, first);
            let marker = if head & entry::BORROWED != 0 { head } else { own };
            if entry::frame(marker) != lender {
                copied |= frames.lend(lender, parts);
                (lender, parts) = (entry::frame(marker), 0);
            }
            machine.store(new, first, marker);
            parts |= part;
        }
        part <<= GROUPS;
        own = entry::next(own);
    }
    copied |= frames.lend(lender, parts);

    let borrowed = others & !copied;
    let mut usage = (borrowed, address::count_of(borrowed) * LARGE);
    while copied != 0 {
        let first = address::first_of(copied);
        copied &= copied - 1;
        let head = machine.load(shared, first);
        let from = if head & entry::BORROWED != 0 { entry::frame(head) } else { shared };
        machine.store(new, first, 0);
        let (groups, count) = copy_part(machine, frames, new, from, first / PART);
        usage = (usage.0 | groups, usage.1 + count);
    }
    usage
}

/// Entry `index` of a table: zero, or it holds a frame. A part that is borrowed is brought home
/// first, which changes nothing for whoever sees the table, so the table may be shared.
#[inline(always)]
pub(crate) fn entry<M: PhysicalMemory>(
    machine: &mut M,
    frames: &mut FrameTable,
    table: Frame,
    index: usize,
) -> u64 {
    let value = machine.load(table, index);
    if entry::is_held(value) {
        return value;
    }
    let marker = machine.load(table, index & !(PART - 1));
    if marker & entry::BORROWED == 0 {
        return 0;
    }
    bring_home(machine, frames, table, marker);
    machine.load(table, index)
}

/// Puts the entries of a borrowed part in place of its marker: copies of the lender's, or the
/// lender's themselves if nobody else sees them.
#[cold]
fn bring_home<M: PhysicalMemory>(
    machine: &mut M,
    frames: &mut FrameTable,
    table: Frame,
    marker: u64,
) {
    let (lender, part) = (entry::frame(marker), entry::part(marker));
    let first = part * PART;
    machine.store(table, first, 0);
    let (groups, count) = copy_part(machine, frames, table, lender, part);
    if frames.is_last_borrower(marker) {
        let mut counts = frames.counts();
        for group in (first..first + PART).step_by(GROUP) {
            machine.take_entries(lender, group, |entry| counts.lower(entry));
        }
    }
    let (occupancy, live) = frames.usage(table);
    let occupancy = occupancy & !address::groups_of(part) | groups;
    frames.set_usage(table, occupancy, live - LARGE + count);
    frames.give_back(marker);
}

/// Copies a part whose entries are in `from` into an empty one. Returns the groups in use and how
/// many entries there were.
#[inline]
fn copy_part<M: PhysicalMemory>(
    machine: &mut M,
    frames: &mut FrameTable,
    to: Frame,
    from: Frame,
    part: usize,
) -> (u64, u16) {
    let groups = frames.usage(from).0 & address::groups_of(part);
    (groups, copy_groups(machine, frames, to, from, groups))
}

/// Copies groups of entries, which lose W in both tables. `to` is zero there. Returns how many
/// entries there were.
#[inline(always)]
fn copy_groups<M: PhysicalMemory>(
    machine: &mut M,
    frames: &mut FrameTable,
    to: Frame,
    from: Frame,
    groups: u64,
) -> u16 {
    let mut counts = frames.counts();
    let mut groups = groups;
    let mut count = 0;
    while groups != 0 {
        let first = address::first_of(groups);
        groups &= groups - 1;
        machine.copy_entries(to, from, first, !entry::WRITABLE, |entry| {
            counts.raise(entry);
            count += 1;
        });
    }
    count
}
