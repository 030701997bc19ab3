//! The task state word: who may poll, who must queue, who drops.
//!
//! Owns [`TaskState`]. Never here: the future, or a queue. Called by the task table, and open to
//! whatever else is woken from several CPUs.
//!
//! ```text
//!            ready: true               begin
//!   IDLE ----------------> QUEUED ----------------> RUNNING --+
//!    ^                      ^  ^                     |  |     | ready: false
//!    |        end: Idle     |  |    end: Again       |  |     v
//!    +----------------------|--|---------------------+  |  RUNNING | NOTIFIED
//!                           |  +------------------------|-----+
//!   cancel: CANCELLED is added to QUEUED or RUNNING; `begin` or `end` then says who drops.
//! ```
//!
//! Invariants: T1 one `begin` (or `cancel` that returns true) owns the future until its `end`, so a
//! future is polled and dropped by one CPU at a time. T2 `ready` returns true to exactly one caller
//! per time in QUEUED, and only that one (or who got `Again`) puts the task on a queue. T3 no wake is
//! lost: a `ready` after `begin` makes `end` say `Again`. T4 once CANCELLED, never polled again.

use crate::atomic::{AtomicU8, Ordering, const_fn};

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
const NOTIFIED: u8 = 4;
const CANCELLED: u8 = 8;

/// What `begin` allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the caller owns the future until it calls `end`"]
pub enum Begin {
    /// Poll the future, then call [`TaskState::end`].
    Poll,
    /// It was cancelled: drop the future.
    Drop,
}

/// What is to be done after a poll that returned `Pending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a task that was woken while it ran must be queued again"]
pub enum End {
    /// It sleeps until the next `ready`.
    Idle,
    /// It was woken while it ran, and is QUEUED: put it on a queue.
    Again,
    /// It was cancelled while it ran: drop the future.
    Drop,
}

/// The state word of one task. New tasks are IDLE.
#[derive(Debug, Default)]
pub struct TaskState(AtomicU8);

impl TaskState {
    const_fn! {
        /// IDLE.
        pub fn new() -> TaskState {
            TaskState(AtomicU8::new(IDLE))
        }
    }

    /// Applies `step` atomically; the state before it, or `None` if `step` declined.
    fn update(&self, step: impl Fn(u8) -> Option<u8>) -> Option<u8> {
        let mut now = self.0.load(Ordering::Acquire);
        loop {
            let to = step(now)?;
            match self.0.compare_exchange(now, to, Ordering::AcqRel, Ordering::Acquire) {
                Ok(before) => return Some(before),
                Err(other) => now = other,
            }
        }
    }

    /// Wakes the task. True: it was idle and is QUEUED now, and the caller puts it on a queue.
    pub fn ready(&self) -> bool {
        // Written even when nothing changes: the Release half publishes what the waker wrote.
        let before = self.update(|state| match state {
            IDLE => Some(QUEUED),
            state if state & RUNNING != 0 => Some(state | NOTIFIED),
            state => Some(state),
        });
        before == Some(IDLE)
    }

    /// Takes a QUEUED task for polling; `None` if it is not QUEUED.
    pub fn begin(&self) -> Option<Begin> {
        let before =
            self.update(|state| (state & QUEUED != 0).then_some(RUNNING | state & CANCELLED))?;
        Some(if before & CANCELLED == 0 { Begin::Poll } else { Begin::Drop })
    }

    /// Ends a poll that returned `Pending`. Called by who began it.
    pub fn end(&self) -> End {
        let before = self.update(|state| {
            Some(match state {
                state if state & CANCELLED != 0 => state,
                state if state & NOTIFIED != 0 => QUEUED,
                _ => IDLE,
            })
        });
        match before {
            Some(state) if state & CANCELLED != 0 => End::Drop,
            Some(state) if state & NOTIFIED != 0 => End::Again,
            _ => End::Idle,
        }
    }

    /// Cancels the task. True: nobody runs it, and the caller drops the future now. False: who runs
    /// it drops it, or, if it is QUEUED and `on_queue`, who takes it off the queue and begins it.
    pub fn cancel(&self, on_queue: bool) -> bool {
        let owned = |state| state == IDLE || state == QUEUED && !on_queue;
        let before = self.update(|state| {
            Some(if owned(state) { RUNNING | CANCELLED } else { state | CANCELLED })
        });
        before.is_some_and(owned)
    }

    /// Whether it is QUEUED.
    pub fn is_queued(&self) -> bool {
        self.0.load(Ordering::Acquire) & QUEUED != 0
    }
}
