//! Everything the model can be told.
//!
//! Owns: the input half of the boundary vocabulary. Requests are decoded but not judged: numbers a
//! program chose arrive as it chose them, and the model decides on errno and order of checks.

use tine_abi::notification::{ExitKind, FaultKind};
use tine_abi::protocol::process::Limit;

use crate::{Badge, ExitRecord, ProcessId, Sender};

/// Nanoseconds since boot, as the shell read them for this turn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Instant(pub u64);

/// Names a parked or served call to the kernel; opaque here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token(pub u64);

/// The Event and bit of one watch, as the shell numbers them; opaque here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchHandle(pub u64);

/// A process name, filled up with zeros as `tine_abi`'s record has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Name([u8; Name::LENGTH]);

impl Name {
    /// Bytes kept of a longer name.
    pub const LENGTH: usize = 32;

    /// The last component of a path, cut to [`Self::LENGTH`] bytes.
    #[must_use]
    pub fn of_path(path: &[u8]) -> Self {
        let start = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let component = &path[start..];
        let length = component.len().min(Self::LENGTH);
        let mut bytes = [0; Self::LENGTH];
        bytes[..length].copy_from_slice(&component[..length]);
        Self(bytes)
    }

    /// The bytes, zeros included.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

/// One thing that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// A message to the server's port.
    Request {
        /// To answer with.
        token: Token,
        /// Who the kernel says it is.
        from: Sender,
        /// What it wants.
        request: Request,
    },
    /// The kernel's EXIT: no instruction of the Domain will run, its memory is released, the
    /// closes of its descriptors came before.
    Exit {
        /// From the supervisor's badge.
        process: ProcessId,
        /// How it ended.
        record: ExitRecord,
    },
    /// The kernel's no-senders: the last capability with this badge is gone.
    NoSenders(Badge),
    /// The answer to the effect that ended the step before.
    Completed(Completion),
    /// The deadline of [`crate::Effect::ArmTimer`] has passed.
    Timer,
}

/// How the kernel operation went that an effect asked for in the middle of a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Completion {
    /// Of [`crate::Effect::CloneCaller`].
    Cloned(Result<(), CloneFailure>),
    /// Of [`crate::Effect::ExecCaller`].
    Executed(Result<(), ExecFailure>),
    /// Of [`crate::Effect::CreateInit`].
    Created(Result<(), tine_abi::Errno>),
}

/// Why there is no child. In each case nothing of it exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloneFailure {
    /// CALLER_GONE: the parent was killed meanwhile; its EXIT follows, nobody waits for an answer.
    CallerGone,
    /// NO_MEMORY: frames or objects of the account, or of the server.
    NoMemory,
    /// NO_SLOTS: no slot for the child's Domain, or in a table of the child.
    NoSlots,
}

/// Why the new program does not run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExecFailure {
    /// Before the point of no return: the old program goes on and sees this errno.
    Refused(tine_abi::Errno),
    /// After it: the old program is gone and the new one cannot start.
    Lost,
    /// The caller was killed meanwhile; its EXIT follows.
    CallerGone,
}

/// What became of the receive slot that the caller asked for with its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reservation {
    /// A slot waits: filling it cannot fail.
    Reserved,
    /// The table is full; the server reports it in its own order of errors.
    NoSlot,
}

/// What a sender asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// fork, vfork, pdfork: makes a child. Answer: its pid; pdfork adds a descriptor.
    Fork {
        /// `tine_abi`'s `ForkFlags`, unchecked.
        flags: u64,
        /// Whether the caller's table had a slot for the descriptor (rule 95).
        slot: Reservation,
    },
    /// `rfork` and `clone` with flags of their own: ENOSYS.
    ForkWithFlags,
    /// Runs another program; the shell has its file and arguments.
    Exec {
        /// What the process is called from now on.
        name: Name,
    },
    /// `wait4`. Answer: pid, status (16 bits), exit value (32 bits), user; zeros for "not yet".
    Wait {
        /// More than 0: this child; 0: own group; -1: any; less: that group.
        pid: i32,
        /// Numbers of the caller's profile.
        options: u32,
    },
    /// Answer: own pid.
    GetPid,
    /// Answer: pid of the original parent (rule 91).
    GetParentPid,
    /// Answer: the group of a process; 0 is the caller.
    GetGroup {
        /// Of whom.
        pid: i32,
    },
    /// Answer: the session of a process; 0 is the caller.
    GetSession {
        /// Of whom.
        pid: i32,
    },
    /// `setpgid`.
    SetGroup {
        /// Whom to move; 0 is the caller.
        pid: i32,
        /// Where to; 0 is the number of the moved process.
        group: i32,
    },
    /// `setsid`. Answer: the new session's number.
    SetSession,
    /// `kill`.
    Kill {
        /// More than 0: this process; 0: own group; -1: all the caller may; less: that group.
        pid: i32,
        /// 0 only asks for permission.
        signal: u32,
    },
    /// Makes the console the controlling terminal of the caller's session.
    AcquireConsole,
    /// `tcgetpgrp` on the console. Answer: the foreground group's number.
    GetForeground,
    /// `tcsetpgrp` on the console.
    SetForeground {
        /// A group of the caller's session.
        group: i32,
    },
    /// `procctl(PROC_REAP_ACQUIRE)`.
    AcquireReaper,
    /// `procctl(PROC_REAP_RELEASE)`.
    ReleaseReaper,
    /// Becomes the tracer of a process: its parent for waits. Stops and events are not raised.
    Trace {
        /// Whom.
        pid: i32,
    },
    /// Ceases to be it.
    Untrace {
        /// Whom.
        pid: i32,
    },
    /// `pdgetpid` on the sender's descriptor. Answer: pid, also after the reap.
    DescriptorPid,
    /// `pdkill` on the sender's descriptor.
    DescriptorKill {
        /// 0 only asks for permission.
        signal: u32,
        /// The process that calls, which the sender's badge does not name; `None` if it is none.
        caller: Option<ProcessId>,
    },
    /// WATCH on the sender's descriptor: signal it once the process has ended.
    /// Answer: the conditions that hold already (`WatchMask`).
    DescriptorWatch {
        /// The sender's name for it, unique on the descriptor: the same key replaces.
        key: u64,
        /// The Event and bit.
        watch: WatchHandle,
    },
    /// Ends a watch of the sender's descriptor (mask 0), if there is one with this key.
    DescriptorUnwatch {
        /// The sender's name for it.
        key: u64,
    },
    /// Ignores a signal, or gives it back its default action.
    SetIgnored {
        /// Which.
        signal: u32,
        /// Whether to ignore it.
        ignored: bool,
    },
    /// Sets a limit. Lowering the caller's own is free, all else is the superuser's.
    SetLimit {
        /// Which.
        limit: Limit,
        /// Its value.
        value: u64,
    },
    /// Answer: the value of a limit, and what is used of it now.
    GetLimit {
        /// Which.
        limit: Limit,
    },
    /// Answer: the real user id.
    GetUser,
    /// Changes the user; the superuser's.
    SetUser {
        /// To whom.
        user: u32,
    },
    /// Switches the machine off; the superuser's.
    PowerOff,
    /// Console only: a signal to the foreground group. Answer: how many it reached.
    Interrupt {
        /// SIGINT, or what else the key means.
        signal: u32,
    },
    /// Root only, once: makes the first process, init. Answer: its pid.
    StartInit {
        /// Its name.
        name: Name,
    },
}

impl ExitRecord {
    /// From words 1 to 3 of the kernel's EXIT notification.
    #[must_use]
    pub fn from_notification(kind: u64, value: u64) -> Option<Self> {
        match ExitKind::from_number(kind)? {
            ExitKind::Exited => Some(Self::Exited(value as u32)),
            ExitKind::Killed => Some(Self::Killed(value as u32)),
            ExitKind::Faulted => FaultKind::from_number(value).map(Self::Faulted),
        }
    }
}
