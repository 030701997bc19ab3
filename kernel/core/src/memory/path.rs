//! The way from a root down to a table: how far it is one space's alone, and making it so.
//!
//! Owns: [`descend`] and [`privatise`], the two halves of breaking a shared path. Never here:
//! permission, leaves. Called by `resolve`, `unmap` and `fill`.
//!
//! Since a table that is reached through a shared one is shared as well (whatever its own count),
//! the way is private down to some level and shared, or missing, below: [`Reach`].

use super::{
    FrameTable, MemoryContext, Reservation,
    address::{self, ROOT_LEVEL},
    entry, table,
};
use crate::{
    account::Accounts,
    machine::{Frame, PhysicalMemory, Translation},
};

/// How far down the tables are this space's alone.
pub(crate) struct Reach {
    /// The lowest private table, or the one of the level that was asked for.
    pub(crate) table: Frame,
    /// Its level.
    pub(crate) level: u32,
    /// The shared table below it; `None` says that none is there, or none was asked for.
    pub(crate) shared: Option<Frame>,
}

/// The lowest table after the way down was made private, and the shared ones it replaced. Flush,
/// then [`Broken::release`].
#[must_use = "the references to the old tables would never be dropped"]
pub(crate) struct Broken {
    pub(crate) table: Frame,
    old: [Frame; 3],
    count: usize,
}

impl Broken {
    /// Nothing was replaced.
    #[inline]
    pub(crate) const fn none(table: Frame) -> Broken {
        Broken { table, old: [Frame(0); 3], count: 0 }
    }

    /// Whether a table was replaced: then the processor may still know the old one.
    #[inline]
    pub(crate) const fn is_any(&self) -> bool {
        self.count > 0
    }

    /// Drops the references that the replaced entries were. A table that was shared has another, one
    /// that was only lent becomes a lender.
    #[inline]
    pub(crate) fn release(&self, frames: &mut FrameTable, accounts: &mut Accounts) {
        for table in self.old.iter().take(self.count) {
            frames.lower(accounts, *table);
        }
    }
}

/// Walks down the tables that only this space reaches, to the one of level `bottom` at most, and
/// makes each writable again.
#[inline(always)]
pub(crate) fn descend<M: PhysicalMemory>(
    cx: &mut MemoryContext<'_, M>,
    root: Frame,
    address: u64,
    bottom: u32,
) -> Reach {
    let mut table = root;
    let mut level = ROOT_LEVEL;
    while level > bottom {
        let index = address::index(address, level);
        let value = table::entry(cx.machine, cx.frames, table, index);
        if value == 0 {
            return Reach { table, level, shared: None };
        }
        let below = entry::frame(value);
        // With W the table is this space's alone (I1), which need not be looked at.
        if value & entry::WRITABLE == 0 {
            if !cx.frames.is_sole(below) {
                return Reach { table, level, shared: Some(below) };
            }
            cx.machine.store(table, index, value | entry::WRITABLE);
        }
        table = below;
        level -= 1;
    }
    Reach { table, level, shared: None }
}

/// The leaf as it is, through shared tables if need be; zero if there is none.
#[inline]
pub(crate) fn peek<M: PhysicalMemory>(
    cx: &mut MemoryContext<'_, M>,
    reach: &Reach,
    address: u64,
) -> u64 {
    if reach.level == 1 {
        return table::entry(cx.machine, cx.frames, reach.table, address::index(address, 1));
    }
    let Some(mut table) = reach.shared else { return 0 };
    for level in (2..reach.level).rev() {
        match table::entry(cx.machine, cx.frames, table, address::index(address, level)) {
            0 => return 0,
            value => table = entry::frame(value),
        }
    }
    table::entry(cx.machine, cx.frames, table, address::index(address, 1))
}

/// Makes the way private from where `reach` ends to the table of level `bottom`: copies what is
/// shared, makes what is missing. The reservation holds `reach.level - bottom` frames for it.
#[inline]
pub(crate) fn privatise<M: Translation>(
    cx: &mut MemoryContext<'_, M>,
    reservation: &mut Reservation,
    reach: &Reach,
    address: u64,
    bottom: u32,
) -> Broken {
    let mut broken = Broken::none(reach.table);
    let mut shared = reach.shared;
    for level in (bottom..reach.level).rev() {
        let index = address::index(address, level + 1);
        if let Some(old) = shared {
            let way = address::index(address, level);
            let new = table::copy(cx.machine, cx.frames, reservation, old, way);
            cx.machine.store(broken.table, index, entry::table(new));
            broken.table = new;
            if let Some(place) = broken.old.get_mut(broken.count) {
                *place = old;
                broken.count += 1;
            }
            let below = if level > bottom { cx.machine.load(new, way) } else { 0 };
            shared = (below != 0).then(|| entry::frame(below));
        } else {
            let new = cx.frames.take_table(cx.machine, reservation, level as u8);
            table::install(cx.machine, cx.frames, broken.table, index, entry::table(new));
            broken.table = new;
        }
    }
    broken
}
