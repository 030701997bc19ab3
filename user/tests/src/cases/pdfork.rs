//! Process descriptors: poll, kill, last close, inheritance.

use core::time::Duration;

use tine::abi::capability::{Rights, SlotFlags};
use tine::abi::domain::{CloneSpec, Inherit, Suspend, rank};
use tine::abi::notification::ExitKind;
use tine::abi::protocol::process::{DescriptorRights, ForkFlags};
use tine::abi::{CapRef, Kind};
use tine::descriptor::{descriptor_flags, limit_rights};
use tine::process::{Fork, WaitFlags, pdfork, setuid};
use tine::signal::{SIGKILL, SIGTERM};
use tine::sys::capability::{self, LOWEST_DESCRIPTOR, Placement};
use tine::sys::domain::{clone_caller, resume};
use tine::sys::message::{call, recv, reply};
use tine::{
    Errno, Fd, Pid, PollFd, PollFlags, close, dup, fstat, kill, pdgetpid, pdkill, poll, read,
    wait4, write,
};

use super::domain::{is_exit, specification};
use super::{Case, case};
use crate::helper;
use crate::process::{Ear, Line, child, exits, is_killed, play};
use crate::verdict::{Failure, Present, Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("pdfork.poll", poll_descriptor),
    case("pdfork.poll-two", poll_two),
    case("pdfork.getpid-and-kill", getpid_and_kill),
    case("pdfork.errors", errors),
    case("pdfork.rights", rights),
    case("pdfork.credentials", credentials),
    case("pdfork.no-process", no_process),
    case("pdfork.last-close", last_close),
    case("pdfork.last-close-of-copies", last_close_of_copies),
    case("pdfork.holder-dies", holder_dies),
    case("pdfork.daemon", daemon),
    case("pdfork.zombie-close", zombie_close),
    case("pdfork.cloexec", cloexec),
    case("pdfork.wait-any", wait_any),
];

/// Forks a child with a descriptor.
fn described(flags: ForkFlags, part: impl FnOnce() -> Verdict<u8>) -> Verdict<(Pid, Fd)> {
    match pdfork(flags)? {
        (Fork::Child, _) => play(part),
        (Fork::Parent(pid), fd) => Ok((pid, fd.present("descriptor")?)),
    }
}

/// A described child that runs until nobody holds the other end of the line.
fn living(flags: ForkFlags) -> Verdict<(Pid, Fd, Ear)> {
    let line = Line::new()?;
    let (pid, fd) = described(flags, || {
        line.speak()?;
        poll(&mut [], None)?;
        Err(Failure::new("a sleep without end has ended"))
    })?;
    Ok((pid, fd, line.listen()?))
}

fn polled(fd: Fd, timeout: Option<Duration>) -> Verdict<PollFlags> {
    let mut asked = [PollFd::new(fd, PollFlags::POLLIN | PollFlags::POLLOUT)];
    poll(&mut asked, timeout)?;
    Ok(asked[0].revents)
}

const NOW: Option<Duration> = Some(Duration::ZERO);

fn poll_descriptor() -> Verdict {
    let (pid, fd, life) = living(ForkFlags::empty())?;
    equal(polled(fd, NOW)?, PollFlags::empty(), "while it runs")?;
    equal(polled(fd, Some(Duration::from_millis(2)))?, PollFlags::empty(), "after a while")?;
    pdkill(fd, SIGTERM)?;
    equal(polled(fd, None)?, PollFlags::POLLHUP, "when it ends")?;
    for _ in 0..3 {
        equal(polled(fd, NOW)?, PollFlags::POLLHUP, "from then on")?;
    }
    is_killed(pid, SIGTERM)?;
    equal(polled(fd, NOW)?, PollFlags::POLLHUP, "after the wait")?;
    close(fd)?;
    life.leave()
}

/// Two processes wait for one end.
fn poll_two() -> Verdict {
    let (pid, fd, life) = living(ForkFlags::empty())?;
    let watcher = child(|| {
        equal(polled(fd, None)?, PollFlags::POLLHUP, "what the watcher is told")?;
        Ok(0)
    })?;
    for _ in 0..20 {
        tine::sys::domain::yield_now();
    }
    kill(pid, SIGKILL)?;
    equal(polled(fd, None)?, PollFlags::POLLHUP, "what the parent is told")?;
    exits(watcher, 0)?;
    is_killed(pid, SIGKILL)?;
    close(fd)?;
    life.leave()
}

fn getpid_and_kill() -> Verdict {
    let (pid, fd) = described(ForkFlags::empty(), || Ok(12))?;
    equal(pdgetpid(fd)?, pid, "the pid")?;
    exits(pid, 12)?;
    equal(pdgetpid(fd)?, pid, "the pid after the wait")?;
    refused(pdkill(fd, 0), Errno::SRCH, "a process that was reaped")?;
    refused(pdkill(fd, 200), Errno::INVAL, "an undefined signal comes first")?;
    close(fd)?;
    refused(pdgetpid(fd), Errno::BADF, "a closed descriptor")
}

fn errors() -> Verdict {
    refused(pdgetpid(Fd(60)), Errno::BADF, "no descriptor")?;
    refused(pdkill(Fd(60), 0), Errno::BADF, "no descriptor")?;
    let (pid, fd, life) = living(ForkFlags::empty())?;
    let mut byte = [0];
    check(read(fd, &mut byte).is_err(), "a process cannot be read")?;
    check(write(fd, &byte).is_err(), "a process cannot be written")?;
    equal(fstat(fd)?.kind, tine::descriptor::FileKind::Process, "what it is")?;
    pdkill(fd, 0)?;
    refused(pdkill(fd, 129), Errno::INVAL, "signal 129")?;
    // A descriptor of something else is no process.
    check(pdgetpid(life.0).is_err(), "a pipe has no pid")?;
    close(fd)?;
    life.hear_end()?;
    refused(kill(pid, 0), Errno::SRCH, "it is gone").or_else(|_| wait_until_gone(pid))?;
    life.leave()
}

/// Waits until init has reaped a process.
fn wait_until_gone(pid: Pid) -> Verdict {
    while kill(pid, 0).is_ok() {
        tine::sys::domain::yield_now();
    }
    Ok(())
}

/// A copy of a descriptor that has fewer rights.
fn narrowed(fd: Fd, rights: DescriptorRights) -> Verdict<Fd> {
    let copy = dup(fd)?;
    limit_rights(copy, rights.bits())?;
    Ok(copy)
}

fn rights() -> Verdict {
    let (pid, fd, life) = living(ForkFlags::empty())?;
    let only_pid = narrowed(fd, DescriptorRights::PID)?;
    equal(pdgetpid(only_pid)?, pid, "the pid")?;
    refused(pdkill(only_pid, SIGKILL), Errno::NOTCAPABLE, "a kill without the right")?;
    equal(polled(only_pid, NOW)?, PollFlags::POLLERR, "a poll without the right")?;
    let only_wait = narrowed(fd, DescriptorRights::WAIT)?;
    equal(polled(only_wait, NOW)?, PollFlags::empty(), "a poll")?;
    refused(pdgetpid(only_wait), Errno::NOTCAPABLE, "the pid without the right")?;
    let only_kill = narrowed(fd, DescriptorRights::KILL)?;
    refused(pdgetpid(only_kill), Errno::NOTCAPABLE, "the pid without the right")?;
    pdkill(only_kill, SIGTERM)?;
    equal(polled(only_wait, None)?, PollFlags::POLLHUP, "its end")?;
    is_killed(pid, SIGTERM)?;
    for copy in [fd, only_pid, only_wait, only_kill] {
        close(copy)?;
    }
    life.leave()
}

/// The right to kill gives no permission to (2.1/4): the number is judged first, then the right,
/// then the credentials of whoever holds the descriptor.
fn credentials() -> Verdict {
    let stranger = child(|| {
        let (_, fd, life) = living(ForkFlags::empty())?;
        let only_pid = narrowed(fd, DescriptorRights::PID)?;
        setuid(1008)?;
        refused(pdkill(only_pid, 129), Errno::INVAL, "an undefined signal")?;
        refused(pdkill(only_pid, SIGTERM), Errno::NOTCAPABLE, "neither right nor permission")?;
        refused(pdkill(fd, 0), Errno::PERM, "asking for the superuser's process")?;
        refused(pdkill(fd, SIGKILL), Errno::PERM, "killing the superuser's process")?;
        equal(polled(fd, NOW)?, PollFlags::empty(), "it was spared")?;

        let (own, own_fd, own_life) = living(ForkFlags::empty())?;
        pdkill(own_fd, SIGTERM)?;
        is_killed(own, SIGTERM)?;
        refused(pdkill(own_fd, 0), Errno::SRCH, "the own process, which was reaped")?;
        close(own_fd)?;
        own_life.leave()?;

        // The kill of the last close asks for no permission.
        close(only_pid)?;
        close(fd)?;
        life.hear_end()?;
        Ok(0)
    })?;
    exits(stranger, 0)
}

/// A Domain that a program made is no process, whatever descriptors it has: it has no credentials.
fn no_process() -> Verdict {
    let (pid, fd, life) = living(ForkFlags::empty())?;
    let port =
        capability::create(CapRef::SELF, Kind::Port, LOWEST_DESCRIPTOR, [rank::PROGRAM, 0, 0])?;
    let client =
        capability::mint(port, 4, Placement::new(LOWEST_DESCRIPTOR).with_rights(Rights::SEND))?;
    let original = child(|| {
        capability::close(port)?;
        if call(client, &[1; 8])?.words[2] == 99 {
            equal(pdgetpid(fd)?, pid, "the pid, for the clone")?;
            refused(pdkill(fd, 0), Errno::PERM, "asking by a clone")?;
            refused(pdkill(fd, SIGKILL), Errno::PERM, "a kill by a clone")?;
            return Ok(33);
        }
        pdkill(fd, 0)?;
        Ok(0)
    })?;
    let token = recv(port)?.token;
    let with_descriptors = CloneSpec { descriptors: Inherit::Copy, ..specification(port) };
    resume(clone_caller(port, token, &with_descriptors)?, Suspend::NEW)?;
    is_exit(&recv(port)?, 6, ExitKind::Exited, 33)?;
    reply(port, token, &[0; 8], None)?;
    exits(original, 0)?;
    pdkill(fd, SIGTERM)?;
    is_killed(pid, SIGTERM)?;
    close(fd)?;
    life.leave()
}

fn last_close() -> Verdict {
    let (pid, fd, life) = living(ForkFlags::empty())?;
    close(fd)?;
    life.hear_end()?;
    // It is init's now, which reaps it.
    refused(wait4(pid, WaitFlags::empty()), Errno::CHILD, "it is no child any more")?;
    wait_until_gone(pid)?;
    life.leave()
}

fn last_close_of_copies() -> Verdict {
    let (pid, fd, life) = living(ForkFlags::empty())?;
    let copy = dup(fd)?;
    // A fork copies descriptors of processes as it copies all.
    let holder = crate::process::Waiting::start()?;
    close(fd)?;
    close(copy)?;
    kill(pid, 0)?;
    holder.release()?;
    life.hear_end()?;
    wait_until_gone(pid)?;
    life.leave()
}

fn holder_dies() -> Verdict {
    let line = Line::new()?;
    let holder = child(|| {
        described(ForkFlags::empty(), || {
            line.speak()?.say(1)?;
            poll(&mut [], None)?;
            Ok(0)
        })?;
        line.leave()?;
        poll(&mut [], None)?;
        Ok(0)
    })?;
    let ear = line.listen()?;
    equal(ear.hear()?, Some(1), "the described child runs")?;
    kill(holder, SIGKILL)?;
    is_killed(holder, SIGKILL)?;
    // With its holder, the only descriptor was closed.
    ear.hear_end()?;
    ear.leave()
}

fn daemon() -> Verdict {
    let (there, back) = (Line::new()?, Line::new()?);
    let (pid, fd) = described(ForkFlags::DAEMON, || {
        let (there, back) = (there.listen()?, back.speak()?);
        while let Some(byte) = there.hear()? {
            back.say(byte + 1)?;
        }
        Ok(0)
    })?;
    let (there, back) = (there.speak()?, back.listen()?);
    close(fd)?;
    there.say(5)?;
    equal(back.hear()?, Some(6), "the daemon's answer")?;
    kill(pid, 0)?;
    there.leave()?;
    back.hear_end()?;
    wait_until_gone(pid)?;
    back.leave()
}

fn zombie_close() -> Verdict {
    let (pid, fd) = described(ForkFlags::empty(), || Ok(3))?;
    equal(polled(fd, None)?, PollFlags::POLLHUP, "its end")?;
    close(fd)?;
    // The close reaped it.
    refused(wait4(pid, WaitFlags::empty()), Errno::CHILD, "nothing to wait for")?;
    refused(kill(pid, 0), Errno::SRCH, "no such process")
}

fn cloexec() -> Verdict {
    for (flags, slot, left) in
        [(ForkFlags::empty(), SlotFlags::empty(), 1), (ForkFlags::CLOEXEC, SlotFlags::CLOEXEC, 0)]
    {
        let (pid, fd, life) = living(flags)?;
        equal(descriptor_flags(fd)?, slot, "flags of the descriptor")?;
        let executes = child(|| {
            close(life.0)?;
            let arguments = ["tests", helper::OPTION, "processes"];
            Err(tine::execve(helper::PATH, &arguments, &[""; 0]).into())
        })?;
        exits(executes, left)?;
        kill(pid, 0)?;
        close(fd)?;
        life.hear_end()?;
        life.leave()?;
    }
    Ok(())
}

/// wait4(-1) does not see described children; by pid it does.
fn wait_any() -> Verdict {
    let (pid, fd) = described(ForkFlags::empty(), || Ok(8))?;
    equal(polled(fd, None)?, PollFlags::POLLHUP, "its end")?;
    refused(wait4(-1, WaitFlags::empty()), Errno::CHILD, "any child")?;
    exits(pid, 8)?;
    close(fd)?;
    Ok(())
}
