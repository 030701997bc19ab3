//! The end of a process: zombie, then nothing.
//!
//! Owns: what follows from the kernel's EXIT, in the order of 2.3, and the final reap (2.2/11).
//!
//! Invariants: a process is a zombie before anybody is told of its end (subtle 35); children are
//! handed on before the parent learns; a dead reaper keeps what it reaps for until it is reaped
//! itself (subtle 32). No recursion: a reap that makes waits answerable queues them for settling.

use tine_abi::notification::FaultKind;
use tine_abi::protocol::process::WaitStatus;

use crate::links;
use crate::model::Model;
use crate::process::{SIGCHLD, State};
use crate::{Effect, Effects, ProcessId};

const SIGKILL: u32 = 9;

/// What the kernel says about the end of a Domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitRecord {
    /// Its last thread ended with this value.
    Exited(u32),
    /// It was killed, with this signal.
    Killed(u32),
    /// It did this, and nobody resumed it.
    Faulted(FaultKind),
}

/// What a wait tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// The full 32-bit value.
    Exited(u32),
    /// The signal.
    Signaled(u32),
}

impl ExitStatus {
    /// The 16-bit status of `wait4`: 8 bits of the value above, or the signal below (2.2/7).
    #[must_use]
    pub const fn wait_status(self) -> u32 {
        match self {
            Self::Exited(value) => WaitStatus::exited(value as u8).0,
            Self::Signaled(signal) => WaitStatus::signaled(signal as u8).0,
        }
    }

    /// The full value or the signal: `si_status` (2.2/7).
    #[must_use]
    pub const fn value(self) -> u32 {
        match self {
            Self::Exited(value) | Self::Signaled(value) => value,
        }
    }
}

impl From<ExitRecord> for ExitStatus {
    fn from(record: ExitRecord) -> Self {
        match record {
            ExitRecord::Exited(value) => Self::Exited(value),
            ExitRecord::Killed(signal) => Self::Signaled(signal),
            ExitRecord::Faulted(kind) => Self::Signaled(match kind {
                FaultKind::Unmapped | FaultKind::Protection => 11,
                FaultKind::NoMemory => SIGKILL,
                FaultKind::Divide | FaultKind::Arithmetic => 8,
                FaultKind::Instruction => 4,
                FaultKind::General | FaultKind::Alignment | FaultKind::Other => 10,
                FaultKind::Breakpoint | FaultKind::Debug => 5,
            }),
        }
    }
}

impl Model {
    /// The kernel's EXIT. Stale names and second reports change nothing.
    pub(crate) fn ended(
        &mut self,
        process: ProcessId,
        record: ExitRecord,
        effects: &mut dyn Effects,
    ) {
        if !self.processes.get(process).is_some_and(|record| record.is_live()) {
            return;
        }
        let status = ExitStatus::from(record);
        self.unpark_all(process);
        let record = &mut self.processes[process];
        record.state = State::Zombie(status);
        let (descriptor, holds_up) = (record.descriptor, record.vfork.is_some());
        let has_dependants = record.links.has_dependants();
        links::became_zombie(&mut self.processes, process);
        self.leave_terminal(process, effects);
        if has_dependants {
            self.hand_on_children(process, effects);
        }
        if let Some(descriptor) = descriptor {
            self.fire_watches(descriptor, effects);
        }
        self.tell_parent(process);
        if holds_up {
            self.release_vfork(process, effects);
        }
        if self.init == Some(process) {
            effects.emit(Effect::InitEnded { status });
        }
    }

    /// The parent may wait for it now. One that ignores SIGCHLD does not want to: then the reaper
    /// does, and a blocked wait of the parent may have nothing left (2.2/12).
    fn tell_parent(&mut self, process: ProcessId) {
        let Some(parent) = self.processes[process].links.parent() else { return };
        let record = &self.processes[process];
        let unwanted = self.processes[parent].ignored.contains(SIGCHLD.into());
        if unwanted && record.links.tracer().is_none() && record.descriptor.is_none() {
            let reaper = self.next_reaper(process);
            self.processes[process].exit_signal = SIGCHLD;
            links::reparent(&mut self.processes, process, reaper);
            self.children_changed(reaper, Some(process));
            self.children_changed(parent, None);
        } else {
            self.children_changed(parent, Some(process));
        }
    }

    /// Each child goes to its own reaper, unless that is the process itself: then it stays with
    /// the zombie (2.3, 2.4/7). What it traced is given back and killed (2.3).
    fn hand_on_children(&mut self, process: ProcessId, effects: &mut dyn Effects) {
        let mut cursor = self.processes[process].links.first_child();
        while let Some(child) = cursor {
            let record = &mut self.processes[child];
            cursor = record.links.next_sibling();
            record.exit_signal = SIGCHLD;
            let traced = record.links.tracer().is_some();
            let reaper = record.links.reaper();
            if traced {
                links::untrace(&mut self.processes, child);
                self.terminate(child, SIGKILL, effects);
            }
            let links = &self.processes[child].links;
            if links.original_parent() == Some(process) {
                match reaper {
                    Some(reaper) if reaper != process => {
                        links::reparent(&mut self.processes, child, reaper);
                    }
                    _ => continue,
                }
            }
            if self.processes[child].status().is_some()
                && let Some(parent) = self.processes[child].links.parent()
            {
                self.children_changed(parent, Some(child));
            }
        }
        let mut cursor = self.processes[process].links.first_orphan();
        while let Some(orphan) = cursor {
            let links = &self.processes[orphan].links;
            cursor = links.next_orphan();
            if let Some(reaper) = links.reaper().filter(|reaper| *reaper != process) {
                links::change_original(&mut self.processes, orphan, reaper);
            }
        }
    }

    /// Takes a zombie whose status was told, or whose last descriptor was closed. One that a
    /// tracer had goes back to its original parent, which can wait for it again (2.2/10).
    pub(crate) fn collect(&mut self, process: ProcessId, effects: &mut dyn Effects) {
        let links = &self.processes[process].links;
        let (parent, original) = (links.parent(), links.original_parent());
        if parent == original {
            return self.reap(process, effects);
        }
        links::untrace(&mut self.processes, process);
        for changed in [parent, original].into_iter().flatten() {
            self.children_changed(changed, Some(process));
        }
    }

    /// The last of a zombie: passes on what it reaped for, unlinks it, frees its number.
    fn reap(&mut self, process: ProcessId, effects: &mut dyn Effects) {
        if self.processes[process].links.has_dependants() {
            self.pass_on(process);
        }
        let record = &self.processes[process];
        let (number, subtree) = (record.number, record.subtree);
        let (user, descriptor) = (record.credentials.user, record.descriptor);
        if let Some(parent) = record.links.parent() {
            self.children_changed(parent, None);
        }
        links::leave(&mut self.processes, process);
        self.leave_group(process);
        if let Some(descriptor) = descriptor {
            self.detach(descriptor);
        }
        self.processes.discard(process);
        self.leave_user(user);
        self.numbers.update(subtree, |entry| entry.subtree -= 1);
        self.numbers.update(number, |entry| entry.process = None);
        effects.emit(Effect::Forget { process });
    }

    /// What a dead reaper kept goes to the next one (2.4/7, subtle 32).
    fn pass_on(&mut self, process: ProcessId) {
        let next = self.next_reaper(process);
        while let Some(child) = self.processes[process].links.first_child() {
            links::reparent(&mut self.processes, child, next);
            if self.processes[child].status().is_some() {
                self.children_changed(next, Some(child));
            }
        }
        while let Some(orphan) = self.processes[process].links.first_orphan() {
            links::change_original(&mut self.processes, orphan, next);
        }
        self.pass_descendants(process, next);
    }
}
