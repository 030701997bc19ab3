//! Limits: of the system, of a user; what refusals log; what forks count.
//!
//! Owns: the count of processes per real user, the statistics, the rate of log lines. How a limit
//! is read is the boot profile's data.
//!
//! Invariants: a user's record exists while it has processes, and counts exactly them, zombies
//! and embryos included (2.2/11).

use tine_abi::Errno;
use tine_abi::protocol::process::Limit;

use crate::fork::ForkKind;
use crate::model::{Model, OutOfMemory};
use crate::profile::StatisticsRule;
use crate::slab::Id;
use crate::{Answer, Effect, Effects, Instant, Log, LogKind, ProcessId};

/// One real user id with processes.
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) processes: u32,
}

/// Successful forks since boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// FreeBSD: plain forks (rule 101). NetBSD: all (rule 102).
    pub forks: u64,
    /// FreeBSD: vforks. NetBSD: those whose parent waits.
    pub vforks: u64,
    /// FreeBSD: all others, pdfork among them.
    pub rforks: u64,
    /// NetBSD: those that share memory.
    pub shared_memory: u64,
}

impl Statistics {
    pub(crate) fn count(&mut self, rule: StatisticsRule, kind: ForkKind) {
        match (rule, kind) {
            (StatisticsRule::ByKind, ForkKind::Copy) => self.forks += 1,
            (StatisticsRule::ByKind, ForkKind::Share) => self.vforks += 1,
            (StatisticsRule::ByKind, ForkKind::Descriptor { .. }) => self.rforks += 1,
            (StatisticsRule::ByProperty, _) => {
                let shares = u64::from(kind == ForkKind::Share);
                self.forks += 1;
                self.vforks += shares;
                self.shared_memory += shares;
            }
        }
    }
}

impl Model {
    /// Successful forks since boot.
    #[must_use]
    pub const fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Whether the system takes one more process of this caller (rules 23 to 27).
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        caller: ProcessId,
        effects: &mut dyn Effects,
    ) -> Result<(), Errno> {
        let privileged = self.processes[caller].is_privileged();
        let present = self.processes.len();
        if self.config.profile.admits(present, self.config.maxproc, privileged) {
            return Ok(());
        }
        self.log_refusal(now, caller, LogKind::TableFull, effects);
        Err(Errno::AGAIN)
    }

    /// Counts one more process of the caller's user (rules 34 to 36).
    pub(crate) fn admit_user(
        &mut self,
        now: Instant,
        caller: ProcessId,
        effects: &mut dyn Effects,
    ) -> Result<(), Errno> {
        let process = &self.processes[caller];
        let (limit, privileged) = (process.credentials.user_limit, process.is_privileged());
        let user = &mut self.users[process.credentials.user];
        let profile = self.config.profile;
        if profile.admits_user(user.processes, limit, privileged) {
            user.processes += 1;
            return Ok(());
        }
        if profile.refusal_log.user_limit {
            self.log_refusal(now, caller, LogKind::UserLimit, effects);
        }
        Err(Errno::AGAIN)
    }

    /// Sets a limit. A process lowers its own freely; the rest is the superuser's.
    pub(crate) fn set_limit(
        &mut self,
        caller: ProcessId,
        limit: Limit,
        value: u64,
    ) -> Result<u32, Errno> {
        let value = u32::try_from(value).map_err(|_| Errno::INVAL)?;
        let process = &mut self.processes[caller];
        let privileged = process.is_privileged();
        match limit {
            Limit::UserProcesses if privileged || value <= process.credentials.user_limit => {
                process.credentials.user_limit = value;
            }
            Limit::Processes if privileged => self.config.maxproc = value,
            Limit::UserProcesses | Limit::Processes => return Err(Errno::PERM),
        }
        Ok(0)
    }

    /// A limit, and what is used of it now.
    pub(crate) fn get_limit(&self, caller: ProcessId, limit: Limit) -> Answer {
        let credentials = &self.processes[caller].credentials;
        let (value, used) = match limit {
            Limit::Processes => (self.config.maxproc, self.processes.len()),
            Limit::UserProcesses => {
                (credentials.user_limit, self.users[credentials.user].processes)
            }
        };
        Answer { values: [value.into(), used.into(), 0, 0], mint: None }
    }

    /// Makes a process another user's; one's own again is free. No limit stands in the way.
    pub(crate) fn set_user(&mut self, caller: ProcessId, user_id: u32) -> Result<u32, Errno> {
        let process = &self.processes[caller];
        if process.credentials.user_id == user_id {
            return Ok(0);
        }
        if !process.is_privileged() {
            return Err(Errno::PERM);
        }
        let user = self.join_user(user_id)?;
        let credentials = &mut self.processes[caller].credentials;
        credentials.user_id = user_id;
        let old = core::mem::replace(&mut credentials.user, user);
        self.leave_user(old);
        Ok(0)
    }

    /// Counts the first or one more process of a user.
    pub(crate) fn join_user(&mut self, id: u32) -> Result<Id<User>, OutOfMemory> {
        let known = self.users.iter().find(|(_, user)| user.id == id).map(|(known, _)| known);
        match known {
            Some(known) => {
                self.users[known].processes += 1;
                Ok(known)
            }
            None => self.users.insert(User { id, processes: 1 }),
        }
    }

    /// Counts one process less.
    pub(crate) fn leave_user(&mut self, user: Id<User>) {
        let record = &mut self.users[user];
        record.processes -= 1;
        if record.processes == 0 {
            self.users.remove(user);
        }
    }

    /// Logs a refused fork, unless that was done a moment ago (rules 29 to 31).
    fn log_refusal(
        &mut self,
        now: Instant,
        caller: ProcessId,
        kind: LogKind,
        effects: &mut dyn Effects,
    ) {
        let rule = self.config.profile.refusal_log;
        if let Some(Instant(last)) = self.logged
            && now.0.saturating_sub(last) < rule.interval_ns
        {
            return;
        }
        self.logged = Some(now);
        let process = &self.processes[caller];
        let pid = rule.tells_pid.then_some(process.pid);
        effects.emit(Effect::Log(Log { kind, user: process.credentials.user_id, pid }));
    }
}
