//! One process: its record, without its links.
//!
//! Owns: state, credentials, limits, what waits on it. Links to other processes are a field of
//! their own type that only `links` can look into.

use crate::exit::ExitStatus;
use crate::limit::User;
use crate::links::Links;
use crate::park::Parked;
use crate::pid::{Allocation, NumberId};
use crate::profile::{Profile, SignalSet};
use crate::slab::Id;
use crate::{DescriptorId, Name, ProcessId, Token};

/// SIGCHLD: the exit signal of every process that nobody gave another (rule 69).
pub(crate) const SIGCHLD: u8 = 20;

/// Where in its life a process is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Reserved by a fork that is not committed: has a number, no links.
    Embryo,
    /// It may run.
    Live,
    /// It has ended and nobody has taken its status yet.
    Zombie(ExitStatus),
}

/// A vfork parent that waits for this process to exec or end (rules 122 to 128). It is kept in
/// the child, by generation: a later process with the same number is not waited for (subtle 14).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct VforkWait {
    pub(crate) parent: ProcessId,
    pub(crate) token: Token,
}

/// Whose process it is; inherited by fork (rule 60).
#[derive(Clone, Copy)]
pub(crate) struct Credentials {
    /// Whose processes it counts among.
    pub(crate) user: Id<User>,
    /// The real user id.
    pub(crate) user_id: u32,
    /// Soft limit of processes of the user.
    pub(crate) user_limit: u32,
}

/// A record of the process table; opaque outside the model.
pub struct Process {
    pub(crate) links: Links,
    pub(crate) state: State,
    /// Its pid as a value, and the entry that keeps it.
    pub(crate) pid: u32,
    pub(crate) number: NumberId,
    /// The reap subtree it belongs to (rule 93).
    pub(crate) subtree: NumberId,
    pub(crate) profile: &'static Profile,
    pub(crate) credentials: Credentials,
    /// Sent to the parent at the end; decides which waits see the process (2.2/3).
    pub(crate) exit_signal: u8,
    /// It has executed a program since it was forked.
    pub(crate) executed: bool,
    /// Signals that it chose to ignore; inherited, and kept by exec (rules 65, 67).
    pub(crate) ignored: SignalSet,
    /// It adopts the orphans among its descendants.
    pub(crate) is_reaper: bool,
    /// A signal that ends it was sent.
    pub(crate) killed: Option<u32>,
    /// Its process descriptor, while it is open and the process not reaped.
    pub(crate) descriptor: Option<DescriptorId>,
    /// Who waits for it to stop using the shared memory.
    pub(crate) vfork: Option<VforkWait>,
    /// For how many vfork children its own threads wait.
    pub(crate) vfork_children: u32,
    /// Its own parked calls, oldest first.
    pub(crate) first_parked: Option<Id<Parked>>,
    pub(crate) last_parked: Option<Id<Parked>>,
    pub(crate) name: Name,
}

impl Process {
    /// A process that is only reserved, in its own reap subtree.
    pub(crate) fn embryo(
        allocation: &Allocation,
        profile: &'static Profile,
        credentials: Credentials,
        name: Name,
    ) -> Self {
        Self {
            links: Links::default(),
            state: State::Embryo,
            pid: allocation.value,
            number: allocation.number,
            subtree: allocation.number,
            profile,
            credentials,
            exit_signal: SIGCHLD,
            executed: false,
            ignored: SignalSet::of(&[]),
            is_reaper: false,
            killed: None,
            descriptor: None,
            vfork: None,
            vfork_children: 0,
            first_parked: None,
            last_parked: None,
            name,
        }
    }

    /// Privileged as far as the limits and `kill` are concerned.
    pub(crate) const fn is_privileged(&self) -> bool {
        self.credentials.user_id == 0
    }

    /// It may run and nothing has ended it yet.
    pub(crate) const fn is_running(&self) -> bool {
        matches!(self.state, State::Live) && self.killed.is_none()
    }

    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.state, State::Live)
    }

    /// How it ended, for a zombie.
    pub(crate) const fn status(&self) -> Option<ExitStatus> {
        match self.state {
            State::Zombie(status) => Some(status),
            State::Embryo | State::Live => None,
        }
    }
}

impl core::fmt::Debug for Process {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("Process")
            .field("pid", &self.pid)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
