//! Resolving an access: zero fill, copy on write, breaking a shared path.
//!
//! Owns: [`Space::resolve`] and [`Space::repair`], the only ways in which an entry gains permission
//! or a private page comes to be. Never here: what is mapped (I3: the tree says). Called for every
//! page fault (`repair`) and by every kernel copy, page by page (`resolve`). Never waits.
//!
//! One pass: walk down while tables are this space's alone, regaining W on the way where the last
//! sharer has gone; then everything below is shared, or missing. Decide about the leaf, reserve all
//! frames at once, and only then build: copies of the shared tables from the top down, the leaf, one
//! flush, and after it the old references (in this order, because a stale translation may reach
//! an old table until the flush, so the table must not lose its count before).
//!
//! Stores to anonymous memory with private tables, the bulk, build no plan: `store_anonymous`.
//!
//! Cost with private tables: four loads, five where nothing is there, one store. With `k` shared
//! levels: for each live entry of each of them one load and two stores, but for no more than one part
//! of a large table (`table`).

use tine_abi::{layout, memory::Protection, notification::FaultKind};

use super::{
    Access, MemoryContext, Space,
    address::{self, ROOT_LEVEL},
    entry,
    frame::FrameKind,
    mapping::{Mapping, MappingKind},
    path::{self, Broken, Reach},
    space::allows,
    table,
};
use crate::machine::{Frame, Translation};

/// What the leaf becomes.
enum Leaf {
    /// The frame that it holds, with the permission of the mapping; `true`: stores as well.
    Same(bool),
    /// A frame that others have too; `true`: stores as well.
    Share(Frame, bool),
    /// A new zeroed page.
    Zero,
    /// A new page with the content of this one.
    Copy(Frame),
    /// The page of the Memory that nobody has touched yet.
    Populate,
}

impl Space {
    /// The frame to use for `access` at `address`, as the processor would: makes whatever is
    /// missing. [`FaultKind::Unmapped`], [`FaultKind::Protection`] or [`FaultKind::NoMemory`], and
    /// then nothing has changed.
    ///
    /// Entries never allow more than the tree (I3), so a complete walk is an answer by itself.
    #[inline]
    pub fn resolve<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        address: u64,
        access: Access,
    ) -> Result<Frame, FaultKind> {
        match walk(cx.machine, self.root.ok_or(FaultKind::Unmapped)?, address, access) {
            Some(frame) => Ok(frame),
            None => self.repair(cx, address, access),
        }
    }

    /// As [`Space::resolve`] for an access that the processor has refused.
    #[inline]
    pub fn repair<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        address: u64,
        access: Access,
    ) -> Result<Frame, FaultKind> {
        let root = self.root.ok_or(FaultKind::Unmapped)?;
        let mapping = self.find(cx.nodes, address).ok_or(FaultKind::Unmapped)?;
        if !allows(mapping, access) {
            return Err(FaultKind::Protection);
        }
        let stores = matches!(access, Access::Write | Access::Force);
        let is_plain = stores
            && mapping.kind == MappingKind::Anonymous
            && mapping.protection.contains(Protection::WRITE);
        let reach = path::descend(cx, root, address, 1);
        if is_plain && reach.level == 1 {
            self.store_anonymous(cx, root, reach.table, address)
        } else {
            self.repair_generally(cx, root, reach, address, stores)
        }
    }

    /// A store to writable anonymous memory whose tables are private: most faults are one.
    #[inline]
    fn store_anonymous<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        root: Frame,
        table: Frame,
        address: u64,
    ) -> Result<Frame, FaultKind> {
        let index = address::index(address, 1);
        let old = table::entry(cx.machine, cx.frames, table, index);
        if old == 0 {
            let new = cx
                .frames
                .claim_zeroed(cx.machine, cx.accounts, self.account)
                .ok_or(FaultKind::NoMemory)?;
            table::install(cx.machine, cx.frames, table, index, entry::data(new));
            return Ok(new);
        }
        let frame = entry::frame(old);
        if cx.frames.is_only_anonymous(frame) {
            cx.machine.store(table, index, entry::data(frame));
            return Ok(frame);
        }
        let new = if frame == cx.frames.zero_page() {
            cx.frames.claim_zeroed(cx.machine, cx.accounts, self.account)
        } else {
            cx.frames.claim_copy(cx.machine, cx.accounts, self.account, frame)
        };
        let new = new.ok_or(FaultKind::NoMemory)?;
        cx.machine.store(table, index, entry::data(new));
        cx.machine.flush_page(root, address);
        cx.frames.lower(cx.accounts, frame);
        Ok(new)
    }

    /// An allowed access to the mapping found last.
    fn repair_generally<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        root: Frame,
        reach: Reach,
        address: u64,
        stores: bool,
    ) -> Result<Frame, FaultKind> {
        let mapping = self.recent;
        let old = path::peek(cx, &reach, address);
        let leaf = decide(cx, &mapping, &reach, old, address, stores);
        self.publish(cx, root, &mapping, reach, old, leaf, address)
    }

    /// Reserves what `leaf` and the tables above need, makes it, and drops what it replaced.
    #[expect(clippy::too_many_arguments, reason = "the steps of one pass, split for reading")]
    fn publish<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        root: Frame,
        mapping: &Mapping,
        reach: Reach,
        old: u64,
        leaf: Leaf,
        address: u64,
    ) -> Result<Frame, FaultKind> {
        let is_new_page = matches!(leaf, Leaf::Zero | Leaf::Copy(_));
        let count = reach.level - 1 + u32::from(is_new_page);
        let mut reservation =
            cx.frames.reserve(cx.accounts, self.account, count).map_err(|_| FaultKind::NoMemory)?;
        let (frame, may_write) = match leaf {
            Leaf::Same(may_write) => (entry::frame(old), may_write),
            Leaf::Share(frame, may_write) => (frame, may_write),
            Leaf::Zero => {
                (cx.frames.take_zeroed(cx.machine, &mut reservation, FrameKind::Anonymous), true)
            }
            Leaf::Copy(source) => (cx.frames.take_copy(cx.machine, &mut reservation, source), true),
            Leaf::Populate => {
                let page = mapping.page_at(address);
                let object = mapping.memory().and_then(|memory| cx.objects.get_mut(memory));
                let frame = object.and_then(|object| {
                    object.populate(cx.machine, cx.frames, cx.accounts, page).ok()
                });
                let Some(frame) = frame else {
                    cx.frames.cancel(cx.accounts, reservation);
                    return Err(FaultKind::NoMemory);
                };
                (frame, mapping.kind == MappingKind::Shared)
            }
        };
        let mut value = entry::leaf(frame, mapping.protection) | caching(cx, mapping);
        if may_write && mapping.protection.contains(Protection::WRITE) {
            value |= entry::WRITABLE;
        }

        let broken = if reach.level > 1 {
            path::privatise(cx, &mut reservation, &reach, address, 1)
        } else {
            Broken::none(reach.table)
        };
        let index = address::index(address, 1);
        if old == 0 {
            table::install(cx.machine, cx.frames, broken.table, index, value);
        } else {
            cx.machine.store(broken.table, index, value);
        }
        let is_same = old != 0 && entry::frame(old) == frame;
        if !is_same && !is_new_page {
            cx.frames.raise(value);
        }
        if broken.is_any() || (old != 0 && !is_same) {
            cx.machine.flush_page(root, address);
            broken.release(cx.frames, cx.accounts);
            if old != 0 && !is_same {
                cx.frames.lower(cx.accounts, entry::frame(old));
            }
        }
        Ok(frame)
    }
}

/// The walk of the processor: the frame if every entry allows the access.
#[inline]
fn walk<M: Translation>(machine: &M, root: Frame, address: u64, access: Access) -> Option<Frame> {
    let required = match access {
        Access::Write => entry::PRESENT | entry::WRITABLE,
        Access::Read | Access::Execute => entry::PRESENT,
        Access::Force => return None,
    };
    if address >= layout::END {
        return None;
    }
    let mut table = root;
    let mut value = 0;
    for level in (1..=ROOT_LEVEL).rev() {
        value = machine.load(table, address::index(address, level));
        if value & required != required {
            return None;
        }
        table = entry::frame(value);
    }
    if access == Access::Execute && value & entry::NO_EXECUTE != 0 {
        return None;
    }
    Some(table)
}

/// What the leaf must become for the access.
#[inline]
fn decide<M: Translation>(
    cx: &MemoryContext<'_, M>,
    mapping: &Mapping,
    reach: &Reach,
    old: u64,
    address: u64,
    stores: bool,
) -> Leaf {
    if old != 0 {
        let frame = entry::frame(old);
        if mapping.kind == MappingKind::Shared {
            return Leaf::Same(true);
        }
        if frame == cx.frames.zero_page() {
            return if stores { Leaf::Zero } else { Leaf::Same(false) };
        }
        let is_alone = reach.level == 1 && cx.frames.is_only_anonymous(frame);
        return match (stores, is_alone) {
            (true, false) => Leaf::Copy(frame),
            (_, is_alone) => Leaf::Same(is_alone),
        };
    }
    let Some(memory) = mapping.memory() else {
        return if stores { Leaf::Zero } else { Leaf::Share(cx.frames.zero_page(), false) };
    };
    let page = mapping.page_at(address);
    let frame = cx.objects.get(memory).and_then(|object| object.frame(cx.machine, page));
    match (frame, mapping.kind == MappingKind::Shared) {
        (Some(frame), true) => Leaf::Share(frame, true),
        (None, true) => Leaf::Populate,
        (Some(frame), false) if stores => Leaf::Copy(frame),
        (Some(frame), false) => Leaf::Share(frame, false),
        (None, false) if stores => Leaf::Zero,
        (None, false) => Leaf::Share(cx.frames.zero_page(), false),
    }
}

/// The bits that device memory needs in a leaf.
#[inline]
fn caching<M>(cx: &MemoryContext<'_, M>, mapping: &Mapping) -> u64 {
    match mapping.memory() {
        Some(memory) => cx.objects.get(memory).map_or(0, |object| object.caching()),
        None => 0,
    }
}
