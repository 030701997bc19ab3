//! The four profiles.
//!
//! Owns: one constant a system, nothing else. Numbers are those of the systems; where a rule of
//! the semantics reference fixes one, it is named.

use super::{
    FreshLine, MaxprocRule, NameSpaces, PidRule, Profile, RefusalLog, SignalSet, StatisticsRule,
    WaitOptions,
};

const SECOND: u64 = 1_000_000_000;

/// SIGURG, SIGCONT, SIGCHLD, SIGIO, SIGWINCH, SIGINFO.
const IGNORED: SignalSet = SignalSet::of(&[16, 19, 20, 23, 28, 29]);
/// SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU.
const STOPPING: SignalSet = SignalSet::of(&[17, 18, 21, 22]);

/// FreeBSD 13: the profile that the system boots with.
pub const FREEBSD_13: Profile = Profile {
    name: "FreeBSD 13",
    // Rule 24.
    maxproc: MaxprocRule { counts_new: true, reserve: 10 },
    // Rule 34.
    zero_limit_refuses: false,
    // Rules 47, 51, 52.
    pids: PidRule::Sequential { fresh: FreshLine::Two },
    kept_by: NameSpaces { group: true, session: true, subtree: true },
    pid_max: 99_999,
    // Rule 29.
    refusal_log: RefusalLog { interval_ns: SECOND, tells_pid: true, user_limit: false },
    // Rule 32.
    failure_delay_ns: SECOND / 2,
    // Rule 101.
    statistics: StatisticsRule::ByKind,
    // 2.2/1: WNOHANG, WUNTRACED, WCONTINUED, WNOWAIT, WEXITED, WTRAPPED, WLINUXCLONE.
    wait: WaitOptions {
        accepted: 0x8000_003f,
        no_hang: 1,
        no_wait: 8,
        alternate: 0x8000_0000,
        every: 0,
    },
    highest_signal: 128,
    ignored: IGNORED,
    stopping: STOPPING,
    has_descriptors: true,
    has_reapers: true,
};

/// FreeBSD head of spring 2010.
pub const FREEBSD_2010: Profile = Profile {
    name: "FreeBSD 2010",
    // Rule 25.
    maxproc: MaxprocRule { counts_new: false, reserve: 10 },
    zero_limit_refuses: false,
    // Rules 53, 54.
    pids: PidRule::Sequential { fresh: FreshLine::Hundred },
    kept_by: NameSpaces { group: true, session: true, subtree: false },
    pid_max: 99_999,
    // Rule 30.
    refusal_log: RefusalLog { interval_ns: SECOND, tells_pid: false, user_limit: true },
    // Rule 32.
    failure_delay_ns: SECOND / 2,
    statistics: StatisticsRule::ByKind,
    // WNOHANG, WUNTRACED, WCONTINUED, WNOWAIT, WLINUXCLONE.
    wait: WaitOptions {
        accepted: 0x8000_000f,
        no_hang: 1,
        no_wait: 8,
        alternate: 0x8000_0000,
        every: 0,
    },
    highest_signal: 128,
    ignored: IGNORED,
    stopping: STOPPING,
    has_descriptors: false,
    has_reapers: false,
};

/// FreeBSD head of early 2001.
pub const FREEBSD_2001: Profile = Profile {
    name: "FreeBSD 2001",
    // Rule 26.
    maxproc: MaxprocRule { counts_new: false, reserve: 1 },
    zero_limit_refuses: false,
    // Rules 53, 54.
    pids: PidRule::Sequential { fresh: FreshLine::Hundred },
    kept_by: NameSpaces { group: true, session: true, subtree: false },
    pid_max: 99_999,
    // Rule 31.
    refusal_log: RefusalLog { interval_ns: 0, tells_pid: false, user_limit: false },
    failure_delay_ns: 0,
    statistics: StatisticsRule::ByKind,
    // WNOHANG, WUNTRACED, WLINUXCLONE.
    wait: WaitOptions {
        accepted: 0x8000_0003,
        no_hang: 1,
        no_wait: 0,
        alternate: 0x8000_0000,
        every: 0,
    },
    highest_signal: 128,
    ignored: IGNORED,
    stopping: STOPPING,
    has_descriptors: false,
    has_reapers: false,
};

/// NetBSD 9.
pub const NETBSD_9: Profile = Profile {
    name: "NetBSD 9",
    // Rule 27.
    maxproc: MaxprocRule { counts_new: true, reserve: 5 },
    // Rule 36.
    zero_limit_refuses: true,
    // 2.8/11.
    pids: PidRule::Slots,
    kept_by: NameSpaces { group: true, session: false, subtree: false },
    pid_max: 30_000,
    // Rule 31.
    refusal_log: RefusalLog { interval_ns: 10 * SECOND, tells_pid: false, user_limit: false },
    // Rule 33: the tunable's default.
    failure_delay_ns: 0,
    // Rule 102.
    statistics: StatisticsRule::ByProperty,
    // 2.8/8: WNOHANG, WUNTRACED, WALTSIG, WALLSIG, WCONTINUED, WEXITED, WTRAPPED, WNOWAIT.
    wait: WaitOptions {
        accepted: 0x0001_007f,
        no_hang: 1,
        no_wait: 0x0001_0000,
        alternate: 4,
        every: 8,
    },
    highest_signal: 63,
    // SIGPWR besides.
    ignored: SignalSet::of(&[16, 19, 20, 23, 28, 29, 32]),
    stopping: STOPPING,
    has_descriptors: false,
    has_reapers: false,
};
