//! What must hold between steps, checked from outside the transitions.
//!
//! Owns: [`Model::check`], which walks every table and compares each fact with its other half. It
//! is for tests and the simulator; the server never calls it. Each clause names what it guards.

use core::fmt;

use crate::ProcessId;
use crate::model::{Model, Open};
use crate::park::Why;
use crate::process::State;

/// A clause that does not hold, and for which record (its pid or number).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Violation {
    /// What should be so.
    pub clause: &'static str,
    /// Where it is not.
    pub number: u32,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (at {})", self.clause, self.number)
    }
}

impl core::error::Error for Violation {}

fn hold(condition: bool, clause: &'static str, number: u32) -> Result<(), Violation> {
    if condition { Ok(()) } else { Err(Violation { clause, number }) }
}

impl Model {
    /// Checks every invariant.
    ///
    /// # Errors
    /// The first clause that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        hold(self.settle.is_empty(), "the settle queue is empty between steps", 0)?;
        self.check_tree()?;
        self.check_groups()?;
        self.check_numbers()?;
        self.check_users()?;
        self.check_descriptors()?;
        self.check_parked()?;
        self.check_turn()
    }

    /// Edges are symmetric; each process but init has one parent and one reaper.
    fn check_tree(&self) -> Result<(), Violation> {
        let (mut children, mut descendants, mut orphans) = (0, 0, 0);
        let count = self.processes.len();
        for (id, process) in self.processes.iter() {
            let (pid, links) = (process.pid, &process.links);
            let mut zombies = 0;
            for child in self.walk(links.first_child(), |links| links.next_sibling()) {
                let record = &self.processes[child];
                hold(record.links.parent() == Some(id), "a child names its parent", pid)?;
                zombies += u32::from(record.status().is_some());
                children += 1;
            }
            hold(zombies == links.zombies(), "zombies among the children are counted", pid)?;
            for member in self.walk(links.first_descendant(), |links| links.next_descendant()) {
                let links = &self.processes[member].links;
                hold(links.reaper() == Some(id), "a descendant names its reaper", pid)?;
                descendants += 1;
            }
            for orphan in self.walk(links.first_orphan(), |links| links.next_orphan()) {
                let links = &self.processes[orphan].links;
                hold(links.original_parent() == Some(id), "an orphan names its parent", pid)?;
                hold(links.parent() != Some(id), "an orphan is another's child", pid)?;
                orphans += 1;
            }
            hold(children + descendants + orphans <= 3 * count, "lists end", pid)?;
            if process.state == State::Embryo {
                hold(links.parent().is_none() && links.reaper().is_none(), "no links yet", pid)?;
                continue;
            }
            hold(links.group().is_some(), "a process has a group", pid)?;
            let is_init = self.init == Some(id);
            hold(links.parent().is_none() == is_init, "init alone has no parent", pid)?;
            let foster = links.parent() != links.original_parent();
            hold(!foster || links.tracer().is_some(), "a tracer explains two parents", pid)?;
            let tracer = links.tracer();
            hold(tracer.is_none() || tracer == links.parent(), "a tracer is the parent", pid)?;
            let reaper = links.reaper().map(|reaper| &self.processes[reaper]);
            hold(reaper.is_some_and(|reaper| reaper.is_reaper), "a reaper is one", pid)?;
            hold(self.reaches_init(id, count), "the reapers lead to init", pid)?;
        }
        let linked = |test: fn(&crate::Process) -> bool| {
            self.processes.iter().filter(|(_, process)| test(process)).count() as u32
        };
        let parents = linked(|process| process.links.parent().is_some());
        hold(children == parents, "each process is in its parent's list", children)?;
        let reapers = linked(|process| process.links.reaper().is_some());
        let root = u32::from(self.init.is_some());
        hold(descendants + root == reapers, "each process is in one reaper's list", descendants)?;
        let foster = linked(|process| process.links.parent() != process.links.original_parent());
        hold(orphans == foster, "each fostered process is an orphan of its parent", orphans)
    }

    fn reaches_init(&self, process: ProcessId, steps: u32) -> bool {
        let mut cursor = process;
        for _ in 0..=steps {
            if self.init == Some(cursor) {
                return true;
            }
            cursor = self.next_reaper(cursor);
        }
        false
    }

    /// Groups and sessions live exactly as long as what is in them.
    fn check_groups(&self) -> Result<(), Violation> {
        let mut members = 0;
        for (id, group) in self.groups.iter() {
            let mut count = 0;
            for member in self.walk(group.first, |links| links.next_member()) {
                let own = self.processes[member].links.group();
                hold(own == Some(id), "a member names its group", group.value)?;
                count += 1;
            }
            hold(count == group.members && count > 0, "members are counted", group.value)?;
            hold(self.sessions.get(group.session).is_some(), "a group's session", group.value)?;
            hold(self.numbers.group(group.value) == Some(id), "a group's number", group.value)?;
            members += count;
        }
        let grouped =
            self.processes.iter().filter(|(_, process)| process.links.group().is_some()).count();
        hold(members as usize == grouped, "each process is in its group's list", members)?;
        for (id, session) in self.sessions.iter() {
            let value = session.value;
            let groups = self.groups.iter().filter(|(_, group)| group.session == id).count();
            hold(groups == session.groups as usize && groups > 0, "groups are counted", value)?;
            if let Some(group) = session.foreground {
                let own = self.groups.get(group).map(|group| group.session);
                hold(own == Some(id), "the foreground group is of the session", value)?;
                hold(self.console == Some(id), "only the console has a foreground", value)?;
            }
            if let Some(leader) = session.leader {
                let live = self.processes.get(leader).is_some_and(|leader| leader.is_live());
                hold(live, "a leader has not ended", value)?;
            }
        }
        let owner = self.console.is_none_or(|session| self.sessions.get(session).is_some());
        hold(owner, "the console's session exists", 0)
    }

    /// The numbers held back are the union of the four uses (subtle 5).
    fn check_numbers(&self) -> Result<(), Violation> {
        let kept_by = self.config.profile.kept_by;
        let mut entries = 0;
        for (id, number) in self.numbers.entries.iter() {
            let value = number.value;
            entries += 1;
            let subtree = self
                .processes
                .iter()
                .filter(|(_, process)| process.state != State::Embryo && process.subtree == id);
            hold(subtree.count() as u32 == number.subtree, "subtrees are counted", value)?;
            let session = self.sessions.iter().any(|(_, session)| session.number == id);
            hold(session == number.session, "a session's number is marked", value)?;
            let group = number
                .group
                .is_none_or(|group| self.groups.get(group).is_some_and(|group| group.number == id));
            hold(group, "a number's group exists", value)?;
            let process = number.process.is_none_or(|process| {
                self.processes.get(process).is_some_and(|process| process.number == id)
            });
            hold(process, "a number's process exists", value)?;
            let used = number.process.is_some()
                || (kept_by.group && number.group.is_some())
                || (kept_by.session && number.session)
                || (kept_by.subtree && number.subtree > 0);
            hold(used, "a number is in use", value)?;
            hold(self.numbers.is_taken(value), "a used number is held back", value)?;
            let found = self.numbers.find(value).map(|found| found.process);
            hold(found == Some(number.process), "a number is found by its value", value)?;
        }
        hold(self.numbers.taken() == entries + 1, "no other number is held back", entries)?;
        for (id, process) in self.processes.iter() {
            let pid = process.pid;
            let number = self.numbers.get(process.number);
            hold(number.is_some_and(|n| n.process == Some(id)), "a process's number", pid)?;
        }
        Ok(())
    }

    fn check_users(&self) -> Result<(), Violation> {
        let embryo = match &self.open {
            Some(Open::Fork(fork)) => Some(fork.child),
            _ => None,
        };
        for (id, user) in self.users.iter() {
            let own = self.processes.iter().filter(|(process, record)| {
                record.credentials.user == id && Some(*process) != embryo
            });
            let count = own.count() as u32;
            hold(count == user.processes && count > 0, "a user's processes are counted", user.id)?;
        }
        let known = self.processes.iter().all(|(_, process)| {
            let user = self.users.get(process.credentials.user);
            user.is_some_and(|user| user.id == process.credentials.user_id)
        });
        hold(known, "each process has a user", 0)
    }

    fn check_descriptors(&self) -> Result<(), Violation> {
        for (id, descriptor) in self.descriptors.iter() {
            let pid = descriptor.pid;
            let mut watches = 0;
            let mut cursor = descriptor.first_watch;
            while let Some(watch) = cursor {
                let watch = &self.watches[watch];
                hold(watch.descriptor == id, "a watch names its descriptor", pid)?;
                cursor = watch.next;
                watches += 1;
            }
            hold(watches == descriptor.watches, "watches are counted", pid)?;
            let process = descriptor.process.map(|process| &self.processes[process]);
            let ended = process.is_none_or(|process| process.status().is_some());
            hold(!ended || watches == 0, "nobody watches an ended process", pid)?;
            if let Some(process) = process
                && process.state != State::Embryo
            {
                hold(process.descriptor == Some(id), "a process names its descriptor", pid)?;
            }
        }
        for (id, process) in self.processes.iter() {
            let named = process.descriptor.is_none_or(|descriptor| {
                self.descriptors.get(descriptor).is_some_and(|d| d.process == Some(id))
            });
            hold(named, "a descriptor names its process", process.pid)?;
        }
        Ok(())
    }

    /// Parked calls are of running processes; delays are in order.
    fn check_parked(&self) -> Result<(), Violation> {
        let (mut listed, mut delayed) = (0, 0);
        for (id, process) in self.processes.iter() {
            let mut cursor = process.first_parked;
            hold(cursor.is_none() || process.is_running(), "only who runs waits", process.pid)?;
            while let Some(parked) = cursor {
                let parked = &self.parked[parked];
                hold(parked.owner == id, "a parked call names its owner", process.pid)?;
                cursor = parked.next;
                listed += 1;
                delayed += u32::from(matches!(parked.why, Why::Failure { .. }));
            }
            let waits = self
                .processes
                .iter()
                .filter(|(_, child)| child.vfork.is_some_and(|wait| wait.parent == id));
            let waits = waits.count() as u32;
            hold(waits == process.vfork_children, "vfork waits are counted", process.pid)?;
            let zombie = process.status().is_some();
            hold(!zombie || process.vfork.is_none(), "the dead hold nobody up", process.pid)?;
        }
        hold(listed == self.parked.len(), "each parked call is listed", listed)?;
        let mut cursor = self.delays.first;
        let mut before = None;
        while let Some(parked) = cursor {
            let Why::Failure { at, .. } = self.parked[parked].why else {
                return hold(false, "only failures are delayed", delayed);
            };
            hold(before <= Some(at), "delays are in order", delayed)?;
            before = Some(at);
            cursor = self.later(parked);
            delayed = delayed.wrapping_sub(1);
        }
        hold(delayed == 0, "each delay is queued", delayed)
    }

    /// One embryo in the middle of a fork or registration, none otherwise.
    fn check_turn(&self) -> Result<(), Violation> {
        let embryos =
            self.processes.iter().filter(|(_, process)| process.state == State::Embryo).count();
        let expected = match &self.open {
            Some(Open::Fork(fork)) => Some(fork.child),
            Some(Open::Create(create)) => Some(create.process),
            Some(Open::Exec(exec)) => {
                let running = self.processes.get(exec.caller).is_some_and(|p| p.is_running());
                return hold(running && embryos == 0, "who execs runs", 0);
            }
            None => None,
        };
        let embryo = expected.and_then(|process| self.processes.get(process));
        let right = match embryo {
            Some(process) => process.state == State::Embryo && embryos == 1,
            None => expected.is_none() && embryos == 0,
        };
        hold(right, "an embryo belongs to the open operation", embryos as u32)
    }

    /// A list that `next` leads through; cut after as many steps as there are processes.
    fn walk(
        &self,
        first: Option<ProcessId>,
        next: fn(&crate::links::Links) -> Option<ProcessId>,
    ) -> impl Iterator<Item = ProcessId> {
        core::iter::successors(first, move |id| next(&self.processes[*id].links))
            .take(self.processes.len() as usize + 1)
    }
}
