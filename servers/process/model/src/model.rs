//! The state of the machine, and the one function that changes it.
//!
//! Owns: the [`Model`] with all its tables, the order of a step - refuse what is out of turn, run
//! one transition, settle the waits it touched - and which request goes to which transition.
//!
//! Invariants: between steps the settle queue is empty, and an open operation means that exactly
//! one embryo exists (fork, init) or one live caller (exec). `Model::check` has the rest.
//!
//! Never enters it: what a transition does; that is in the file named after it.

use core::fmt;

use tine_abi::Errno;

use crate::descriptor::{Descriptor, Watch};
use crate::exec::Executing;
use crate::fork::Forking;
use crate::group::{Group, Session};
use crate::init::Creating;
use crate::limit::{Statistics, User};
use crate::links::SettleQueue;
use crate::park::{DelayQueue, Parked};
use crate::pid::Numbers;
use crate::process::Process;
use crate::profile::{FREEBSD_13, Profile};
use crate::slab::{Id, Slab};
use crate::{
    Answer, Badge, Completion, Effect, Effects, Input, Instant, ProcessId, Request, Sender, Token,
};

/// What the boot decides.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The profile of the system and of the first process.
    pub profile: &'static Profile,
    /// Limit of processes, read by the profile's rule.
    pub maxproc: u32,
    /// Soft limit of processes a user, inherited from init on.
    pub user_limit: u32,
    /// First number that is never given; `None`: the profile's.
    pub pid_max: Option<u32>,
    /// How long the answer to a fork that failed for want of something is held back; `None`: the
    /// profile's.
    pub failure_delay_ns: Option<u64>,
}

impl Config {
    /// FreeBSD 13 with a limit for a small machine.
    pub const DEFAULT: Self = Self {
        profile: &FREEBSD_13,
        maxproc: 4096,
        user_limit: 4000,
        pid_max: None,
        failure_delay_ns: None,
    };
}

/// Memory for the model's own records could not be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no memory for the process model's records")
    }
}

impl core::error::Error for OutOfMemory {}

impl From<alloc::collections::TryReserveError> for OutOfMemory {
    fn from(_: alloc::collections::TryReserveError) -> Self {
        Self
    }
}

impl From<OutOfMemory> for Errno {
    fn from(_: OutOfMemory) -> Self {
        Self::NOMEM
    }
}

/// The input does not fit the turn: a completion that nothing asked for, or something else while
/// a completion is awaited. Nothing has changed; the shell is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfTurn;

impl fmt::Display for OutOfTurn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the input does not fit the turn of the process model")
    }
}

impl core::error::Error for OutOfTurn {}

/// The operation in the middle of a turn.
pub(crate) enum Open {
    Fork(Forking),
    Exec(Executing),
    Create(Creating),
}

/// The process model.
pub struct Model {
    pub(crate) config: Config,
    pub(crate) processes: Slab<Process>,
    pub(crate) numbers: Numbers,
    pub(crate) users: Slab<User>,
    pub(crate) groups: Slab<Group>,
    pub(crate) sessions: Slab<Session>,
    pub(crate) descriptors: Slab<Descriptor>,
    pub(crate) watches: Slab<Watch>,
    pub(crate) parked: Slab<Parked>,
    pub(crate) delays: DelayQueue,
    pub(crate) settle: SettleQueue,
    pub(crate) open: Option<Open>,
    pub(crate) init: Option<ProcessId>,
    /// The session whose controlling terminal the console is.
    pub(crate) console: Option<Id<Session>>,
    pub(crate) statistics: Statistics,
    /// When a refusal was last logged.
    pub(crate) logged: Option<Instant>,
}

impl Model {
    /// A model without processes.
    ///
    /// # Errors
    /// [`OutOfMemory`] when there is no memory for the index of numbers.
    pub fn new(config: Config) -> Result<Self, OutOfMemory> {
        let pid_max = config.pid_max.unwrap_or(config.profile.pid_max);
        Ok(Self {
            config,
            processes: Slab::new(),
            numbers: Numbers::new(config.profile, pid_max, config.maxproc)?,
            users: Slab::new(),
            groups: Slab::new(),
            sessions: Slab::new(),
            descriptors: Slab::new(),
            watches: Slab::new(),
            parked: Slab::new(),
            delays: DelayQueue::default(),
            settle: SettleQueue::default(),
            open: None,
            init: None,
            console: None,
            statistics: Statistics::default(),
            logged: None,
        })
    }

    /// Takes one input; hands its effects to the sink, in order.
    ///
    /// # Errors
    /// [`OutOfTurn`] when the input does not fit the turn; then nothing has changed.
    pub fn step(
        &mut self,
        now: Instant,
        input: Input,
        effects: &mut dyn Effects,
    ) -> Result<(), OutOfTurn> {
        if self.open.is_some() != matches!(input, Input::Completed(_)) {
            return Err(OutOfTurn);
        }
        match input {
            Input::Request { token, from, request } => {
                self.request(now, token, from, request, effects);
            }
            Input::Exit { process, record } => self.ended(process, record, effects),
            Input::NoSenders(Badge::Descriptor(descriptor)) => {
                self.last_close(descriptor, effects);
            }
            // A process without a way to ask for anything goes on; EXIT tells when it ends.
            Input::NoSenders(Badge::Process(_) | Badge::Root | Badge::Console) => {}
            Input::Timer => self.delays_due(now, effects),
            Input::Completed(completion) => match (self.open.take(), completion) {
                (Some(Open::Fork(fork)), Completion::Cloned(result)) => {
                    self.cloned(now, fork, result, effects);
                }
                (Some(Open::Exec(exec)), Completion::Executed(result)) => {
                    self.executed(exec, result, effects);
                }
                (Some(Open::Create(create)), Completion::Created(result)) => {
                    self.created(create, result, effects);
                }
                (open, _) => {
                    self.open = open;
                    return Err(OutOfTurn);
                }
            },
        }
        self.settle_waits(effects);
        Ok(())
    }

    fn request(
        &mut self,
        now: Instant,
        token: Token,
        from: Sender,
        request: Request,
        effects: &mut dyn Effects,
    ) {
        let answer = match from {
            Sender::Process(caller) => match self.processes.get(caller) {
                Some(process) if process.is_running() => {
                    self.of_process(now, token, caller, request, effects)
                }
                // Killed: what it still had queued has no effect. Or ended, and its capability
                // outlived it in somebody else's hands.
                Some(_) | None => Err(Errno::SRCH),
            },
            Sender::Holder { descriptor, rights } => {
                self.of_holder(descriptor, rights, request, effects)
            }
            Sender::Root => match request {
                Request::StartInit { name } => self.start_init(token, name, effects),
                _ => Err(Errno::OPNOTSUPP),
            },
            Sender::Console => match request {
                Request::Interrupt { signal } => self.interrupt(signal, effects).map(Some),
                _ => Err(Errno::OPNOTSUPP),
            },
        };
        let outcome = match answer {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => return,
            Err(errno) => {
                if let Request::DescriptorWatch { watch, .. } = request {
                    effects.emit(Effect::ForgetWatch(watch));
                }
                Err(errno)
            }
        };
        effects.emit(Effect::Reply { token, outcome });
    }

    fn of_process(
        &mut self,
        now: Instant,
        token: Token,
        caller: ProcessId,
        request: Request,
        effects: &mut dyn Effects,
    ) -> Result<Option<Answer>, Errno> {
        let value = match request {
            Request::Fork { flags, slot } => {
                return self.fork(now, token, caller, flags, slot, effects);
            }
            Request::ForkWithFlags => return Err(Errno::NOSYS),
            Request::Exec { name } => return self.exec(token, caller, name, effects),
            Request::Wait { pid, options } => {
                return self.wait(token, caller, pid, options, effects);
            }
            Request::GetPid => self.processes[caller].pid,
            Request::GetParentPid => self.parent_pid(caller),
            Request::GetGroup { pid } => self.group_of(caller, pid)?,
            Request::GetSession { pid } => self.session_of(caller, pid)?,
            Request::SetGroup { pid, group } => self.set_group(caller, pid, group)?,
            Request::SetSession => self.set_session(caller)?,
            Request::Kill { pid, signal } => self.kill(caller, pid, signal, effects)?,
            Request::AcquireConsole => self.acquire_console(caller)?,
            Request::GetForeground => self.foreground(caller)?,
            Request::SetForeground { group } => self.set_foreground(caller, group)?,
            Request::AcquireReaper => self.acquire_reaper(caller)?,
            Request::ReleaseReaper => self.release_reaper(caller)?,
            Request::Trace { pid } => self.trace(caller, pid)?,
            Request::Untrace { pid } => self.untrace(caller, pid)?,
            Request::DescriptorPid
            | Request::DescriptorKill { .. }
            | Request::DescriptorWatch { .. }
            | Request::DescriptorUnwatch { .. } => return Err(Errno::BADF),
            Request::SetIgnored { signal, ignored } => self.set_ignored(caller, signal, ignored)?,
            Request::SetLimit { limit, value } => self.set_limit(caller, limit, value)?,
            Request::GetLimit { limit } => return Ok(Some(self.get_limit(caller, limit))),
            Request::GetUser => self.processes[caller].credentials.user_id,
            Request::SetUser { user } => self.set_user(caller, user)?,
            Request::PowerOff if self.processes[caller].is_privileged() => {
                effects.emit(Effect::PowerOff { token });
                return Ok(None);
            }
            Request::PowerOff | Request::Interrupt { .. } | Request::StartInit { .. } => {
                return Err(Errno::PERM);
            }
        };
        Ok(Some(Answer::word(value.into())))
    }
}

#[cfg(test)]
mod tests;

impl fmt::Debug for Model {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Model")
            .field("profile", &self.config.profile.name)
            .field("processes", &self.processes.len())
            .finish_non_exhaustive()
    }
}
