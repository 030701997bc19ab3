//! The kernel's counters, in every build: benchmarks and leak checks read them.
//!
//! Owns: [`Counters`] and their gathering into [`Statistics`]. Never here: who may read them.

use tine_abi::hardware::Statistics;

use crate::{machine::Machine, memory::FrameKind, state::State};

/// What the kernel counts as it goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// System calls, faults and interrupts taken.
    pub entries: u64,
    /// Of those: page faults.
    pub faults: u64,
    /// Times that another root of page tables was loaded.
    pub cr3_loads: u64,
    /// Frames given to the machine when it booted.
    pub frames_total: u64,
}

impl<M: Machine> State<M> {
    /// All counters of this moment.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let slabs = [
            self.threads.pages(),
            self.tables.pages(),
            self.grants.pages(),
            self.ports.pages(),
            self.domains.pages(),
            self.events.pages(),
            self.spaces.pages(),
            self.memories.pages(),
            self.accounts.pages(),
            self.extended.pages(),
            self.errands.pages(),
            self.deadlines.pages(),
            self.nodes.pages(),
        ];
        let objects = self.threads.len()
            + self.grants.len()
            + self.ports.len()
            + self.domains.len()
            + self.events.len()
            + self.spaces.len()
            + self.memories.len()
            + self.accounts.len();
        Statistics {
            entries: self.counters.entries,
            faults: self.counters.faults,
            cr3_loads: self.counters.cr3_loads,
            frames_free: u64::from(self.frames.available()),
            frames_total: self.counters.frames_total,
            frames_kernel: slabs.iter().sum::<usize>() as u64,
            objects: objects as u64,
            domains: self.domains.len() as u64,
            tasks: self.tasks_unfinished(),
        }
    }

    /// Frames that boot gave: those that are free before anything was made of them.
    pub(crate) fn count_frames(&mut self) {
        self.counters.frames_total = u64::from(self.frames.available());
        debug_assert!(
            self.frames.record(self.frames.zero_page()).kind() == FrameKind::Reserved,
            "boot sets the zero page aside"
        );
    }

    /// What is still being taken apart or worked on.
    fn tasks_unfinished(&self) -> u64 {
        let working = self.errands.iter().filter(|(_, errand)| errand.work.is_some()).count();
        let is_dirty = !self.frames.has_no_dead() || !self.nodes.has_no_dead();
        (self.reaper.len() + self.tables.unused()) as u64 + working as u64 + u64::from(is_dirty)
    }
}
