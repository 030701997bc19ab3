//! Page-table entries: bits and how protection becomes bits.
//!
//! Owns: the meaning of a 64-bit entry. Never here: tables, counts, policy; an entry is never asked
//! what is allowed (the mapping tree is), it only remembers part of the answer for the processor.
//!
//! An entry is zero, or it holds a frame, or it is the marker of a borrowed part ([`borrowed`]). A
//! leaf that holds a frame which nothing may access has [`HELD`] instead of [`PRESENT`]. Tables have no
//! bit that restricts but [`WRITABLE`]: NX is set in leaves only, [`USER`] in every entry. Source: Intel
//! SDM volume 3A, table 4-20.

use tine_abi::memory::Protection;

use crate::machine::Frame;

/// The processor may use the entry.
pub const PRESENT: u64 = 1 << 0;
/// Stores are allowed below.
pub const WRITABLE: u64 = 1 << 1;
/// User mode may use it.
pub const USER: u64 = 1 << 2;
/// Write-through caching, for device memory.
pub const WRITE_THROUGH: u64 = 1 << 3;
/// No caching, for device memory.
pub const CACHE_DISABLE: u64 = 1 << 4;
/// Set by the processor at the first use.
pub const ACCESSED: u64 = 1 << 5;
/// Set by the processor at the first store.
pub const DIRTY: u64 = 1 << 6;
/// Ours: the leaf holds a frame although it is not present.
pub const HELD: u64 = 1 << 9;
/// Ours: the entry stands for a part of its table; see [`borrowed`].
pub const BORROWED: u64 = 1 << 10;
/// No instruction fetch.
pub const NO_EXECUTE: u64 = 1 << 63;

/// Where a marker has the number of its part: it is not present, so all bits are ours.
const PART_SHIFT: u32 = 52;

/// The frame that a non-zero entry holds. (Physical addresses end below 2^44, see [`Frame`].)
#[inline(always)]
#[must_use]
pub const fn frame(entry: u64) -> Frame {
    Frame((entry >> 12) as u32)
}

/// Whether the entry holds a frame: it is neither zero nor a marker.
#[inline(always)]
#[must_use]
pub const fn is_held(entry: u64) -> bool {
    entry & (PRESENT | HELD) != 0
}

/// The marker at the head of a part (0..16) whose entries are still to be read in `lender`, a table
/// of the same level, at the same place.
#[inline]
#[must_use]
pub const fn borrowed(lender: Frame, part: usize) -> u64 {
    (part as u64) << PART_SHIFT | lender.address() | BORROWED
}

/// The marker of the next part.
#[inline]
#[must_use]
pub const fn next(marker: u64) -> u64 {
    marker.wrapping_add(1 << PART_SHIFT)
}

/// The part that a marker names; its lender is [`frame`].
#[inline]
#[must_use]
pub const fn part(marker: u64) -> usize {
    (marker >> PART_SHIFT) as usize % super::address::PARTS
}

/// An entry that points to a table which is this space's alone.
#[inline]
#[must_use]
pub const fn table(frame: Frame) -> u64 {
    frame.address() | PRESENT | WRITABLE | USER
}

/// A leaf for a private page of writable memory.
#[inline]
#[must_use]
pub const fn data(frame: Frame) -> u64 {
    frame.address() | PRESENT | WRITABLE | USER | NO_EXECUTE
}

/// A leaf for `frame` with what `protection` allows except stores.
#[inline]
#[must_use]
pub const fn leaf(frame: Frame, protection: Protection) -> u64 {
    allow(frame.address() | USER, protection)
}

/// `entry` raised to loads, and fetches, as far as `protection` allows. Never adds stores: whether
/// the frame may be written in place is not for the protection to say.
#[inline]
#[must_use]
pub const fn allow(entry: u64, protection: Protection) -> u64 {
    let entry = if protection.contains(Protection::READ) {
        (entry & !HELD) | PRESENT
    } else {
        (entry & !PRESENT) | HELD
    };
    if protection.contains(Protection::EXECUTE) { entry & !NO_EXECUTE } else { entry | NO_EXECUTE }
}

/// `entry` lowered to at most what `protection` allows. Never adds anything.
#[inline]
#[must_use]
pub const fn restrict(entry: u64, protection: Protection) -> u64 {
    let mut entry = entry;
    if !protection.contains(Protection::WRITE) {
        entry &= !WRITABLE;
    }
    if !protection.contains(Protection::EXECUTE) {
        entry |= NO_EXECUTE;
    }
    if !protection.contains(Protection::READ) {
        entry = (entry & !PRESENT) | HELD;
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_every_bit_around_it() {
        let number = Frame(0xffff_fffe);
        for entry in
            [table(number), leaf(number, Protection::all()), leaf(number, Protection::READ)]
        {
            assert_eq!(frame(entry), number);
            assert_ne!(entry, 0);
        }
        assert_eq!(frame(leaf(number, Protection::empty()) | NO_EXECUTE), number);
        for index in 0..16 {
            let marker = borrowed(number, index);
            assert_eq!((frame(marker), part(marker)), (number, index));
            assert!(!is_held(marker), "the processor and the kernel take it for nothing");
        }
    }

    #[test]
    fn restricting_only_takes_away_and_allowing_never_adds_stores() {
        for before in (0..8).map(Protection::from_bits_truncate) {
            for after in (0..8).map(Protection::from_bits_truncate) {
                let full = leaf(Frame(7), before) | WRITABLE;
                let lowered = restrict(full, after);
                assert!(lowered & PRESENT <= full & PRESENT);
                assert!(lowered & WRITABLE <= full & WRITABLE);
                assert!(lowered & NO_EXECUTE >= full & NO_EXECUTE);
                assert_eq!(allow(lowered & !WRITABLE, after) & WRITABLE, 0);
                assert_eq!(restrict(allow(lowered, after), after), allow(lowered, after));
            }
        }
    }
}
