//! The memory map: what the firmware says, made orderly, and what direct boot takes from it.
//!
//! Owned here: sorting, clipping, claiming, allocating, giving back. Never here: touching memory.
//! Called by: `tools/directboot` and `answers`. Invariants, after every operation: regions are
//! sorted and do not overlap; usable and reclaimable ones begin and end at pages; nothing below
//! 0x1000 is usable; what two firmware entries claim differently is never usable.
//! Source: Limine's PROTOCOL.md, "Memory Map Feature".

use crate::Error;
use crate::start_info::FirmwareRegion;

/// Size of a page in bytes.
pub const PAGE: u64 = 4096;

/// How many regions the map may have.
pub const CAPACITY: usize = 256;

/// Direct boot itself and all it allocates lie below this address, which its own tables reach.
pub const CEILING: u64 = 1 << 32;

/// Allocations stay above this address; below it is the place of the CPUs' start code.
pub const FLOOR: u64 = 1 << 20;

/// What a machine of 64 MiB has at least: the firmware keeps up to 2 MiB for itself.
pub const MINIMUM_USABLE: u64 = 62 << 20;

/// What a region is, with the numbers of the Limine protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub enum Kind {
    /// Free memory.
    #[default]
    Usable = 0,
    /// Not memory, or not ours.
    Reserved = 1,
    /// ACPI tables; free once they have been read.
    AcpiReclaimable = 2,
    /// ACPI's memory; never free.
    AcpiNvs = 3,
    /// Broken memory.
    Bad = 4,
    /// The loader, its tables and answers; free once the kernel needs none of them.
    BootloaderReclaimable = 5,
    /// The kernel's image, its file and the modules.
    KernelAndModules = 6,
    /// A framebuffer. Direct boot never has one.
    Framebuffer = 7,
}

impl Kind {
    /// Translates a firmware type number; unknown ones are reserved.
    fn of_firmware(kind: u32) -> Kind {
        match kind {
            1 => Kind::Usable,
            3 => Kind::AcpiReclaimable,
            4 => Kind::AcpiNvs,
            5 => Kind::Bad,
            _ => Kind::Reserved,
        }
    }
}

/// One region: `base..end`, never empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// First byte.
    pub base: u64,
    /// First byte after it.
    pub end: u64,
    /// What it is.
    pub kind: Kind,
}

/// The memory map.
#[derive(Clone, Debug)]
pub struct MemoryMap {
    regions: [Region; CAPACITY],
    count: usize,
}

impl MemoryMap {
    /// Makes the firmware's map orderly. Where entries overlap, the one that is not usable holds,
    /// and of two such the first.
    ///
    /// # Errors
    /// `MemoryMapFull`, or `TooLittleMemory` for less than [`MINIMUM_USABLE`].
    pub fn from_firmware(firmware: &[FirmwareRegion]) -> Result<MemoryMap, Error> {
        let mut map = MemoryMap { regions: [Region::default(); CAPACITY], count: 0 };
        let regions = firmware.iter().map(|it| Region {
            base: it.base,
            end: it.base.saturating_add(it.length),
            kind: Kind::of_firmware(it.kind),
        });
        for region in regions.clone().filter(|it| it.kind == Kind::Usable) {
            let base = align_up(region.base.max(PAGE)).unwrap_or(u64::MAX);
            map.fill(Region { base, end: align_down(region.end), kind: Kind::Usable })?;
        }
        for region in regions.filter(|it| it.kind != Kind::Usable && it.base < it.end) {
            let cover =
                (align_down(region.base), align_up(region.end).unwrap_or(align_down(u64::MAX)));
            map.convert(cover.0, cover.1, Kind::Usable, None)?;
            map.fill(region)?;
        }
        map.merge();
        let usable = map.usable_bytes();
        if usable < MINIMUM_USABLE { Err(Error::TooLittleMemory(usable)) } else { Ok(map) }
    }

    /// The regions, lowest first.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions[..self.count]
    }

    /// Sum of all usable memory in bytes.
    #[must_use]
    pub fn usable_bytes(&self) -> u64 {
        let usable = self.regions().iter().filter(|it| it.kind == Kind::Usable);
        usable.map(|it| it.end - it.base).sum()
    }

    /// Whether all of `base..end` is usable.
    #[must_use]
    pub fn is_usable(&self, base: u64, end: u64) -> bool {
        let mut usable = self.regions().iter().filter(|it| it.kind == Kind::Usable);
        usable.any(|it| it.base <= base && end <= it.end)
    }

    /// Makes what is usable of `base..end` (rounded out to pages) `kind`.
    ///
    /// # Errors
    /// `MemoryMapFull`.
    pub fn claim(&mut self, base: u64, end: u64, kind: Kind) -> Result<(), Error> {
        let end = align_up(end).ok_or(Error::MemoryMapFull)?;
        self.convert(align_down(base), end, Kind::Usable, Some(kind))?;
        self.merge();
        Ok(())
    }

    /// Makes what is `kind` of `base..end` (rounded out to pages) usable again.
    ///
    /// # Errors
    /// `MemoryMapFull`.
    pub fn release(&mut self, base: u64, end: u64, kind: Kind) -> Result<(), Error> {
        let end = align_up(end).ok_or(Error::MemoryMapFull)?;
        self.convert(align_down(base), end, kind, Some(Kind::Usable))?;
        self.merge();
        Ok(())
    }

    /// Takes `length` bytes (rounded up to pages) at a multiple of `alignment` (a power of two of
    /// at least a page) from the top of the memory between [`FLOOR`] and [`CEILING`].
    /// Returns the physical address.
    ///
    /// # Errors
    /// `OutOfMemory`, `MemoryMapFull`.
    pub fn allocate(&mut self, length: u64, alignment: u64, kind: Kind) -> Result<u64, Error> {
        let none = Error::OutOfMemory(length);
        let length = align_up(length.max(1)).ok_or(none)?;
        let mask = alignment.max(PAGE) - 1;
        let place = |region: &Region| {
            let base = region.end.min(CEILING).checked_sub(length)? & !mask;
            (base >= region.base.max(FLOOR)).then_some(base)
        };
        let usable = self.regions().iter().rev().filter(|it| it.kind == Kind::Usable);
        let base = usable.filter_map(place).next().ok_or(none)?;
        self.claim(base, base + length, kind)?;
        Ok(base)
    }

    /// Takes the lowest usable page, which must lie below [`FLOOR`]: a CPU starts in real mode.
    ///
    /// # Errors
    /// `OutOfMemory`, `MemoryMapFull`.
    pub fn allocate_low_page(&mut self, kind: Kind) -> Result<u64, Error> {
        let mut usable = self.regions().iter().filter(|it| it.kind == Kind::Usable);
        let base = usable.next().map(|it| it.base).filter(|&base| base < FLOOR);
        let base = base.ok_or(Error::OutOfMemory(PAGE))?;
        self.claim(base, base + PAGE, kind)?;
        Ok(base)
    }

    /// Inserts the parts of `region` that no region covers.
    fn fill(&mut self, region: Region) -> Result<(), Error> {
        let mut cursor = region.base;
        let mut index = 0;
        while cursor < region.end {
            let Some(next) = self.regions().get(index).copied() else {
                return self.insert(index, Region { base: cursor, ..region });
            };
            if next.end > cursor {
                let end = next.base.min(region.end);
                if cursor < end {
                    self.insert(index, Region { base: cursor, end, kind: region.kind })?;
                    index += 1;
                }
                cursor = next.end;
            }
            index += 1;
        }
        Ok(())
    }

    /// Makes the parts of `base..end` that are `from` into `to`, or removes them.
    fn convert(&mut self, base: u64, end: u64, from: Kind, to: Option<Kind>) -> Result<(), Error> {
        let mut index = 0;
        while let Some(region) = self.regions().get(index).copied() {
            let part = (region.base.max(base), region.end.min(end));
            if region.kind != from || part.0 >= part.1 {
                index += 1;
                continue;
            }
            self.remove(index);
            let pieces = [
                (region.base, part.0, Some(from)),
                (part.0, part.1, to),
                (part.1, region.end, Some(from)),
            ];
            for (base, end, kind) in pieces {
                if let (Some(kind), true) = (kind, base < end) {
                    self.insert(index, Region { base, end, kind })?;
                    index += 1;
                }
            }
        }
        Ok(())
    }

    /// Joins neighbours of one kind where the protocol promises alignment, so that it is kept.
    fn merge(&mut self) {
        let mut index = 1;
        while index < self.count {
            let (before, after) = (self.regions[index - 1], self.regions[index]);
            let joinable = matches!(after.kind, Kind::Usable | Kind::BootloaderReclaimable);
            if joinable && before.kind == after.kind && before.end == after.base {
                self.regions[index - 1].end = after.end;
                self.remove(index);
            } else {
                index += 1;
            }
        }
    }

    fn insert(&mut self, index: usize, region: Region) -> Result<(), Error> {
        if self.count == CAPACITY || index > self.count {
            return Err(Error::MemoryMapFull);
        }
        self.regions.copy_within(index..self.count, index + 1);
        self.regions[index] = region;
        self.count += 1;
        Ok(())
    }

    fn remove(&mut self, index: usize) {
        self.regions.copy_within(index + 1..self.count, index);
        self.count -= 1;
    }
}

/// `address` rounded down to a page.
#[must_use]
pub const fn align_down(address: u64) -> u64 {
    address & !(PAGE - 1)
}

/// `address` rounded up to a page, if there is such an address.
#[must_use]
pub const fn align_up(address: u64) -> Option<u64> {
    match address.checked_add(PAGE - 1) {
        Some(sum) => Some(align_down(sum)),
        None => None,
    }
}
