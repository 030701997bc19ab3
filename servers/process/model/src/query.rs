//! What `ps` and `pstree` ask: every process, page by page, in the order of pids.
//!
//! Owns: the picture of a process that others may see. A page starts at a pid, so processes that
//! come and go between pages are neither told twice nor hide others.

use tine_abi::protocol::process::{Record, State as ListedState};

use crate::ProcessId;
use crate::model::Model;
use crate::process::State;

/// A page of processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// How many records were written.
    pub filled: usize,
    /// Where the next page starts; `None` after the last one.
    pub next: Option<u32>,
}

impl Model {
    /// Writes the processes with pids from `from` on, as many as fit.
    pub fn list(&self, from: u32, records: &mut [Record]) -> Page {
        let mut filled = 0;
        let mut cursor = self.next_process(from);
        while let Some((pid, process)) = cursor {
            let Some(record) = records.get_mut(filled) else { break };
            *record = self.record(process);
            filled += 1;
            cursor = self.next_process(pid.saturating_add(1));
        }
        Page { filled, next: cursor.map(|(pid, _)| pid) }
    }

    /// The process with this pid, zombies included.
    #[must_use]
    pub fn find(&self, pid: u32) -> Option<ProcessId> {
        let process = self.numbers.find(pid)?.process?;
        (self.processes[process].state != State::Embryo).then_some(process)
    }

    /// The pid of a process; `None` once it is reaped.
    #[must_use]
    pub fn pid_of(&self, process: ProcessId) -> Option<u32> {
        self.processes.get(process).map(|found| found.pid)
    }

    /// How many processes there are, zombies included.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.processes.len()
    }

    /// The number given last (rule 47).
    #[must_use]
    pub const fn last_pid(&self) -> u32 {
        self.numbers.last()
    }

    fn next_process(&self, from: u32) -> Option<(u32, ProcessId)> {
        let mut cursor = self.numbers.next_used(from);
        while let Some(value) = cursor {
            if let Some(process) = self.find(value) {
                return Some((value, process));
            }
            cursor = self.numbers.next_used(value + 1);
        }
        None
    }

    fn record(&self, id: ProcessId) -> Record {
        let process = &self.processes[id];
        let group = self.group_record(id).map(|(_, group)| group);
        Record {
            pid: process.pid,
            parent: self.parent_pid(id),
            group: group.map_or(0, |group| group.value),
            session: group.map_or(0, |group| self.sessions[group.session].value),
            user: process.credentials.user_id,
            state: match process.state {
                State::Embryo => ListedState::New,
                State::Zombie(_) => ListedState::Zombie,
                State::Live if process.vfork_children > 0 => ListedState::VforkWait,
                State::Live => ListedState::Running,
            },
            name: *process.name.bytes(),
        }
    }
}
