//! Frames that nothing points to any more, and how tables among them are taken apart.
//!
//! Owns: the lowering of counts, the list of dead tables, their chunked and iterative end. Never
//! here: when references go. Called by everything that drops an entry, and by the reaper.

use super::{END, FrameKind, FrameTable, NOBODY};
use crate::{
    account::{self, Accounts},
    machine::{Frame, PhysicalMemory},
    memory::{Progress, address, entry},
};

/// Frames that lost their last entry and are yet to be given back to one account: many in a row
/// were usually paid by the same.
#[derive(Debug)]
struct Refund {
    owner: u32,
    count: u32,
}

impl Refund {
    const fn new() -> Refund {
        Refund { owner: NOBODY, count: 0 }
    }

    #[inline]
    fn add(&mut self, accounts: &mut Accounts, owner: u32) {
        if owner != self.owner {
            self.settle(accounts);
            self.owner = owner;
        }
        self.count += 1;
    }

    fn settle(&mut self, accounts: &mut Accounts) {
        if self.count > 0 {
            account::give_frames(accounts, self.owner, self.count);
            self.count = 0;
        }
    }
}

impl FrameTable {
    /// One entry fewer points to the frame. A frame that nothing points to any more becomes free,
    /// or a dead table.
    #[inline]
    pub(crate) fn lower(&mut self, accounts: &mut Accounts, frame: Frame) {
        if let Some(count) = self.references.get_mut(frame.0 as usize) {
            *count = count.wrapping_sub(1);
            if *count == 0 {
                let mut refund = Refund::new();
                self.bury(accounts, frame, &mut refund);
                refund.settle(accounts);
            }
        }
    }

    /// One entry fewer of a table: of what it holds, or borrows.
    #[inline(always)]
    fn drop_entry(&mut self, accounts: &mut Accounts, entry: u64, refund: &mut Refund) {
        let frame = entry::frame(entry);
        if entry & entry::BORROWED != 0 {
            self.give_back(entry);
        } else if let Some(count) = self.references.get_mut(frame.0 as usize) {
            *count = count.wrapping_sub(1);
            if *count == 0 {
                self.bury(accounts, frame, refund);
            }
        }
    }

    /// What happens to a frame whose count has become zero.
    fn bury(&mut self, accounts: &mut Accounts, frame: Frame, refund: &mut Refund) {
        let record = self.record(frame);
        match record.kind {
            FrameKind::Anonymous | FrameKind::Memory => {
                refund.add(accounts, record.owner);
                self.push_free(frame, FrameKind::Free);
            }
            FrameKind::Table => self.push_dead(frame, FrameKind::DeadTable),
            _ => debug_assert!(false, "{frame:?} of kind {:?} lost its last entry", record.kind),
        }
    }

    /// The only space that named a root is gone.
    pub(crate) fn bury_root(&mut self, root: Frame) {
        self.push_dead(root, FrameKind::DeadRoot);
    }

    /// The dead table on top of the list, taken off it.
    fn pop_dead(&mut self) -> Option<Frame> {
        let frame = Frame(self.dead);
        let next = self.references.get_mut(frame.0 as usize)?;
        if frame.0 == END {
            return None;
        }
        self.dead = core::mem::take(next);
        Some(frame)
    }

    /// Whether no dead table waits.
    #[inline]
    pub(crate) fn has_no_dead(&self) -> bool {
        self.dead == END
    }

    /// Puts a table on the list of dead ones.
    pub(super) fn push_dead(&mut self, frame: Frame, kind: FrameKind) {
        let at = frame.0 as usize;
        if let (Some(record), Some(link)) = (self.records.get_mut(at), self.references.get_mut(at))
        {
            record.kind = kind;
            *link = core::mem::replace(&mut self.dead, frame.0);
        }
    }

    /// Takes dead tables apart, at most `budget` entries (rounded up to a group) of them; what others
    /// borrow stays.
    ///
    /// A table comes back zeroed at a cost of its live entries: each is cleared as it is dropped.
    pub(crate) fn reap<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        accounts: &mut Accounts,
        budget: &mut u32,
    ) -> Progress {
        let mut refund = Refund::new();
        let mut left = *budget;
        while let Some(table) = self.pop_dead() {
            let record = self.record(table);
            let lent = record.lent_groups();
            let mut occupancy = record.word & !lent;
            while occupancy != 0 {
                if left == 0 {
                    self.set_usage(table, occupancy | record.word & lent, 0);
                    self.push_dead(table, record.kind);
                    refund.settle(accounts);
                    *budget = 0;
                    return Progress::More;
                }
                left = left.saturating_sub(address::GROUP as u32);
                let first = address::first_of(occupancy);
                occupancy &= occupancy - 1;
                machine.take_entries(table, first, |entry| {
                    self.drop_entry(accounts, entry, &mut refund);
                });
            }
            if lent == 0 {
                refund.add(accounts, record.owner);
                let is_root = record.kind == FrameKind::DeadRoot;
                let kind = if is_root { FrameKind::SpareRoot } else { FrameKind::Zeroed };
                self.push_free(table, kind);
            } else {
                self.keep_lender(table, record.word & lent);
            }
        }
        refund.settle(accounts);
        *budget = left;
        Progress::Done
    }
}
