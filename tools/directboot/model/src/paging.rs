//! Page tables of the kernel's first address space, built through a seam.
//!
//! Owned here: 4-level mapping with 4 KiB, 2 MiB and 1 GiB pages. Never here: the tables' memory,
//! control registers, what is mapped. Called by: `tools/directboot`. Invariants: an existing
//! mapping is never replaced by a table; permissions are only in the last level.
//! Source: Intel SDM volume 3A, 4.5 "4-Level Paging".

use crate::Error;

/// Bit 0: the entry is valid.
pub const PRESENT: u64 = 1;
/// Bit 1: writes are allowed.
pub const WRITABLE: u64 = 1 << 1;
/// Bit 7 above the last level: the entry maps a large page.
pub const LARGE: u64 = 1 << 7;
/// Bit 63: no execution. Valid only when EFER.NXE is set.
pub const NO_EXECUTE: u64 = 1 << 63;

/// The bits of an entry that are an address.
pub const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// The tables' memory.
pub trait Tables {
    /// Physical address of a new table, all entries 0.
    ///
    /// # Errors
    /// `OutOfMemory`, `MemoryMapFull`.
    fn create(&mut self) -> Result<u64, Error>;
    /// Entry `index` (below 512) of the table at `table`.
    fn load(&self, table: u64, index: usize) -> u64;
    /// Sets entry `index` (below 512) of the table at `table`.
    fn store(&mut self, table: u64, index: usize, entry: u64);
}

/// Size of the pages of one mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageSize {
    /// 4 KiB.
    Small,
    /// 2 MiB.
    Large,
    /// 1 GiB; not every CPU has them.
    Huge,
}

impl PageSize {
    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        1 << self.shift()
    }

    const fn shift(self) -> u32 {
        match self {
            PageSize::Small => 12,
            PageSize::Large => 21,
            PageSize::Huge => 30,
        }
    }
}

/// Maps `length` bytes at `virtual_address` to `physical` with pages of one size; all three are
/// multiples of it. `flags` are [`WRITABLE`] and [`NO_EXECUTE`].
///
/// # Errors
/// Those of [`Tables::create`].
pub fn map(
    tables: &mut impl Tables,
    root: u64,
    virtual_address: u64,
    physical: u64,
    length: u64,
    size: PageSize,
    flags: u64,
) -> Result<(), Error> {
    let large = if size == PageSize::Small { 0 } else { LARGE };
    for offset in (0..length).step_by(size.bytes() as usize) {
        let address = virtual_address.wrapping_add(offset);
        let mut table = root;
        for shift in [39, 30, 21] {
            if shift == size.shift() {
                break;
            }
            table = descend(tables, table, index(address, shift))?;
        }
        let entry = (physical + offset) & ADDRESS | large | flags | PRESENT;
        tables.store(table, index(address, size.shift()), entry);
    }
    Ok(())
}

fn descend(tables: &mut impl Tables, table: u64, index: usize) -> Result<u64, Error> {
    let entry = tables.load(table, index);
    if entry & PRESENT != 0 {
        return Ok(entry & ADDRESS);
    }
    let next = tables.create()?;
    tables.store(table, index, next | PRESENT | WRITABLE);
    Ok(next)
}

const fn index(address: u64, shift: u32) -> usize {
    (address >> shift & 511) as usize
}

/// The regions above 4 GiB that the direct map covers, as Limine decides it for base revision 2:
/// everything in the map but reserved and bad memory, rounded out to GiB. (The first 4 GiB are
/// always covered.)
pub fn direct_map_above_4_gib(
    regions: &[crate::memory::Region],
) -> impl Iterator<Item = (u64, u64)> + '_ {
    use crate::memory::{CEILING, Kind};
    let gib = PageSize::Huge.bytes();
    regions
        .iter()
        .filter(|it| !matches!(it.kind, Kind::Reserved | Kind::Bad) && it.end > CEILING)
        .map(move |it| {
            (it.base.max(CEILING) & !(gib - 1), it.end.saturating_add(gib - 1) & !(gib - 1))
        })
}
