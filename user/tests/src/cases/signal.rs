//! kill and default actions.

use tine::process::set_ignored;
use tine::signal::{
    SIGCHLD, SIGCONT, SIGINFO, SIGINT, SIGIO, SIGKILL, SIGNALS, SIGSTOP, SIGTERM, SIGTSTP, SIGTTIN,
    SIGTTOU, SIGURG, SIGWINCH,
};
use tine::{Errno, getpid, kill};

use super::{Case, case};
use crate::helper;
use crate::process::{Line, Waiting, child, exits, is_killed};
use crate::verdict::{Verdict, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("signal.default-actions", default_actions),
    case("signal.errors", errors),
    case("signal.permission", permission),
    case("signal.zombie", zombie),
    case("signal.init", init),
    case("signal.ignored", ignored),
    case("signal.blocked-in-a-call", blocked_in_a_call),
];

const IGNORED: [u32; 6] = [SIGURG, SIGCONT, SIGCHLD, SIGIO, SIGWINCH, SIGINFO];
const STOPPING: [u32; 4] = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU];

fn default_actions() -> Verdict {
    for (signal, name, _) in SIGNALS {
        let waiting = Waiting::start()?;
        if STOPPING.contains(signal) {
            refused(kill(waiting.pid, *signal), Errno::OPNOTSUPP, format_args!("SIG{name}"))?;
            waiting.is_alive()?;
            waiting.release()?;
            continue;
        }
        kill(waiting.pid, *signal)?;
        if IGNORED.contains(signal) {
            waiting.is_alive()?;
            waiting.release()?;
        } else {
            waiting.was_killed(*signal).map_err(|failure| failure.within(name))?;
        }
    }
    Ok(())
}

fn errors() -> Verdict {
    kill(getpid(), 0)?;
    let waiting = Waiting::start()?;
    kill(waiting.pid, 0)?;
    refused(kill(waiting.pid, 129), Errno::INVAL, "signal 129")?;
    refused(kill(waiting.pid, u32::MAX), Errno::INVAL, "signal of all ones")?;
    waiting.is_alive()?;
    waiting.release()?;
    for signal in [0, SIGTERM] {
        refused(kill(waiting.pid, signal), Errno::SRCH, "a pid that was reaped")?;
        refused(kill(99_998, signal), Errno::SRCH, "a pid that never was")?;
        refused(kill(-99_998, signal), Errno::SRCH, "a group that never was")?;
        refused(kill(i32::MIN, signal), Errno::SRCH, "the lowest number")?;
    }
    Ok(())
}

fn permission() -> Verdict {
    let waiting = Waiting::start()?;
    let stranger = child(|| {
        tine::process::setuid(1001)?;
        refused(kill(waiting.pid, SIGTERM), Errno::PERM, "another user's process")?;
        refused(kill(1, SIGKILL), Errno::PERM, "init")?;
        kill(getpid(), 0)?;
        Ok(0)
    })?;
    exits(stranger, 0)?;
    waiting.is_alive()?;
    waiting.release()
}

fn zombie() -> Verdict {
    let line = Line::new()?;
    let pid = child(|| Ok(4))?;
    line.leave()?;
    tine::wait4(pid, tine::process::WaitFlags::NOWAIT)?;
    kill(pid, SIGKILL)?;
    kill(pid, 0)?;
    exits(pid, 4)
}

fn init() -> Verdict {
    for signal in [SIGKILL, SIGTERM, SIGINT] {
        kill(1, signal)?;
    }
    equal(tine::getpgid(1).is_ok(), true, "init is there")
}

fn ignored() -> Verdict {
    let waiting = Waiting::start_after(|| Ok(set_ignored(SIGTERM, true)?))?;
    kill(waiting.pid, SIGTERM)?;
    waiting.is_alive()?;
    kill(waiting.pid, SIGKILL)?;
    waiting.was_killed(SIGKILL)?;
    for signal in [SIGKILL, SIGSTOP] {
        refused(set_ignored(signal, true), Errno::INVAL, "what cannot be ignored")?;
    }
    // A fork inherits it, and an exec keeps it.
    let pid = child(|| {
        set_ignored(SIGTERM, true)?;
        let pid = child(|| {
            kill(getpid(), SIGTERM)?;
            set_ignored(SIGTERM, false)?;
            kill(getpid(), SIGTERM)?;
            Ok(0)
        })?;
        is_killed(pid, SIGTERM)?;
        let pid = child(|| {
            let arguments = ["tests", helper::OPTION, "terminate-self"];
            Err(tine::execve(helper::PATH, &arguments, &[""; 0]).into())
        })?;
        exits(pid, 7)?;
        Ok(0)
    })?;
    exits(pid, 0)
}

/// A process that waits in a server is killed there, and the server goes on.
fn blocked_in_a_call() -> Verdict {
    let line = Line::new()?;
    let reader = child(|| {
        let ear = line.listen()?;
        ear.hear()?;
        Ok(0)
    })?;
    let sleeper = child(|| {
        tine::nanosleep(core::time::Duration::from_secs(10_000))?;
        Ok(0)
    })?;
    let waiter = child(|| {
        let waiting = Waiting::start()?;
        crate::process::ended(waiting.pid)?;
        Ok(0)
    })?;
    for _ in 0..20 {
        tine::sys::domain::yield_now();
    }
    for pid in [reader, sleeper, waiter] {
        kill(pid, SIGKILL)?;
        is_killed(pid, SIGKILL)?;
    }
    let mouth = line.speak()?;
    mouth.leave()
}
