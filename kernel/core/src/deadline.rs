//! Deadlines: which waiting thread or Event is due first.
//!
//! Owns: [`Deadlines`], a binary heap whose room is promised when a thread or Event is created, so
//! that arming one cannot fail. Never here: what happens when one passes, or the timer. Called by
//! `executor.rs` and the event calls.
//!
//! Invariants: T1 the entry at each place is no later than those at `2n + 1` and `2n + 2`. T2 every
//! owner knows the place of its entry ([`Position`]) exactly while it has one. T3 `promised` is the
//! number of threads and Events, and the array has room for as many.

use tine_abi::Error;
use tine_ksync::{Id, PageArray, PageSource, Slab};

use crate::object::{EventId, ThreadId, event::Event, thread::Thread};

/// Where an owner's entry stands in the heap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position(u32);

impl Position {
    /// No deadline is armed.
    pub const NONE: Position = Position(u32::MAX);

    /// Whether a deadline is armed.
    #[inline]
    #[must_use]
    pub const fn is_armed(self) -> bool {
        self.0 != u32::MAX
    }
}

/// Who has a deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// A thread that waits for an Event.
    Thread(ThreadId),
    /// An Event whose bit it sets.
    Event(EventId),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Nanoseconds since boot.
    at: u64,
    owner: Owner,
}

/// All armed deadlines, the first one on top. New ones have no deadline and no room.
#[derive(Debug, Default)]
pub struct Deadlines {
    entries: PageArray<Option<Entry>>,
    used: u32,
    promised: u32,
}

/// Where the owners' positions are kept.
#[derive(Debug)]
pub struct Owners<'k> {
    /// Threads.
    pub threads: &'k mut Slab<Thread>,
    /// Events.
    pub events: &'k mut Slab<Event>,
}

impl Owners<'_> {
    fn place(&mut self, owner: Owner) -> Option<&mut Position> {
        match owner {
            Owner::Thread(id) => self.threads.get_mut(id).map(|thread| &mut thread.deadline),
            Owner::Event(id) => self.events.get_mut(id).map(|event| &mut event.deadline),
        }
    }
}

impl Deadlines {
    /// Makes room for one more owner.
    ///
    /// # Errors
    /// [`Error::NoMemory`].
    #[inline]
    pub fn promise(&mut self, pages: &mut impl PageSource) -> Result<(), Error> {
        if self.promised as usize == self.entries.len() {
            let length = self.entries.len() + 1;
            self.entries.grow(pages, length, None).map_err(|_| Error::NoMemory)?;
        }
        self.promised += 1;
        Ok(())
    }

    /// Puts an owner into its slab, with room for its deadline here.
    ///
    /// # Errors
    /// [`Error::NoMemory`]; nothing has changed then.
    pub(crate) fn admit<T>(
        &mut self,
        pages: &mut impl PageSource,
        slab: &mut Slab<T>,
        owner: T,
    ) -> Result<Id<T>, Error> {
        self.promise(pages)?;
        slab.insert(pages, owner).map_err(|_| {
            self.release();
            Error::NoMemory
        })
    }

    /// An owner is gone.
    #[inline]
    pub fn release(&mut self) {
        self.promised = self.promised.saturating_sub(1);
    }

    /// Threads and Events that have room here.
    #[must_use]
    pub const fn promised(&self) -> u32 {
        self.promised
    }

    /// Pages that the heap takes.
    #[must_use]
    pub const fn pages(&self) -> usize {
        self.entries.pages()
    }

    /// When the first deadline passes.
    #[inline]
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.entry(0).map(|entry| entry.at)
    }

    /// Arms the deadline of `owner`, instead of the one it has.
    pub fn arm(&mut self, owners: &mut Owners<'_>, owner: Owner, at: u64) {
        self.disarm(owners, owner);
        let place = self.used;
        if let Some(entry) = self.entries.get_mut(place as usize) {
            *entry = Some(Entry { at, owner });
            self.used += 1;
            self.rise(owners, place);
        }
    }

    /// Forgets the deadline of `owner`, if it has one.
    pub fn disarm(&mut self, owners: &mut Owners<'_>, owner: Owner) {
        let Some(position) = owners.place(owner) else { return };
        let Position(place) = *position;
        *position = Position::NONE;
        if place >= self.used {
            return;
        }
        self.used -= 1;
        let last = self.entries.get_mut(self.used as usize).and_then(Option::take);
        if place < self.used
            && let Some(slot) = self.entries.get_mut(place as usize)
        {
            *slot = last;
            let place = self.rise(owners, place);
            self.sink(owners, place);
        }
    }

    /// Takes the first owner whose deadline is at or before `now`.
    pub fn pop(&mut self, owners: &mut Owners<'_>, now: u64) -> Option<Owner> {
        let first = self.entry(0).filter(|entry| entry.at <= now)?;
        self.disarm(owners, first.owner);
        Some(first.owner)
    }

    /// Whether all of T1 and T2 hold.
    pub fn is_sound(&self, threads: &Slab<Thread>, events: &Slab<Event>) -> bool {
        (0..self.used).all(|place| {
            let Some(entry) = self.entry(place) else { return false };
            let above = self.entry(place.saturating_sub(1) / 2);
            let position = match entry.owner {
                Owner::Thread(id) => threads.get(id).map(|thread| thread.deadline),
                Owner::Event(id) => events.get(id).map(|event| event.deadline),
            };
            position == Some(Position(place)) && above.is_some_and(|above| above.at <= entry.at)
        })
    }

    fn entry(&self, place: u32) -> Option<Entry> {
        if place < self.used { self.entries.get(place as usize).copied().flatten() } else { None }
    }

    /// Exchanges two places and tells the owner that comes to `to`.
    fn swap(&mut self, owners: &mut Owners<'_>, from: u32, to: u32) {
        let (one, other) = (self.entry(from), self.entry(to));
        if let Some(entry) = self.entries.get_mut(from as usize) {
            *entry = other;
        }
        if let Some(entry) = self.entries.get_mut(to as usize) {
            *entry = one;
        }
        self.tell(owners, from);
    }

    fn tell(&self, owners: &mut Owners<'_>, place: u32) {
        let owner = self.entry(place).map(|entry| entry.owner);
        if let Some(position) = owner.and_then(|owner| owners.place(owner)) {
            *position = Position(place);
        }
    }

    /// Moves the entry at `place` up to where it belongs; tells where that is.
    fn rise(&mut self, owners: &mut Owners<'_>, mut place: u32) -> u32 {
        while place > 0 {
            let above = (place - 1) / 2;
            let (Some(entry), Some(parent)) = (self.entry(place), self.entry(above)) else { break };
            if parent.at <= entry.at {
                break;
            }
            self.swap(owners, place, above);
            place = above;
        }
        self.tell(owners, place);
        place
    }

    /// Moves the entry at `place` down to where it belongs.
    fn sink(&mut self, owners: &mut Owners<'_>, mut place: u32) {
        while let Some(entry) = self.entry(place) {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let Some(first) = self.entry(left) else { break };
            let (below, at) = match self.entry(right) {
                Some(second) if second.at < first.at => (right, second.at),
                _ => (left, first.at),
            };
            if entry.at <= at {
                break;
            }
            self.swap(owners, place, below);
            place = below;
        }
        self.tell(owners, place);
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, vec::Vec};

    use proptest::prelude::*;
    use tine_ksync::HeapPages;

    use super::*;
    use crate::{account::Account, ipc::queue::QueueLinks, object::event::Event};

    fn event() -> Event {
        let account: Id<Account> = Id::from_raw(1 << 32).unwrap();
        Event {
            bits: 0,
            waiter: None,
            binding: None,
            queue: QueueLinks::NONE,
            deadline: Position::NONE,
            deadline_bit: 0,
            holders: 0,
            account,
        }
    }

    proptest! {
        #[test]
        fn deadlines_pass_in_order(
            steps in proptest::collection::vec((0usize..40, 0u64..1000, any::<bool>()), 1..200)
        ) {
            let mut pages = HeapPages::new();
            let (mut threads, mut events) = (Slab::new(), Slab::new());
            let mut deadlines = Deadlines::default();
            let ids: Vec<_> = (0..40).map(|_| {
                deadlines.promise(&mut pages).unwrap();
                events.insert(&mut pages, event()).unwrap()
            }).collect();
            let mut model = BTreeMap::new();
            for (which, at, arm) in steps {
                let mut owners = Owners { threads: &mut threads, events: &mut events };
                let owner = Owner::Event(ids[which]);
                if arm {
                    deadlines.arm(&mut owners, owner, at);
                    model.insert(which, at);
                } else {
                    deadlines.disarm(&mut owners, owner);
                    model.remove(&which);
                }
                prop_assert!(deadlines.is_sound(&threads, &events));
                prop_assert_eq!(deadlines.first(), model.values().min().copied());
            }
            let mut passed = Vec::new();
            let mut owners = Owners { threads: &mut threads, events: &mut events };
            while let Some(Owner::Event(id)) = deadlines.pop(&mut owners, 500) {
                passed.push(model.remove(&ids.iter().position(|other| *other == id).unwrap()).unwrap());
            }
            prop_assert!(passed.is_sorted());
            prop_assert!(model.values().all(|at| *at > 500));
            deadlines.entries.release(&mut pages);
            events.release(&mut pages);
            threads.release(&mut pages);
            prop_assert_eq!(pages.outstanding(), 0);
        }
    }
}
