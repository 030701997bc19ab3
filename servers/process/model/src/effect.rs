//! Everything the model can want done.
//!
//! Owns: the output half of the boundary vocabulary. Effects leave one by one through a sink, in
//! the order in which they must happen; nothing is buffered, so none can be lost for want of
//! memory. Effects that need an answer ([`Effect::CloneCaller`], [`Effect::ExecCaller`],
//! [`Effect::CreateInit`]) are the last of their step.

use tine_abi::Errno;

use crate::{Badge, ExitStatus, Instant, ProcessId, Token, WatchHandle};

/// Where effects go. The shell performs each as it comes; tests collect them.
pub trait Effects {
    /// Performs one effect. Must not call the model.
    fn emit(&mut self, effect: Effect);
}

/// A successful answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// Words of the reply, from word 1 on; meaning by request.
    pub values: [u64; 4],
    /// Capability to mint into the slot that the caller reserved, with all `DescriptorRights`.
    pub mint: Option<Badge>,
}

impl Answer {
    /// An answer of one word.
    #[must_use]
    pub const fn word(value: u64) -> Self {
        Self { values: [value, 0, 0, 0], mint: None }
    }
}

/// What the child's memory is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// A copy of the parent's.
    Copy,
    /// The parent's own.
    Share,
}

/// One thing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Answer a call.
    Reply {
        /// Which.
        token: Token,
        /// With what.
        outcome: Result<Answer, Errno>,
    },
    /// `clone_caller` on the call, badge [`Badge::Process`] of the child on the process port and
    /// as supervisor badge. Next input: [`crate::Completion::Cloned`].
    CloneCaller {
        /// The parent's call.
        token: Token,
        /// The child.
        child: ProcessId,
        /// Its pid: the child's second result register.
        pid: u32,
        /// Its memory.
        memory: Memory,
    },
    /// Answer fork or the start of init, then let the child run: the reply is written first (rule 105).
    ReplyAndStart {
        /// The parent's call.
        token: Token,
        /// The child's pid, and the descriptor to mint for pdfork.
        answer: Answer,
        /// The child.
        child: ProcessId,
    },
    /// Let the child run; its parent's call stays parked (vfork).
    Start {
        /// The child.
        child: ProcessId,
    },
    /// Destroy a child that was cloned but never ran: its EXIT, if any, will name nobody.
    Abandon {
        /// The child.
        child: ProcessId,
    },
    /// Give the caller the new program. Next input: [`crate::Completion::Executed`].
    ExecCaller {
        /// The call, which stays in service; its reply starts the new program.
        token: Token,
        /// The caller.
        process: ProcessId,
    },
    /// Build the Domain of the first process, with this process's badge on the process port and as
    /// supervisor badge. Next input: [`crate::Completion::Created`].
    CreateInit {
        /// Root's call.
        token: Token,
        /// The process.
        process: ProcessId,
        /// Its pid.
        pid: u32,
    },
    /// Kill the Domain; its exit record will hold the signal. Its parked calls are forgotten.
    Kill {
        /// Whom.
        process: ProcessId,
        /// Why.
        signal: u32,
    },
    /// The process is reaped: release its Domain capability, revoke its identity.
    Forget {
        /// Whom.
        process: ProcessId,
    },
    /// Set the bit of a watch's Event, then give the Event up.
    SignalWatch(WatchHandle),
    /// Give up the Event of a watch that ended without a signal, or was refused.
    ForgetWatch(WatchHandle),
    /// Switch the machine off; the call is answered only if that fails.
    PowerOff {
        /// The call.
        token: Token,
    },
    /// Ask for [`crate::Input::Timer`] at this time; replaces an earlier request.
    ArmTimer {
        /// When.
        at: Instant,
    },
    /// One line for the system log.
    Log(Log),
    /// Init has ended: nobody reaps any more, the system cannot go on.
    InitEnded {
        /// How.
        status: ExitStatus,
    },
}

/// A line for the system log (rules 29 to 31); the shell words it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Log {
    /// What happened.
    pub kind: LogKind,
    /// Real user id of the process it happened to.
    pub user: u32,
    /// Its pid, where the profile tells it.
    pub pid: Option<u32>,
}

/// Kinds of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogKind {
    /// A fork was refused for the system's limit of processes.
    TableFull,
    /// A fork was refused for the user's limit of processes.
    UserLimit,
    /// A process lost its old program and could not be given the new one.
    ExecLost,
}
