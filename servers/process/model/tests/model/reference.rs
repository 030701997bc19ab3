//! The naive reference: the same rules over a map, with searches everywhere.
//!
//! It knows nothing of lists, numbers tables, parking or turns. What it leaves out - vfork, tracing,
//! limits, watches - the scenarios cover.

use std::collections::{BTreeMap, BTreeSet};

use tine_abi::Errno::{self, ACCES, AGAIN, BUSY, CHILD, INVAL, PERM, SRCH};

/// One process.
#[derive(Clone, Debug)]
pub(super) struct Naive {
    pub(super) parent: u32,
    pub(super) group: u32,
    pub(super) session: u32,
    pub(super) status: Option<u32>,
    reaper: u32,
    is_reaper: bool,
    subtree: u32,
    executed: bool,
    killed: bool,
    /// The open descriptor, and whether it is a daemon's.
    descriptor: Option<(usize, bool)>,
    /// Newest first.
    children: Vec<u32>,
}

/// All processes.
pub(super) struct Reference {
    pub(super) processes: BTreeMap<u32, Naive>,
    pub(super) last: u32,
    pid_max: u32,
}

type Outcome = Result<u32, Errno>;

impl Reference {
    pub(super) fn new(pid_max: u32) -> Self {
        let init = Naive {
            parent: 0,
            group: 1,
            session: 1,
            status: None,
            reaper: 1,
            is_reaper: true,
            subtree: 1,
            executed: false,
            killed: false,
            descriptor: None,
            children: Vec::new(),
        };
        Self { processes: BTreeMap::from([(1, init)]), last: 1, pid_max }
    }

    fn at(&mut self, pid: u32) -> &mut Naive {
        self.processes.get_mut(&pid).unwrap()
    }

    pub(super) fn runs(&self, pid: u32) -> bool {
        self.processes.get(&pid).is_some_and(|p| p.status.is_none() && !p.killed)
    }

    pub(super) fn fork(&mut self, parent: u32, descriptor: Option<(usize, bool)>) -> Outcome {
        let used: BTreeSet<u32> = self
            .processes
            .iter()
            .flat_map(|(pid, p)| [*pid, p.group, p.session, p.subtree])
            .collect();
        let free = |pid: &u32| !used.contains(pid);
        let pid = (self.last + 1..self.pid_max).chain(2..self.pid_max).find(free).ok_or(AGAIN)?;
        self.last = pid;
        let p = self.at(parent);
        p.children.insert(0, pid);
        let reaper = if p.is_reaper { parent } else { p.reaper };
        let subtree = if p.is_reaper && parent != 1 { pid } else { p.subtree };
        let child = Naive {
            parent,
            reaper,
            subtree,
            is_reaper: false,
            executed: false,
            descriptor,
            children: Vec::new(),
            ..p.clone()
        };
        self.processes.insert(pid, child);
        Ok(pid)
    }

    fn reparent(&mut self, child: u32, parent: u32) {
        let old = self.at(child).parent;
        self.at(old).children.retain(|other| *other != child);
        self.at(child).parent = parent;
        self.at(parent).children.insert(0, child);
    }

    pub(super) fn exit(&mut self, pid: u32, status: u32) {
        self.at(pid).status = Some(status);
        for child in self.at(pid).children.clone() {
            let reaper = self.at(child).reaper;
            if reaper != pid {
                self.reparent(child, reaper);
            }
        }
    }

    fn reap(&mut self, pid: u32) {
        let next = self.at(pid).reaper;
        let subtree = self.at(pid).subtree;
        for child in self.at(pid).children.clone() {
            self.reparent(child, next);
        }
        for p in self.processes.values_mut().filter(|p| p.reaper == pid) {
            (p.reaper, p.subtree) = (next, subtree);
        }
        let parent = self.at(pid).parent;
        self.at(parent).children.retain(|child| *child != pid);
        self.processes.remove(&pid);
    }

    /// A wait that does not block; `keep` leaves the zombie.
    pub(super) fn wait(&mut self, pid: u32, whom: i32, keep: bool) -> Outcome {
        let own = self.at(pid).group;
        let mut found = Err(CHILD);
        for child in self.at(pid).children.clone() {
            let p = self.at(child);
            let seen = match whom {
                -1 => p.descriptor.is_none(),
                1.. => whom == child as i32,
                0 => p.group == own,
                _ => -whom == p.group as i32,
            };
            if seen && p.status.is_some() {
                if !keep {
                    self.reap(child);
                }
                return Ok(child);
            }
            found = if seen { Ok(0) } else { found };
        }
        found
    }

    pub(super) fn close(&mut self, descriptor: usize) {
        let open = |p: &Naive| p.descriptor.is_some_and(|(open, _)| open == descriptor);
        let Some(pid) = self.processes.iter().find(|(_, p)| open(p)).map(|(pid, _)| *pid) else {
            return;
        };
        let daemon = self.at(pid).descriptor.take().is_some_and(|(_, daemon)| daemon);
        if self.at(pid).status.is_some() {
            self.reap(pid);
        } else {
            let reaper = self.at(pid).reaper;
            self.reparent(pid, reaper);
            self.at(pid).killed |= !daemon;
        }
    }

    pub(super) fn set_group(&mut self, pid: u32, target: i32, group: i32) -> Outcome {
        let wanted = u32::try_from(group).map_err(|_| INVAL)?;
        let target = if target == 0 { pid } else { target as u32 };
        let p = self.processes.get(&target).filter(|p| p.status.is_none()).ok_or(SRCH)?.clone();
        if target != pid {
            let ancestors = std::iter::successors(Some(target), |pid| {
                self.processes.get(pid).map(|p| p.parent)
            });
            if !ancestors.into_iter().take_while(|pid| *pid != 0).any(|other| other == pid) {
                return Err(SRCH);
            }
            if p.session != self.at(pid).session {
                return Err(PERM);
            }
            if p.executed {
                return Err(ACCES);
            }
        }
        if p.session == target {
            return Err(PERM);
        }
        let wanted = if wanted == 0 { target } else { wanted };
        let session = self.processes.values().find(|p| p.group == wanted).map(|p| p.session);
        if session.unwrap_or(p.session) != p.session || (session.is_none() && wanted != target) {
            return Err(PERM);
        }
        self.at(target).group = wanted;
        Ok(0)
    }

    pub(super) fn set_session(&mut self, pid: u32) -> Outcome {
        if self.processes.values().any(|p| p.group == pid) {
            return Err(PERM);
        }
        (self.at(pid).group, self.at(pid).session) = (pid, pid);
        Ok(pid)
    }

    pub(super) fn exec(&mut self, pid: u32) -> Outcome {
        self.at(pid).executed = true;
        Ok(0)
    }

    /// Everybody is the superuser; SIGKILL or nothing.
    pub(super) fn kill(&mut self, pid: u32, whom: i32, kills: bool) -> Outcome {
        let own = self.at(pid).group;
        let mut reached = Err(SRCH);
        for (target, p) in &mut self.processes {
            let meant = match whom {
                1.. => whom == *target as i32,
                0 => p.group == own && *target != 1,
                -1 => *target != pid && *target != 1 && p.status.is_none(),
                _ => -whom == p.group as i32 && *target != 1,
            };
            if meant {
                reached = Ok(0);
                p.killed |= kills && *target != 1 && p.status.is_none();
            }
        }
        reached
    }

    pub(super) fn reaper(&mut self, pid: u32, on: bool) -> Outcome {
        let p = self.at(pid);
        match (on, p.is_reaper) {
            (true, true) => Err(BUSY),
            (true, false) => {
                p.is_reaper = true;
                Ok(0)
            }
            (false, true) if pid != 1 => {
                p.is_reaper = false;
                let (next, subtree) = (p.reaper, p.subtree);
                for p in self.processes.values_mut().filter(|p| p.reaper == pid) {
                    (p.reaper, p.subtree) = (next, subtree);
                }
                Ok(0)
            }
            _ => Err(INVAL),
        }
    }
}
