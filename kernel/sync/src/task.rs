//! The executor's tasks: futures of any type in slots of one size.
//!
//! Owns [`TaskTable`], [`Running`]. Never here: a lock (the table is plain data; who shares it locks
//! it), wakers (a wake is [`TaskTable::ready`] with an id; futures ignore the Context), the order in
//! which tasks and threads have their turn. Called by kernel core, in three steps:
//!
//! ```text
//!   begin, with the table's lock  ->  poll, without it  ->  end, with the table's lock
//! ```
//!
//! so a future that is being polled may take the lock, and insert and wake tasks, itself included.
//!
//! ```text
//!          ready              begin              ready
//!   IDLE --------->  QUEUED --------->  RUNNING --------->  NOTIFIED
//!    ^                 ^                   |                    |
//!    +-----------------|------ end --------+                    |
//!                      +------------------ end -----------------+
//! ```
//!
//! Invariants:
//! - T1 a task is on the queue exactly when it is QUEUED. So it is begun once for each time there.
//! - T2 a task has one [`Running`] exactly while it is RUNNING or NOTIFIED, and that owns its future:
//!   a future is polled and dropped by one CPU at a time.
//! - T3 no wake is lost: a `ready` after `begin` makes `end` queue the task again.
//! - F1 a slot's storage holds the future that `step` was made for, from `insert` until `step` has
//!   dropped it.
//! - F2 the future is touched through its `Running` only; everyone else touches the slot's state and
//!   links, which are cells (L3). Nobody makes a `&mut` of a slot that holds a future, not even
//!   between two turns: futures refer to themselves.
//! - F3 a future never moves: slots do not (S4). So pinning it in place is what `Pin` asks for.

use core::{
    cell::{Cell, UnsafeCell},
    mem::{MaybeUninit, offset_of},
    pin::Pin,
    ptr::NonNull,
    task::{Context, Waker},
};

use crate::{
    id::Id,
    list::{Linked, Links, List},
    page::{Exhausted, PageSource},
    slab::Slab,
};

/// The largest future a slot takes, in bytes.
pub const FUTURE_SIZE: usize = 512;

/// The name of a task.
pub type TaskId = Id<TaskSlot>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It sleeps until the next `ready`.
    Idle,
    Queued,
    Running,
    /// It was woken while it ran.
    Notified,
}

/// Polls a future once; true: it has ended, and is dropped. Safety: the storage holds a live future
/// of the type this was made for (F1), and the caller owns it (T2).
type Step = unsafe fn(NonNull<u8>) -> bool;

/// One task: the future itself, what polls it, its place in the queue.
#[derive(Debug)]
#[repr(C, align(16))]
pub struct TaskSlot {
    storage: UnsafeCell<MaybeUninit<[u8; FUTURE_SIZE]>>,
    step: Step,
    links: Links<TaskSlot>,
    state: Cell<State>,
}

impl Linked<()> for TaskSlot {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

/// A task whose turn it is: the right to poll its future.
///
/// Dropped without [`TaskTable::end`], it leaves the task asleep for good.
#[derive(Debug)]
#[must_use = "a task that was begun is polled and ended"]
pub struct Running {
    id: TaskId,
    future: NonNull<u8>,
    step: Step,
    is_over: bool,
}

impl Running {
    /// The task.
    pub const fn id(&self) -> TaskId {
        self.id
    }

    /// Polls the future, unless it has ended; drops it when it ends. To be called without the
    /// table's lock.
    pub fn poll(&mut self) {
        // SAFETY: the one `Running` of a task owns its future (T2), which is live until `step` says
        // that it has dropped it (F1).
        self.is_over = self.is_over || unsafe { (self.step)(self.future) };
    }
}

/// All tasks of the executor, and the queue of those that are ready.
///
/// Dropping a table leaks its pages and futures.
#[derive(Debug, Default)]
pub struct TaskTable {
    slots: Slab<TaskSlot>,
    queue: List<TaskSlot, ()>,
}

impl TaskTable {
    /// Stores `future` as an IDLE task: [`TaskTable::ready`] starts it. On failure it is dropped.
    ///
    /// A future larger than [`FUTURE_SIZE`] or aligned to more than 16 bytes does not compile.
    pub fn insert<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        pages: &mut impl PageSource,
        future: F,
    ) -> Result<TaskId, Exhausted> {
        const {
            assert!(size_of::<F>() <= FUTURE_SIZE, "the future does not fit a task slot");
            assert!(align_of::<F>() <= align_of::<TaskSlot>(), "the future is aligned too much");
        }
        let id = self.slots.insert_with(pages, || TaskSlot {
            storage: UnsafeCell::new(MaybeUninit::uninit()),
            step: step::<F>,
            links: Links::NONE,
            state: Cell::new(State::Idle),
        })?;
        let slot = self.slots.ptr(id).ok_or(Exhausted)?;
        // SAFETY: the storage is large and aligned enough, as asserted, and nobody knows the slot.
        unsafe { storage(slot).cast::<F>().write(future) };
        Ok(id)
    }

    /// Wakes a task: it is polled once more after this. One that is gone is left alone.
    pub fn ready(&mut self, id: TaskId) {
        let Some(slot) = self.slots.get(id) else { return };
        match slot.state.get() {
            State::Idle => {
                slot.state.set(State::Queued);
                self.queue.push_back(&mut self.slots, id);
            }
            State::Running => slot.state.set(State::Notified),
            State::Queued | State::Notified => {}
        }
    }

    /// Whether a task waits for its turn.
    #[inline(always)]
    pub const fn has_ready(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Takes the task that was ready first, to be polled.
    pub fn begin(&mut self) -> Option<Running> {
        let id = self.queue.pop_front(&mut self.slots)?;
        let slot = self.slots.get(id)?;
        slot.state.set(State::Running);
        let future = storage(self.slots.ptr(id)?);
        Some(Running { id, future, step: slot.step, is_over: false })
    }

    /// Ends a turn: the task is gone, or queued again, or sleeps. Nothing happens to a task of
    /// another table.
    pub fn end(&mut self, task: Running) {
        let Running { id, future, is_over, .. } = task;
        let own = self.slots.get(id).filter(|slot| slot.storage.get().cast() == future.as_ptr());
        let Some(slot) = own else { return };
        let was_notified = slot.state.replace(State::Idle) == State::Notified;
        if is_over {
            self.slots.remove(id);
        } else if was_notified {
            self.ready(id);
        }
    }

    /// Gives every page back, if every task has ended.
    pub fn release(self, pages: &mut impl PageSource) {
        if self.slots.is_empty() {
            self.slots.release(pages);
        }
    }
}

/// The [`Step`] of futures of type `F`.
///
/// # Safety
/// `storage` holds a live `F`, which is the caller's until this returns true; then it is dropped.
unsafe fn step<F: Future<Output = ()>>(storage: NonNull<u8>) -> bool {
    let mut future = storage.cast::<F>();
    // SAFETY: the caller's promise; and the future never moves (F3).
    let pinned = unsafe { Pin::new_unchecked(future.as_mut()) };
    let is_over = pinned.poll(&mut Context::from_waker(Waker::noop())).is_ready();
    if is_over {
        // SAFETY: the caller's promise, and nobody touches it again.
        unsafe { future.drop_in_place() };
    }
    is_over
}

/// The storage of a slot: its first field, so at the same address.
fn storage(slot: NonNull<TaskSlot>) -> NonNull<u8> {
    const { assert!(offset_of!(TaskSlot, storage) == 0) };
    slot.cast()
}
