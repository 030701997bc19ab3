//! Start-infos in sparse memory.

use tine_directboot_model::Error;
use tine_directboot_model::start_info::{
    FirmwareRegion, MAGIC, MAXIMUM_COMMAND_LINE, MAXIMUM_REGIONS, StartInfo,
};

use crate::support::{Sparse, words};

fn header(modules: u32, regions: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [MAGIC, 1, 0, modules] {
        bytes.extend(word.to_le_bytes());
    }
    // Module list, command line, RSDP, memory map.
    bytes.extend(words(&[0x2000, 0x3000, 0xf_5000, 0x4000]));
    bytes.extend(regions.to_le_bytes());
    bytes.extend([0; 4]);
    bytes
}

fn machine() -> Sparse {
    let mut memory = Sparse::default();
    memory.put(0x1000, &header(1, 4));
    memory.put(0x2000, &words(&[0x7f0_0000, 1234, 0, 0]));
    memory.put(0x3000, b"slide=7\0");
    let regions = [[0, 0x9_fc00, 1], [0x9_fc00, 0x400, 2], [0, 0, 0], [1 << 20, 1 << 20, 1]];
    memory.put(0x4000, &words(&regions.concat()));
    memory
}

#[test]
fn everything_is_copied_and_type_0_ends_the_map() {
    let info = StartInfo::read(&machine(), 0x1000).expect("good");
    assert_eq!((info.bundle, info.bundle_length, info.rsdp), (0x7f0_0000, 1234, 0xf_5000));
    assert_eq!(info.command_line(), b"slide=7");
    let first = FirmwareRegion { base: 0, length: 0x9_fc00, kind: 1 };
    let second = FirmwareRegion { base: 0x9_fc00, length: 0x400, kind: 2 };
    assert_eq!(info.regions(), [first, second]);
}

#[test]
fn a_missing_command_line_is_empty() {
    let mut memory = machine();
    memory.put(0x1000 + 24, &[0; 8]);
    assert_eq!(StartInfo::read(&memory, 0x1000).expect("good").command_line(), b"");
}

#[test]
fn damage_is_an_error() {
    let error = |memory: &Sparse| StartInfo::read(memory, 0x1000).expect_err("damaged");
    let with = |address: u64, bytes: &[u8]| {
        let mut memory = machine();
        memory.put(address, bytes);
        error(&memory)
    };
    assert_eq!(error(&Sparse::default()), Error::StartInfo);
    assert_eq!(with(0x1000, &[0]), Error::StartInfo);
    assert_eq!(with(0x1004, &[0]), Error::StartInfo, "version 0 has no map");
    assert_eq!(with(0x100c, &[0]), Error::ModuleCount(0));
    assert_eq!(with(0x100c, &[2]), Error::ModuleCount(2));
    assert_eq!(with(0x1010, &[0xff; 8]), Error::StartInfo, "module list");
    assert_eq!(with(0x1018, &[0xff; 8]), Error::StartInfo, "command line");
    assert_eq!(with(0x1028, &[0xff; 8]), Error::StartInfo, "memory map");
    let long = [b'x'; MAXIMUM_COMMAND_LINE + 1];
    assert_eq!(with(0x3000, &long), Error::CommandLineTooLong);
    let mut many = machine();
    many.put(0x1000, &header(1, MAXIMUM_REGIONS as u32 + 1));
    many.put(0x4000, &words(&[0, 1, 1].repeat(MAXIMUM_REGIONS + 1)));
    assert_eq!(error(&many), Error::MemoryMapFull);
}
