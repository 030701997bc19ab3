//! pdfork: children as descriptors, and what their last close does.

use core::time::Duration;

use tine::abi::protocol::process::ForkFlags;
use tine::process::{Fork, pdfork as make};
use tine::{Fd, Pid, PollFd, PollFlags, close, dup, getpid, pdgetpid, pdkill, poll, signal};

use crate::stage::{Line, Named, Scene, Wrong, check, ended, play, say, tell};

/// Forks a child with a descriptor.
fn child(flags: ForkFlags, part: impl FnOnce() -> Scene<i32>) -> Scene<(Pid, Fd)> {
    match make(flags).of("pdfork")? {
        (Fork::Child, _) => play(part),
        (Fork::Parent(pid), Some(fd)) => Ok((pid, fd)),
        (Fork::Parent(_), None) => Err(Wrong::Not("pdfork gives the parent a descriptor")),
    }
}

/// What poll tells of a process descriptor.
fn polled(fd: Fd, timeout: Option<Duration>) -> Scene<PollFlags> {
    let mut asked = [PollFd::new(fd, PollFlags::POLLIN)];
    poll(&mut asked, timeout).of("poll")?;
    Ok(asked[0].revents)
}

/// A part that never ends by itself: it waits for bytes until nobody can send any.
fn wait_for_ever(line: Line) -> Scene<i32> {
    let ear = line.listen()?;
    while ear.wait()?.is_some() {}
    Ok(0)
}

pub(crate) fn pdfork() -> Scene {
    let own = getpid();
    let life = Line::new()?;
    let (pid, fd) = child(ForkFlags::empty(), || wait_for_ever(life))?;
    let life = life.speak()?;
    check(pid != own, "pdfork tells the child's process id")?;
    let agrees = pdgetpid(fd).of("pdgetpid")? == pid;
    tell("parent", agrees, "holds a descriptor; pdgetpid names the child that pdfork told")?;
    let running = polled(fd, Some(Duration::ZERO))?.is_empty();
    tell("parent", running, "polls it: nothing to tell, the child runs")?;
    pdkill(fd, signal::SIGTERM).of("pdkill")?;
    let over = polled(fd, None)? == PollFlags::POLLHUP;
    tell("parent", over, "sends SIGTERM by pdkill and polls: the child has ended")?;
    let still = polled(fd, Some(Duration::ZERO))? == PollFlags::POLLHUP;
    tell("parent", still, "polls again: it has still ended")?;
    let by_signal = ended(pid)?.signal() == Some(signal::SIGTERM as u8);
    tell("parent", by_signal, "waits for it by process id: ended by SIGTERM")?;
    let known = pdgetpid(fd).of("pdgetpid")? == pid;
    tell("parent", known, "asks the descriptor again: it still names the child")?;
    close(fd).of("close")?;
    life.leave()
}

pub(crate) fn last_close() -> Scene {
    // The parent never speaks on `life` and keeps it open: only a kill ends the child.
    let (life, death) = (Line::new()?, Line::new()?);
    let (_, fd) = child(ForkFlags::empty(), || {
        death.speak()?.send(1)?;
        wait_for_ever(life)
    })?;
    let death = death.listen()?;
    check(death.wait()? == Some(1), "the child runs")?;
    let copy = dup(fd).of("dup")?;
    close(fd).of("close")?;
    let running = polled(copy, Some(Duration::ZERO))?.is_empty();
    tell("parent", running, "closes one of two descriptors: the child runs")?;
    close(copy).of("close")?;
    // The child's end of the pipe closes when it has ended.
    tell("parent", death.wait()?.is_none(), "closes the last one: the child is gone")?;
    life.leave()?;
    death.leave()
}

pub(crate) fn daemon() -> Scene {
    let (life, death) = (Line::new()?, Line::new()?);
    let (_, fd) = child(ForkFlags::DAEMON, || {
        let (life, death) = (life.listen()?, death.speak()?);
        while let Some(byte) = life.wait()? {
            death.send(byte + 1)?;
        }
        say("daemon", "was told to end, and ends by itself")?;
        Ok(0)
    })?;
    let (life, death) = (life.speak()?, death.listen()?);
    close(fd).of("close")?;
    life.send(1)?;
    tell("parent", death.wait()? == Some(2), "closes the last descriptor: the child answers")?;
    life.leave()?;
    check(death.wait()?.is_none(), "the daemon ends when it is told")?;
    death.leave()
}
