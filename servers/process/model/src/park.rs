//! Parked calls: waits that are not answerable yet, and answers held back.
//!
//! Owns: one record a parked call, in the list of its process (oldest first) and, if it waits for
//! time, in the delay queue. A call parked by a process that ends or is killed is forgotten: the
//! kernel has detached it.
//!
//! Invariants: records belong to running processes; the delay queue is in order of deadlines,
//! because every delay is equally long.

use tine_abi::Errno;

use crate::model::Model;
use crate::slab::Id;
use crate::wait::Waiting;
use crate::{Effect, Effects, Instant, ProcessId, Token};

/// One parked call.
pub(crate) struct Parked {
    pub(crate) owner: ProcessId,
    pub(crate) token: Token,
    pub(crate) why: Why,
    previous: Option<Id<Parked>>,
    pub(crate) next: Option<Id<Parked>>,
    later: Option<Id<Parked>>,
    earlier: Option<Id<Parked>>,
}

/// What it waits for.
#[derive(Clone, Copy)]
pub(crate) enum Why {
    /// A child.
    Child(Waiting),
    /// Time to pass before it is told of this failure (rule 32).
    Failure { errno: Errno, at: Instant },
}

/// Parked failures, soonest first.
#[derive(Default)]
pub(crate) struct DelayQueue {
    pub(crate) first: Option<Id<Parked>>,
    last: Option<Id<Parked>>,
}

impl Model {
    /// Parks a call of a process.
    pub(crate) fn park(
        &mut self,
        owner: ProcessId,
        token: Token,
        why: Why,
    ) -> Result<Id<Parked>, Errno> {
        let previous = self.processes[owner].last_parked;
        let record = Parked { owner, token, why, previous, next: None, later: None, earlier: None };
        let id = self.parked.insert(record)?;
        match previous {
            Some(previous) => self.parked[previous].next = Some(id),
            None => self.processes[owner].first_parked = Some(id),
        }
        self.processes[owner].last_parked = Some(id);
        Ok(id)
    }

    /// Takes a call out of all lists.
    pub(crate) fn unpark(&mut self, id: Id<Parked>) {
        let Some(record) = self.parked.remove(id) else { return };
        match record.previous {
            Some(previous) => self.parked[previous].next = record.next,
            None => self.processes[record.owner].first_parked = record.next,
        }
        match record.next {
            Some(next) => self.parked[next].previous = record.previous,
            None => self.processes[record.owner].last_parked = record.previous,
        }
        if let Why::Failure { .. } = record.why {
            match record.earlier {
                Some(earlier) => self.parked[earlier].later = record.later,
                None => self.delays.first = record.later,
            }
            match record.later {
                Some(later) => self.parked[later].earlier = record.earlier,
                None => self.delays.last = record.earlier,
            }
        }
    }

    /// Forgets every parked call of a process.
    pub(crate) fn unpark_all(&mut self, owner: ProcessId) {
        while let Some(id) = self.processes[owner].first_parked {
            self.unpark(id);
        }
    }

    /// Answers a fork that failed for want of something, at once or after the delay.
    pub(crate) fn fail_later(
        &mut self,
        now: Instant,
        token: Token,
        caller: ProcessId,
        errno: Errno,
        effects: &mut dyn Effects,
    ) {
        let delay = self.config.failure_delay_ns.unwrap_or(self.config.profile.failure_delay_ns);
        let at = Instant(now.0.saturating_add(delay));
        let parked = match delay {
            0 => None,
            _ => self.park(caller, token, Why::Failure { errno, at }).ok(),
        };
        let Some(id) = parked else {
            effects.emit(Effect::Reply { token, outcome: Err(errno) });
            return;
        };
        match self.delays.last.replace(id) {
            Some(earlier) => {
                self.parked[id].earlier = Some(earlier);
                self.parked[earlier].later = Some(id);
            }
            None => {
                self.delays.first = Some(id);
                effects.emit(Effect::ArmTimer { at });
            }
        }
    }

    /// Answers the failures whose time has come.
    pub(crate) fn delays_due(&mut self, now: Instant, effects: &mut dyn Effects) {
        while let Some(id) = self.delays.first {
            let Parked { token, why: Why::Failure { errno, at }, .. } = self.parked[id] else {
                return;
            };
            if at > now {
                effects.emit(Effect::ArmTimer { at });
                return;
            }
            self.unpark(id);
            effects.emit(Effect::Reply { token, outcome: Err(errno) });
        }
    }

    /// Parked failures in order, for the invariants.
    pub(crate) fn later(&self, id: Id<Parked>) -> Option<Id<Parked>> {
        self.parked[id].later
    }
}
