//! Numbers: one name space for processes, groups, sessions and reap subtrees.
//!
//! Owns: which numbers are in use and by what, the choice of the next one (rules 47 to 57), and
//! the way from a number to its process or group in constant time.
//!
//! Invariants: an entry exists exactly while something uses its number; the bitmap is the union of
//! the uses; a number with a use that the boot profile's [`NameSpaces`] lists is not given again
//! (subtle 5). `undo` leaves the allocator as `allocate` found it.
//!
//! Called from the table and the transitions; calls nothing. Never enters it: what a use means.

mod bitmap;
mod slots;

use alloc::vec::Vec;

use tine_abi::Errno;

use crate::group::Group;
use crate::model::OutOfMemory;
use crate::process::Process;
use crate::profile::{FreshLine, NameSpaces, PidRule, Profile};
use crate::slab::{Id, Slab};
use bitmap::Bitmap;
use slots::Slots;

/// One number in use.
pub(crate) struct Number {
    pub(crate) value: u32,
    /// The process of this number, zombies included.
    pub(crate) process: Option<Id<Process>>,
    /// The group of this number.
    pub(crate) group: Option<Id<Group>>,
    /// Whether a session has this number.
    pub(crate) session: bool,
    /// How many processes belong to the reap subtree of this number.
    pub(crate) subtree: u32,
    /// Next in the bucket.
    chain: Option<Id<Number>>,
}

/// Names a number in use.
pub(crate) type NumberId = Id<Number>;

/// Why no number could be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoNumber {
    /// All are in use: EAGAIN (5.1: never a panic).
    Exhausted,
    /// No memory for the record.
    OutOfMemory,
}

impl From<NoNumber> for Errno {
    fn from(reason: NoNumber) -> Self {
        match reason {
            NoNumber::Exhausted => Self::AGAIN,
            NoNumber::OutOfMemory => Self::NOMEM,
        }
    }
}

impl From<OutOfMemory> for NoNumber {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// A number just given, and what the allocator looked like before.
#[derive(Clone, Copy)]
pub(crate) struct Allocation {
    pub(crate) number: NumberId,
    pub(crate) value: u32,
    last_before: u32,
}

/// How the next number is chosen.
enum Chooser {
    Sequential { fresh: FreshLine, taken: Bitmap },
    Slots(Slots),
}

/// All numbers.
pub(crate) struct Numbers {
    kept_by: NameSpaces,
    pid_max: u32,
    last: u32,
    chooser: Chooser,
    pub(crate) entries: Slab<Number>,
    buckets: Vec<Option<NumberId>>,
}

impl Numbers {
    /// An allocator for numbers below `pid_max`, with room in its index for about `expected` uses.
    pub(crate) fn new(profile: &Profile, pid_max: u32, expected: u32) -> Result<Self, OutOfMemory> {
        let chooser = match profile.pids {
            PidRule::Sequential { fresh } => {
                let mut taken = Bitmap::new(pid_max)?;
                taken.insert(0);
                Chooser::Sequential { fresh, taken }
            }
            PidRule::Slots => Chooser::Slots(Slots::new(pid_max)?),
        };
        let size = expected.clamp(64, 1 << 14).next_power_of_two() as usize;
        let mut buckets = Vec::new();
        buckets.try_reserve_exact(size)?;
        buckets.resize(size, None);
        let entries = Slab::new();
        Ok(Self { kept_by: profile.kept_by, pid_max, last: 0, chooser, entries, buckets })
    }

    /// Gives the next number to a process.
    pub(crate) fn allocate(&mut self, process: Id<Process>) -> Result<Allocation, NoNumber> {
        self.entries.reserve()?;
        let value = match &mut self.chooser {
            Chooser::Sequential { fresh, taken } => {
                let start = wrapped(self.last + 1, self.pid_max, *fresh);
                let value = taken
                    .first_free(start)
                    .or_else(|| taken.first_free(wrapped(self.pid_max, self.pid_max, *fresh)))
                    .ok_or(NoNumber::Exhausted)?;
                taken.insert(value);
                value
            }
            Chooser::Slots(slots) => slots.take()?,
        };
        let bucket = self.bucket(value);
        let entry = Number {
            value,
            process: Some(process),
            group: None,
            session: false,
            subtree: 0,
            chain: self.buckets[bucket],
        };
        let number = self.entries.insert(entry)?;
        self.buckets[bucket] = Some(number);
        let last_before = core::mem::replace(&mut self.last, value);
        Ok(Allocation { number, value, last_before })
    }

    /// Takes back a number that nothing but its process uses yet, and the memory of it.
    pub(crate) fn undo(&mut self, allocation: Allocation) {
        let value = allocation.value;
        self.unlink(allocation.number);
        match &mut self.chooser {
            Chooser::Sequential { taken, .. } => taken.remove(value),
            Chooser::Slots(slots) => slots.undo(value),
        }
        self.last = allocation.last_before;
    }

    /// Changes the uses of a number; gives it back when none is left.
    pub(crate) fn update(&mut self, number: NumberId, change: impl FnOnce(&mut Number)) {
        // A use that does not keep the number may have outlived it.
        let Some(entry) = self.entries.get_mut(number) else { return };
        change(entry);
        let kept = entry.process.is_some()
            || (self.kept_by.group && entry.group.is_some())
            || (self.kept_by.session && entry.session)
            || (self.kept_by.subtree && entry.subtree > 0);
        if !kept {
            let value = entry.value;
            self.unlink(number);
            match &mut self.chooser {
                Chooser::Sequential { taken, .. } => taken.remove(value),
                Chooser::Slots(slots) => slots.put(value),
            }
        }
    }

    /// The entry, unless the number has been given back.
    pub(crate) fn get(&self, number: NumberId) -> Option<&Number> {
        self.entries.get(number)
    }

    /// The entry of a value.
    pub(crate) fn find(&self, value: u32) -> Option<&Number> {
        let mut cursor = self.buckets[self.bucket(value)];
        while let Some(id) = cursor {
            let entry = &self.entries[id];
            if entry.value == value {
                return Some(entry);
            }
            cursor = entry.chain;
        }
        None
    }

    /// The process with this pid, zombies included.
    pub(crate) fn process(&self, pid: i32) -> Option<Id<Process>> {
        self.find(u32::try_from(pid).ok()?)?.process
    }

    /// The group with this number.
    pub(crate) fn group(&self, number: u32) -> Option<Id<Group>> {
        self.find(number)?.group
    }

    /// The number given last (rule 47: `kern.lastpid`).
    pub(crate) const fn last(&self) -> u32 {
        self.last
    }

    /// The lowest number in use at or above `from`.
    pub(crate) fn next_used(&self, from: u32) -> Option<u32> {
        match &self.chooser {
            Chooser::Sequential { taken, .. } => taken.next_taken(from),
            Chooser::Slots(_) => {
                self.entries.iter().map(|(_, entry)| entry.value).filter(|v| *v >= from).min()
            }
        }
    }

    /// Whether the allocator holds the value back.
    pub(crate) fn is_taken(&self, value: u32) -> bool {
        match &self.chooser {
            Chooser::Sequential { taken, .. } => taken.contains(value),
            Chooser::Slots(slots) => slots.contains(value),
        }
    }

    /// How many values the allocator holds back; one is nobody's (number 0).
    pub(crate) fn taken(&self) -> u32 {
        match &self.chooser {
            Chooser::Sequential { taken, .. } => taken.len(),
            Chooser::Slots(slots) => slots.len(),
        }
    }

    const fn bucket(&self, value: u32) -> usize {
        value as usize & (self.buckets.len() - 1)
    }

    /// Removes the entry from its bucket and the slab.
    fn unlink(&mut self, number: NumberId) {
        let Some(entry) = self.entries.remove(number) else { return };
        let bucket = self.bucket(entry.value);
        if self.buckets[bucket] == Some(number) {
            self.buckets[bucket] = entry.chain;
            return;
        }
        let mut cursor = self.buckets[bucket];
        while let Some(id) = cursor {
            let next = self.entries[id].chain;
            if next == Some(number) {
                self.entries[id].chain = entry.chain;
                return;
            }
            cursor = next;
        }
    }
}

/// Where the search starts for a wish of `start` (rules 52, 54).
const fn wrapped(start: u32, pid_max: u32, fresh: FreshLine) -> u32 {
    if start < pid_max {
        return start;
    }
    match fresh {
        FreshLine::Two => 2,
        FreshLine::Hundred => {
            let remainder = start % pid_max;
            if remainder < 100 { remainder + 100 } else { remainder }
        }
    }
}

#[cfg(test)]
mod tests;
