//! Reapers: who adopts orphans (2.4), and who traces whom.
//!
//! Owns: becoming and ceasing to be a reaper, passing descendants on, attaching and detaching a
//! tracer as far as links go. Stops and events of a traced process belong to the debugger's
//! protocol and are not raised here.

use tine_abi::Errno;

use crate::ProcessId;
use crate::links;
use crate::model::Model;

impl Model {
    /// Becomes a reaper. Existing children and descendants keep theirs (2.4/1, 2.4/2).
    pub(crate) fn acquire_reaper(&mut self, caller: ProcessId) -> Result<u32, Errno> {
        let process = &mut self.processes[caller];
        if !process.profile.has_reapers {
            return Err(Errno::NOSYS);
        }
        if process.is_reaper {
            return Err(Errno::BUSY);
        }
        process.is_reaper = true;
        Ok(0)
    }

    /// Ceases to be one: descendants go to its own reaper, children stay children (2.4/7).
    pub(crate) fn release_reaper(&mut self, caller: ProcessId) -> Result<u32, Errno> {
        let process = &self.processes[caller];
        if !process.profile.has_reapers {
            return Err(Errno::NOSYS);
        }
        if !process.is_reaper || self.init == Some(caller) {
            return Err(Errno::INVAL);
        }
        let next = self.next_reaper(caller);
        self.pass_descendants(caller, next);
        self.processes[caller].is_reaper = false;
        Ok(0)
    }

    /// The reaper of a process; its own for init.
    pub(crate) fn next_reaper(&self, process: ProcessId) -> ProcessId {
        self.processes[process].links.reaper().unwrap_or(process)
    }

    /// Gives all descendants of a reaper to another one. They carry the subtree of the old reaper
    /// from now on (subtle 33).
    pub(crate) fn pass_descendants(&mut self, reaper: ProcessId, next: ProcessId) {
        let subtree = self.processes[reaper].subtree;
        while let Some(member) = self.processes[reaper].links.first_descendant() {
            links::change_reaper(&mut self.processes, member, next);
            let old = core::mem::replace(&mut self.processes[member].subtree, subtree);
            self.numbers.update(subtree, |entry| entry.subtree += 1);
            self.numbers.update(old, |entry| entry.subtree -= 1);
        }
    }

    /// Makes the caller the tracer of a process: it becomes the parent for waits, the original
    /// parent keeps everything else (2.6/2, 2.6/4, subtle 26).
    pub(crate) fn trace(&mut self, caller: ProcessId, pid: i32) -> Result<u32, Errno> {
        let target = self.numbers.process(pid).ok_or(Errno::SRCH)?;
        let record = &self.processes[target];
        if !record.is_live() {
            return Err(Errno::SRCH);
        }
        if target == caller || self.init == Some(target) {
            return Err(Errno::INVAL);
        }
        if !self.may_signal(caller, target) {
            return Err(Errno::PERM);
        }
        if record.links.tracer().is_some() {
            return Err(Errno::BUSY);
        }
        let mut ancestor = self.processes[caller].links.tracer();
        while let Some(process) = ancestor {
            if process == target {
                return Err(Errno::INVAL);
            }
            ancestor = self.processes[process].links.parent();
        }
        links::trace(&mut self.processes, target, caller);
        Ok(0)
    }

    /// Ends it: the original parent is the parent again (2.6/7).
    pub(crate) fn untrace(&mut self, caller: ProcessId, pid: i32) -> Result<u32, Errno> {
        let target = self.numbers.process(pid).ok_or(Errno::SRCH)?;
        let record = &self.processes[target];
        if !record.is_live() {
            return Err(Errno::SRCH);
        }
        match record.links.tracer() {
            None => return Err(Errno::PERM),
            Some(tracer) if tracer != caller => return Err(Errno::BUSY),
            Some(_) => {}
        }
        links::untrace(&mut self.processes, target);
        self.children_changed(caller, None);
        Ok(0)
    }
}
