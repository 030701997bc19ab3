//! What the acts are made of: lines, checks, pipes to wait at, children.

use core::fmt::{Display, Formatter};

use tine::process::{Fork, WaitFlags};
use tine::{Errno, Fd, Pid, WaitStatus, close, eprintln, exit, fork, io, pipe, println, read};

/// What was not as told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrong {
    /// This should have been so.
    Not(&'static str),
    /// This call failed.
    Call(&'static str, Errno),
    /// The child ended like this instead.
    Ended(WaitStatus),
}

impl Display for Wrong {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Not(what) => write!(formatter, "not so: {what}"),
            Self::Call(call, error) => write!(formatter, "{call}: {error}"),
            Self::Ended(status) => {
                write!(formatter, "the child ended with {}", tine::process::wait::Words(*status))
            }
        }
    }
}

/// How an act goes.
pub(crate) type Scene<T = ()> = Result<T, Wrong>;

/// Names the call that failed.
pub(crate) trait Named<T> {
    /// The value, or which call failed.
    fn of(self, call: &'static str) -> Scene<T>;
}

impl<T> Named<T> for Result<T, Errno> {
    fn of(self, call: &'static str) -> Scene<T> {
        self.map_err(|error| Wrong::Call(call, error))
    }
}

/// Goes on only if `holds`.
pub(crate) fn check(holds: bool, what: &'static str) -> Scene {
    if holds { Ok(()) } else { Err(Wrong::Not(what)) }
}

/// Checks something, then says it.
pub(crate) fn tell(who: &str, holds: bool, what: &'static str) -> Scene {
    check(holds, what)?;
    say(who, what)
}

/// Says a line, at once.
pub(crate) fn say(who: &str, what: &str) -> Scene {
    println!("  {who:<7} {what}");
    io::flush().of("write")
}

/// A place to wait at: bytes from one process to another. Every process that has it keeps one end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    read: Fd,
    write: Fd,
}

impl Line {
    /// A new one; both ends are open.
    pub(crate) fn new() -> Scene<Self> {
        let (read, write) = pipe().of("pipe")?;
        Ok(Self { read, write })
    }

    /// Keeps the end that hears.
    pub(crate) fn listen(self) -> Scene<Ear> {
        close(self.write).of("close")?;
        Ok(Ear(self.read))
    }

    /// Keeps the end that speaks.
    pub(crate) fn speak(self) -> Scene<Mouth> {
        close(self.read).of("close")?;
        Ok(Mouth(self.write))
    }

    /// Keeps neither.
    pub(crate) fn leave(self) -> Scene {
        close(self.read).of("close")?;
        close(self.write).of("close")
    }
}

/// The end that hears.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ear(Fd);

impl Ear {
    /// Waits for a byte; `None` when nobody can send one any more.
    pub(crate) fn wait(self) -> Scene<Option<u8>> {
        let mut byte = [0];
        Ok(match read(self.0, &mut byte).of("read")? {
            0 => None,
            _ => Some(byte[0]),
        })
    }

    /// Closes it.
    pub(crate) fn leave(self) -> Scene {
        close(self.0).of("close")
    }
}

/// The end that speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mouth(Fd);

impl Mouth {
    /// Sends a byte.
    pub(crate) fn send(self, byte: u8) -> Scene {
        tine::write(self.0, &[byte]).of("write").map(drop)
    }

    /// Closes it.
    pub(crate) fn leave(self) -> Scene {
        close(self.0).of("close")
    }
}

/// Plays a part and ends: with its exit code, or with 1 and a line if something was wrong.
pub(crate) fn play(part: impl FnOnce() -> Scene<i32>) -> ! {
    match part() {
        Ok(code) => exit(code),
        Err(wrong) => {
            eprintln!("forkdemo: child: {wrong}");
            exit(1)
        }
    }
}

/// Forks a child that plays a part; tells its pid.
pub(crate) fn child(part: impl FnOnce() -> Scene<i32>) -> Scene<Pid> {
    match fork().of("fork")? {
        Fork::Child => play(part),
        Fork::Parent(pid) => Ok(pid),
    }
}

/// Waits for the end of a child.
pub(crate) fn ended(pid: Pid) -> Scene<WaitStatus> {
    let found = tine::waitpid(pid, WaitFlags::empty()).of("waitpid")?;
    match found {
        Some((which, status)) if which == pid => Ok(status),
        _ => Err(Wrong::Not("waitpid tells of the child that was asked for")),
    }
}

/// Waits for a child that must end with this exit code.
pub(crate) fn ended_with(pid: Pid, code: u8) -> Scene {
    let status = ended(pid)?;
    if status == WaitStatus::exited(code) { Ok(()) } else { Err(Wrong::Ended(status)) }
}
