//! What a case left behind.
//!
//! Owns: the comparison of two moments. Kernel and servers keep some of what they once needed, such
//! as slabs that have grown and files that were executed; that is a high-water mark, not a leak. So
//! a case that leaves something behind runs again, and only what it leaves *each time* counts.

use core::fmt;

use tine_abi::hardware::Statistics;

/// How often a case runs before what it leaves counts as a leak.
pub const RUNS: usize = 4;

/// One moment, with nothing running but the suite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The kernel's counters.
    pub statistics: Statistics,
    /// Processes.
    pub processes: u64,
}

/// What there is more of than before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Left {
    /// Frames that hold neither kernel slabs nor are free.
    pub frames: i64,
    /// Kernel objects.
    pub objects: i64,
    /// Domains.
    pub domains: i64,
    /// Processes.
    pub processes: i64,
    /// Kernel tasks that have not finished.
    pub tasks: i64,
}

impl Moment {
    /// Frames in use outside the kernel's slabs.
    const fn frames(&self) -> i64 {
        let all = self.statistics;
        all.frames_total as i64 - all.frames_free as i64 - all.frames_kernel as i64
    }

    /// What there is more of than at `before`.
    #[must_use]
    pub const fn since(&self, before: &Self) -> Left {
        let (now, then) = (&self.statistics, &before.statistics);
        Left {
            frames: self.frames() - before.frames(),
            objects: now.objects as i64 - then.objects as i64,
            domains: now.domains as i64 - then.domains as i64,
            processes: self.processes as i64 - before.processes as i64,
            tasks: now.tasks as i64,
        }
    }
}

impl Left {
    /// Whether nothing is left.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.frames <= 0
            && self.objects <= 0
            && self.domains == 0
            && self.processes == 0
            && self.tasks == 0
    }

    /// Whether everything that a process leaves while it ends is gone: a moment may be taken.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.domains <= 0 && self.processes <= 0 && self.tasks == 0
    }
}

impl fmt::Display for Left {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (count, what) in [
            (self.frames, "frames"),
            (self.objects, "objects"),
            (self.domains, "domains"),
            (self.processes, "processes"),
            (self.tasks, "unfinished tasks"),
        ] {
            if count != 0 {
                let separator = if first { "" } else { ", " };
                write!(formatter, "{separator}{count} {what}")?;
                first = false;
            }
        }
        if first { formatter.write_str("nothing") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn moment(free: u64, kernel: u64, objects: u64) -> Moment {
        let statistics = Statistics {
            frames_total: 1000,
            frames_free: free,
            frames_kernel: kernel,
            objects,
            ..Statistics::default()
        };
        Moment { statistics, processes: 3 }
    }

    #[test]
    fn slabs_may_grow_and_frames_may_not() {
        let before = moment(500, 100, 40);
        assert!(moment(490, 110, 40).since(&before).is_nothing(), "a slab has grown");
        assert!(moment(510, 100, 40).since(&before).is_nothing(), "something was given back");
        let left = moment(498, 100, 41).since(&before);
        assert!(!left.is_nothing() && left.is_settled());
        assert_eq!(format!("{left}"), "2 frames, 1 objects");
        assert_eq!(format!("{}", before.since(&before)), "nothing");
    }

    #[test]
    fn who_still_ends_is_waited_for() {
        let before = moment(500, 100, 40);
        let mut after = before;
        after.processes += 1;
        assert!(!after.since(&before).is_settled());
        after = before;
        after.statistics.tasks = 1;
        assert!(!after.since(&before).is_settled());
    }
}
