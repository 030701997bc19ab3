//! Process groups, sessions and the console as controlling terminal.
//!
//! Owns: the records of groups and sessions, moving between them, the foreground group. The list
//! of a group's members is edited in `links`.
//!
//! Invariants: a group exists while it has members, zombies included; a session while it has
//! groups; each keeps its number. The foreground group belongs to the session that has the console.

use tine_abi::Errno;

use crate::links;
use crate::model::{Model, OutOfMemory};
use crate::pid::NumberId;
use crate::signal::valid_signal;
use crate::slab::Id;
use crate::{Answer, Effects, ProcessId};

const SIGHUP: u32 = 1;

/// What `tcgetpgrp` answers when no group is in the foreground: no group ever has this number.
const NO_GROUP: u32 = i32::MAX as u32;

/// A process group.
pub(crate) struct Group {
    pub(crate) number: NumberId,
    pub(crate) value: u32,
    pub(crate) session: Id<Session>,
    pub(crate) first: Option<ProcessId>,
    pub(crate) members: u32,
}

/// A session.
pub(crate) struct Session {
    pub(crate) number: NumberId,
    pub(crate) value: u32,
    /// Until it ends.
    pub(crate) leader: Option<ProcessId>,
    pub(crate) groups: u32,
    pub(crate) foreground: Option<Id<Group>>,
}

impl Model {
    /// `getpgid`.
    pub(crate) fn group_of(&self, caller: ProcessId, pid: i32) -> Result<u32, Errno> {
        let process = self.living(caller, pid)?;
        Ok(self.group_record(process).ok_or(Errno::SRCH)?.1.value)
    }

    /// `getsid`.
    pub(crate) fn session_of(&self, caller: ProcessId, pid: i32) -> Result<u32, Errno> {
        let process = self.living(caller, pid)?;
        let (_, group) = self.group_record(process).ok_or(Errno::SRCH)?;
        Ok(self.sessions[group.session].value)
    }

    /// `setpgid`.
    pub(crate) fn set_group(
        &mut self,
        caller: ProcessId,
        pid: i32,
        group: i32,
    ) -> Result<u32, Errno> {
        let wanted = u32::try_from(group).map_err(|_| Errno::INVAL)?;
        let target = self.living(caller, pid)?;
        let (current, record) = self.group_record(target).ok_or(Errno::SRCH)?;
        let session = record.session;
        if target != caller {
            if !self.descends_from(target, caller) {
                return Err(Errno::SRCH);
            }
            if self.group_record(caller).map(|(_, own)| own.session) != Some(session) {
                return Err(Errno::PERM);
            }
            if self.processes[target].executed {
                return Err(Errno::ACCES);
            }
        }
        if self.sessions[session].leader == Some(target) {
            return Err(Errno::PERM);
        }
        let own = self.processes[target].pid;
        let wanted = if wanted == 0 { own } else { wanted };
        let destination = match self.numbers.group(wanted) {
            Some(group) if group == current => return Ok(0),
            Some(group) if self.groups[group].session == session => group,
            None if wanted == own => self.new_group(target, session)?,
            Some(_) | None => return Err(Errno::PERM),
        };
        self.leave_group(target);
        links::enter_group(&mut self.processes, &mut self.groups, target, destination);
        // A wait for one of the two groups may have lost or found its candidate.
        if let Some(parent) = self.processes[target].links.parent() {
            self.children_changed(parent, None);
        }
        Ok(0)
    }

    /// `setsid`.
    pub(crate) fn set_session(&mut self, caller: ProcessId) -> Result<u32, Errno> {
        let pid = self.processes[caller].pid;
        if self.numbers.group(pid).is_some() {
            return Err(Errno::PERM);
        }
        self.reserve_session()?;
        self.new_session(caller)?;
        Ok(pid)
    }

    /// Makes sure that `new_session` succeeds.
    pub(crate) fn reserve_session(&mut self) -> Result<(), OutOfMemory> {
        self.sessions.reserve()?;
        self.groups.reserve()
    }

    /// Moves a process to a session and group of its own.
    pub(crate) fn new_session(&mut self, leader: ProcessId) -> Result<(), OutOfMemory> {
        let process = &self.processes[leader];
        let (number, value) = (process.number, process.pid);
        let session = self.sessions.insert(Session {
            number,
            value,
            leader: Some(leader),
            groups: 0,
            foreground: None,
        })?;
        self.numbers.update(number, |entry| entry.session = true);
        let group = self.new_group(leader, session)?;
        self.leave_group(leader);
        links::enter_group(&mut self.processes, &mut self.groups, leader, group);
        Ok(())
    }

    /// An empty group with the number of a process.
    fn new_group(
        &mut self,
        process: ProcessId,
        session: Id<Session>,
    ) -> Result<Id<Group>, OutOfMemory> {
        let process = &self.processes[process];
        let (number, value) = (process.number, process.pid);
        let group =
            self.groups.insert(Group { number, value, session, first: None, members: 0 })?;
        self.numbers.update(number, |entry| entry.group = Some(group));
        self.sessions[session].groups += 1;
        Ok(group)
    }

    /// Takes a process out of its group; the last one out ends the group, the last group the
    /// session (rule 56).
    pub(crate) fn leave_group(&mut self, process: ProcessId) {
        let left = links::leave_group(&mut self.processes, &mut self.groups, process);
        let Some((group, 0)) = left else { return };
        let Some(Group { number, session, .. }) = self.groups.remove(group) else { return };
        self.numbers.update(number, |entry| entry.group = None);
        let record = &mut self.sessions[session];
        record.groups -= 1;
        if record.foreground == Some(group) {
            record.foreground = None;
        }
        if record.groups == 0 {
            let number = record.number;
            self.sessions.remove(session);
            self.numbers.update(number, |entry| entry.session = false);
            if self.console == Some(session) {
                self.console = None;
            }
        }
    }

    /// The console becomes the controlling terminal; the caller's group is in the foreground.
    pub(crate) fn acquire_console(&mut self, caller: ProcessId) -> Result<u32, Errno> {
        let session = self.group_record(caller).map(|(_, group)| group.session);
        let session = session.ok_or(Errno::PERM)?;
        if self.sessions[session].leader != Some(caller) {
            return Err(Errno::PERM);
        }
        match self.console {
            Some(owner) if owner == session => {}
            Some(_) => return Err(Errno::PERM),
            None => self.hand_console(caller),
        }
        Ok(0)
    }

    /// Gives the console to the session of a process, its group in the foreground.
    pub(crate) fn hand_console(&mut self, process: ProcessId) {
        let Some((group, record)) = self.group_record(process) else { return };
        let session = record.session;
        self.console = Some(session);
        self.sessions[session].foreground = Some(group);
    }

    /// `tcgetpgrp`.
    pub(crate) fn foreground(&self, caller: ProcessId) -> Result<u32, Errno> {
        let session = self.controlled_session(caller)?;
        let group = self.sessions[session].foreground;
        Ok(group.map_or(NO_GROUP, |group| self.groups[group].value))
    }

    /// `tcsetpgrp`.
    pub(crate) fn set_foreground(&mut self, caller: ProcessId, group: i32) -> Result<u32, Errno> {
        let session = self.controlled_session(caller)?;
        let number = u32::try_from(group).ok().filter(|number| *number > 0);
        let group = self.numbers.group(number.ok_or(Errno::INVAL)?).ok_or(Errno::PERM)?;
        if self.groups[group].session != session {
            return Err(Errno::PERM);
        }
        self.sessions[session].foreground = Some(group);
        Ok(0)
    }

    /// A key that means a signal to the foreground group; how many members it reached.
    pub(crate) fn interrupt(
        &mut self,
        signal: u32,
        effects: &mut dyn Effects,
    ) -> Result<Answer, Errno> {
        valid_signal(self.config.profile, signal)?;
        let session = self.console.and_then(|session| self.sessions.get(session));
        let reached = match session.and_then(|session| session.foreground) {
            Some(group) => self.signal_members(group, signal, effects),
            None => 0,
        };
        Ok(Answer::word(reached.into()))
    }

    /// A session leader has ended: its terminal is free, the foreground group is told (2.3).
    pub(crate) fn leave_terminal(&mut self, process: ProcessId, effects: &mut dyn Effects) {
        let Some((_, group)) = self.group_record(process) else { return };
        let id = group.session;
        let session = &mut self.sessions[id];
        if session.leader != Some(process) {
            return;
        }
        session.leader = None;
        if self.console == Some(id) {
            self.console = None;
            if let Some(group) = session.foreground.take() {
                self.signal_members(group, SIGHUP, effects);
            }
        }
    }

    /// The group of a process.
    pub(crate) fn group_record(&self, process: ProcessId) -> Option<(Id<Group>, &Group)> {
        let group = self.processes[process].links.group()?;
        Some((group, &self.groups[group]))
    }

    /// The caller for 0, else the process with this pid if it has not ended.
    fn living(&self, caller: ProcessId, pid: i32) -> Result<ProcessId, Errno> {
        let process = if pid == 0 { Some(caller) } else { self.numbers.process(pid) };
        process.filter(|process| self.processes[*process].is_live()).ok_or(Errno::SRCH)
    }

    /// Whether the line of original parents leads from one process to the other.
    fn descends_from(&self, process: ProcessId, ancestor: ProcessId) -> bool {
        let mut cursor = Some(process);
        while let Some(process) = cursor {
            if process == ancestor {
                return true;
            }
            cursor = self.processes[process].links.original_parent();
        }
        false
    }

    /// The caller's session, if the console is its terminal.
    fn controlled_session(&self, caller: ProcessId) -> Result<Id<Session>, Errno> {
        let session = self.group_record(caller).map(|(_, group)| group.session);
        self.console.filter(|owner| session == Some(*owner)).ok_or(Errno::NOTTY)
    }
}
