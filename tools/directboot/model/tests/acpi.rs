//! Firmware tables in sparse memory.

use tine_directboot_model::acpi::{Processor, find_rsdp, find_smbios, read_interrupts};

use crate::support::Sparse;

fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut table = signature.to_vec();
    table.extend((36 + body.len() as u32).to_le_bytes());
    table.resize(36, 0);
    table.extend(body);
    table
}

fn rsdp(revision: u8, rsdt: u32, xsdt: u64) -> Vec<u8> {
    let mut bytes = b"RSD PTR ".to_vec();
    bytes.resize(15, 0);
    bytes.push(revision);
    bytes.extend(rsdt.to_le_bytes());
    bytes.extend(36u32.to_le_bytes());
    bytes.extend(xsdt.to_le_bytes());
    bytes.resize(36, 0);
    bytes
}

fn madt() -> Vec<u8> {
    let cpu = |acpi_id: u8, apic_id: u8, flags: u8| [0, 8, acpi_id, apic_id, flags, 0, 0, 0];
    let mut body = vec![0; 8];
    for entry in [cpu(0, 0, 1), cpu(1, 2, 2), cpu(2, 4, 0), cpu(3, 6, 3)] {
        body.extend(entry);
    }
    body.extend([4, 6, 0xff, 0, 0, 1]);
    body.extend([1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]);
    table(b"APIC", &body)
}

fn machine(revision: u8) -> Sparse {
    let mut memory = Sparse::default();
    memory.put(0x40e, &[0, 0]);
    memory.put(0xe_0000, &[0; 0x2_0000]);
    memory.put(0xf_0020, &rsdp(revision, 0x8000, 0x9000));
    let first_twenty = rsdp(revision, 0x8000, 0x9000)[..20].to_vec();
    memory.put_summed(0xf_0020, &first_twenty, 8);
    memory.put_summed(0x8000, &table(b"RSDT", &[0, 0xa0, 0, 0, 0, 0xb0, 0, 0]), 9);
    memory.put_summed(0x9000, &table(b"XSDT", &0xb000u64.to_le_bytes()), 9);
    memory.put_summed(0xa000, &table(b"FACP", &[]), 9);
    memory.put_summed(0xb000, &madt(), 9);
    memory
}

#[test]
fn rsdp_is_found_by_hint_and_by_search() {
    let mut memory = machine(0);
    assert_eq!(find_rsdp(&memory, 0), Some(0xf_0020));
    assert_eq!(find_rsdp(&memory, 0x1234), Some(0xf_0020), "a wrong hint is passed over");
    memory.put_summed(0x5000, &rsdp(0, 0, 0)[..20], 8);
    assert_eq!(find_rsdp(&memory, 0x5000), Some(0x5000));
    memory.put(0x40e, &[0, 0x70]);
    memory.put(0x7_0000, &[0; 1024]);
    memory.put_summed(0x7_03f0, &[rsdp(0, 0, 0)[..20].to_vec(), vec![0; 12]].concat(), 8);
    assert_eq!(find_rsdp(&memory, 0), Some(0x7_03f0), "the extended BIOS area comes first");
    memory.put(0x7_03f8, &[1]);
    memory.put(0xf_0028, &[1]);
    assert_eq!(find_rsdp(&memory, 0), None, "a bad checksum");
    assert_eq!(find_rsdp(&Sparse::default(), 0), None);
}

#[test]
fn startable_processors_and_io_apics_are_listed() {
    for revision in [0, 2] {
        let interrupts = read_interrupts(&machine(revision), 0xf_0020).expect("a MADT");
        let expected = [Processor { acpi_id: 0, apic_id: 0 }, Processor { acpi_id: 1, apic_id: 2 }];
        assert_eq!(interrupts.processors(), expected);
        assert_eq!(interrupts.io_apics(), [0xfec0_0000]);
    }
}

#[test]
fn damaged_tables_are_not_there() {
    for place in [0x8000, 0xb000, 0x8004, 0xb004, 0xb030] {
        let mut memory = machine(0);
        memory.put(place, &[0xff]);
        assert!(read_interrupts(&memory, 0xf_0020).is_none(), "damage at {place:#x}");
    }
    assert!(read_interrupts(&Sparse::default(), 0xf_0020).is_none());
}

#[test]
fn an_entry_without_length_ends_the_walk() {
    let mut memory = machine(0);
    let mut bytes = madt();
    bytes[44 + 8 + 1] = 0;
    memory.put_summed(0xb000, &bytes, 9);
    let interrupts = read_interrupts(&memory, 0xf_0020).expect("a MADT");
    assert_eq!(interrupts.processors().len(), 1);
}

#[test]
fn smbios_entry_points_are_found() {
    let mut memory = Sparse::default();
    memory.put(0xf_0000, &[0; 0x1_0000]);
    assert_eq!(find_smbios(&memory), (None, None));
    let mut short = b"_SM_\0".to_vec();
    short.push(0x1f);
    short.resize(0x1f, 0);
    memory.put_summed(0xf_5a00, &short, 4);
    let mut long = b"_SM3_\0".to_vec();
    long.push(0x18);
    long.resize(0x18, 0);
    memory.put_summed(0xf_6a00, &long, 5);
    assert_eq!(find_smbios(&memory), (Some(0xf_5a00), Some(0xf_6a00)));
}
