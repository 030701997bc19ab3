//! The software machine's MMU: the walk, and what a processor may remember of it.
//!
//! Worst case of what Intel SDM volume 3A, 4.10 permits: every leaf and every upper-level entry ever
//! used stays until it is flushed, and the walk begins at the deepest one remembered. An access that
//! a remembered leaf refuses faults even if the tables have changed since; the fault drops the leaf
//! and the upper-level entries of that address, so the second try walks.

use std::collections::HashMap;

use super::SoftwareMachine;
use crate::{
    machine::{Frame, PhysicalMemory},
    memory::{
        Access,
        address::{self, PAGE, ROOT_LEVEL},
        entry,
    },
};

/// A page fault of the software machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal;

#[derive(Clone, Copy, Debug)]
struct Remembered {
    frame: Frame,
    writable: bool,
    executable: bool,
}

/// TLB and paging-structure caches of the active space.
#[derive(Debug, Default)]
pub(super) struct Translations {
    /// By page number.
    leaves: HashMap<u64, Remembered>,
    /// By level of the table found and the address bits above it.
    tables: HashMap<(u32, u64), Remembered>,
}

impl Translations {
    pub(super) fn clear(&mut self) {
        self.leaves.clear();
        self.tables.clear();
    }

    /// INVLPG: the leaf, and all upper-level entries whatever their address (4.10.4.1).
    pub(super) fn drop_page(&mut self, address: u64) {
        self.leaves.remove(&(address / PAGE));
        self.tables.clear();
    }

    /// What a page fault drops: the leaf, and the upper-level entries of this address.
    fn drop_address(&mut self, address: u64) {
        self.leaves.remove(&(address / PAGE));
        for level in 1..ROOT_LEVEL {
            self.tables.remove(&(level, address >> address::shift(level + 1)));
        }
    }
}

impl SoftwareMachine {
    /// An access of user mode in the active space: the frame it reaches.
    pub fn access(&mut self, address: u64, access: Access) -> Result<Frame, Refusal> {
        let found = self.translate(address).filter(|found| match access {
            Access::Read => true,
            Access::Write | Access::Force => found.writable,
            Access::Execute => found.executable,
        });
        if let Some(found) = found {
            return Ok(found.frame);
        }
        self.translations.drop_address(address);
        Err(Refusal)
    }

    /// Loads one byte, or faults.
    pub fn load_byte(&mut self, address: u64) -> Result<u8, Refusal> {
        let frame = self.access(address, Access::Read)?;
        let mut byte = [0];
        self.read(frame, (address % PAGE) as usize, &mut byte);
        Ok(byte[0])
    }

    /// Stores one byte, or faults.
    pub fn store_byte(&mut self, address: u64, byte: u8) -> Result<(), Refusal> {
        let frame = self.access(address, Access::Write)?;
        self.write(frame, (address % PAGE) as usize, &[byte]);
        Ok(())
    }

    fn translate(&mut self, address: u64) -> Option<Remembered> {
        if let Some(found) = self.translations.leaves.get(&(address / PAGE)) {
            return Some(*found);
        }
        let root = self.active?;
        let mut found = Remembered { frame: root, writable: true, executable: true };
        let mut level = ROOT_LEVEL;
        for below in 1..ROOT_LEVEL {
            let key = (below, address >> address::shift(below + 1));
            if let Some(table) = self.translations.tables.get(&key) {
                (found, level) = (*table, below);
                break;
            }
        }
        while level > 0 {
            let value = self.memory[found.frame.0 as usize][address::index(address, level)];
            if value & entry::PRESENT == 0 {
                return None;
            }
            assert!(value & entry::USER != 0, "U is set in every entry of the user half");
            found = Remembered {
                frame: entry::frame(value),
                writable: found.writable && value & entry::WRITABLE != 0,
                executable: found.executable && value & entry::NO_EXECUTE == 0,
            };
            level -= 1;
            if level > 0 {
                let key = (level, address >> address::shift(level + 1));
                self.translations.tables.insert(key, found);
            }
        }
        self.translations.leaves.insert(address / PAGE, found);
        Some(found)
    }
}
