//! The FIFO of a port, linked through the very objects that wait in it.
//!
//! Owns: [`Queue`], [`Item`], [`QueueLinks`]. Never here: what is delivered, counts. Threads (calls,
//! faults), Domains (EXIT), Grants (no-senders) and Events (bits) stand in one order, and none of
//! them needs memory to queue: the links are in it. Called by `ipc` alone.
//!
//! Invariants: Q1 an object is on at most one queue, and its links say whether it is. Q2 an object
//! is taken off before it leaves its slab.

use core::num::NonZeroU64;

use tine_ksync::{Id, Slab};

use crate::object::{
    DomainId, EventId, GrantId, ThreadId, domain::Domain, event::Event, grant::Grant,
    thread::Thread,
};

/// What can wait on a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// The record of a thread: a call or a fault.
    Thread(ThreadId),
    /// The exit of a Domain.
    Domain(DomainId),
    /// The last holder of a Grant went.
    Grant(GrantId),
    /// The bits of an Event.
    Event(EventId),
}

/// An item in eight bytes: its id, with the kind in bits of the index that no slab uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Packed(NonZeroU64);

impl Packed {
    /// Slabs end far below index 2^30.
    const SHIFT: u32 = 30;

    fn new(item: Item) -> Option<Packed> {
        let (raw, kind) = match item {
            Item::Thread(id) => (id.raw(), 0),
            Item::Domain(id) => (id.raw(), 1),
            Item::Grant(id) => (id.raw(), 2),
            Item::Event(id) => (id.raw(), 3),
        };
        NonZeroU64::new(raw | kind << Self::SHIFT).map(Packed)
    }

    fn item(self) -> Option<Item> {
        let raw = self.0.get() & !(3 << Self::SHIFT);
        Some(match self.0.get() >> Self::SHIFT & 3 {
            0 => Item::Thread(Id::from_raw(raw)?),
            1 => Item::Domain(Id::from_raw(raw)?),
            2 => Item::Grant(Id::from_raw(raw)?),
            _ => Item::Event(Id::from_raw(raw)?),
        })
    }
}

const _: () = assert!(Slab::<Grant>::LIMIT < 1 << Packed::SHIFT);
const _: () = assert!(Slab::<Event>::LIMIT < 1 << Packed::SHIFT);

/// The two links of an object. The ends of a queue point to themselves.
#[derive(Clone, Copy, Debug)]
pub struct QueueLinks {
    previous: Option<Packed>,
    next: Option<Packed>,
}

impl QueueLinks {
    /// On no queue.
    pub const NONE: QueueLinks = QueueLinks { previous: None, next: None };

    /// Whether the object is on a queue.
    #[inline]
    #[must_use]
    pub const fn is_queued(&self) -> bool {
        self.next.is_some()
    }
}

/// Where the objects are.
#[derive(Debug)]
pub struct Items<'k> {
    /// Threads.
    pub threads: &'k mut Slab<Thread>,
    /// Domains.
    pub domains: &'k mut Slab<Domain>,
    /// Grants.
    pub grants: &'k mut Slab<Grant>,
    /// Events.
    pub events: &'k mut Slab<Event>,
}

impl Items<'_> {
    fn links(&mut self, item: Item) -> Option<&mut QueueLinks> {
        match item {
            Item::Thread(id) => self.threads.get_mut(id).map(|thread| &mut thread.queue),
            Item::Domain(id) => self.domains.get_mut(id).map(|domain| &mut domain.queue),
            Item::Grant(id) => self.grants.get_mut(id).map(|grant| &mut grant.queue),
            Item::Event(id) => self.events.get_mut(id).map(|event| &mut event.queue),
        }
    }
}

/// A first-in, first-out queue of unlike objects.
#[derive(Debug, Default)]
pub struct Queue {
    ends: Option<(Item, Item)>,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Queue {
        Queue { ends: None }
    }

    /// Whether nothing waits.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_none()
    }

    /// The first item.
    #[inline]
    #[must_use]
    pub const fn front(&self) -> Option<Item> {
        match self.ends {
            Some((first, _)) => Some(first),
            None => None,
        }
    }

    /// Appends an item. `false`, and nothing happens, if it is gone or on a queue already.
    pub fn push(&mut self, items: &mut Items<'_>, item: Item) -> bool {
        let last = self.ends.map(|(_, last)| last);
        match items.links(item) {
            Some(links) if !links.is_queued() => {
                let previous = Packed::new(last.unwrap_or(item));
                *links = QueueLinks { previous, next: Packed::new(item) };
            }
            _ => return false,
        }
        if let Some(links) = last.and_then(|last| items.links(last)) {
            links.next = Packed::new(item);
        }
        self.ends = Some((self.front().unwrap_or(item), item));
        true
    }

    /// Takes the first item off.
    pub fn pop(&mut self, items: &mut Items<'_>) -> Option<Item> {
        let first = self.front()?;
        self.remove(items, first);
        Some(first)
    }

    /// Takes an item of this queue off, wherever it stands.
    pub fn remove(&mut self, items: &mut Items<'_>, item: Item) {
        let Some((first, last)) = self.ends else { return };
        let Some(links) = items.links(item) else { return };
        let (Some(previous), Some(next)) =
            (links.previous.and_then(Packed::item), links.next.and_then(Packed::item))
        else {
            return;
        };
        *links = QueueLinks::NONE;
        let (is_first, is_last) = (previous == item, next == item);
        // An end passes its link to itself on to its neighbour.
        if !is_first && let Some(links) = items.links(previous) {
            links.next = Packed::new(if is_last { previous } else { next });
        }
        if !is_last && let Some(links) = items.links(next) {
            links.previous = Packed::new(if is_first { next } else { previous });
        }
        self.ends = match (is_first, is_last) {
            (true, true) => None,
            (true, false) => Some((next, last)),
            (false, true) => Some((first, previous)),
            (false, false) => Some((first, last)),
        };
    }
}
