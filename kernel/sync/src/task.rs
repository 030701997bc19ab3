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
    fmt,
    mem::{ManuallyDrop, MaybeUninit},
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll, Waker},
};

use crate::{
    atomic::const_fn,
    id::Id,
    list::{Linked, Links, List},
    lock::Leaf,
    page::{Exhausted, Page, PageSource},
    slab::Slab,
    state::{Begin, End, TaskState},
};

/// The largest future a slot takes, in bytes.
pub const FUTURE_SIZE: usize = 512;

/// The name of a task.
pub type TaskId = Id<TaskSlot>;

/// What can be done with a stored future, whatever its type.
struct Operations {
    /// Polls it. Safety: the storage holds a live future of the type this was made for, and the
    /// caller owns it.
    poll: unsafe fn(NonNull<u8>) -> Poll<()>,
    /// Drops it. Safety: as for `poll`; the storage holds nothing afterwards.
    drop: unsafe fn(NonNull<u8>),
}

impl Operations {
    const fn of<F: Future<Output = ()> + Send + 'static>() -> &'static Operations {
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

/// One task: state, operations, and the future itself.
#[repr(C, align(16))]
pub struct TaskSlot {
    storage: UnsafeCell<MaybeUninit<[u8; FUTURE_SIZE]>>,
    operations: &'static Operations,
    links: Links<TaskSlot>,
    state: TaskState,
}

/// Tag of the list that a [`TaskQueue`] is.
enum Queued {}

impl Linked<Queued> for TaskSlot {
    fn links(&self) -> &Links<Self> {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links<Self> {
        &mut self.links
    }
}

impl fmt::Debug for TaskSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskSlot({:?})", self.state)
    }
}

/// A first-in, first-out queue of tasks of one table.
#[derive(Debug, Default)]
pub struct TaskQueue(List<TaskSlot, Queued>);

impl TaskQueue {
    /// An empty queue.
    pub const fn new() -> TaskQueue {
        TaskQueue(List::new())
    }

    /// Whether no task is waiting.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
pub struct TaskTable {
    slots: Leaf<Slab<TaskSlot>>,
}

/// Up to two pages between a page source and the table, so that no source runs under its lock.
struct Stash([Option<Page>; 2]);

impl PageSource for Stash {
    fn take_page(&mut self) -> Option<Page> {
        self.0.iter_mut().find_map(Option::take)
    }

    fn give_page(&mut self, page: Page) {
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = Some(page);
        }
    }
}

impl TaskTable {
    const_fn! {
        /// A table without tasks and pages.
        pub fn new() -> TaskTable {
            TaskTable { slots: Leaf::new(Slab::new()) }
        }
    }

    /// Stores `future` as an IDLE task: [`TaskTable::ready`] starts it. On failure it is dropped.
    ///
    /// A future larger than [`FUTURE_SIZE`] or aligned to more than 16 bytes does not compile.
    pub fn insert<F: Future<Output = ()> + Send + 'static>(
        &self,
        pages: &mut (impl PageSource + ?Sized),
        future: F,
    ) -> Result<TaskId, Exhausted> {
        const {
            assert!(size_of::<F>() <= FUTURE_SIZE, "the future does not fit a task slot");
            assert!(align_of::<F>() <= align_of::<TaskSlot>(), "the future is aligned too much");
        }
        let future = ManuallyDrop::new(future);
        let mut stash = Stash([None, None]);
        let inserted = loop {
            if let Ok(id) = self.slots.with(|slots| place(slots, &mut stash, &future)) {
                break Ok(id);
            }
            // Bring one page more than last time; two are all that an insertion can want.
            let Some(empty) = stash.0.iter_mut().find(|place| place.is_none()) else {
                break Err(Exhausted);
            };
            *empty = pages.take_page();
            if empty.is_none() {
                break Err(Exhausted);
            }
        };
        for page in stash.0.into_iter().flatten() {
            pages.give_page(page);
        }
        if inserted.is_err() {
            drop(ManuallyDrop::into_inner(future));
        }
        inserted
    }

    /// Wakes a task. True: it is QUEUED now and the caller puts it on a queue (or polls it). False:
    /// it is QUEUED already, is running and will be polled again, or is gone.
    pub fn ready(&self, id: TaskId) -> bool {
        self.slots.with(|slots| slots.get(id).is_some_and(|slot| slot.state.ready()))
    }

    /// Whether the task has not ended.
    pub fn contains(&self, id: TaskId) -> bool {
        self.slots.with(|slots| slots.contains(id))
    }

    /// Tasks that have not ended.
    pub fn len(&self) -> usize {
        self.slots.with(|slots| slots.len())
    }

    /// Whether every task has ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a QUEUED task at the end of `queue`. False if it is not QUEUED or on a queue already.
    pub fn push(&self, queue: &mut TaskQueue, id: TaskId) -> bool {
        self.slots.with(|slots| {
            let queued = slots.get(id).is_some_and(|slot| slot.state.is_queued());
            queued && queue.0.push_back(slots, id)
        })
    }

    /// Takes the first task off `queue`, to be polled next.
    pub fn pop(&self, queue: &mut TaskQueue) -> Option<TaskId> {
        self.slots.with(|slots| queue.0.pop_front(slots))
    }

    /// Polls a QUEUED task once, without any lock. A task that has ended is dropped and freed.
    pub fn poll(&self, id: TaskId) -> Polled {
        let begun = self.slots.with(|slots| {
            let slot = slots.get(id).filter(|slot| !slot.links.is_linked())?;
            Some((slot.state.begin()?, slot.operations, storage(slots.ptr(id)?)))
        });
        let Some((begin, operations, future)) = begun else { return Polled::NotReady };
        // SAFETY: `begin` made this CPU the owner (T1), so the future is live (F1), of the type the
        // operations are for, and touched by nobody else (F2).
        if begin == Begin::Poll && unsafe { (operations.poll)(future) }.is_pending() {
            match self.slots.with(|slots| slots.get(id).map(|slot| slot.state.end())) {
                Some(End::Idle) => return Polled::Sleeps,
                Some(End::Again) => return Polled::Again,
                Some(End::Drop) | None => {}
            }
        }
        // SAFETY: still the owner; the future is not touched after this.
        unsafe { self.finish(id, operations, future) };
        Polled::Ended
    }

    /// Ends a task before its time. Its future is dropped now if nobody polls it and it is on no
    /// queue, otherwise by the poll that runs, or the one that follows its turn in the queue.
    pub fn cancel(&self, id: TaskId) -> Cancelled {
        let found = self.slots.with(|slots| {
            let (slot, future) = (slots.get(id)?, storage(slots.ptr(id)?));
            let owned = slot.state.cancel(slot.links.is_linked());
            Some(owned.then_some((slot.operations, future)))
        });
        match found {
            Some(Some((operations, future))) => {
                // SAFETY: `cancel` made this CPU the owner (T1), so the future is live (F1).
                unsafe { self.finish(id, operations, future) };
                Cancelled::Dropped
            }
            Some(None) => Cancelled::Deferred,
            None => Cancelled::Gone,
        }
    }

    /// Drops every future and gives every page back.
    pub fn release(self, pages: &mut (impl PageSource + ?Sized)) {
        let slots = self.slots.into_inner();
        for (id, slot) in slots.iter() {
            if let Some(slot_place) = slots.ptr(id) {
                // SAFETY: the table is owned, so nobody polls; every live slot holds a future (F1)
                // of the type its operations are for, and the slots are freed next.
                unsafe { (slot.operations.drop)(storage(slot_place)) };
            }
        }
        slots.release(pages);
    }

    /// Drops the future, outside the lock, and frees the slot.
    ///
    /// # Safety
    /// The caller owns the task by its state word, and `operations` and `future` are the task's.
    unsafe fn finish(&self, id: TaskId, operations: &Operations, future: NonNull<u8>) {
        // SAFETY: the caller's promise; the state word stays RUNNING, so nobody follows (F1, F2).
        unsafe { (operations.drop)(future) };
        self.slots.with(|slots| slots.forget(id));
    }
}

/// Claims a slot and copies `future` into it; on success the original must not be used again.
fn place<F: Future<Output = ()> + Send + 'static>(
    slots: &mut Slab<TaskSlot>,
    stash: &mut Stash,
    future: &ManuallyDrop<F>,
) -> Result<TaskId, Exhausted> {
    // SAFETY: every field but the storage, which may stay uninitialised in part, is written below.
    let (id, claimed) = unsafe { slots.claim(stash) }?;
    let slot = claimed.as_ptr();
    // SAFETY: a claimed place is valid for writes and these are its fields; the storage is large and
    // aligned enough for an `F`, as `insert` asserts, and apart from the original.
    unsafe {
        (&raw mut (*slot).operations).write(Operations::of::<F>());
        (&raw mut (*slot).links).write(Links::new());
        (&raw mut (*slot).state).write(TaskState::new());
        storage(claimed).cast::<F>().copy_from_nonoverlapping(NonNull::from(&**future), 1);
    }
    Ok(id)
}

/// The storage of a slot. The storage is the first field, so this is the same address.
fn storage(slot: NonNull<TaskSlot>) -> NonNull<u8> {
    const { assert!(core::mem::offset_of!(TaskSlot, storage) == 0) };
    slot.cast()
}

impl Default for TaskTable {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TaskTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskTable({} tasks)", self.len())
    }
}
