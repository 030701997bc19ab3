//! Process groups and sessions.

use tine::signal::{SIGKILL, SIGTERM};
use tine::{Errno, getpgid, getpid, getsid, kill, setpgid, setsid, tcgetpgrp, tcsetpgrp};

use super::{Case, case};
use crate::helper;
use crate::process::{Waiting, child, exits};
use crate::verdict::{Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("group.members", members),
    case("group.errors", errors),
    case("group.kill", kill_group),
    case("group.session", session),
    case("group.foreground", foreground),
];

fn members() -> Verdict {
    let own = getpgid(0)?;
    let leader = Waiting::start()?;
    equal(getpgid(leader.pid)?, own, "a child begins in its parent's group")?;
    setpgid(leader.pid, 0)?;
    equal(getpgid(leader.pid)?, leader.pid, "a group of its own")?;
    let member = Waiting::start_after(|| Ok(setpgid(0, leader.pid)?))?;
    equal(getpgid(member.pid)?, leader.pid, "a group that another has made")?;
    leader.release()?;
    // The group lives on with its member.
    let third = Waiting::start()?;
    setpgid(third.pid, leader.pid)?;
    equal(getpgid(third.pid)?, leader.pid, "a group without its leader")?;
    member.release()?;
    third.release()?;
    refused(kill(-leader.pid, 0), Errno::SRCH, "a group without members")
}

fn errors() -> Verdict {
    refused(setpgid(0, -5), Errno::INVAL, "a negative group")?;
    refused(setpgid(99_998, 0), Errno::SRCH, "no process")?;
    refused(setpgid(1, 0), Errno::SRCH, "a process that is no child")?;
    refused(setpgid(0, 99_998), Errno::PERM, "no group")?;
    let executed = child(|| {
        let arguments = ["tests", helper::OPTION, "wait"];
        Err(tine::execve(helper::PATH, &arguments, &[""; 0]).into())
    })?;
    // It has executed as soon as moving it is refused.
    loop {
        match setpgid(executed, executed) {
            Ok(()) => tine::sys::domain::yield_now(),
            Err(error) => {
                equal(error, Errno::ACCES, "a child that has executed")?;
                break;
            }
        }
    }
    kill(executed, SIGKILL)?;
    crate::process::is_killed(executed, SIGKILL)?;
    refused(getpgid(executed), Errno::SRCH, "a process that was reaped")
}

fn kill_group() -> Verdict {
    let outsider = Waiting::start()?;
    let leader = Waiting::start()?;
    setpgid(leader.pid, 0)?;
    let members = [Waiting::start()?, Waiting::start()?];
    for member in members {
        setpgid(member.pid, leader.pid)?;
    }
    kill(-leader.pid, 0)?;
    kill(-leader.pid, SIGTERM)?;
    for waiting in [leader, members[0], members[1]] {
        waiting.was_killed(SIGTERM)?;
    }
    outsider.is_alive()?;
    outsider.release()?;
    // 0 is the own group, the caller with it.
    let pid = child(|| {
        setpgid(0, 0)?;
        child(|| {
            tine::poll(&mut [], None)?;
            Ok(0)
        })?;
        kill(0, SIGTERM)?;
        Ok(0)
    })?;
    crate::process::is_killed(pid, SIGTERM)
}

fn session() -> Verdict {
    let own = getsid(0)?;
    let pid = child(|| {
        equal(getsid(0)?, own, "a child begins in its parent's session")?;
        equal(setsid()?, getpid(), "a session of its own")?;
        equal((getsid(0)?, getpgid(0)?), (getpid(), getpid()), "session and group")?;
        refused(setsid(), Errno::PERM, "the leader of a group")?;
        refused(setpgid(0, 0), Errno::PERM, "moving the leader of a session")?;
        refused(tcgetpgrp(), Errno::NOTTY, "a session without terminal")?;
        refused(tcsetpgrp(getpid()), Errno::NOTTY, "a session without terminal")?;
        let member = Waiting::start()?;
        equal(getsid(member.pid)?, getpid(), "the child's child")?;
        member.release()?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    // Groups do not reach across sessions.
    let other = Waiting::start_after(|| setsid().map(drop).map_err(Into::into))?;
    refused(setpgid(other.pid, getpgid(0)?), Errno::PERM, "a child in another session")?;
    refused(setpgid(0, other.pid), Errno::PERM, "a group of another session")?;
    other.release()
}

fn foreground() -> Verdict {
    let before = tcgetpgrp()?;
    let leader = Waiting::start()?;
    setpgid(leader.pid, 0)?;
    tcsetpgrp(leader.pid)?;
    equal(tcgetpgrp()?, leader.pid, "the foreground group")?;
    refused(tcsetpgrp(99_998), Errno::PERM, "no group")?;
    refused(tcsetpgrp(-1), Errno::INVAL, "a negative group")?;
    leader.release()?;
    check(tcgetpgrp()? != leader.pid, "a group that is gone is not in the foreground")?;
    tcsetpgrp(before)?;
    equal(tcgetpgrp()?, before, "the foreground group as it was")
}
