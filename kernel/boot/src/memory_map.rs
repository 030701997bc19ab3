//! The machine's memory, cleaned: sorted, disjoint, whole pages, one kind each.
//!
//! Owns: [`MemoryMap`] and how disagreeing entries are settled. Never here: the boot protocol's
//! numbers, and what is done with a region. Called by boot, once.
//!
//! Firmware may hand out entries that overlap, that are not page aligned, that are empty or wrap
//! around. A page that several entries touch gets the strictest kind of them; free kinds never gain
//! a byte by rounding, all others never lose one.
//!
//! Invariants: regions are in rising order, not empty, page aligned, disjoint, and two that touch
//! differ in kind; no region reaches beyond [`PHYSICAL_END`].

use core::ops::Range;

use heapless::Vec;

/// Bytes in a page.
pub const PAGE: u64 = 4096;

/// First byte that no x86-64 CPU can address (Intel SDM 3A 4.1.4: at most 52 bits).
pub const PHYSICAL_END: u64 = 1 << 52;

/// Regions a map can have.
pub const CAPACITY: usize = 256;

/// What a region is, from free to strict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Free RAM.
    Usable,
    /// RAM that the boot loader uses: free once nothing of the loader is needed any more.
    Reclaimable,
    /// RAM that holds the kernel's image and the boot modules.
    Image,
    /// RAM that holds firmware tables.
    Firmware,
    /// Everything else: reserved, broken, a framebuffer.
    Reserved,
}

impl Kind {
    /// Whether a page of this kind must lie inside the entry as a whole.
    const fn rounds_inward(self) -> bool {
        matches!(self, Self::Usable | Self::Reclaimable)
    }

    /// Whether it is RAM that the kernel may read.
    #[must_use]
    pub const fn is_ram(self) -> bool {
        !matches!(self, Self::Reserved)
    }
}

/// A range of physical addresses of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// First byte.
    pub start: u64,
    /// First byte after it.
    pub end: u64,
    /// What it is.
    pub kind: Kind,
}

impl Region {
    /// Bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.end - self.start
    }

    /// The entry as whole pages; `None` if none is left.
    fn rounded(base: u64, length: u64, kind: Kind) -> Option<Self> {
        let end = base.saturating_add(length).min(PHYSICAL_END);
        let (start, end) = if kind.rounds_inward() {
            (base.checked_next_multiple_of(PAGE)?, end / PAGE * PAGE)
        } else {
            (base / PAGE * PAGE, end.next_multiple_of(PAGE))
        };
        (length > 0 && start < end).then_some(Self { start, end, kind })
    }
}

/// More regions than [`CAPACITY`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooManyRegions;

/// The cleaned map.
#[derive(Clone, Debug, Default)]
pub struct MemoryMap {
    regions: Vec<Region, CAPACITY>,
}

impl MemoryMap {
    /// Cleans the entries (base, length in bytes, kind) of a boot loader.
    ///
    /// # Errors
    /// [`TooManyRegions`] before or after cleaning.
    pub fn clean(entries: impl Iterator<Item = (u64, u64, Kind)>) -> Result<Self, TooManyRegions> {
        let mut raw: Vec<Region, CAPACITY> = Vec::new();
        for region in entries.filter_map(|(base, length, kind)| Region::rounded(base, length, kind))
        {
            raw.push(region).map_err(|_| TooManyRegions)?;
        }
        let mut cuts: Vec<u64, { 2 * CAPACITY }> = Vec::new();
        for edge in raw.iter().flat_map(|region| [region.start, region.end]) {
            cuts.push(edge).map_err(|_| TooManyRegions)?;
        }
        cuts.sort_unstable();
        let mut map = Self::default();
        for (&start, &end) in cuts.iter().zip(cuts.iter().skip(1)) {
            let covering = raw.iter().filter(|region| region.start <= start && end <= region.end);
            if let Some(kind) = covering.map(|region| region.kind).max()
                && start < end
            {
                map.push(Region { start, end, kind })?;
            }
        }
        Ok(map)
    }

    /// Appends a region, growing the last one if they are of one kind and touch.
    fn push(&mut self, region: Region) -> Result<(), TooManyRegions> {
        match self.regions.last_mut() {
            Some(last) if last.end == region.start && last.kind == region.kind => {
                last.end = region.end;
                Ok(())
            }
            _ => self.regions.push(region).map_err(|_| TooManyRegions),
        }
    }

    /// All regions in rising order.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// The regions of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Region> {
        self.regions.iter().filter(move |region| region.kind == kind)
    }

    /// Bytes of one kind.
    #[must_use]
    pub fn total(&self, kind: Kind) -> u64 {
        self.of(kind).map(Region::length).sum()
    }

    /// Bytes of RAM of every kind: what the machine has, within a few pages.
    #[must_use]
    pub fn total_ram(&self) -> u64 {
        self.regions.iter().filter(|region| region.kind.is_ram()).map(Region::length).sum()
    }

    /// First byte after the last RAM.
    #[must_use]
    pub fn end_of_ram(&self) -> u64 {
        let last = self.regions.iter().rev().find(|region| region.kind.is_ram());
        last.map_or(0, |region| region.end)
    }

    /// The largest usable region that begins below `limit`, cut at `limit`.
    #[must_use]
    pub fn largest_usable(&self, limit: u64) -> Option<Range<u64>> {
        self.of(Kind::Usable)
            .map(|region| region.start..region.end.min(limit))
            .filter(|range| !range.is_empty())
            .max_by_key(|range| range.end - range.start)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::{vec, vec::Vec as StdVec};

    fn clean(entries: &[(u64, u64, Kind)]) -> StdVec<(u64, u64, Kind)> {
        let map = MemoryMap::clean(entries.iter().copied()).unwrap();
        map.regions().iter().map(|region| (region.start, region.end, region.kind)).collect()
    }

    #[test]
    fn a_tidy_map_stays_as_it_is() {
        let entries = [
            (0x1000, 0x9e000, Kind::Usable),
            (0x10_0000, 0x1000, Kind::Image),
            (0x10_1000, 0x1000, Kind::Usable),
        ];
        assert_eq!(
            clean(&entries),
            vec![
                (0x1000, 0x9f000, Kind::Usable),
                (0x10_0000, 0x10_1000, Kind::Image),
                (0x10_1000, 0x10_2000, Kind::Usable)
            ]
        );
    }

    #[test]
    fn free_pages_round_inward_and_others_outward() {
        assert_eq!(clean(&[(0x1001, 0x3000, Kind::Usable)]), vec![(0x2000, 0x4000, Kind::Usable)]);
        assert_eq!(
            clean(&[(0x1001, 0x3000, Kind::Reserved)]),
            vec![(0x1000, 0x5000, Kind::Reserved)]
        );
        assert_eq!(clean(&[(0x1001, 0xffe, Kind::Usable)]), vec![]);
        assert_eq!(clean(&[(0x1001, 1, Kind::Reserved)]), vec![(0x1000, 0x2000, Kind::Reserved)]);
    }

    #[test]
    fn empty_and_wrapping_entries_do_no_harm() {
        assert_eq!(clean(&[(0x1000, 0, Kind::Reserved)]), vec![]);
        assert_eq!(clean(&[(u64::MAX - 5, 100, Kind::Usable)]), vec![]);
        assert_eq!(
            clean(&[(0x1000, u64::MAX, Kind::Reserved)]),
            vec![(0x1000, PHYSICAL_END, Kind::Reserved)]
        );
    }

    #[test]
    fn the_strictest_kind_wins_and_splits() {
        assert_eq!(
            clean(&[
                (0, 0x10000, Kind::Usable),
                (0x4000, 0x1000, Kind::Reserved),
                (0x4800, 0x1800, Kind::Firmware)
            ]),
            vec![
                (0, 0x4000, Kind::Usable),
                (0x4000, 0x5000, Kind::Reserved),
                (0x5000, 0x6000, Kind::Firmware),
                (0x6000, 0x10000, Kind::Usable)
            ]
        );
    }

    #[test]
    fn touching_regions_of_one_kind_are_one() {
        assert_eq!(
            clean(&[(0x2000, 0x1000, Kind::Usable), (0x1000, 0x1000, Kind::Usable)]),
            vec![(0x1000, 0x3000, Kind::Usable)]
        );
    }

    #[test]
    fn too_many_regions_are_an_error() {
        let entry = |index: u64| (index * 0x2000, 0x1000, Kind::Usable);
        assert!(MemoryMap::clean((0..CAPACITY as u64).map(entry)).is_ok());
        assert!(MemoryMap::clean((0..=CAPACITY as u64).map(entry)).is_err());
    }

    #[test]
    fn totals_and_the_largest_region() {
        let map = MemoryMap::clean(
            [
                (0x1000, 0x1000, Kind::Usable),
                (0x10_0000, 0x10_0000, Kind::Usable),
                (0x20_0000, 0x1000, Kind::Image),
                (1 << 32, 1 << 30, Kind::Usable),
                (1 << 40, 0x1000, Kind::Reserved),
            ]
            .into_iter(),
        )
        .unwrap();
        assert_eq!(map.total(Kind::Image), 0x1000);
        assert_eq!(map.total_ram(), 0x10_2000 + (1 << 30));
        assert_eq!(map.end_of_ram(), (1 << 32) + (1 << 30));
        assert_eq!(map.largest_usable(1 << 32), Some(0x10_0000..0x20_0000));
        assert_eq!(map.largest_usable(u64::MAX), Some(1 << 32..(1 << 32) + (1 << 30)));
        assert_eq!(map.largest_usable(0x1000), None);
    }

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::Usable),
            Just(Kind::Reclaimable),
            Just(Kind::Image),
            Just(Kind::Firmware),
            Just(Kind::Reserved)
        ]
    }

    proptest! {
        #[test]
        fn every_page_has_the_strictest_kind_that_claims_it(
            entries in proptest::collection::vec((0u64..0x40_000, 0u64..0x10_000, kind()), 0..40)
        ) {
            let map = MemoryMap::clean(entries.iter().copied()).unwrap();
            for pair in map.regions().windows(2) {
                prop_assert!(pair[0].end < pair[1].start
                    || pair[0].end == pair[1].start && pair[0].kind != pair[1].kind);
            }
            for page in (0..0x51_000u64).step_by(PAGE as usize) {
                let claims = |&(base, length, kind): &(u64, u64, Kind)| {
                    let end = base + length;
                    let claimed = if kind.rounds_inward() {
                        base <= page && page + PAGE <= end
                    } else {
                        base < page + PAGE && page < end && length > 0
                    };
                    claimed.then_some(kind)
                };
                let expected = entries.iter().filter_map(claims).max();
                let found = map.regions().iter().find(|r| r.start <= page && page < r.end);
                prop_assert_eq!(found.map(|r| r.kind), expected);
            }
        }
    }
}
