//! A set of small numbers in which the next free one is found at once.
//!
//! Owns: two levels of words; a bit of the upper level says that a word of the lower is full. A
//! search looks at three words when numbers are plenty and never at more than one in 4,096.

use alloc::vec::Vec;

use crate::model::OutOfMemory;

const BITS: u32 = u64::BITS;

/// A set of numbers below a fixed limit.
pub(super) struct Bitmap {
    words: Vec<u64>,
    full: Vec<u64>,
    limit: u32,
    len: u32,
}

impl Bitmap {
    /// The empty set of numbers below `limit`.
    pub(super) fn new(limit: u32) -> Result<Self, OutOfMemory> {
        let words = zeroes(limit.div_ceil(BITS) as usize)?;
        let full = zeroes(words.len().div_ceil(BITS as usize))?;
        Ok(Self { words, full, limit, len: 0 })
    }

    /// Adds a number below the limit.
    pub(super) fn insert(&mut self, value: u32) {
        let Some(word) = self.words.get_mut((value / BITS) as usize) else { return };
        self.len += u32::from(*word >> (value % BITS) & 1 == 0);
        *word |= 1 << (value % BITS);
        if *word == u64::MAX {
            let index = value / BITS;
            self.full[(index / BITS) as usize] |= 1 << (index % BITS);
        }
    }

    /// Removes a number.
    pub(super) fn remove(&mut self, value: u32) {
        let Some(word) = self.words.get_mut((value / BITS) as usize) else { return };
        self.len -= (*word >> (value % BITS) & 1) as u32;
        *word &= !(1 << (value % BITS));
        let index = value / BITS;
        self.full[(index / BITS) as usize] &= !(1 << (index % BITS));
    }

    /// Whether it holds a number.
    pub(super) fn contains(&self, value: u32) -> bool {
        self.words.get((value / BITS) as usize).is_some_and(|word| word >> (value % BITS) & 1 == 1)
    }

    /// How many numbers it holds.
    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// The lowest number at or above `from` and below the limit that it does not hold.
    pub(super) fn first_free(&self, from: u32) -> Option<u32> {
        let start = from / BITS;
        let free = !self.words.get(start as usize)? & (u64::MAX << (from % BITS));
        if free != 0 {
            return self.below_limit(start * BITS + free.trailing_zeros());
        }
        let next = start + 1;
        let mut mask = u64::MAX << (next % BITS);
        for (index, full) in self.full.iter().enumerate().skip((next / BITS) as usize) {
            let open = !full & mask;
            mask = u64::MAX;
            if open != 0 {
                let word = index as u32 * BITS + open.trailing_zeros();
                let free = !self.words.get(word as usize)?;
                return self.below_limit(word * BITS + free.trailing_zeros());
            }
        }
        None
    }

    /// The lowest number at or above `from` that it holds.
    pub(super) fn next_taken(&self, from: u32) -> Option<u32> {
        let start = (from / BITS) as usize;
        let mut mask = u64::MAX << (from % BITS);
        for (index, word) in self.words.iter().enumerate().skip(start) {
            let taken = word & mask;
            mask = u64::MAX;
            if taken != 0 {
                return Some(index as u32 * BITS + taken.trailing_zeros());
            }
        }
        None
    }

    fn below_limit(&self, value: u32) -> Option<u32> {
        (value < self.limit).then_some(value)
    }
}

fn zeroes(length: usize) -> Result<Vec<u64>, OutOfMemory> {
    let mut words = Vec::new();
    words.try_reserve_exact(length)?;
    words.resize(length, 0);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn searches_agree_with_a_plain_scan(
            values in proptest::collection::vec((0_u32..10_000, any::<bool>()), 0..400),
            filled in 0_u32..10_000,
            from in 0_u32..10_100,
        ) {
            let mut bitmap = Bitmap::new(10_000).unwrap();
            for value in 0..filled {
                bitmap.insert(value);
            }
            for (value, add) in values {
                if add { bitmap.insert(value) } else { bitmap.remove(value) }
            }
            let free = (from..10_000).find(|value| !bitmap.contains(*value));
            let taken = (from..10_000).find(|value| bitmap.contains(*value));
            prop_assert_eq!(bitmap.first_free(from), free);
            prop_assert_eq!(bitmap.next_taken(from), taken);
            let len = (0..10_000).filter(|value| bitmap.contains(*value)).count();
            prop_assert_eq!(bitmap.len() as usize, len);
        }
    }
}
