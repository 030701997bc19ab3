//! Doubly linked lists of slab elements, linked by id.
//!
//! Owns [`List`], [`Links`] and the trait [`Linked`]. Never here: pointers or memory of its own;
//! this file is safe code. Called for run queues, waiters, a Domain's threads. An element that is
//! on several lists has several `Links` and implements `Linked` once per tag.
//!
//! Invariants: L1 an element has links exactly when it is on a list; the ends of the list point to
//! themselves. L2 an element is unlinked before it leaves its slab. Breaking L2, or removing from a
//! list the element is not on, loses elements but touches no foreign memory. L3 a list never borrows
//! an element for change, only its links are cells: the task table relies on it, whose futures refer
//! to themselves.

use core::{cell::Cell, marker::PhantomData};

use crate::{id::Id, slab::Slab};

/// The two links an element keeps for one list: to the element before it and the one behind it.
#[derive(Debug)]
pub struct Links<T>(Cell<Option<(Id<T>, Id<T>)>>);

impl<T> Links<T> {
    /// On no list.
    #[expect(clippy::declare_interior_mutable_const, reason = "a new one at each use")]
    pub const NONE: Links<T> = Links(Cell::new(None));

    /// Whether the element is on a list.
    pub const fn is_linked(&self) -> bool {
        self.0.get().is_some()
    }
}

/// An element that can be on a list of kind `Tag`.
pub trait Linked<Tag>: Sized {
    /// The links for this kind.
    fn links(&self) -> &Links<Self>;
}

/// A first-in, first-out list of elements of one [`Slab`]; every operation takes that slab.
#[derive(Debug)]
pub struct List<T, Tag> {
    ends: Option<(Id<T>, Id<T>)>,
    length: usize,
    _tag: PhantomData<fn() -> Tag>,
}

impl<T, Tag> List<T, Tag> {
    /// An empty list.
    pub const fn new() -> List<T, Tag> {
        List { ends: None, length: 0, _tag: PhantomData }
    }

    /// The first element.
    pub fn front(&self) -> Option<Id<T>> {
        self.ends.map(|(first, _)| first)
    }

    /// How many elements are linked.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether no element is linked.
    pub const fn is_empty(&self) -> bool {
        self.ends.is_none()
    }
}

impl<T: Linked<Tag>, Tag> List<T, Tag> {
    /// Appends `id`. False, and nothing happens, if it is stale or already on a list of this kind.
    pub fn push_back(&mut self, slab: &mut Slab<T>, id: Id<T>) -> bool {
        let (first, last) = self.ends.unwrap_or((id, id));
        let Some(own) = slab.get(id).map(Linked::links).filter(|own| !own.is_linked()) else {
            return false;
        };
        own.0.set(Some((last, id)));
        change(slab, last, |previous, _| (previous, id));
        self.ends = Some((first, id));
        self.length += 1;
        true
    }

    /// Unlinks and returns the first element.
    pub fn pop_front(&mut self, slab: &mut Slab<T>) -> Option<Id<T>> {
        self.front().filter(|first| self.remove(slab, *first))
    }

    /// Unlinks `id` from wherever it stands. False if it is stale, on no list of this kind, or an
    /// end of another list.
    pub fn remove(&mut self, slab: &mut Slab<T>, id: Id<T>) -> bool {
        let Some(own) = slab.get(id).map(|element| &element.links().0) else { return false };
        let (Some((previous, next)), Some((first, last))) = (own.get(), self.ends) else {
            return false;
        };
        let (is_first, is_last) = (previous == id, next == id);
        if is_first != (first == id) || is_last != (last == id) {
            return false;
        }
        own.set(None);
        // An end hands its link to itself on to its neighbour, who is the end now.
        if !is_first {
            change(slab, previous, |left, _| (left, if is_last { previous } else { next }));
        }
        if !is_last {
            change(slab, next, |_, right| (if is_first { next } else { previous }, right));
        }
        let ends = (if is_first { next } else { first }, if is_last { previous } else { last });
        self.ends = (!(is_first && is_last)).then_some(ends);
        self.length = self.length.saturating_sub(1);
        true
    }

    /// The element behind `id`, if there is one: the step of a walk that changes things.
    pub fn after(slab: &Slab<T>, id: Id<T>) -> Option<Id<T>> {
        slab.get(id)?.links().0.get().map(|(_, next)| next).filter(|next| *next != id)
    }

    /// The elements from front to back, at most [`List::len`] of them.
    pub fn iter(&self, slab: &Slab<T>) -> impl Iterator<Item = Id<T>> {
        core::iter::successors(self.front(), |id| Self::after(slab, *id)).take(self.length)
    }
}

/// Changes the links of the element `id`, if it is live and on a list of this kind.
fn change<T: Linked<Tag>, Tag>(
    slab: &Slab<T>,
    id: Id<T>,
    with: impl FnOnce(Id<T>, Id<T>) -> (Id<T>, Id<T>),
) {
    if let Some(element) = slab.get(id) {
        let links = &element.links().0;
        links.set(links.get().map(|(previous, next)| with(previous, next)));
    }
}

impl<T, Tag> Default for List<T, Tag> {
    fn default() -> Self {
        Self::new()
    }
}
