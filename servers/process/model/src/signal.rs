//! kill, and what signals do that nobody catches.
//!
//! Owns: who may signal whom, which processes a number means, and the default actions. A signal
//! that ends a process is handed to the kernel at once; one that would stop it is refused with
//! EOPNOTSUPP, because job control is not offered.
//!
//! Invariants: init is never ended by a default action; a zombie is signalled with success and
//! without effect (2.2/13); a process is killed once. A process that waits for a vfork child is
//! killed when the wait is over (subtle 15, 2.10).

use tine_abi::Errno;

use crate::group::Group;
use crate::model::Model;
use crate::profile::{DefaultAction, Profile};
use crate::slab::Id;
use crate::{Effect, Effects, ProcessId};

const SIGKILL: u32 = 9;
const SIGSTOP: u32 = 17;

/// How a signal to several processes went so far: success if one was reached, else the first
/// refusal, else nobody.
struct Reached(Result<u32, Errno>);

impl Reached {
    const fn nobody() -> Self {
        Self(Err(Errno::SRCH))
    }

    fn note(&mut self, outcome: Result<(), Errno>) {
        match (outcome, self.0) {
            (Ok(()), _) => self.0 = Ok(0),
            (Err(errno), Err(Errno::SRCH)) => self.0 = Err(errno),
            (Err(_), _) => {}
        }
    }
}

impl Model {
    /// `kill`.
    pub(crate) fn kill(
        &mut self,
        caller: ProcessId,
        pid: i32,
        signal: u32,
        effects: &mut dyn Effects,
    ) -> Result<u32, Errno> {
        valid_signal(self.processes[caller].profile, signal)?;
        match pid {
            1.. => {
                let target = self.numbers.process(pid).ok_or(Errno::SRCH)?;
                if !self.may_signal(caller, target) {
                    return Err(Errno::PERM);
                }
                self.deliver(target, signal, effects);
                Ok(0)
            }
            0 => {
                let group = self.processes[caller].links.group().ok_or(Errno::SRCH)?;
                self.kill_group(caller, group, signal, effects)
            }
            -1 => self.kill_all(caller, signal, effects),
            _ => {
                let group = self.numbers.group(pid.unsigned_abs()).ok_or(Errno::SRCH)?;
                self.kill_group(caller, group, signal, effects)
            }
        }
    }

    /// Every member but init; zombies count as reached.
    fn kill_group(
        &mut self,
        caller: ProcessId,
        group: Id<Group>,
        signal: u32,
        effects: &mut dyn Effects,
    ) -> Result<u32, Errno> {
        let mut reached = Reached::nobody();
        let mut cursor = self.groups[group].first;
        while let Some(target) = cursor {
            cursor = self.processes[target].links.next_member();
            if self.init != Some(target) {
                reached.note(self.deliver_as(caller, target, signal, effects));
            }
        }
        reached.0
    }

    /// Every process that has not ended, but init and the caller.
    fn kill_all(
        &mut self,
        caller: ProcessId,
        signal: u32,
        effects: &mut dyn Effects,
    ) -> Result<u32, Errno> {
        let mut reached = Reached::nobody();
        let mut position = 0;
        while let Some((target, next)) = self.processes.next_from(position) {
            position = next;
            let spared = target == caller || self.init == Some(target);
            if !spared && self.processes[target].is_live() {
                reached.note(self.deliver_as(caller, target, signal, effects));
            }
        }
        reached.0
    }

    /// A signal from the system to every member; how many it reached.
    pub(crate) fn signal_members(
        &mut self,
        group: Id<Group>,
        signal: u32,
        effects: &mut dyn Effects,
    ) -> u32 {
        let mut reached = 0;
        let mut cursor = self.groups[group].first;
        while let Some(target) = cursor {
            let process = &self.processes[target];
            cursor = process.links.next_member();
            reached += u32::from(process.is_live());
            self.deliver(target, signal, effects);
        }
        reached
    }

    /// One process sends another a valid signal: EPERM unless it may.
    pub(crate) fn deliver_as(
        &mut self,
        caller: ProcessId,
        target: ProcessId,
        signal: u32,
        effects: &mut dyn Effects,
    ) -> Result<(), Errno> {
        if !self.may_signal(caller, target) {
            return Err(Errno::PERM);
        }
        self.deliver(target, signal, effects);
        Ok(())
    }

    /// Whether one process may signal another: privilege, or the same real user.
    pub(crate) fn may_signal(&self, caller: ProcessId, target: ProcessId) -> bool {
        let (caller, target) = (&self.processes[caller], &self.processes[target]);
        caller.is_privileged() || caller.credentials.user_id == target.credentials.user_id
    }

    /// What a valid signal does to a process; 0 does nothing.
    pub(crate) fn deliver(&mut self, target: ProcessId, signal: u32, effects: &mut dyn Effects) {
        let process = &self.processes[target];
        let spared = signal == 0 || self.init == Some(target);
        if spared || process.ignored.contains(signal) {
            return;
        }
        match process.profile.default_action(signal) {
            DefaultAction::Terminate => self.terminate(target, signal, effects),
            DefaultAction::Ignore | DefaultAction::Stop => {}
        }
    }

    /// Ignores a signal from now on, or no longer. SIGKILL and SIGSTOP cannot be ignored.
    pub(crate) fn set_ignored(
        &mut self,
        caller: ProcessId,
        signal: u32,
        ignored: bool,
    ) -> Result<u32, Errno> {
        let process = &mut self.processes[caller];
        if signal == 0
            || signal > process.profile.highest_signal
            || matches!(signal, SIGKILL | SIGSTOP)
        {
            return Err(Errno::INVAL);
        }
        process.ignored.set(signal, ignored);
        Ok(0)
    }

    /// Ends a process with a signal.
    pub(crate) fn terminate(&mut self, target: ProcessId, signal: u32, effects: &mut dyn Effects) {
        let process = &mut self.processes[target];
        if !process.is_live() {
            return;
        }
        let waits = process.vfork_children > 0;
        if process.killed.is_some() {
            // Not yet carried out: SIGKILL goes before what is pending.
            if waits && signal == SIGKILL {
                process.killed = Some(signal);
            }
            return;
        }
        process.killed = Some(signal);
        self.unpark_all(target);
        if !waits {
            effects.emit(Effect::Kill { process: target, signal });
        }
    }
}

/// Refuses numbers that are no signal, and signals that stop.
pub(crate) fn valid_signal(profile: &Profile, signal: u32) -> Result<(), Errno> {
    if signal > profile.highest_signal {
        return Err(Errno::INVAL);
    }
    match profile.default_action(signal) {
        DefaultAction::Stop => Err(Errno::OPNOTSUPP),
        DefaultAction::Terminate | DefaultAction::Ignore => Ok(()),
    }
}
