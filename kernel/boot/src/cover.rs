//! Covers a range with the largest pages that fit.
//!
//! Owns: [`PageSize`], [`Cover`]. Never here: table entries. Called by the kernel's own page
//! tables. Invariants: the pieces are in order, disjoint, and together exactly the range; each is
//! aligned to its size on both sides.
//! Source: Intel SDM 3A 4.5 (4-level paging: pages of 4 KiB, 2 MiB, 1 GiB).

/// A size of page that 4-level paging has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PageSize {
    /// 4 KiB, mapped by a level-1 entry.
    Small,
    /// 2 MiB, mapped by a level-2 entry.
    Large,
    /// 1 GiB, mapped by a level-3 entry; only where CPUID says so.
    Huge,
}

impl PageSize {
    /// Bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Small => 4 << 10,
            Self::Large => 2 << 20,
            Self::Huge => 1 << 30,
        }
    }

    /// The level of the table whose entry maps it.
    #[must_use]
    pub const fn level(self) -> u32 {
        match self {
            Self::Small => 1,
            Self::Large => 2,
            Self::Huge => 3,
        }
    }
}

/// One page of a cover.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Virtual address.
    pub address: u64,
    /// Physical address.
    pub physical: u64,
    /// Its size.
    pub size: PageSize,
}

/// The pages that map `length` bytes at `physical` to `address`.
#[derive(Clone, Debug)]
pub struct Cover {
    address: u64,
    physical: u64,
    left: u64,
    largest: PageSize,
}

impl Cover {
    /// Addresses and length are multiples of 4 KiB; what is not is rounded down.
    #[must_use]
    pub const fn new(address: u64, physical: u64, length: u64, largest: PageSize) -> Self {
        let mask = !(PageSize::Small.bytes() - 1);
        Self { address: address & mask, physical: physical & mask, left: length & mask, largest }
    }
}

impl Iterator for Cover {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let fits = |size: &PageSize| {
            *size <= self.largest
                && size.bytes() <= self.left
                && (self.address | self.physical).is_multiple_of(size.bytes())
        };
        let size = [PageSize::Huge, PageSize::Large, PageSize::Small]
            .into_iter()
            .find(|size| fits(size))?;
        let piece = Piece { address: self.address, physical: self.physical, size };
        self.address = self.address.wrapping_add(size.bytes());
        self.physical = self.physical.wrapping_add(size.bytes());
        self.left -= size.bytes();
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    const GIB: u64 = 1 << 30;
    const MIB: u64 = 1 << 20;

    #[test]
    fn uses_large_pages_inside_and_small_ones_at_the_edges() {
        let sizes = |largest| {
            let cover = Cover::new(
                GIB - 2 * MIB - 4096,
                GIB - 2 * MIB - 4096,
                GIB + 4 * MIB + 8192,
                largest,
            );
            cover.map(|piece| piece.size).collect::<Vec<_>>()
        };
        let huge = sizes(PageSize::Huge);
        assert_eq!(
            huge,
            [PageSize::Small, PageSize::Large, PageSize::Huge, PageSize::Large, PageSize::Small]
        );
        assert_eq!(sizes(PageSize::Large).len(), 1 + 1 + 512 + 1 + 1);
        assert!(sizes(PageSize::Small).iter().all(|size| *size == PageSize::Small));
    }

    #[test]
    fn both_addresses_must_be_aligned() {
        let mut cover = Cover::new(2 * MIB, 4096, 2 * MIB, PageSize::Huge);
        assert!(cover.all(|piece| piece.size == PageSize::Small));
        assert_eq!(Cover::new(0, 0, 4095, PageSize::Huge).count(), 0);
    }

    proptest! {
        #[test]
        fn pieces_are_exactly_the_range(
            start in 0u64..3 * 512 * 512, length in 0u64..2048, shift in 0u64..2
        ) {
            let (start, length) = (start * 4096, length * 4096);
            let physical = start + shift * GIB;
            let (mut at, mut left) = (start, length);
            for piece in Cover::new(start, physical, length, PageSize::Huge) {
                prop_assert_eq!(piece.address, at);
                prop_assert_eq!(piece.physical, at + shift * GIB);
                prop_assert!(piece.address.is_multiple_of(piece.size.bytes()));
                prop_assert!(piece.physical.is_multiple_of(piece.size.bytes()));
                at += piece.size.bytes();
                left -= piece.size.bytes();
            }
            prop_assert_eq!(left, 0);
        }
    }
}
