//! vfork: borrowed memory, a parent that waits.

use tine::abi::capability::SlotFlags;
use tine::process::exec::Program;
use tine::rt::fork::Stack;
use tine::signal::SIGKILL;
use tine::{_exit, Errno, Fd, Pid, close, getpid, kill, pipe2, vfork};

use super::{Case, case};
use crate::helper;
use crate::process::{Line, child, exits, is_killed};
use crate::verdict::{Verdict, check, equal};

pub(super) const CASES: &[Case] = &[
    case("vfork.shares-memory", shares_memory),
    case("vfork.exec", exec),
    case("vfork.descriptors", descriptors),
    case("vfork.failing-exec", failing_exec),
    case("vfork.killed-child", killed_child),
    case("vfork.killed-parent", killed_parent),
    case("vfork.many", many),
];

fn stack() -> Verdict<Stack> {
    Ok(Stack::new(16 << 10)?)
}

struct Lent {
    number: u32,
    pid: Pid,
    program: Option<Program>,
    failure: Option<Errno>,
    fd: Fd,
}

impl Lent {
    fn new() -> Self {
        Self { number: 1, pid: 0, program: None, failure: None, fd: Fd(0) }
    }
}

fn shares_memory() -> Verdict {
    let mut lent = Lent::new();
    let own = getpid();
    let pid = vfork(&mut stack()?, &mut lent, |lent| {
        lent.number += 41;
        lent.pid = getpid();
        _exit(9)
    })?;
    equal(lent.number, 42, "what the child wrote, when the parent goes on")?;
    equal(lent.pid, pid, "the child's own pid")?;
    equal(getpid(), own, "the parent's own pid afterwards")?;
    exits(pid, 9)
}

fn exec() -> Verdict {
    let mut lent = Lent::new();
    let arguments = ["tests", helper::OPTION, "exit", "17"];
    lent.program = Some(Program::new(helper::PATH, &arguments, &[""; 0])?);
    let pid = vfork(&mut stack()?, &mut lent, |lent| {
        lent.number = 2;
        lent.failure = lent.program.as_ref().map(Program::exec);
        _exit(1)
    })?;
    equal((lent.number, lent.failure), (2, None), "what the child left")?;
    exits(pid, 17)
}

fn descriptors() -> Verdict {
    let mut lent = Lent::new();
    let (read, write) = pipe2(SlotFlags::empty())?;
    lent.fd = write;
    let pid = vfork(&mut stack()?, &mut lent, |lent| {
        lent.failure = close(lent.fd).err();
        _exit(0)
    })?;
    equal(lent.failure, None, "closing in the child")?;
    exits(pid, 0)?;
    equal(tine::write(write, b"x")?, 1, "the parent's descriptor is its own")?;
    close(read)?;
    close(write)?;
    Ok(())
}

fn failing_exec() -> Verdict {
    let mut lent = Lent::new();
    lent.program = Some(Program::new("/bin/there-is-no-such", &["x"], &[""; 0])?);
    let pid = vfork(&mut stack()?, &mut lent, |lent| {
        lent.failure = lent.program.as_ref().map(Program::exec);
        _exit(3)
    })?;
    equal(lent.failure, Some(Errno::NOENT), "why it could not be executed")?;
    exits(pid, 3)
}

fn killed_child() -> Verdict {
    let mut lent = Lent::new();
    let pid = vfork(&mut stack()?, &mut lent, |lent| {
        lent.number = 5;
        kill(getpid(), SIGKILL).ok();
        _exit(0)
    })?;
    equal(lent.number, 5, "what the child wrote before it was killed")?;
    is_killed(pid, SIGKILL)
}

/// A signal to a parent that waits for its vfork child takes effect when the wait is over.
fn killed_parent() -> Verdict {
    let line = Line::new()?;
    let pid = child(|| {
        let mut lent = Lent::new();
        lent.fd = line.write;
        let borrowed = vfork(&mut stack()?, &mut lent, |lent| {
            kill(tine::getppid().unwrap_or(0), SIGKILL).ok();
            // The parent is still there: it shares this memory.
            tine::write(lent.fd, &[1]).ok();
            _exit(0)
        })?;
        check(borrowed == 0, "a parent that was killed does not go on")?;
        Ok(0)
    })?;
    let ear = line.listen()?;
    equal(ear.hear()?, Some(1), "the vfork child lived on")?;
    is_killed(pid, SIGKILL)?;
    ear.hear_end()?;
    ear.leave()
}

fn many() -> Verdict {
    let mut stack = stack()?;
    let mut lent = Lent::new();
    for turn in 0..100 {
        let pid = vfork(&mut stack, &mut lent, |lent| {
            lent.number += 1;
            _exit(lent.number as i32 & 0x7f)
        })?;
        equal(lent.number, turn + 2, "turns")?;
        exits(pid, (lent.number & 0x7f) as u8)?;
    }
    Ok(())
}
