//! wait4: which children a caller sees, and when it learns of their end.
//!
//! Owns: selectors and options (2.2/1), visibility (2.2/3, 2.1/16), the search among children,
//! the parking of waits and their settling.
//!
//! Invariants: a parked wait has candidates and none of them is reportable; each change of a
//! process's children queues it for settling in the same step. So a parked wait that matches a
//! child that has just ended can take it without a search.

use tine_abi::Errno;

use crate::model::Model;
use crate::park::Why;
use crate::process::SIGCHLD;
use crate::{Answer, Effect, Effects, ProcessId, Token};

/// Which children.
#[derive(Clone, Copy)]
enum Selector {
    Any,
    Process(i32),
    Group(u32),
}

/// A wait: which children, and what to do with the one found.
#[derive(Clone, Copy)]
pub(crate) struct Waiting {
    selector: Selector,
    /// Children with an exit signal other than SIGCHLD, instead of those with it.
    alternate: bool,
    /// Both sorts.
    every: bool,
    /// Leave the zombie as it is.
    keep: bool,
}

/// What a search found.
enum Found {
    /// This zombie.
    Ready(ProcessId),
    /// Candidates, but none has ended.
    Later,
    /// No candidates: ECHILD.
    Nothing,
}

impl Model {
    /// `getppid`: the original parent, traced or not (rule 91, subtle 26). 0 for init.
    pub(crate) fn parent_pid(&self, process: ProcessId) -> u32 {
        let parent = self.processes[process].links.original_parent();
        parent.map_or(0, |parent| self.processes[parent].pid)
    }

    /// `wait4`.
    pub(crate) fn wait(
        &mut self,
        token: Token,
        caller: ProcessId,
        pid: i32,
        options: u32,
        effects: &mut dyn Effects,
    ) -> Result<Option<Answer>, Errno> {
        let rule = self.processes[caller].profile.wait;
        if options & !rule.accepted != 0 {
            return Err(Errno::INVAL);
        }
        let selector = match pid {
            1.. => Selector::Process(pid),
            0 => Selector::Group(self.group_of(caller, 0)?),
            -1 => Selector::Any,
            _ => Selector::Group(pid.unsigned_abs()),
        };
        let waiting = Waiting {
            selector,
            alternate: options & rule.alternate != 0,
            every: options & rule.every != 0,
            keep: options & rule.no_wait != 0,
        };
        match self.find_child(caller, waiting, None) {
            Found::Ready(child) => Ok(Some(self.report(child, waiting, effects))),
            Found::Later if options & rule.no_hang != 0 => Ok(Some(Answer::default())),
            Found::Later => {
                self.park(caller, token, Why::Child(waiting))?;
                Ok(None)
            }
            Found::Nothing => Err(Errno::CHILD),
        }
    }

    /// Queues a process whose children have changed. `ended`: the one that has just ended.
    pub(crate) fn children_changed(&mut self, process: ProcessId, ended: Option<ProcessId>) {
        let record = &self.processes[process];
        if record.first_parked.is_some() && record.is_running() {
            self.settle.push(&mut self.processes, process, ended);
        }
    }

    /// Answers the parked waits that this step has made answerable.
    pub(crate) fn settle_waits(&mut self, effects: &mut dyn Effects) {
        while let Some((process, hint)) = self.settle.pop(&mut self.processes) {
            let mut cursor = self.processes[process].first_parked;
            while let Some(id) = cursor {
                let parked = &self.parked[id];
                cursor = parked.next;
                let token = parked.token;
                let Why::Child(waiting) = parked.why else { continue };
                let outcome = match self.find_child(process, waiting, hint) {
                    Found::Later => continue,
                    Found::Nothing => {
                        self.unpark(id);
                        Err(Errno::CHILD)
                    }
                    Found::Ready(child) => {
                        self.unpark(id);
                        Ok(self.report(child, waiting, effects))
                    }
                };
                effects.emit(Effect::Reply { token, outcome });
            }
        }
    }

    /// Tells of a zombie, and takes it unless the wait is only a look.
    fn report(&mut self, child: ProcessId, waiting: Waiting, effects: &mut dyn Effects) -> Answer {
        let record = &self.processes[child];
        let (status, value) =
            record.status().map_or((0, 0), |status| (status.wait_status(), status.value()));
        let values = [record.pid, status, value, record.credentials.user_id].map(u64::from);
        if !waiting.keep {
            self.collect(child, effects);
        }
        Answer { values, mint: None }
    }

    /// Looks for a child, newest first (2.2/2), then among orphans (2.2/9).
    fn find_child(&self, waiter: ProcessId, waiting: Waiting, hint: Option<ProcessId>) -> Found {
        let own = &self.processes[waiter].links;
        if let Selector::Process(pid) = waiting.selector {
            let child = self.numbers.process(pid).filter(|child| self.sees(*child, waiting));
            let Some(child) = child else { return Found::Nothing };
            let record = &self.processes[child];
            return match (record.links.parent() == Some(waiter), record.status()) {
                (true, Some(_)) => Found::Ready(child),
                (true, None) => Found::Later,
                _ if record.links.original_parent() == Some(waiter) => Found::Later,
                _ => Found::Nothing,
            };
        }
        if let Some(hint) = hint
            && self.processes.get(hint).is_some_and(|record| {
                record.links.parent() == Some(waiter) && record.status().is_some()
            })
            && self.sees(hint, waiting)
        {
            return Found::Ready(hint);
        }
        let mut found = Found::Nothing;
        let mut cursor = own.first_child();
        while let Some(child) = cursor {
            let record = &self.processes[child];
            cursor = record.links.next_sibling();
            if !self.sees(child, waiting) {
                continue;
            }
            if record.status().is_some() {
                return Found::Ready(child);
            }
            found = Found::Later;
            if own.zombies() == 0 {
                return found;
            }
        }
        let mut cursor = own.first_orphan();
        while let (Found::Nothing, Some(orphan)) = (&found, cursor) {
            cursor = self.processes[orphan].links.next_orphan();
            if self.sees(orphan, waiting) {
                found = Found::Later;
            }
        }
        found
    }

    /// Whether a wait means this child.
    fn sees(&self, child: ProcessId, waiting: Waiting) -> bool {
        let record = &self.processes[child];
        let selected = match waiting.selector {
            // 2.1/16: one with a descriptor only while it is traced.
            Selector::Any => {
                record.descriptor.is_none() || (record.links.tracer().is_some() && record.is_live())
            }
            Selector::Process(pid) => u32::try_from(pid) == Ok(record.pid),
            Selector::Group(number) => {
                self.group_record(child).is_some_and(|(_, group)| group.value == number)
            }
        };
        // 2.2/3.
        selected && (waiting.every || waiting.alternate == (record.exit_signal != SIGCHLD))
    }
}
