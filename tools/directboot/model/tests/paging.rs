//! Page tables in a host map, walked as a CPU would.

use std::collections::HashMap;

use tine_directboot_model::Error;
use tine_directboot_model::memory::{Kind, Region};
use tine_directboot_model::paging::{
    ADDRESS, LARGE, NO_EXECUTE, PRESENT, PageSize, Tables, WRITABLE, direct_map_above_4_gib, map,
};

#[derive(Debug, Default)]
struct HostTables {
    tables: HashMap<u64, [u64; 512]>,
    limit: usize,
}

impl HostTables {
    fn new(limit: usize) -> HostTables {
        HostTables { tables: HashMap::from([(0x1000, [0; 512])]), limit }
    }

    /// Physical address and flags of the last level.
    fn walk(&self, address: u64) -> Option<(u64, u64)> {
        let mut table = 0x1000;
        for shift in [39, 30, 21, 12] {
            let entry = self.load(table, (address >> shift & 511) as usize);
            if entry & PRESENT == 0 {
                return None;
            }
            if shift == 12 || entry & LARGE != 0 {
                let inside = address & ((1 << shift) - 1);
                return Some((entry & ADDRESS | inside, entry & (WRITABLE | NO_EXECUTE)));
            }
            assert_eq!(entry & !ADDRESS, PRESENT | WRITABLE, "tables permit all");
            table = entry & ADDRESS;
        }
        None
    }
}

impl Tables for HostTables {
    fn create(&mut self) -> Result<u64, Error> {
        if self.tables.len() == self.limit {
            return Err(Error::OutOfMemory(4096));
        }
        let table = (self.tables.len() as u64 + 1) * 0x1000;
        self.tables.insert(table, [0; 512]);
        Ok(table)
    }

    fn load(&self, table: u64, index: usize) -> u64 {
        self.tables[&table][index]
    }

    fn store(&mut self, table: u64, index: usize, entry: u64) {
        self.tables.get_mut(&table).expect("a table")[index] = entry;
    }
}

#[test]
fn all_page_sizes_translate() {
    let mut tables = HostTables::new(100);
    let kernel = 0xffff_ffff_8000_0000;
    map(&mut tables, 0x1000, kernel, 0x5000, 0x3000, PageSize::Small, NO_EXECUTE).expect("room");
    map(&mut tables, 0x1000, 0, 0, 4 << 21, PageSize::Large, WRITABLE).expect("room");
    let direct = 0xffff_8000_0000_0000;
    map(&mut tables, 0x1000, direct, 0, 4 << 30, PageSize::Huge, WRITABLE).expect("room");
    assert_eq!(tables.walk(kernel + 0x2fff), Some((0x7fff, NO_EXECUTE)));
    assert_eq!(tables.walk(kernel + 0x3000), None);
    assert_eq!(tables.walk(0x20_1234), Some((0x20_1234, WRITABLE)));
    assert_eq!(tables.walk(4 << 21), None);
    assert_eq!(tables.walk(direct + 0xffff_ffff), Some((0xffff_ffff, WRITABLE)));
    assert_eq!(tables.walk(direct + (4 << 30)), None);
    assert_eq!(tables.tables.len(), 1 + 3 + 2 + 1);
}

#[test]
fn missing_memory_is_an_error() {
    let mut tables = HostTables::new(3);
    let outcome = map(&mut tables, 0x1000, 0, 0, 0x1000, PageSize::Small, 0);
    assert_eq!(outcome, Err(Error::OutOfMemory(4096)));
}

#[test]
fn direct_map_leaves_out_reserved_memory_above_4_gib() {
    const GIB: u64 = 1 << 30;
    let region = |base, end, kind| Region { base, end, kind };
    let regions = [
        region(0x1000, 2 * GIB, Kind::Usable),
        region(4 * GIB - 4096, 4 * GIB + 4096, Kind::AcpiNvs),
        region(5 * GIB + 4096, 6 * GIB + 4096, Kind::Usable),
        region(8 * GIB, 9 * GIB, Kind::Bad),
        region(1012 * GIB, 1024 * GIB, Kind::Reserved),
    ];
    let covered: Vec<_> = direct_map_above_4_gib(&regions).collect();
    assert_eq!(covered, [(4 * GIB, 5 * GIB), (5 * GIB, 7 * GIB)]);
}
