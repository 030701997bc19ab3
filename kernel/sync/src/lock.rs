//! The spin lock: fair, ordered by type, held only with interrupts off.
//!
//! Owns [`Lock`], its [`Guard`], and the bare [`Ticket`] below both. Never here: sleeping, or a
//! count of readers. Called by the binary for the kernel lock and its devices; `kernel/core` takes
//! no lock at all. The order is `order.rs`'s business.
//!
//! Invariants: K1 exactly one holder between `acquire` and `release`, who sees everything written
//! before the last release (Acquire on the ticket's turn, Release on passing it). K2 first come,
//! first served, so no CPU starves.

use core::{
    cell::UnsafeCell,
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use crate::{
    atomic::{AtomicU32, Ordering, const_fn, spin_loop},
    order::{Before, Held, Level},
};

/// Mutual exclusion without data: take a number, wait until it is called.
pub(crate) struct Ticket {
    next: AtomicU32,
    serving: AtomicU32,
}

impl Ticket {
    const_fn! {
        pub(crate) fn new() -> Ticket {
            Ticket { next: AtomicU32::new(0), serving: AtomicU32::new(0) }
        }
    }

    #[inline]
    fn acquire(&self) {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        while self.serving.load(Ordering::Acquire) != ticket {
            spin_loop();
        }
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        let serving = self.serving.load(Ordering::Acquire);
        let next = serving.wrapping_add(1);
        self.next.compare_exchange(serving, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Passes the turn on. Only the holder calls this, so nobody else writes `serving`.
    #[inline]
    fn release(&self) {
        let serving = self.serving.load(Ordering::Relaxed);
        self.serving.store(serving.wrapping_add(1), Ordering::Release);
    }
}

/// A `T` that one CPU at a time may use, at level `L` of the lock order.
pub struct Lock<L, T> {
    ticket: Ticket,
    _level: PhantomData<fn() -> L>,
    value: UnsafeCell<T>,
}

// SAFETY: the ticket gives the value to one CPU at a time (K1), which for that time may use it as
// its own: `T: Send` is what that takes.
unsafe impl<L, T: Send> Sync for Lock<L, T> {}

impl<L: Level, T> Lock<L, T> {
    const_fn! {
        /// A free lock around `value`.
        pub fn new(value: T) -> Lock<L, T> {
            Lock { ticket: Ticket::new(), _level: PhantomData, value: UnsafeCell::new(value) }
        }
    }

    /// Waits for the lock. The second result is what locks of later levels are taken with.
    #[inline]
    pub fn lock<'a, P: Before<L>>(
        &'a self,
        _held: &'a mut Held<'_, P>,
    ) -> (Guard<'a, L, T>, Held<'a, L>) {
        self.ticket.acquire();
        (Guard::new(self), Held { _until: PhantomData })
    }

    /// Takes the lock if it is free: for whoever must not wait, such as a dying kernel's log.
    #[inline]
    pub fn try_lock<'a, P: Before<L>>(
        &'a self,
        _held: &'a mut Held<'_, P>,
    ) -> Option<(Guard<'a, L, T>, Held<'a, L>)> {
        self.ticket.try_acquire().then(|| (Guard::new(self), Held { _until: PhantomData }))
    }

    /// The value of a lock that nobody else can reach.
    pub const fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<L, T> fmt::Debug for Lock<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock")
    }
}

/// The right to use a locked value; dropping it releases the lock. Not `Send` (O3).
#[must_use = "the lock is released when the guard is dropped"]
pub struct Guard<'a, L, T> {
    lock: &'a Lock<L, T>,
    _stays_here: PhantomData<*mut ()>,
}

// SAFETY: a shared guard gives `&T` only. (Being `Sync` does not let it leave its CPU.)
unsafe impl<L, T: Sync> Sync for Guard<'_, L, T> {}

impl<'a, L, T> Guard<'a, L, T> {
    /// Called by who has just acquired the lock's ticket.
    fn new(lock: &'a Lock<L, T>) -> Guard<'a, L, T> {
        Guard { lock, _stays_here: PhantomData }
    }
}

impl<L, T> Deref for Guard<'_, L, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: a guard exists only while its CPU holds the ticket (K1), and `&self` excludes the
        // mutable use of the same guard.
        unsafe { &*self.lock.value.get() }
    }
}

impl<L, T> DerefMut for Guard<'_, L, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; `&mut self` excludes every other use of the one guard there is.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<L, T> Drop for Guard<'_, L, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.ticket.release();
    }
}

impl<L, T: fmt::Debug> fmt::Debug for Guard<'_, L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A lock for this crate's own short sections, below every level: nothing is called and nothing
/// else is taken inside of one.
pub(crate) struct Leaf<T> {
    ticket: Ticket,
    value: UnsafeCell<T>,
}

// SAFETY: as for `Lock`.
unsafe impl<T: Send> Sync for Leaf<T> {}

impl<T> Leaf<T> {
    const_fn! {
        pub(crate) fn new(value: T) -> Leaf<T> {
            Leaf { ticket: Ticket::new(), value: UnsafeCell::new(value) }
        }
    }

    #[inline]
    pub(crate) fn with<R>(&self, section: impl FnOnce(&mut T) -> R) -> R {
        self.ticket.acquire();
        // SAFETY: between acquire and release this is the only access (K1), and the reference ends
        // with the section.
        let result = section(unsafe { &mut *self.value.get() });
        self.ticket.release();
        result
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}
