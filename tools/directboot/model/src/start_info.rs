//! The PVH start-info: what QEMU's boot code leaves below 1 MiB.
//!
//! Owned here: its layout, and copies of all that is needed from it, because the memory it lies in
//! is free by its own map. Never here: what the regions and the command line mean.
//! Called by: `tools/directboot`, first of all. Invariant: the result borrows nothing.
//! Source: Xen, `public/arch-x86/hvm/start_info.h`, version 1.

use crate::Error;
use crate::bytes::{u32_at, u64_at};
use crate::physical::Physical;

/// First word of the start-info.
pub const MAGIC: u32 = 0x336e_c578;

/// How many memory regions are taken from the start-info.
pub const MAXIMUM_REGIONS: usize = 128;

/// How much of the loader's command line (QEMU's `-append`) is taken, in bytes.
pub const MAXIMUM_COMMAND_LINE: usize = 2048;

/// One region of the firmware's memory map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirmwareRegion {
    /// First byte.
    pub base: u64,
    /// Length in bytes.
    pub length: u64,
    /// The type number of the map: 1 RAM, 2 reserved, 3 ACPI, 4 ACPI NVS, 5 bad.
    pub kind: u32,
}

/// All that direct boot takes from the start-info.
#[derive(Clone, Debug)]
pub struct StartInfo {
    /// Physical address of the bundle.
    pub bundle: u64,
    /// Length of the bundle in bytes.
    pub bundle_length: u64,
    /// Physical address of the RSDP; 0 if not said.
    pub rsdp: u64,
    regions: [FirmwareRegion; MAXIMUM_REGIONS],
    region_count: usize,
    command_line: [u8; MAXIMUM_COMMAND_LINE],
    command_line_length: usize,
}

impl StartInfo {
    /// Reads the start-info at `address`.
    ///
    /// # Errors
    /// `StartInfo`, `ModuleCount`, `MemoryMapFull`, `CommandLineTooLong`.
    pub fn read(physical: &impl Physical, address: u64) -> Result<StartInfo, Error> {
        let header: [u8; 56] = physical.array(address).ok_or(Error::StartInfo)?;
        let word = |offset| u32_at(&header, offset).unwrap_or(0);
        let long = |offset| u64_at(&header, offset).unwrap_or(0);
        if word(0) != MAGIC || word(4) == 0 {
            return Err(Error::StartInfo);
        }
        if word(12) != 1 {
            return Err(Error::ModuleCount(word(12)));
        }
        let module: [u8; 16] = physical.array(long(16)).ok_or(Error::StartInfo)?;
        let mut info = StartInfo {
            bundle: u64_at(&module, 0).unwrap_or(0),
            bundle_length: u64_at(&module, 8).unwrap_or(0),
            rsdp: long(32),
            regions: [FirmwareRegion::default(); MAXIMUM_REGIONS],
            region_count: 0,
            command_line: [0; MAXIMUM_COMMAND_LINE],
            command_line_length: 0,
        };
        info.read_regions(physical, long(40), word(48))?;
        info.read_command_line(physical, long(24))?;
        Ok(info)
    }

    /// The firmware's memory map, in its own order.
    #[must_use]
    pub fn regions(&self) -> &[FirmwareRegion] {
        &self.regions[..self.region_count]
    }

    /// The loader's command line without the closing NUL.
    #[must_use]
    pub fn command_line(&self) -> &[u8] {
        &self.command_line[..self.command_line_length]
    }

    fn read_regions(
        &mut self,
        physical: &impl Physical,
        table: u64,
        count: u32,
    ) -> Result<(), Error> {
        for index in 0..u64::from(count) {
            let address = table.checked_add(index * 24).ok_or(Error::StartInfo)?;
            let entry: [u8; 24] = physical.array(address).ok_or(Error::StartInfo)?;
            let region = FirmwareRegion {
                base: u64_at(&entry, 0).unwrap_or(0),
                length: u64_at(&entry, 8).unwrap_or(0),
                kind: u32_at(&entry, 16).unwrap_or(0),
            };
            // The map of the `microvm` machine counts unused entries; the first of them ends it.
            if region.kind == 0 {
                break;
            }
            *self.regions.get_mut(self.region_count).ok_or(Error::MemoryMapFull)? = region;
            self.region_count += 1;
        }
        Ok(())
    }

    fn read_command_line(&mut self, physical: &impl Physical, address: u64) -> Result<(), Error> {
        if address == 0 {
            return Ok(());
        }
        for offset in 0..=MAXIMUM_COMMAND_LINE as u64 {
            let at = address.checked_add(offset).ok_or(Error::StartInfo)?;
            let [byte] = physical.array(at).ok_or(Error::StartInfo)?;
            if byte == 0 {
                return Ok(());
            }
            let length = self.command_line_length;
            *self.command_line.get_mut(length).ok_or(Error::CommandLineTooLong)? = byte;
            self.command_line_length += 1;
        }
        Err(Error::CommandLineTooLong)
    }
}
