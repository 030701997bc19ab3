//! The spin lock: fair, ordered by type, held only with interrupts off.
//!
//! Owns [`Lock`] and its [`Guard`]. Never here: sleeping, or a count of readers. Called by the
//! binary for the kernel lock and its devices; `kernel/core` takes no lock at all. The order is
//! `order.rs`'s business.
//!
//! Invariants: K1 exactly one holder between `acquire` and `release`, who sees everything written
//! before the last release (Acquire when the ticket's turn comes, Release when it is passed on).
//! K2 first come, first served, so no CPU starves.

use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use crate::{
    atomic::{AtomicU32, Ordering, spin_loop},
    order::{Before, Held, Level},
};

/// A `T` that one CPU at a time may use, at level `L` of the lock order.
#[derive(Debug)]
pub struct Lock<L, T> {
    /// The next number to be taken, and the number whose turn it is.
    next: AtomicU32,
    serving: AtomicU32,
    _level: PhantomData<fn() -> L>,
    value: UnsafeCell<T>,
}

// SAFETY: the tickets give the value to one CPU at a time (K1), which for that time may use it as
// its own: `T: Send` is what that takes.
unsafe impl<L, T: Send> Sync for Lock<L, T> {}

impl<L: Level, T> Lock<L, T> {
    /// A free lock around `value`.
    pub fn new(value: T) -> Lock<L, T> {
        let (next, serving) = (AtomicU32::new(0), AtomicU32::new(0));
        Lock { next, serving, _level: PhantomData, value: UnsafeCell::new(value) }
    }

    /// Waits for the lock. The second result is what locks of later levels are taken with.
    pub fn lock<'a, P: Before<L>>(
        &'a self,
        _held: &'a mut Held<'_, P>,
    ) -> (Guard<'a, L, T>, Held<'a, L>) {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        while self.serving.load(Ordering::Acquire) != ticket {
            spin_loop();
        }
        self.held()
    }

    /// Takes the lock if it is free: for whoever must not wait, such as a dying kernel's log.
    pub fn try_lock<'a, P: Before<L>>(
        &'a self,
        _held: &'a mut Held<'_, P>,
    ) -> Option<(Guard<'a, L, T>, Held<'a, L>)> {
        let turn = self.serving.load(Ordering::Acquire);
        let next = turn.wrapping_add(1);
        self.next.compare_exchange(turn, next, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        Some(self.held())
    }

    /// What the holder has.
    fn held(&self) -> (Guard<'_, L, T>, Held<'_, L>) {
        (Guard { lock: self, _stays: PhantomData }, Held(PhantomData))
    }
}

/// The right to use a locked value; dropping it releases the lock. Not `Send` (O3). One exists per
/// ticket whose turn it is (K1).
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct Guard<'a, L, T> {
    lock: &'a Lock<L, T>,
    _stays: PhantomData<*mut ()>,
}

impl<L, T> Deref for Guard<'_, L, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a guard exists only while its CPU holds the lock (K1), and `&self` excludes the
        // mutable use of the same guard.
        unsafe { &*self.lock.value.get() }
    }
}

impl<L, T> DerefMut for Guard<'_, L, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; `&mut self` excludes every other use of the one guard there is.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<L, T> Drop for Guard<'_, L, T> {
    fn drop(&mut self) {
        // Only the holder writes `serving`, so this needs no atomic addition.
        let turn = self.lock.serving.load(Ordering::Relaxed);
        self.lock.serving.store(turn.wrapping_add(1), Ordering::Release);
    }
}
