//! What cases are made of: children, their ends, places to wait at.

use tine::abi::capability::SlotFlags;
use tine::descriptor::set_descriptor_flags;
use tine::process::{Fork, WaitFlags};
use tine::{_exit, Errno, Fd, Pid, WaitStatus, close, eprintln, fork, pipe, read, waitpid, write};

use crate::verdict::{Failure, Present, Verdict};

/// Exit code of a child that found something wrong; it has said what on descriptor 2, which is the
/// runner's.
pub(crate) const WRONG: u8 = 99;

/// Plays a part and ends with its exit code.
pub(crate) fn play(part: impl FnOnce() -> Verdict<u8>) -> ! {
    match part() {
        Ok(code) => _exit(i32::from(code)),
        Err(failure) => {
            eprintln!("{failure}");
            _exit(i32::from(WRONG))
        }
    }
}

/// Forks a child that plays a part.
#[track_caller]
pub(crate) fn child(part: impl FnOnce() -> Verdict<u8>) -> Verdict<Pid> {
    match fork() {
        Ok(Fork::Child) => play(part),
        Ok(Fork::Parent(pid)) => Ok(pid),
        Err(error) => Err(Failure::new(format_args!("fork: {}", error.label()))),
    }
}

/// Forks a child for a trial, which does not return, and waits for its end.
#[track_caller]
pub(crate) fn trial(part: impl FnOnce() -> Verdict<u8>) -> Verdict<WaitStatus> {
    ended(child(part)?)
}

/// Waits for the end of a child.
#[track_caller]
pub(crate) fn ended(pid: Pid) -> Verdict<WaitStatus> {
    let found = waitpid(pid, WaitFlags::empty())
        .map_err(|error| Failure::new(format_args!("waitpid: {}", error.label())))?;
    Ok(found.present("status")?.1)
}

/// Waits for a child that must end with this exit code.
#[track_caller]
pub(crate) fn exits(pid: Pid, code: u8) -> Verdict {
    is_status(ended(pid)?, WaitStatus::exited(code))
}

/// Waits for a child that must be ended by this signal.
#[track_caller]
pub(crate) fn is_killed(pid: Pid, signal: u32) -> Verdict {
    is_status(ended(pid)?, WaitStatus::signaled(signal as u8))
}

/// A status must be this one.
#[track_caller]
pub(crate) fn is_status(found: WaitStatus, expected: WaitStatus) -> Verdict {
    if found == expected {
        return Ok(());
    }
    let words = tine::process::wait::Words;
    Err(Failure::new(format_args!("ended with {}, not {}", words(found), words(expected))))
}

/// A place to wait at: bytes from one process to another. Whoever has it keeps one end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) read: Fd,
    pub(crate) write: Fd,
}

impl Line {
    /// A new one.
    #[track_caller]
    pub(crate) fn new() -> Verdict<Self> {
        let (read, write) = pipe()?;
        Ok(Self { read, write })
    }

    /// Keeps the end that hears.
    #[track_caller]
    pub(crate) fn listen(self) -> Verdict<Ear> {
        close(self.write)?;
        Ok(Ear(self.read))
    }

    /// Keeps the end that speaks.
    #[track_caller]
    pub(crate) fn speak(self) -> Verdict<Mouth> {
        close(self.read)?;
        Ok(Mouth(self.write))
    }

    /// Keeps neither.
    pub(crate) fn leave(self) -> Verdict {
        close(self.read)?;
        close(self.write)?;
        Ok(())
    }
}

/// The end that hears.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ear(pub(crate) Fd);

impl Ear {
    /// Waits for a byte; `None` when nobody can send one any more.
    #[track_caller]
    pub(crate) fn hear(self) -> Verdict<Option<u8>> {
        let mut byte = [0];
        Ok(match read(self.0, &mut byte)? {
            0 => None,
            _ => Some(byte[0]),
        })
    }

    /// Waits for a number; `None` when nobody can send one any more.
    #[track_caller]
    pub(crate) fn hear_number(self) -> Verdict<Option<u64>> {
        let mut bytes = [0; 8];
        let mut length = 0;
        while length < bytes.len() {
            match read(self.0, &mut bytes[length..])? {
                0 if length == 0 => return Ok(None),
                0 => return Err(Failure::new("half a number")),
                more => length += more,
            }
        }
        Ok(Some(u64::from_le_bytes(bytes)))
    }

    /// Waits until nobody can send anything any more.
    #[track_caller]
    pub(crate) fn hear_end(self) -> Verdict {
        match self.hear()? {
            None => Ok(()),
            Some(byte) => Err(Failure::new(format_args!("{byte} instead of the end"))),
        }
    }

    /// Closes it.
    pub(crate) fn leave(self) -> Verdict {
        Ok(close(self.0)?)
    }
}

/// The end that speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mouth(pub(crate) Fd);

impl Mouth {
    /// Sends a byte.
    #[track_caller]
    pub(crate) fn say(self, byte: u8) -> Verdict {
        Ok(write(self.0, &[byte]).map(drop)?)
    }

    /// Sends a number.
    #[track_caller]
    pub(crate) fn say_number(self, number: u64) -> Verdict {
        Ok(write(self.0, &number.to_le_bytes()).map(drop)?)
    }

    /// Closes it.
    pub(crate) fn leave(self) -> Verdict {
        Ok(close(self.0)?)
    }
}

/// A child that waits until its parent closes the line, or dies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) pid: Pid,
    line: Mouth,
}

impl Waiting {
    /// Starts one.
    #[track_caller]
    pub(crate) fn start() -> Verdict<Self> {
        Self::start_after(|| Ok(()))
    }

    /// Starts one that does something first; it has done it when this returns.
    #[track_caller]
    pub(crate) fn start_after(first: impl FnOnce() -> Verdict) -> Verdict<Self> {
        let (line, ready) = (Line::new()?, Line::new()?);
        let pid = child(|| {
            let ear = line.listen()?;
            first()?;
            ready.speak()?.leave()?;
            ear.hear()?;
            Ok(0)
        })?;
        let ready = ready.listen()?;
        ready.hear_end()?;
        ready.leave()?;
        close(line.read)?;
        // Later children do not get it: the line ends when this process closes it.
        set_descriptor_flags(line.write, SlotFlags::CLOFORK)?;
        Ok(Self { pid, line: Mouth(line.write) })
    }

    /// Lets it go; it must end with 0.
    #[track_caller]
    pub(crate) fn release(self) -> Verdict {
        self.line.leave()?;
        exits(self.pid, 0)
    }

    /// It was ended by this signal.
    #[track_caller]
    pub(crate) fn was_killed(self, signal: u32) -> Verdict {
        is_killed(self.pid, signal)?;
        self.line.leave()
    }

    /// It is still there.
    #[track_caller]
    pub(crate) fn is_alive(self) -> Verdict {
        match waitpid(self.pid, WaitFlags::NOHANG) {
            Ok(None) => Ok(()),
            other => Err(Failure::new(format_args!("{other:?} of a process that should live"))),
        }
    }
}

/// Waits for all children.
#[track_caller]
pub(crate) fn reap_all() -> Verdict<usize> {
    let mut count = 0;
    loop {
        match waitpid(-1, WaitFlags::empty()) {
            Ok(_) => count += 1,
            Err(Errno::CHILD) => return Ok(count),
            Err(error) => return Err(error.into()),
        }
    }
}
