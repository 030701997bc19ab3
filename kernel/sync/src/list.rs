//! Doubly linked lists of slab elements, linked by id.
//!
//! Owns [`List`], [`Links`] and the trait [`Linked`]. Never here: pointers or memory of its own;
//! this file is safe code. Called for run queues, waiters, a Domain's threads. An element that is
//! on several lists has several `Links` and implements `Linked` once per tag.
//!
//! Invariants: L1 an element is linked exactly when both of its ends are `Some`; the ends of the
//! list point to themselves. L2 an element is unlinked before it leaves its slab. Breaking L2, or
//! removing from a list the element is not on, loses elements but touches no foreign memory. L3 a list
//! borrows for change only elements that are linked, and the one being pushed: the task table relies
//! on it, whose running tasks are neither.

use core::marker::PhantomData;

use crate::{id::Id, slab::Slab};

/// The two links an element keeps for one list.
#[derive(Debug)]
pub struct Links<T> {
    previous: Option<Id<T>>,
    next: Option<Id<T>>,
}

impl<T> Links<T> {
    /// On no list.
    pub const fn new() -> Links<T> {
        Links { previous: None, next: None }
    }

    /// Whether the element is on a list.
    pub const fn is_linked(&self) -> bool {
        self.next.is_some()
    }
}

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// An element that can be on a list of kind `Tag`.
pub trait Linked<Tag>: Sized {
    /// The links for this kind.
    fn links(&self) -> &Links<Self>;

    /// The links for this kind, for the list to change.
    fn links_mut(&mut self) -> &mut Links<Self>;
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
        let Some(element) = slab.get_mut(id).filter(|element| !element.links().is_linked()) else {
            return false;
        };
        *element.links_mut() = Links { previous: Some(last), next: Some(id) };
        if let Some(last) = linked(slab, last) {
            last.links_mut().next = Some(id);
        }
        self.ends = Some((first, id));
        self.length += 1;
        true
    }

    /// Unlinks and returns the first element.
    pub fn pop_front(&mut self, slab: &mut Slab<T>) -> Option<Id<T>> {
        let first = self.front()?;
        self.remove(slab, first).then_some(first)
    }

    /// Unlinks `id` from wherever it stands. False if it is stale, on no list of this kind, or an
    /// end of another list.
    pub fn remove(&mut self, slab: &mut Slab<T>, id: Id<T>) -> bool {
        self.unlink(slab, id).is_some()
    }

    fn unlink(&mut self, slab: &mut Slab<T>, id: Id<T>) -> Option<()> {
        let (first, last) = self.ends?;
        let links = linked(slab, id)?.links_mut();
        let (previous, next) = (links.previous?, links.next?);
        let (is_first, is_last) = (previous == id, next == id);
        if is_first != (first == id) || is_last != (last == id) {
            return None;
        }
        *links = Links::new();
        // An end hands its link to itself on to its neighbour, who is the end now.
        let (left, right) =
            (if is_first { next } else { previous }, if is_last { previous } else { next });
        if !is_first && let Some(element) = linked(slab, previous) {
            element.links_mut().next = Some(right);
        }
        if !is_last && let Some(element) = linked(slab, next) {
            element.links_mut().previous = Some(left);
        }
        let ends = (if is_first { next } else { first }, if is_last { previous } else { last });
        self.ends = (!(is_first && is_last)).then_some(ends);
        self.length = self.length.saturating_sub(1);
        Some(())
    }

    /// Whether `id` is on a list of this kind. (On which one, its links do not say.)
    pub fn is_linked(slab: &Slab<T>, id: Id<T>) -> bool {
        slab.get(id).is_some_and(|element| element.links().is_linked())
    }

    /// The element behind `id`, if there is one: the step of a walk that changes things.
    pub fn after(slab: &Slab<T>, id: Id<T>) -> Option<Id<T>> {
        slab.get(id)?.links().next.filter(|next| *next != id)
    }

    /// The elements from front to back, at most [`List::len`] of them.
    pub fn iter(&self, slab: &Slab<T>) -> impl Iterator<Item = Id<T>> {
        core::iter::successors(self.front(), |id| Self::after(slab, *id)).take(self.length)
    }
}

/// The element `id` if it is live and on a list of this kind. Looks before it borrows for change
/// (L3).
fn linked<T: Linked<Tag>, Tag>(slab: &mut Slab<T>, id: Id<T>) -> Option<&mut T> {
    slab.get(id).filter(|element| element.links().is_linked())?;
    slab.get_mut(id)
}

impl<T, Tag> Default for List<T, Tag> {
    fn default() -> Self {
        Self::new()
    }
}
