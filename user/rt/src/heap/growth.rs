//! When and how the heap grows: pure arithmetic.
//!
//! The first heap lies in the hot region. It is given to the allocator piece by piece, because an
//! allocator marks the end of what it has: with the whole heap claimed at once, every process
//! would use, and every fork copy, one more page at the far end. When the first heap is used up,
//! memory is mapped in multiples of a region, which lie under other top-level entries.

use core::ops::Range;

use tine_abi::layout::REGION;
use tine_abi::memory::PAGE;

/// What the allocator needs beyond the bytes asked for, per block: its tags, and its tables in the
/// first piece.
const OVERHEAD: usize = 64;
/// First piece: the allocator's tables and the first small blocks.
const FIRST: usize = 2 * PAGE as usize;

/// One step of growing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Claim this range, the beginning of the first heap.
    First {
        /// Its first byte.
        start: usize,
        /// First byte after it.
        end: usize,
    },
    /// Extend the first heap to here.
    Extend {
        /// First byte after it.
        end: usize,
    },
    /// Map so many bytes and claim them.
    Map {
        /// A multiple of a region.
        bytes: usize,
    },
}

/// State of the first heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    start: usize,
    claimed: usize,
    limit: usize,
}

impl Growth {
    /// No first heap: everything is mapped.
    #[must_use]
    pub const fn none() -> Self {
        Self { start: 0, claimed: 0, limit: 0 }
    }

    /// A first heap in this range.
    #[must_use]
    pub const fn new(range: Range<usize>) -> Self {
        let limit = range.end - range.end % PAGE as usize;
        let limit = if limit < range.start { range.start } else { limit };
        Self { start: range.start, claimed: range.start, limit }
    }

    /// First byte of the first heap that was not given to the allocator yet.
    #[must_use]
    pub const fn claimed(&self) -> usize {
        self.claimed
    }

    /// The step to take when a block of so many bytes with this alignment found no room; `None`
    /// when no step can help.
    pub fn next(&mut self, size: usize, align: usize) -> Option<Step> {
        let needed = size.checked_add(align)?.checked_add(OVERHEAD)?;
        let beginning = self.claimed == self.start;
        let least = if beginning { needed.checked_add(FIRST)? } else { needed };
        // A quarter more each time, so that a growing program asks rarely; at last, all the rest.
        let wanted = least.max((self.claimed - self.start) / 4);
        let end = self.page_after(wanted).or_else(|| self.page_after(least).map(|_| self.limit));
        if let Some(end) = end {
            self.claimed = end;
            return Some(match beginning {
                true => Step::First { start: self.start, end },
                false => Step::Extend { end },
            });
        }
        // A heap of its own begins with a tag, and tables if it is the very first.
        let bytes = needed.checked_add(FIRST)?.checked_next_multiple_of(REGION as usize)?;
        isize::try_from(bytes).ok().map(|_| Step::Map { bytes })
    }

    /// The first page boundary at least `bytes` after what is claimed, inside the first heap.
    fn page_after(&self, bytes: usize) -> Option<usize> {
        let end = self.claimed.checked_add(bytes)?.checked_next_multiple_of(PAGE as usize)?;
        (end <= self.limit).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: usize = PAGE as usize;
    const MIB: usize = 1 << 20;

    #[test]
    fn a_small_program_uses_three_pages() {
        let mut growth = Growth::new(0x60_1000..0x7b_0000);
        let first = Step::First { start: 0x60_1000, end: 0x60_1000 + 3 * PAGES };
        assert_eq!(growth.next(100, 8), Some(first));
        assert_eq!(growth.next(100, 8), Some(Step::Extend { end: 0x60_1000 + 4 * PAGES }));
    }

    #[test]
    fn growth_is_a_quarter_and_stops_at_the_limit() {
        let mut growth = Growth::new(MIB..2 * MIB);
        let mut steps = 0;
        let mut last = MIB;
        loop {
            match growth.next(64, 8).unwrap() {
                Step::First { end, .. } | Step::Extend { end } => {
                    assert!(end > last && end <= 2 * MIB);
                    last = end;
                }
                Step::Map { bytes } => {
                    assert_eq!(bytes, 2 * MIB);
                    break;
                }
            }
            steps += 1;
        }
        assert!(last == 2 * MIB, "the first heap was used up: {last:#x}");
        assert!(steps < 40, "{steps} steps for a megabyte");
    }

    #[test]
    fn what_does_not_fit_is_mapped_and_later_small_blocks_still_fit() {
        let mut growth = Growth::new(MIB..2 * MIB);
        assert_eq!(growth.next(3 * MIB, 16), Some(Step::Map { bytes: 4 * MIB }));
        assert!(matches!(growth.next(10, 1), Some(Step::First { .. })));
        assert_eq!(growth.next(2 * MIB - 4096, 4096), Some(Step::Map { bytes: 4 * MIB }));
    }

    #[test]
    fn without_a_first_heap_everything_is_mapped() {
        assert_eq!(Growth::none().next(10, 8), Some(Step::Map { bytes: 2 * MIB }));
        assert_eq!(Growth::none().next(usize::MAX, 8), None);
        assert_eq!(Growth::none().next(usize::MAX - MIB, 1), None);
    }
}
