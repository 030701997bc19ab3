//! Which tasks were woken: a set of small numbers with constant-time insert and take.

use core::sync::atomic::{AtomicU64, Ordering};

/// Words of the set.
const WORDS: usize = 64;
/// Numbers it can hold.
pub(super) const CAPACITY: usize = 64 * WORDS;

/// The set. Atomic only because wakers must be `Sync`; one thread uses it.
#[derive(Debug)]
pub(super) struct Woken {
    /// Bit *i*: word *i* is not empty.
    summary: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl Woken {
    pub(super) const fn new() -> Self {
        Self { summary: AtomicU64::new(0), words: [const { AtomicU64::new(0) }; WORDS] }
    }

    /// Puts a number in.
    pub(super) fn set(&self, index: usize) {
        if let Some(word) = self.words.get(index / 64) {
            word.fetch_or(1 << (index % 64), Ordering::Relaxed);
            self.summary.fetch_or(1 << (index / 64), Ordering::Relaxed);
        }
    }

    /// Takes the lowest number out.
    pub(super) fn take(&self) -> Option<usize> {
        let summary = self.summary.load(Ordering::Relaxed);
        if summary == 0 {
            return None;
        }
        let position = summary.trailing_zeros() as usize;
        let word = &self.words[position];
        let bits = word.load(Ordering::Relaxed);
        let rest = bits & bits.wrapping_sub(1);
        word.store(rest, Ordering::Relaxed);
        if rest == 0 {
            self.summary.store(summary & (summary - 1), Ordering::Relaxed);
        }
        Some(64 * position + bits.trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeSet;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn numbers_come_out_once_in_order() {
        let woken = Woken::new();
        let numbers = [0, 63, 64, 700, CAPACITY - 1, 63, 1];
        numbers.iter().for_each(|&index| woken.set(index));
        woken.set(CAPACITY);
        let taken: Vec<_> = core::iter::from_fn(|| woken.take()).collect();
        let expected: BTreeSet<_> = numbers.into_iter().collect();
        assert_eq!(taken, expected.into_iter().collect::<Vec<_>>());
        assert_eq!(woken.take(), None);
    }
}
