//! wait4: whom it finds, what it tells, what becomes of orphans.

use tine::process::WaitFlags;
use tine::signal::{SIGKILL, SIGTERM};
use tine::{Errno, WaitStatus, getpgid, getpid, getppid, kill, setpgid, wait4};

use super::{Case, case};
use crate::process::{Line, Waiting, child, ended, exits, reap_all};
use crate::verdict::{Present, Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("wait.statuses", statuses),
    case("wait.forms", forms),
    case("wait.no-hang", no_hang),
    case("wait.no-wait", no_wait),
    case("wait.errors", errors),
    case("wait.blocks", blocks),
    case("wait.orphans", orphans),
    case("wait.zombie-orphans", zombie_orphans),
];

const PLAIN: WaitFlags = WaitFlags::empty();

fn statuses() -> Verdict {
    for code in [0, 1, 2, 127, 128, 255_u8] {
        let pid = child(|| Ok(code))?;
        let status = ended(pid)?;
        equal((status.exit_code(), status.signal()), (Some(code), None), "status")?;
    }
    for signal in [1, SIGKILL, SIGTERM, 31] {
        let pid = child(|| {
            kill(getpid(), signal)?;
            Ok(0)
        })?;
        let status = ended(pid)?;
        equal((status.exit_code(), status.signal()), (None, Some(signal as u8)), "status")?;
    }
    let pid = child(|| tine::_exit(0x1234_56ff))?;
    exits(pid, 0xff)
}

fn forms() -> Verdict {
    let group = getpgid(0)?;
    let same = child(|| Ok(1))?;
    let other = child(|| {
        setpgid(0, 0)?;
        Ok(2)
    })?;
    setpgid(other, other)
        .or_else(|error| if error == Errno::ACCES { Ok(()) } else { Err(error) })?;
    equal(wait4(-other, PLAIN)?, Some((other, WaitStatus::exited(2))), "a child of that group")?;
    refused(wait4(-other, PLAIN), Errno::CHILD, "a group without children")?;
    equal(wait4(0, PLAIN)?, Some((same, WaitStatus::exited(1))), "a child of the own group")?;
    let third = child(|| Ok(3))?;
    equal(wait4(-group, PLAIN)?, Some((third, WaitStatus::exited(3))), "the own group by number")?;
    let (fourth, fifth) = (child(|| Ok(4))?, child(|| Ok(5))?);
    equal(wait4(fourth, PLAIN)?, Some((fourth, WaitStatus::exited(4))), "this child")?;
    equal(wait4(-1, PLAIN)?, Some((fifth, WaitStatus::exited(5))), "any child")?;
    refused(wait4(-1, PLAIN), Errno::CHILD, "no children")
}

fn no_hang() -> Verdict {
    let waiting = Waiting::start()?;
    for pid in [waiting.pid, -1, 0] {
        equal(wait4(pid, WaitFlags::NOHANG)?, None, "a child that runs")?;
    }
    waiting.release()?;
    refused(wait4(-1, WaitFlags::NOHANG), Errno::CHILD, "no children")
}

fn no_wait() -> Verdict {
    let pid = child(|| Ok(6))?;
    for _ in 0..3 {
        let found = wait4(pid, WaitFlags::NOWAIT)?;
        equal(found, Some((pid, WaitStatus::exited(6))), "looking leaves the zombie")?;
    }
    exits(pid, 6)?;
    refused(wait4(pid, WaitFlags::NOWAIT), Errno::CHILD, "a reaped child")
}

fn errors() -> Verdict {
    let waiting = Waiting::start()?;
    let pid = waiting.pid;
    for wrong in [getpid(), getppid()?, 1, 99_998] {
        refused(wait4(wrong, PLAIN), Errno::CHILD, format_args!("pid {wrong}, no child"))?;
    }
    let odd = WaitFlags::from_bits_retain(1 << 20);
    refused(wait4(pid, odd), Errno::INVAL, "an undefined flag")?;
    let grandchild = child(|| {
        refused(wait4(pid, PLAIN), Errno::CHILD, "a sibling")?;
        Ok(0)
    })?;
    exits(grandchild, 0)?;
    waiting.release()
}

/// The wait is parked and answered by the end of the right child.
fn blocks() -> Verdict {
    let line = Line::new()?;
    let slow = child(|| {
        let ear = line.listen()?;
        ear.hear_end()?;
        Ok(8)
    })?;
    let quick = child(|| {
        line.leave()?;
        tine::sys::domain::yield_now();
        Ok(7)
    })?;
    equal(wait4(quick, PLAIN)?, Some((quick, WaitStatus::exited(7))), "the quick one")?;
    line.leave()?;
    equal(wait4(-1, PLAIN)?, Some((slow, WaitStatus::exited(8))), "the slow one")
}

fn orphans() -> Verdict {
    let (go, end) = (Line::new()?, Line::new()?);
    let pid = child(|| {
        child(|| {
            let (go, end) = (go.listen()?, end.speak()?);
            go.hear()?;
            end.say_number(getppid()? as u64)?;
            Ok(0)
        })?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    let (go, end) = (go.speak()?, end.listen()?);
    go.say(0)?;
    equal(end.hear_number()?, Some(1), "the parent of an orphan")?;
    end.hear_end()?;
    refused(wait4(-1, PLAIN), Errno::CHILD, "grandchildren are no children")
}

/// Children that ended before their parent did are reaped by init.
fn zombie_orphans() -> Verdict {
    let pid = child(|| {
        for _ in 0..10 {
            let line = Line::new()?;
            let zombie = child(|| Ok(0))?;
            close_all(line)?;
            let found = wait4(zombie, WaitFlags::NOWAIT)?.present("zombie")?;
            equal(found.0, zombie, "a zombie")?;
        }
        Ok(0)
    })?;
    exits(pid, 0)?;
    equal(reap_all()?, 0, "children that are left")?;
    check(getppid()? > 0, "the case has a parent")
}

fn close_all(line: Line) -> Verdict {
    line.leave()
}
