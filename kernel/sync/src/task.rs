//! The executor's tasks: futures of any type in slots of one size.
//!
//! Owns [`TaskTable`], [`TaskSlot`], [`TaskQueue`]. Never here: which task runs next (the caller
//! pops queues), wakers (a wake is [`TaskTable::ready`] with an id; futures ignore the Context), a
//! lock held while a future runs. Called by kernel core through `&self`: a future that is being
//! polled may insert, wake and cancel tasks, itself included.
//!
//! Invariants:
//! - F1 a slot's storage holds the future that its operations were made for, from `insert` until the
//!   owner by the state word (T1) drops it, which it does exactly once, before the slot is freed.
//! - F2 the future is touched only by that owner, outside the table's lock; everyone else touches
//!   the slot's state and links only, under the lock, and links only of tasks that are QUEUED.
//! - F3 a future never moves: slots do not (S4). So pinning it in place is what `Pin` asks for.
//! - F4 a task on a [`TaskQueue`] is not polled and not freed before it is popped.

use core::{
    cell::UnsafeCell,
    mem::{ManuallyDrop, MaybeUninit, offset_of},
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll, Waker},
};

use crate::{
    atomic::const_fn,
    id::Id,
    list::{Linked, Links, List},
    lock::Lock,
    page::{Exhausted, PageSource},
    slab::Slab,
    state::{Begin, End, TaskState},
};

/// The largest future a slot takes, in bytes.
pub const FUTURE_SIZE: usize = 512;

/// The name of a task.
pub type TaskId = Id<TaskSlot>;

/// A first-in, first-out queue of tasks of one table; its owner has it, the table's
/// [`TaskTable::push`] and [`TaskTable::pop`] change it.
pub type TaskQueue = List<TaskSlot, Queued>;

/// What can be done with a stored future, whatever its type. Safety of both: the storage holds a
/// live future of the type this was made for, and the caller owns it; after `drop` it holds nothing.
#[derive(Debug)]
struct Operations {
    poll: unsafe fn(NonNull<u8>) -> Poll<()>,
    drop: unsafe fn(NonNull<u8>),
}

impl Operations {
    const fn of<F: Future<Output = ()>>() -> &'static Operations {
        &Operations {
            poll: |storage| {
                // SAFETY: the caller's promise; and the future never moves (F3).
                let future = unsafe { Pin::new_unchecked(storage.cast::<F>().as_mut()) };
                future.poll(&mut Context::from_waker(Waker::noop()))
            },
            // SAFETY: the caller's promise.
            drop: |storage| unsafe { storage.cast::<F>().drop_in_place() },
        }
    }
}

/// One task: the future itself, operations, links, state.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct TaskSlot {
    storage: UnsafeCell<MaybeUninit<[u8; FUTURE_SIZE]>>,
    operations: &'static Operations,
    links: Links<TaskSlot>,
    state: TaskState,
}

/// Tag of the list that a [`TaskQueue`] is.
#[derive(Debug)]
pub enum Queued {}

impl Linked<Queued> for TaskSlot {
    fn links(&self) -> &Links<Self> {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links<Self> {
        &mut self.links
    }
}

/// What came of [`TaskTable::poll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "`Again` must be put on a queue"]
pub enum Polled {
    /// It has ended (or had been cancelled) and is gone.
    Ended,
    /// It sleeps until [`TaskTable::ready`].
    Sleeps,
    /// It was woken while it ran and is QUEUED: put it on a queue, or poll it again.
    Again,
    /// It was not QUEUED, is still on a [`TaskQueue`], or is gone: nothing was done.
    NotReady,
}

/// What came of [`TaskTable::cancel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The future has been dropped.
    Dropped,
    /// Its future is being polled, or the task is on a queue: who polls it (next) drops the future.
    Deferred,
    /// There is no such task.
    Gone,
}

/// All tasks of the executor. Shared between CPUs as it is.
#[derive(Debug)]
pub struct TaskTable {
    /// Below every level: no future, destructor or other lock runs inside.
    slots: Lock<(), Slab<TaskSlot>>,
}

impl TaskTable {
    const_fn! {
        /// A table without tasks and pages.
        pub fn new() -> TaskTable {
            TaskTable { slots: Lock::new(Slab::new()) }
        }
    }

    /// Stores `future` as an IDLE task: [`TaskTable::ready`] starts it. On failure it is dropped.
    ///
    /// A future larger than [`FUTURE_SIZE`] or aligned to more than 16 bytes does not compile.
    pub fn insert<F: Future<Output = ()> + Send + 'static>(
        &self,
        pages: &mut impl PageSource,
        future: F,
    ) -> Result<TaskId, Exhausted> {
        const {
            assert!(size_of::<F>() <= FUTURE_SIZE, "the future does not fit a task slot");
            assert!(align_of::<F>() <= align_of::<TaskSlot>(), "the future is aligned too much");
        }
        let future = ManuallyDrop::new(future);
        let mut slots = self.slots.acquire();
        // SAFETY: every field but the storage, which may stay uninitialised in part, is written
        // below.
        let Ok((id, slot)) = (unsafe { slots.claim(pages) }) else {
            // The destructor runs without the lock.
            drop(slots);
            drop(ManuallyDrop::into_inner(future));
            return Err(Exhausted);
        };
        let (place, operations) = (slot.as_ptr(), Operations::of::<F>());
        // SAFETY: a claimed place is valid for writes and these are its fields; the storage is large
        // and aligned enough, as asserted, and the original of the future is not used again.
        unsafe {
            (&raw mut (*place).operations).write(operations);
            (&raw mut (*place).links).write(Links::new());
            (&raw mut (*place).state).write(TaskState::new());
            storage(slot).cast::<F>().copy_from_nonoverlapping(NonNull::from(&*future), 1);
        }
        Ok(id)
    }

    /// Wakes a task. True: it is QUEUED now and the caller puts it on a queue (or polls it). False:
    /// it is QUEUED already, is running and will be polled again, or is gone.
    pub fn ready(&self, id: TaskId) -> bool {
        self.slots.acquire().get(id).is_some_and(|slot| slot.state.ready())
    }

    /// Whether the task has not ended.
    pub fn contains(&self, id: TaskId) -> bool {
        self.slots.acquire().contains(id)
    }

    /// Whether every task has ended.
    pub fn is_empty(&self) -> bool {
        self.slots.acquire().is_empty()
    }

    /// Puts a QUEUED task at the end of `queue`. False if it is not QUEUED or on a queue already.
    pub fn push(&self, queue: &mut TaskQueue, id: TaskId) -> bool {
        let slots = &mut *self.slots.acquire();
        slots.get(id).is_some_and(|slot| slot.state.is_queued()) && queue.push_back(slots, id)
    }

    /// Takes the first task off `queue`, to be polled next.
    pub fn pop(&self, queue: &mut TaskQueue) -> Option<TaskId> {
        queue.pop_front(&mut self.slots.acquire())
    }

    /// What `step` says of the slot, and what the owner of its future needs.
    fn step<R>(
        &self,
        id: TaskId,
        step: impl FnOnce(&TaskSlot) -> Option<R>,
    ) -> Option<(R, &'static Operations, NonNull<u8>)> {
        let slots = self.slots.acquire();
        let slot = slots.get(id)?;
        Some((step(slot)?, slot.operations, storage(slots.ptr(id)?)))
    }

    /// Polls a QUEUED task once, without any lock. A task that has ended is dropped and freed.
    pub fn poll(&self, id: TaskId) -> Polled {
        let begun =
            self.step(id, |slot| if slot.links.is_linked() { None } else { slot.state.begin() });
        let Some((begin, operations, future)) = begun else { return Polled::NotReady };
        // SAFETY: `begin` made this CPU the owner (T1), so the future is live (F1), of the type the
        // operations are for, and touched by nobody else (F2).
        if begin == Begin::Poll && unsafe { (operations.poll)(future) }.is_pending() {
            match self.step(id, |slot| Some(slot.state.end())) {
                Some((End::Idle, ..)) => return Polled::Sleeps,
                Some((End::Again, ..)) => return Polled::Again,
                Some((End::Drop, ..)) | None => {}
            }
        }
        // SAFETY: still the owner; the future is not touched after this.
        unsafe { self.finish(id, operations, future) };
        Polled::Ended
    }

    /// Ends a task before its time. Its future is dropped now if nobody polls it and it is on no
    /// queue, otherwise by the poll that runs, or the one that follows its turn in the queue.
    pub fn cancel(&self, id: TaskId) -> Cancelled {
        match self.step(id, |slot| Some(slot.state.cancel(slot.links.is_linked()))) {
            Some((true, operations, future)) => {
                // SAFETY: `cancel` made this CPU the owner (T1), so the future is live (F1).
                unsafe { self.finish(id, operations, future) };
                Cancelled::Dropped
            }
            Some((false, ..)) => Cancelled::Deferred,
            None => Cancelled::Gone,
        }
    }

    /// Drops the future, outside the lock, and frees the slot.
    ///
    /// # Safety
    /// The caller owns the task by its state word, and `operations` and `future` are the task's.
    unsafe fn finish(&self, id: TaskId, operations: &Operations, future: NonNull<u8>) {
        // SAFETY: the caller's promise; the state word stays RUNNING, so nobody follows (F1, F2).
        unsafe { (operations.drop)(future) };
        self.slots.acquire().forget(id);
    }

    /// Drops every future and gives every page back.
    pub fn release(self, pages: &mut impl PageSource) {
        let slots = self.slots.into_inner();
        for (slot, place) in slots.iter().filter_map(|(id, slot)| Some((slot, slots.ptr(id)?))) {
            // SAFETY: the table is owned, so nobody polls; every live slot holds a future (F1) of
            // the type its operations are for, and the slots are freed next.
            unsafe { (slot.operations.drop)(storage(place)) };
        }
        slots.release(pages);
    }
}

/// The storage of a slot: its first field, so at the same address.
fn storage(slot: NonNull<TaskSlot>) -> NonNull<u8> {
    const { assert!(offset_of!(TaskSlot, storage) == 0) };
    slot.cast()
}

impl Default for TaskTable {
    fn default() -> Self {
        Self::new()
    }
}
