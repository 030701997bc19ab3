//! The four systems, as data and methods; the only place that knows which differs how.
//!
//! Owns: limits, pid rules, log and delay rules, wait options, signal defaults, statistics. Each
//! item names its rule. Precedence between the profile of the boot and that of a process:
//! allocator, limits, delays and statistics follow the boot; validity, numbers and
//! errno the caller; wait results the waiting parent.
//!
//! Never enters it: state. Called by every transition; calls nothing.

mod data;

pub use data::{FREEBSD_13, FREEBSD_2001, FREEBSD_2010, NETBSD_9};

/// How the system-wide limit `maxproc` is read (rules 24 to 27).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaxprocRule {
    /// Whether the test counts the new process itself.
    pub counts_new: bool,
    /// Places kept back from the unprivileged.
    pub reserve: u32,
}

/// How numbers are chosen (rules 47 to 57).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PidRule {
    /// The lowest free number after the last one given (rules 47, 51, 53).
    Sequential {
        /// Where the search goes on once it reaches `pid_max`.
        fresh: FreshLine,
    },
    /// Table slot and generation (2.8/11).
    Slots,
}

/// Where a sequential search continues after a wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FreshLine {
    /// At 2 (rule 52).
    Two,
    /// At the number modulo `pid_max`, plus 100 when that is below 100 (rule 54).
    Hundred,
}

/// Which uses keep a number from being given again (rules 51, 53; 2.8/11). Its use by a process,
/// zombies included, always does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameSpaces {
    /// As a group's number.
    pub group: bool,
    /// As a session's number.
    pub session: bool,
    /// As a reap subtree's number.
    pub subtree: bool,
}

/// What is logged about refused forks (rules 29 to 31).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RefusalLog {
    /// At most one line in this time; 0 for no limit.
    pub interval_ns: u64,
    /// Whether the line tells the pid.
    pub tells_pid: bool,
    /// Whether refusals for the user's limit are logged too.
    pub user_limit: bool,
}

/// What fork statistics count (rules 101, 102).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatisticsRule {
    /// Each fork in exactly one of forks, vforks, rforks.
    ByKind,
    /// All in forks; those that wait and those that share memory once more.
    ByProperty,
}

/// A set of signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignalSet(u128);

impl SignalSet {
    /// The set of these signals, each 1 to 128.
    #[must_use]
    pub const fn of(signals: &[u32]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < signals.len() {
            bits |= 1 << (signals[index] - 1);
            index += 1;
        }
        Self(bits)
    }

    /// Adds or removes a signal.
    pub(crate) const fn set(&mut self, signal: u32, member: bool) {
        let bit = Self::of(&[signal]).0;
        self.0 = if member { self.0 | bit } else { self.0 & !bit };
    }

    /// Whether it holds this signal.
    #[must_use]
    pub const fn contains(self, signal: u32) -> bool {
        signal >= 1 && signal <= 128 && self.0 >> (signal - 1) & 1 == 1
    }
}

/// Numbers of the options of wait4 (2.2/1, 2.8/8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitOptions {
    /// All that are accepted; any other bit is EINVAL.
    pub accepted: u32,
    /// Do not wait.
    pub no_hang: u32,
    /// Leave the zombie; 0 where there is none.
    pub no_wait: u32,
    /// Only children whose exit signal is not SIGCHLD.
    pub alternate: u32,
    /// Children of both sorts; 0 where there is none.
    pub every: u32,
}

/// One system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// For people.
    pub name: &'static str,
    /// The system-wide limit.
    pub maxproc: MaxprocRule,
    /// Whether a soft limit of 0 processes a user means none at all, or no limit (rules 34, 36).
    pub zero_limit_refuses: bool,
    /// How numbers are chosen.
    pub pids: PidRule,
    /// What keeps a number in use.
    pub kept_by: NameSpaces,
    /// First number that is never given, where the boot does not say otherwise.
    pub pid_max: u32,
    /// What is logged about refusals.
    pub refusal_log: RefusalLog,
    /// How long the answer of a fork that failed for want of something is held back (rules 32,
    /// 33; the reply is delayed, the server never sleeps).
    pub failure_delay_ns: u64,
    /// What is counted.
    pub statistics: StatisticsRule,
    /// Options of wait4.
    pub wait: WaitOptions,
    /// Greatest signal number.
    pub highest_signal: u32,
    /// Signals that do nothing by default.
    pub ignored: SignalSet,
    /// Signals that stop by default.
    pub stopping: SignalSet,
    /// Whether pdfork exists.
    pub has_descriptors: bool,
    /// Whether processes other than init can be reapers.
    pub has_reapers: bool,
}

/// What a signal does that nobody catches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DefaultAction {
    Terminate,
    Ignore,
    Stop,
}

impl Profile {
    /// Whether a process that does or does not have privilege may be added to `present` others
    /// under the limit `maxproc` (rules 24 to 27).
    #[must_use]
    pub const fn admits(&self, present: u32, maxproc: u32, privileged: bool) -> bool {
        let counted = if self.maxproc.counts_new { present.saturating_add(1) } else { present };
        let reserve = if privileged { 0 } else { self.maxproc.reserve };
        counted < maxproc.saturating_sub(reserve)
    }

    /// Whether a user with `present` processes may have one more under a soft limit (rules 34 to
    /// 36). Privilege lifts the limit in all four.
    #[must_use]
    pub const fn admits_user(&self, present: u32, limit: u32, privileged: bool) -> bool {
        privileged || (limit == 0 && !self.zero_limit_refuses) || present < limit
    }

    /// What a signal does by default; the caller has checked the number.
    pub(crate) const fn default_action(&self, signal: u32) -> DefaultAction {
        if self.ignored.contains(signal) {
            DefaultAction::Ignore
        } else if self.stopping.contains(signal) {
            DefaultAction::Stop
        } else {
            DefaultAction::Terminate
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most processes that a lone class of callers can bring about.
    fn most(profile: &Profile, maxproc: u32, privileged: bool) -> u32 {
        (0..=maxproc).find(|present| !profile.admits(*present, maxproc, privileged)).unwrap()
    }

    /// Rules 24 to 27, subtle 10: the edges in a table.
    #[test]
    fn limit_edges_of_the_four_systems() {
        const M: u32 = 64;
        let edges = |profile| (most(profile, M, false), most(profile, M, true));
        assert_eq!(edges(&FREEBSD_13), (M - 11, M - 1));
        assert_eq!(edges(&NETBSD_9), (M - 6, M - 1));
        assert_eq!(edges(&FREEBSD_2010), (M - 10, M));
        assert_eq!(edges(&FREEBSD_2001), (M - 1, M));
    }

    /// Rules 34 to 36.
    #[test]
    fn a_limit_of_zero_is_none_or_nothing() {
        for profile in [&FREEBSD_13, &FREEBSD_2010, &FREEBSD_2001] {
            assert!(profile.admits_user(1000, 0, false));
        }
        assert!(!NETBSD_9.admits_user(0, 0, false));
        for profile in [&FREEBSD_13, &FREEBSD_2010, &FREEBSD_2001, &NETBSD_9] {
            assert!(profile.admits_user(2, 3, false));
            assert!(!profile.admits_user(3, 3, false));
            assert!(profile.admits_user(3, 3, true));
        }
    }

    #[test]
    fn signals_have_their_defaults() {
        use DefaultAction::{Ignore, Stop, Terminate};
        let actions = |profile: &Profile| [1, 9, 17, 20, 19, 32].map(|n| profile.default_action(n));
        assert_eq!(actions(&FREEBSD_13), [Terminate, Terminate, Stop, Ignore, Ignore, Terminate]);
        assert_eq!(actions(&NETBSD_9)[5], Ignore, "SIGPWR");
        assert!(!SignalSet::of(&[1, 128]).contains(0));
        assert!(SignalSet::of(&[1, 128]).contains(128));
        assert!(!SignalSet::of(&[1, 128]).contains(129));
    }
}
