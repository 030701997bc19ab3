//! Generational ids: how kernel objects name each other.
//!
//! Owns [`Id`]. Never here: pointers. An id is plain data; it may be copied, stored, sent to user
//! space and come back: a stale or forged one finds nothing or finds a live object of the *same
//! type*, never freed memory.
//!
//! Invariant I1: every id has an odd generation (a slot's is odd in use and even when free), so one
//! compare tells whether an id is live, no id is zero, and `Option<Id<T>>` is eight bytes.

use core::{
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    num::NonZeroU64,
};

/// The name of a `T` in a [`Slab`](crate::Slab): slot index and generation.
pub struct Id<T> {
    /// Generation in the upper half, index in the lower: one register, one compare.
    raw: NonZeroU64,
    /// `fn() -> T`: an id is `Copy`, `Send` and `Sync` whatever `T` is.
    _type: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The id of the slot at `index` in its `generation`, if that is a generation in use (I1).
    pub(crate) const fn new(index: u32, generation: u32) -> Option<Id<T>> {
        Self::from_raw((generation as u64) << 32 | index as u64)
    }

    /// The slot's index. Dense: small numbers are used first.
    pub const fn index(self) -> u32 {
        self.raw.get() as u32
    }

    /// The slot's generation at insertion. Always odd.
    pub const fn generation(self) -> u32 {
        (self.raw.get() >> 32) as u32
    }

    /// The id as a word, to be stored or sent. Never zero.
    pub const fn raw(self) -> u64 {
        self.raw.get()
    }

    /// The inverse of [`Id::raw`]; `None` for a word that no id has (even generation, I1).
    pub const fn from_raw(raw: u64) -> Option<Id<T>> {
        match NonZeroU64::new(raw) {
            Some(raw) if raw.get() >> 32 & 1 == 1 => Some(Id { raw, _type: PhantomData }),
            _ => None,
        }
    }
}

// By hand: derives would ask the same of `T`.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl<T> Eq for Id<T> {}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index(), self.generation())
    }
}
