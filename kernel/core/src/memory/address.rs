//! User addresses and how the four levels of page tables cut them.
//!
//! Owns: page arithmetic, table indices, the zones of inheritance. Never here: the picture of the
//! address space itself (that is [`tine_abi::layout`]). Called by everything in `memory`.
//!
//! Levels are numbered as in the Intel manual: 4 is the root (PML4), 1 holds the leaves.
//! Source: Intel SDM volume 3A, 4.5.

use core::ops::Range;

use tine_abi::{Error, layout, memory::Inheritance};

/// Bytes in a page.
pub const PAGE: u64 = tine_abi::memory::PAGE;

/// log2 of [`PAGE`].
pub const PAGE_SHIFT: u32 = PAGE.trailing_zeros();

/// Entries in a table.
pub const ENTRIES: usize = 512;

/// Entries that one bit of an occupancy map stands for.
pub const GROUP: usize = ENTRIES / 64;

/// Parts of a table: what can be lent on its own. A part is four bits of the occupancy map.
pub const PARTS: usize = 16;

/// Entries in a part.
pub const PART: usize = ENTRIES / PARTS;

/// Bits that a part has in an occupancy map.
pub(crate) const GROUPS: usize = PART / GROUP;

/// The bits of an occupancy map that a part has.
#[inline]
pub(crate) const fn groups_of(part: usize) -> u64 {
    0xf << (GROUPS * (part % PARTS))
}

/// The first of them, which is the one of a marker: sets of parts are written so.
#[inline]
pub(crate) const fn first_group_of(part: usize) -> u64 {
    1 << (GROUPS * (part % PARTS))
}

/// The parts, by their first groups, of which any bit is set.
#[inline]
pub(crate) const fn parts_of(bits: u64) -> u64 {
    let pairs = bits | bits >> 1;
    (pairs | pairs >> 2) & 0x1111_1111_1111_1111
}

/// How many parts there are in a set of at most 15.
#[inline]
pub(crate) const fn count_of(parts: u64) -> u16 {
    // The highest four bits of the product are the sum of all groups of four.
    (parts.wrapping_mul(0x1111_1111_1111_1111) >> 60) as u16
}

/// The first entry of the first group in an occupancy map that is not empty.
#[inline(always)]
pub(crate) const fn first_of(groups: u64) -> usize {
    // The mask tells the compiler that the index lies in the table: each entry of the group is then
    // reached by a constant displacement.
    (groups.trailing_zeros() as usize & 63) * GROUP
}

/// The level of the root.
pub const ROOT_LEVEL: u32 = 4;

/// Entries of the root that are the user's: the lower half.
pub const USER_ENTRIES: usize = (layout::END / layout::TOP_ENTRY) as usize;

/// Occupancy bits of those root entries that a fork gives to the child.
pub(crate) const INHERITED_GROUPS: u64 = {
    let first = (layout::NOT_INHERITED.start / layout::TOP_ENTRY) as usize;
    assert!(first.is_multiple_of(GROUP), "a group of entries is inherited whole or not at all");
    assert!(layout::NOT_INHERITED.end <= layout::END, "ranges not inherited come last");
    (1 << (first / GROUP)) - 1
};

/// log2 of the bytes that one entry of a table of `level` maps.
#[inline]
#[must_use]
pub const fn shift(level: u32) -> u32 {
    PAGE_SHIFT + 9 * (level - 1)
}

/// Bytes that one entry of a table of `level` maps.
#[inline]
#[must_use]
pub const fn span(level: u32) -> u64 {
    1 << shift(level)
}

/// Index of `address` in a table of `level`.
#[inline]
#[must_use]
pub const fn index(address: u64, level: u32) -> usize {
    (address >> shift(level)) as usize & (ENTRIES - 1)
}

/// The next multiple of `alignment` (a power of two) at or above `address`, if there is one.
#[inline]
#[must_use]
pub const fn align_up(address: u64, alignment: u64) -> Option<u64> {
    match address.checked_add(alignment - 1) {
        Some(sum) => Some(sum & !(alignment - 1)),
        None => None,
    }
}

/// Whether a fork skips `address`.
#[inline]
#[must_use]
pub const fn is_own(address: u64) -> bool {
    address >= layout::NOT_INHERITED.start
}

/// The page range of `length` bytes at `address`, if it is one: aligned, not empty, the user's, and
/// not across the border of what forks skip.
pub fn range(address: u64, length: u64) -> Result<Range<u64>, Error> {
    let end = address.checked_add(length).ok_or(Error::BadArgument)?;
    let sound = (address | length) & (PAGE - 1) == 0
        && length > 0
        && address >= layout::LOWEST
        && end <= layout::END
        && is_own(address) == is_own(end - 1);
    if sound { Ok(address..end) } else { Err(Error::BadArgument) }
}

/// Where ranges of this inheritance may be put when the caller names the address.
pub(crate) fn is_allowed(range: &Range<u64>, inheritance: Inheritance) -> bool {
    let within = |zone: &Range<u64>| zone.start <= range.start && range.end <= zone.end;
    match inheritance {
        Inheritance::Copy => within(&(layout::LOWEST..layout::SHARED.start)),
        Inheritance::Share => {
            within(&layout::SHARED) || within(&(layout::LOWEST..layout::TOP_ENTRY))
        }
        Inheritance::None => within(&layout::NOT_INHERITED),
    }
}

/// Where the kernel puts a range of `length` bytes, and on which alignment.
///
/// Large private ranges have tables of their own, so that the first write after a fork to a small
/// one never copies a full table: they begin on a region, in the lower half of the private zone.
pub(crate) fn zone(inheritance: Inheritance, length: u64) -> (Zone, Range<u64>, u64) {
    const MIDDLE: u64 = 32 * layout::TOP_ENTRY;
    const { assert!(layout::PRIVATE.start < MIDDLE && MIDDLE < layout::PRIVATE.end) };
    match inheritance {
        Inheritance::Copy if length >= layout::REGION => {
            (Zone::Large, layout::PRIVATE.start..MIDDLE, layout::REGION)
        }
        Inheritance::Copy => (Zone::Small, MIDDLE..layout::PRIVATE.end, PAGE),
        Inheritance::Share => (Zone::Shared, layout::SHARED, PAGE),
        Inheritance::None => (Zone::Own, layout::NOT_INHERITED, PAGE),
    }
}

/// The parts of the address space in which the kernel chooses addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Zone {
    Large,
    Small,
    Shared,
    Own,
}

impl Zone {
    pub(crate) const COUNT: usize = 4;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_indices_and_offset() {
        let address = 3 << 39 | 5 << 30 | 7 << 21 | 11 << 12 | 13;
        assert_eq!([4, 3, 2, 1].map(|level| index(address, level)), [3, 5, 7, 11]);
        assert_eq!(span(1), PAGE);
        assert_eq!(span(2), layout::REGION);
        assert_eq!(span(ROOT_LEVEL), layout::TOP_ENTRY);
    }

    #[test]
    fn only_page_ranges_of_the_user_are_ranges() {
        assert!(range(layout::LOWEST, PAGE).is_ok());
        assert!(range(layout::END - PAGE, PAGE).is_ok());
        for (address, length) in [
            (layout::LOWEST, 0),
            (layout::LOWEST + 1, PAGE),
            (layout::LOWEST, PAGE + 1),
            (0, PAGE),
            (layout::END - PAGE, 2 * PAGE),
            (layout::END, PAGE),
            (u64::MAX - PAGE + 1, PAGE),
            (PAGE, !(PAGE - 1)),
            (layout::NOT_INHERITED.start - PAGE, 2 * PAGE),
        ] {
            assert_eq!(range(address, length), Err(Error::BadArgument), "{address:#x}+{length:#x}");
        }
    }

    #[test]
    fn a_chosen_address_would_also_be_allowed_by_name() {
        for inheritance in [Inheritance::Copy, Inheritance::Share, Inheritance::None] {
            for length in [PAGE, layout::REGION] {
                let (_, zone, alignment) = zone(inheritance, length);
                assert!(is_allowed(&zone, inheritance));
                assert_eq!(zone.start % alignment, 0);
            }
        }
    }
}
