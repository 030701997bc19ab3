//! A value set once: what boot finds out and everyone reads afterwards.
//!
//! Owns [`Once`]. Never here: waiting; a second setter is told so, an early reader gets `None`.
//!
//! Invariant N1: the value is written by the one who moves EMPTY to WRITING, before READY is stored
//! with Release, and never again; who reads READY with Acquire may read it.

use core::{cell::UnsafeCell, fmt, mem::MaybeUninit};

use crate::atomic::{AtomicU8, Ordering, const_fn};

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const READY: u8 = 2;

/// A place for one value that never changes once it is there.
pub struct Once<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: shared, it hands out `&T` (so `T: Sync`) and takes in a `T` from any CPU (so `T: Send`).
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    const_fn! {
        /// Nothing yet.
        pub fn new() -> Once<T> {
            Once { state: AtomicU8::new(EMPTY), value: UnsafeCell::new(MaybeUninit::uninit()) }
        }
    }

    /// Sets the value; gives it back if one is there already or on its way.
    pub fn set(&self, value: T) -> Result<(), T> {
        let claim =
            self.state.compare_exchange(EMPTY, WRITING, Ordering::Relaxed, Ordering::Relaxed);
        if claim.is_err() {
            return Err(value);
        }
        // SAFETY: only the one who claimed WRITING gets here, and nobody reads before READY (N1).
        unsafe { (*self.value.get()).write(value) };
        self.state.store(READY, Ordering::Release);
        Ok(())
    }

    /// The value, once it is set.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        let ready = self.state.load(Ordering::Acquire) == READY;
        // SAFETY: READY was read with Acquire: the value is initialised and does not change (N1).
        ready.then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        if self.get().is_some() {
            // SAFETY: the value is initialised and nobody else is left to use it.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Once").field(&self.get()).finish()
    }
}
