//! Limits on processes: of the system with its reserve, of a user.

use alloc::vec::Vec;

use tine::process::limit::{Limit, getrlimit, setrlimit};
use tine::process::{Fork, fork, getuid, setuid};
use tine::signal::SIGKILL;
use tine::{Errno, kill};

use super::{Case, case};
use crate::process::{Waiting, child, exits};
use crate::verdict::{Verdict, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("limit.user", user),
    case("limit.system-reserve", system_reserve),
    case("limit.rights", rights),
    case("limit.users", users),
];

/// Processes that the superuser has in reserve.
const RESERVE: u64 = 10;

/// A fork that must be refused.
fn is_full(error: Errno) -> Verdict {
    match fork() {
        Ok(Fork::Child) => tine::_exit(0),
        result => refused(result, error, "a fork beyond the limit"),
    }
}

/// A part played as another user, whom limits bind.
fn as_user(id: u32, part: impl FnOnce() -> Verdict) -> Verdict {
    let pid = child(|| {
        setuid(id)?;
        part()?;
        Ok(0)
    })?;
    exits(pid, 0)
}

fn user() -> Verdict {
    as_user(1002, || {
        equal(getrlimit(Limit::UserProcesses)?.used, 1, "processes of the user")?;
        setrlimit(Limit::UserProcesses, 4)?;
        let children = [Waiting::start()?, Waiting::start()?, Waiting::start()?];
        equal(getrlimit(Limit::UserProcesses)?.used, 4, "processes of the user")?;
        is_full(Errno::AGAIN)?;
        children[1].release()?;
        // A zombie counted until it was reaped; now there is room for one.
        let again = Waiting::start()?;
        is_full(Errno::AGAIN)?;
        for waiting in [children[0], children[2], again] {
            waiting.release()?;
        }
        equal(getrlimit(Limit::UserProcesses)?.used, 1, "processes of the user")
    })
}

fn system_reserve() -> Verdict {
    let before = getrlimit(Limit::Processes)?;
    let room = RESERVE + 6;
    setrlimit(Limit::Processes, before.used + room)?;
    let result = fill(room);
    setrlimit(Limit::Processes, before.limit)?;
    result
}

/// Fills the system up to its limit: users up to the reserve, the superuser beyond it.
fn fill(room: u64) -> Verdict {
    // The limit is a number that is never reached; the user's own process takes one place.
    let places = room - RESERVE - 2;
    as_user(1003, || {
        let mut children = Vec::new();
        for _ in 0..places {
            children.push(Waiting::start()?);
        }
        is_full(Errno::AGAIN)?;
        for waiting in children {
            waiting.release()?;
        }
        Ok(())
    })?;
    let mut children = Vec::new();
    let count = loop {
        match Waiting::start() {
            Ok(waiting) => children.push(waiting),
            Err(_) => break children.len() as u64,
        }
    };
    for waiting in children {
        kill(waiting.pid, SIGKILL)?;
        waiting.was_killed(SIGKILL)?;
    }
    equal(count, room - 1, "children of the superuser")
}

fn rights() -> Verdict {
    let system = getrlimit(Limit::Processes)?.limit;
    as_user(1004, || {
        refused(setrlimit(Limit::Processes, system), Errno::PERM, "a limit of the system")?;
        let own = getrlimit(Limit::UserProcesses)?.limit;
        refused(setrlimit(Limit::UserProcesses, own + 1), Errno::PERM, "raising the own limit")?;
        setrlimit(Limit::UserProcesses, 20)?;
        refused(setrlimit(Limit::UserProcesses, 21), Errno::PERM, "raising it again")?;
        let pid = child(|| {
            equal(getrlimit(Limit::UserProcesses)?.limit, 20, "a limit is inherited")?;
            Ok(0)
        })?;
        exits(pid, 0)
    })?;
    refused(setrlimit(Limit::UserProcesses, 1 << 40), Errno::INVAL, "a limit beyond 32 bits")?;
    equal(getrlimit(Limit::Processes)?.limit, system, "the limit of the system")
}

fn users() -> Verdict {
    equal(getuid()?, 0, "the case is the superuser's")?;
    as_user(1005, || {
        equal(getuid()?, 1005, "the user")?;
        setuid(1005)?;
        refused(setuid(0), Errno::PERM, "becoming the superuser")?;
        refused(tine::process::power_off(), Errno::PERM, "switching the machine off")?;
        let pid = child(|| {
            equal(getuid()?, 1005, "a child's user")?;
            Ok(0)
        })?;
        exits(pid, 0)
    })
}
