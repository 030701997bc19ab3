//! Failure by order, and a walk over the lists: for tests.
//!
//! Owns: the countdown to one failing allocation. Never in the kernel.

use super::{END, FrameKind, FrameTable};
use crate::machine::Frame;

impl FrameTable {
    /// Lets `successes` more allocations succeed and the one after them fail, once.
    pub fn fail_after(&mut self, successes: u32) {
        self.failure = Some(successes);
    }

    /// No allocation fails by order any more; tells whether the failure was still to come.
    pub fn heal(&mut self) -> bool {
        self.failure.take().is_some()
    }

    /// Whether this allocation is the one to fail.
    pub(crate) fn fails(&mut self) -> bool {
        match self.failure {
            Some(0) => {
                self.failure = None;
                true
            }
            Some(left) => {
                self.failure = Some(left - 1);
                false
            }
            None => false,
        }
    }

    /// Walks every list; `false` if one is not what the kinds say (F2), or a frame is promised (F3).
    #[must_use]
    pub fn lists_are_sound(&self) -> bool {
        let mut listed = 0;
        let mut sound = |head: u32, kind: FrameKind| {
            let (mut at, mut count) = (head, 0);
            while at != END && count <= self.records.len() {
                if self.record(Frame(at)).kind != kind || self.references(Frame(at)) != 0 {
                    return false;
                }
                at = self.record(Frame(at)).word as u32;
                count += 1;
            }
            listed += count;
            count == self.records.iter().filter(|record| record.kind == kind).count()
        };
        sound(self.free, FrameKind::Free)
            && sound(self.zeroed, FrameKind::Zeroed)
            && sound(self.roots, FrameKind::SpareRoot)
            && listed == self.available as usize
    }
}
