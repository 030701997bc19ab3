//! The kernel's own page tables: built once, then only ever extended during boot.
//!
//! Owns: the tables of the upper half, the pool of frames they come from, the address of the direct
//! map. Never here: user mappings (the portable kernel's), which it copies this upper half into.
//! Called by boot.
//!
//! ```text
//! entry 256..384  direct map: physical address p at DIRECT_MAP + p, not executable;
//!                 RAM with the largest pages that fit, devices uncached page by page
//! entry 384..511  empty level-3 tables
//! entry 511       the image at its top 2 GiB, each part with its own rights; guard pages absent
//! ```
//!
//! Invariants: every upper entry of the root has its table from the start, so the upper half can be
//! copied into any root and never changes there; nothing is writable and executable; everything is
//! global where the CPU has global pages; accessed and dirty bits are set in advance.
//! Source: Intel SDM 3A 4.5 (entries), 4.10.2.4 (global pages), 11.12.4 (PAT with its power-on
//! values: PCD and PWT together mean uncached).

use core::ptr;

use tine_kboot::cover::{Cover, PageSize};
use x86_64::{
    PhysAddr,
    registers::control::{Cr3, Cr3Flags},
    structures::paging::PhysFrame,
};

use super::{image, registers::Features, stacks};

/// Where physical address 0 is mapped.
pub(crate) const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
/// First physical address that the direct map has no room for.
pub(crate) const DIRECT_MAP_LIMIT: u64 = 64 << 40;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const WRITE_THROUGH: u64 = 1 << 3;
const CACHE_DISABLE: u64 = 1 << 4;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LEAF: u64 = 1 << 7;
const GLOBAL: u64 = 1 << 8;
const NO_EXECUTE: u64 = 1 << 63;
/// The bits of an entry that hold an address.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// What a mapping allows, and whether it is cached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Instructions.
    Execute,
    /// Constants.
    Read,
    /// Memory.
    Write,
    /// Registers of a device: written, never cached.
    Device,
}

impl Access {
    const fn flags(self) -> u64 {
        match self {
            Self::Execute => 0,
            Self::Read => NO_EXECUTE,
            Self::Write => WRITABLE | NO_EXECUTE,
            Self::Device => WRITABLE | NO_EXECUTE | WRITE_THROUGH | CACHE_DISABLE,
        }
    }
}

/// Frames for tables and for what boot needs once: a range of RAM, used from its start.
#[derive(Debug)]
pub(crate) struct Pool {
    start: u64,
    next: u64,
    end: u64,
}

impl Pool {
    /// A pool over the physical range, page aligned, which nobody else uses.
    pub(crate) const fn new(range: core::ops::Range<u64>) -> Self {
        Self { start: range.start, next: range.start, end: range.end }
    }

    /// Physical address of `bytes` (rounded up to pages); `None` if they do not fit.
    pub(crate) fn take(&mut self, bytes: u64) -> Option<u64> {
        let end = self.next.checked_add(bytes.checked_next_multiple_of(4096)?)?;
        if end > self.end {
            return None;
        }
        let start = self.next;
        self.next = end;
        Some(start)
    }

    /// What was taken.
    pub(crate) const fn used(&self) -> core::ops::Range<u64> {
        self.start..self.next
    }
}

/// There is no memory left for a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutOfMemory;

/// The tables under construction, reached through a window: the loader's direct map before they are
/// active, their own afterwards.
#[derive(Debug)]
pub(crate) struct Tables {
    root: u64,
    window: u64,
    pool: Pool,
    leaf_flags: u64,
    largest: PageSize,
}

impl Tables {
    /// A root whose upper half has all its tables. `window` is where the loader mapped physical
    /// address 0.
    pub(crate) fn new(
        window: u64,
        mut pool: Pool,
        features: &Features,
    ) -> Result<Self, OutOfMemory> {
        let root = pool.take(4096).ok_or(OutOfMemory)?;
        let global = if features.global_pages { GLOBAL } else { 0 };
        let leaf_flags = PRESENT | ACCESSED | DIRTY | global;
        let largest = if features.huge_pages { PageSize::Huge } else { PageSize::Large };
        let mut tables = Self { root, window, pool, leaf_flags, largest };
        tables.clear(root);
        for index in 256..512 {
            tables.next_table(root, index)?;
        }
        Ok(tables)
    }

    /// Physical address of the root.
    pub(crate) const fn root(&self) -> u64 {
        self.root
    }

    /// The pool, for whatever else boot needs once.
    pub(crate) const fn pool(&mut self) -> &mut Pool {
        &mut self.pool
    }

    /// Where the entry is, in the window.
    fn entry(&self, table: u64, index: usize) -> *mut u64 {
        ptr::with_exposed_provenance_mut::<u64>((self.window + table) as usize).wrapping_add(index)
    }

    fn load(&self, table: u64, index: usize) -> u64 {
        // SAFETY: `table` is a frame of the pool, which is ours alone and mapped in the window;
        // `index` is below 512.
        unsafe { self.entry(table, index).read_volatile() }
    }

    fn store(&mut self, table: u64, index: usize, value: u64) {
        // SAFETY: as for `load`. What becomes mapped is decided by the callers in this file, which
        // map RAM to the direct map, devices, and the image to itself.
        unsafe { self.entry(table, index).write_volatile(value) }
    }

    fn clear(&mut self, table: u64) {
        for index in 0..512 {
            self.store(table, index, 0);
        }
    }

    /// The table that an entry points to, made if there is none.
    fn next_table(&mut self, table: u64, index: usize) -> Result<u64, OutOfMemory> {
        let entry = self.load(table, index);
        if entry & PRESENT != 0 {
            return Ok(entry & ADDRESS);
        }
        let next = self.pool.take(4096).ok_or(OutOfMemory)?;
        self.clear(next);
        self.store(table, index, next | PRESENT | WRITABLE | ACCESSED);
        Ok(next)
    }

    /// Maps whole pages in the upper half. What is mapped already stays as it is.
    fn map(
        &mut self,
        address: u64,
        physical: u64,
        length: u64,
        access: Access,
    ) -> Result<(), OutOfMemory> {
        for piece in Cover::new(address, physical, length, self.largest) {
            let index = |level: u32| (piece.address >> (12 + 9 * (level - 1))) as usize & 511;
            let mut table = self.root;
            let mut is_covered = false;
            for level in (piece.size.level() + 1..=4).rev() {
                if level < 4 && self.load(table, index(level)) & LEAF != 0 {
                    is_covered = true;
                    break;
                }
                table = self.next_table(table, index(level))?;
            }
            let slot = index(piece.size.level());
            if !is_covered && self.load(table, slot) & PRESENT == 0 {
                let leaf = if piece.size == PageSize::Small { 0 } else { LEAF };
                let flags = self.leaf_flags | leaf | access.flags();
                self.store(table, slot, piece.physical | flags);
            }
        }
        Ok(())
    }

    /// Maps a physical range, page aligned, in the direct map.
    pub(crate) fn map_direct(
        &mut self,
        range: core::ops::Range<u64>,
        access: Access,
    ) -> Result<(), OutOfMemory> {
        let (start, end) = (range.start & !4095, range.end.next_multiple_of(4096));
        if end > DIRECT_MAP_LIMIT {
            return Err(OutOfMemory);
        }
        self.map(DIRECT_MAP + start, start, end - start, access)
    }

    /// Maps the image where it runs, each part with its rights, and leaves the guard pages out.
    /// `physical` is where the loader put its start.
    pub(crate) fn map_image(&mut self, physical: u64) -> Result<(), OutOfMemory> {
        let base = image::range().start;
        for (range, rights) in image::parts() {
            let access = match rights {
                image::Rights::Execute => Access::Execute,
                image::Rights::Read => Access::Read,
                image::Rights::Write => Access::Write,
            };
            for page in range.step_by(4096) {
                if !stacks::guards().contains(&page) {
                    self.map(page, physical + (page - base), 4096, access)?;
                }
            }
        }
        Ok(())
    }

    /// Makes the tables the active ones and reaches them through their own direct map from now on.
    ///
    /// The image, the stack in use and all memory that is touched later must be mapped, at the
    /// addresses in use now.
    pub(crate) fn activate(&mut self) {
        let frame = PhysFrame::containing_address(PhysAddr::new_truncate(self.root));
        // SAFETY: the tables map the image, which holds this code and the stack, where it runs; the
        // bit for no execution is enabled; nothing of the lower half is used.
        unsafe { Cr3::write(frame, Cr3Flags::empty()) };
        self.window = DIRECT_MAP;
    }
}
