//! The address space that the kernel starts in.
//!
//! Owned here: what is mapped where. Never here: how entries look (`model::paging`).
//! Called by: `boot`. Invariants: the lower half maps the first 4 GiB to itself until `handoff`
//! clears it; all tables are bootloader-reclaimable memory below 4 GiB.
//! Source: PROTOCOL.md, "Entry memory layout"; the protocol maps the direct map read, write, execute.

use core::ptr;

use tine_directboot_model::Error;
use tine_directboot_model::elf::Plan;
use tine_directboot_model::memory::{CEILING, Kind, MemoryMap, PAGE};
use tine_directboot_model::paging::{self, NO_EXECUTE, PageSize, Tables, WRITABLE};
use tine_directboot_model::protocol::DIRECT_MAP;

use crate::window;

/// Tables in memory taken from the map one page at a time.
struct MemoryTables<'a> {
    map: &'a mut MemoryMap,
}

impl Tables for MemoryTables<'_> {
    fn create(&mut self) -> Result<u64, Error> {
        let table = self.map.allocate(PAGE, PAGE, Kind::BootloaderReclaimable)?;
        // SAFETY: just allocated.
        let _zeroed: &mut [u8] = unsafe { window::cleared(table, PAGE) };
        Ok(table)
    }

    fn load(&self, table: u64, index: usize) -> u64 {
        // SAFETY: `table` came from `create` (the model follows only entries it stored), and no
        // CPU walks it yet; `index` is below 512.
        unsafe { ptr::read((table as usize as *const u64).add(index)) }
    }

    fn store(&mut self, table: u64, index: usize, entry: u64) {
        // SAFETY: as for `load`.
        unsafe { ptr::write((table as usize as *mut u64).add(index), entry) }
    }
}

/// Builds the address space; returns its root's physical address.
///
/// # Errors
/// `OutOfMemory`, `MemoryMapFull`.
pub(crate) fn build(
    map: &mut MemoryMap,
    plan: &Plan,
    physical_base: u64,
    virtual_base: u64,
    largest: PageSize,
) -> Result<u64, Error> {
    let regions = map.clone();
    let mut tables = MemoryTables { map };
    let root = tables.create()?;
    for segment in plan.segments() {
        let (start, end) = segment.pages();
        let write = if segment.writable { WRITABLE } else { 0 };
        let execute = if segment.executable { 0 } else { NO_EXECUTE };
        let (from, to) = (virtual_base + start, physical_base + start);
        let flags = write | execute;
        paging::map(&mut tables, root, from, to, end - start, PageSize::Small, flags)?;
    }
    for base in [0, DIRECT_MAP] {
        paging::map(&mut tables, root, base, 0, CEILING, largest, WRITABLE)?;
    }
    for (start, end) in paging::direct_map_above_4_gib(regions.regions()) {
        let from = DIRECT_MAP + start;
        paging::map(&mut tables, root, from, start, end - start, largest, WRITABLE)?;
    }
    Ok(root)
}
