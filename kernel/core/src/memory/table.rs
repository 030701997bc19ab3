//! Single tables: fill, clear and copy entries together with their bookkeeping.
//!
//! Owns: the rule that a table's entries, its live count and its occupancy map change together.
//! Never here: which table, and whether it may be edited (I4). Called by `resolve`, `fork`, `unmap`
//! and `object`.

use super::{
    FrameTable, Reservation,
    address::{self, ENTRIES, GROUP},
    entry,
};
use crate::machine::{Frame, PhysicalMemory};

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

/// Makes a copy of a shared table: every entry of both loses W, every target gains a reference.
///
/// No flush: what loses W here was reached through an entry without W already (I2). Cost: each
/// entry is loaded once and stored twice; groups without a live entry are skipped. A table whose
/// groups are all full needs no test for zero.
#[inline]
pub(crate) fn copy<M: PhysicalMemory>(
    machine: &mut M,
    frames: &mut FrameTable,
    reservation: &mut Reservation,
    shared: Frame,
) -> Frame {
    const KEEP: u64 = !entry::WRITABLE;
    let (new, mut groups, is_full) = frames.take_table_like(machine, reservation, shared);
    if is_full {
        machine.copy_entries(new, shared, 0..ENTRIES, KEEP, true, |entry| frames.raise(entry));
        return new;
    }
    while groups != 0 {
        let first = address::first_of(groups);
        groups &= groups - 1;
        let group = first..first + GROUP;
        machine.copy_entries(new, shared, group, KEEP, false, |entry| frames.raise(entry));
    }
    new
}
