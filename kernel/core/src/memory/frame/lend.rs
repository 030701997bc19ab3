//! Lending: a table lets other tables read a part of it instead of copying it.
//!
//! Owns: the counts of borrowers (F6) and when a lender ends. Never here: markers and entries
//! (`table`). Called by `table`, and by whoever drops a marker.
//!
//! Why counts by part: an entry holds a reference to its frame exactly as long as somebody can see
//! the entry. So a page's count stays the number of entries that matter, and its last owner takes it
//! over in place.

use super::{FrameKind, FrameTable};
use crate::{
    machine::Frame,
    memory::{address, entry},
};

impl FrameTable {
    /// Whether a table belongs to whoever has the one entry that points to it: nobody borrows from
    /// it, so its content may change.
    #[inline]
    pub(crate) fn is_sole(&self, table: Frame) -> bool {
        self.references(table) == 1 && self.record(table).borrowers == 0
    }

    /// One more table borrows `parts`, named by their first groups in the occupancy map. Returns those
    /// that too many borrow already, of which nothing has changed.
    #[inline]
    pub(crate) fn lend(&mut self, lender: Frame, parts: u64) -> u64 {
        let Some(record) = self.records.get_mut(lender.0 as usize) else { return parts };
        let pairs = record.borrowers & record.borrowers >> 1;
        let refused = pairs & pairs >> 2 & parts;
        record.borrowers += parts & !refused;
        refused
    }

    /// Whether what this marker stands for is seen by nobody else: it may be moved.
    #[inline]
    pub(crate) fn is_last_borrower(&self, marker: u64) -> bool {
        let record = self.record(entry::frame(marker));
        matches!(record.kind, FrameKind::Lender | FrameKind::DeadTable)
            && record.borrowers(entry::part(marker)) == 1
    }

    /// One table fewer has this marker. A part that nobody sees any more is dead.
    pub(crate) fn give_back(&mut self, marker: u64) {
        let (lender, part) = (entry::frame(marker), entry::part(marker));
        let Some(record) = self.records.get_mut(lender.0 as usize) else { return };
        debug_assert!(record.borrowers(part) > 0, "more is given back than was lent");
        record.borrowers -= address::first_group_of(part);
        if record.borrowers(part) == 0 && record.kind == FrameKind::Lender {
            self.push_dead(lender, FrameKind::DeadTable);
        }
    }

    /// A dead table of which nothing is left but what others borrow: the groups in `occupancy`.
    pub(super) fn keep_lender(&mut self, table: Frame, occupancy: u64) {
        if let Some(record) = self.records.get_mut(table.0 as usize) {
            record.kind = FrameKind::Lender;
        }
        self.set_usage(table, occupancy, 0);
    }
}
