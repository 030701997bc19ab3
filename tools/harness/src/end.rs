//! How a run ended, in the words a person needs.
//!
//! Owns: the closed list of ends. Never enters it: exit codes, which are the tool's.
//! Called by: `run`, and by `tools/xtask` to choose its exit code.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The command ended with this status.
    Status(u8),
    /// The command was killed by this signal.
    Signal(u8),
    /// A suite ended; it says that it wrote so many result lines.
    Done(u32),
    /// The guest powered off without a status.
    PoweredOff,
    /// The user left QEMU by Ctrl-A X.
    Left,
    /// QEMU ended although the guest neither powered off nor was left: the CPU was reset.
    Vanished,
    /// The kernel found a bug of its own.
    Panic(String),
    /// The kernel refused this machine or its boot archive, or stopped without an epitaph.
    Halted(String),
    /// Nothing was heard from the guest for this long, during this case if one was named.
    Hang(Duration, Option<String>),
    /// QEMU could not be started, or failed.
    Qemu(String),
    /// Nobody reads the output any more: its pipe is broken.
    Unread,
    /// The output could not be written: there was no room, say.
    Output(String),
    /// The user ended the run from the host.
    Interrupted,
}

impl Display for End {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "the command ended with status {status}"),
            Self::Signal(signal) => write!(formatter, "the command was killed by signal {signal}"),
            Self::Done(lines) => write!(formatter, "the suite ended after {lines} results"),
            Self::PoweredOff => formatter.write_str("the guest powered off"),
            Self::Left => formatter.write_str("left"),
            Self::Vanished => {
                formatter.write_str("the CPU was reset: the guest ended without powering off")
            }
            Self::Panic(text) => write!(formatter, "kernel panic: {text}"),
            Self::Halted(text) => write!(formatter, "the kernel halted: {text}"),
            Self::Hang(silence, case) => {
                write!(formatter, "the guest hangs: nothing heard for {} s", silence.as_secs())?;
                case.as_ref().map_or(Ok(()), |case| write!(formatter, " (during {case})"))
            }
            Self::Qemu(text) => write!(formatter, "QEMU: {text}"),
            Self::Unread => formatter.write_str("nobody reads the output any more"),
            Self::Output(text) => write!(formatter, "standard output: {text}"),
            Self::Interrupted => formatter.write_str("interrupted"),
        }
    }
}

/// The end of a run and what is worth showing if it was a bad one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// How it ended.
    pub end: End,
    /// The last lines of console and kernel log, oldest first.
    pub last_lines: Vec<String>,
}
