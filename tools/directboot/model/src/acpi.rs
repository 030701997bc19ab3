//! The little of ACPI that a loader needs: the RSDP, the MADT's CPUs and I/O APICs; and SMBIOS.
//!
//! Owned here: searching the BIOS area, walking RSDT or XSDT and MADT. Never here: AML, and any
//! other table. Called by: `tools/directboot`. Invariants: every walk is bounded; a table with a
//! bad checksum is not there.
//! Source: ACPI 6.5, 5.2.5 "RSDP", 5.2.7 "RSDT", 5.2.12 "MADT"; SMBIOS 3.6, 5.2 "Entry point".

use crate::physical::Physical;

/// How many CPUs are taken from the MADT.
pub const MAXIMUM_PROCESSORS: usize = 255;

/// How many I/O APICs are taken from the MADT.
pub const MAXIMUM_IO_APICS: usize = 16;

const MAXIMUM_TABLES: u64 = 256;
const MAXIMUM_TABLE: u64 = 1 << 20;
const TABLE_HEADER: u64 = 36;
const BIOS_AREA: (u64, u64) = (0xe_0000, 0x10_0000);
const EXTENDED_DATA_POINTER: u64 = 0x40e;

/// A CPU that may be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processor {
    /// ACPI's processor UID.
    pub acpi_id: u32,
    /// Its local APIC's identity.
    pub apic_id: u32,
}

/// What the MADT says.
#[derive(Clone, Debug)]
pub struct Interrupts {
    processors: [Processor; MAXIMUM_PROCESSORS],
    processor_count: usize,
    io_apics: [u32; MAXIMUM_IO_APICS],
    io_apic_count: usize,
}

impl Interrupts {
    /// The CPUs, in the MADT's order, the one that boots among them.
    #[must_use]
    pub fn processors(&self) -> &[Processor] {
        &self.processors[..self.processor_count]
    }

    /// Physical addresses of the I/O APICs.
    #[must_use]
    pub fn io_apics(&self) -> &[u32] {
        &self.io_apics[..self.io_apic_count]
    }
}

/// Finds the RSDP: where the loader said (`hint`, 0 for nowhere), else in the BIOS areas.
#[must_use]
pub fn find_rsdp(physical: &impl Physical, hint: u64) -> Option<u64> {
    let is_rsdp =
        |&at: &u64| physical.array(at) == Some(*b"RSD PTR ") && physical.sums_to_zero(at, 20);
    let segment = physical.array(EXTENDED_DATA_POINTER).map_or(0, u16::from_le_bytes);
    let extended = u64::from(segment) << 4;
    let hint = (hint != 0).then_some(hint);
    let extended = (extended..extended + 1024).filter(|_| segment != 0);
    let areas = extended.chain(BIOS_AREA.0..BIOS_AREA.1).step_by(16);
    hint.into_iter().chain(areas).find(is_rsdp)
}

/// Finds the SMBIOS entry points: 32-bit and 64-bit.
#[must_use]
pub fn find_smbios(physical: &impl Physical) -> (Option<u64>, Option<u64>) {
    let area = || (0xf_0000..BIOS_AREA.1).step_by(16);
    let sums = |at: u64, length_at: u64| {
        let length = physical.array::<1>(at + length_at).map_or(0, |[length]| u64::from(length));
        physical.sums_to_zero(at, length)
    };
    let short = |&at: &u64| physical.array(at) == Some(*b"_SM_") && sums(at, 5);
    let long = |&at: &u64| physical.array(at) == Some(*b"_SM3_") && sums(at, 6);
    (area().find(short), area().find(long))
}

/// Reads the MADT that `rsdp` leads to; `None` if there is none or it is damaged.
#[must_use]
pub fn read_interrupts(physical: &impl Physical, rsdp: u64) -> Option<Interrupts> {
    let madt = find_table(physical, rsdp, *b"APIC")?;
    let length = u64::from(physical.u32(madt + 4)?);
    let mut interrupts = Interrupts {
        processors: [Processor::default(); MAXIMUM_PROCESSORS],
        processor_count: 0,
        io_apics: [0; MAXIMUM_IO_APICS],
        io_apic_count: 0,
    };
    // Eight bytes after the header: the local APIC's address and flags.
    let mut offset = TABLE_HEADER + 8;
    while offset + 2 <= length {
        let [kind, size] = physical.array(madt + offset)?;
        if size < 2 || offset + u64::from(size) > length {
            break;
        }
        match (kind, size) {
            (0, 8..) => interrupts.add_processor(physical.array(madt + offset)?),
            (1, 12..) => interrupts.add_io_apic(physical.u32(madt + offset + 4)?),
            _ => {}
        }
        offset += u64::from(size);
    }
    Some(interrupts)
}

impl Interrupts {
    fn add_processor(&mut self, entry: [u8; 8]) {
        // Bit 0: enabled; bit 1: can be enabled later. Exactly one of them: it can be started.
        let startable = matches!(entry[4] & 3, 1 | 2);
        if let (true, Some(place)) = (startable, self.processors.get_mut(self.processor_count)) {
            *place = Processor { acpi_id: u32::from(entry[2]), apic_id: u32::from(entry[3]) };
            self.processor_count += 1;
        }
    }

    fn add_io_apic(&mut self, address: u32) {
        if let Some(place) = self.io_apics.get_mut(self.io_apic_count) {
            *place = address;
            self.io_apic_count += 1;
        }
    }
}

/// Address of the table with `signature`, by the XSDT if there is one, else by the RSDT.
fn find_table(physical: &impl Physical, rsdp: u64, signature: [u8; 4]) -> Option<u64> {
    let [revision] = physical.array(rsdp + 15)?;
    let xsdt = physical.array(rsdp + 24).map_or(0, u64::from_le_bytes);
    let (root, entry_size) = if revision >= 2 && xsdt != 0 {
        (xsdt, 8)
    } else {
        (u64::from(physical.u32(rsdp + 16)?), 4)
    };
    let length = checked_length(physical, root)?;
    for index in 0..((length - TABLE_HEADER) / entry_size).min(MAXIMUM_TABLES) {
        let entry = root + TABLE_HEADER + index * entry_size;
        let table = match entry_size {
            8 => physical.array(entry).map(u64::from_le_bytes)?,
            _ => u64::from(physical.u32(entry)?),
        };
        if physical.array(table) == Some(signature) && checked_length(physical, table).is_some() {
            return Some(table);
        }
    }
    None
}

/// Length of the table at `address`, if it is plausible and its checksum holds.
fn checked_length(physical: &impl Physical, address: u64) -> Option<u64> {
    let length = u64::from(physical.u32(address.checked_add(4)?)?);
    let plausible = (TABLE_HEADER..=MAXIMUM_TABLE).contains(&length);
    (plausible && physical.sums_to_zero(address, length)).then_some(length)
}
