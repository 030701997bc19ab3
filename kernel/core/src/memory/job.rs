//! Jobs: the chunked rest of map, unmap and protect.
//!
//! Owns: [`Space::advance`] and the filling of entries in advance. Never here: waiting; kernel core
//! yields between two calls. Called by whoever began the operation, or met [`Error::Busy`].
//!
//! [`Error::Busy`]: tine_abi::Error::Busy

use core::ops::Range;

use tine_abi::memory::Protection;

use super::{
    CHUNK, MemoryContext, Progress, Space,
    address::{self, PAGE},
    entry,
    mapping::MappingKind,
    path, reap,
    space::Job,
    table,
};
use crate::machine::{Frame, Translation};

impl Space {
    /// One chunk of the job in progress, and of whatever is dead. `Done`: nothing of either is left,
    /// and the space can be changed.
    pub fn advance<M: Translation>(&mut self, cx: &mut MemoryContext<'_, M>) -> Progress {
        if let (Some(root), Some(job)) = (self.root, self.job.take()) {
            self.job = match job {
                Job::Unmap(mut range) => {
                    (!Space::take_entries(cx, root, &mut range)).then_some(Job::Unmap(range))
                }
                Job::Protect(mut range, protection) => {
                    (!Space::lower_entries(cx, root, &mut range, protection))
                        .then_some(Job::Protect(range, protection))
                }
                Job::Fill(mut range) => {
                    (!self.fill(cx, root, &mut range)).then_some(Job::Fill(range))
                }
            };
        }
        let reaped = reap(cx, CHUNK);
        if self.job.is_some() { Progress::More } else { reaped }
    }

    /// One chunk of filling leaves for the pages that a Memory has. Returns whether to stop: the
    /// range is done, or tables cannot be had; faults fill the rest.
    fn fill<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        root: Frame,
        range: &mut Range<u64>,
    ) -> bool {
        let Some(mapping) = self.find(cx.nodes, range.start).copied() else { return true };
        let Some(memory) = mapping.memory() else { return true };
        let Some(caching) = cx.objects.get(memory).map(|object| object.caching()) else {
            return true;
        };
        let stores =
            mapping.kind == MappingKind::Shared && mapping.protection.contains(Protection::WRITE);
        let bits = caching | if stores { entry::WRITABLE } else { 0 };
        let end = range.end.min(range.start + u64::from(CHUNK) * PAGE).min(mapping.end);
        let mut leaves: Option<Frame> = None;
        while range.start < end {
            let at = range.start;
            let index = address::index(at, 1);
            if index == 0 {
                leaves = None;
            }
            let page = mapping.page_at(at);
            if let Some(frame) = cx.objects.get(memory).and_then(|it| it.frame(cx.machine, page)) {
                let Some(table) = leaves.or_else(|| self.leaves(cx, root, at)) else { return true };
                leaves = Some(table);
                if table::entry(cx.machine, cx.frames, table, index) == 0 {
                    let value = entry::leaf(frame, mapping.protection) | bits;
                    table::install(cx.machine, cx.frames, table, index, value);
                    cx.frames.raise(value);
                }
            }
            range.start += PAGE;
        }
        range.start >= range.end
    }

    /// The private level-1 table for `address`, made if need be.
    fn leaves<M: Translation>(
        &self,
        cx: &mut MemoryContext<'_, M>,
        root: Frame,
        address: u64,
    ) -> Option<Frame> {
        let reach = path::descend(cx, root, address, 1);
        if reach.level == 1 {
            return Some(reach.table);
        }
        let mut reservation = cx.frames.reserve(cx.accounts, self.account, reach.level - 1).ok()?;
        let broken = path::privatise(cx, &mut reservation, &reach, address, 1);
        if broken.is_any() {
            cx.machine.flush_page(root, address);
            broken.release(cx.frames, cx.accounts);
        }
        Some(broken.table)
    }
}
