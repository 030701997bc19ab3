//! Plans of small made-up files, and of damaged ones.

extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// A program header: flags, offset, address, bytes in the file, bytes in memory.
type Header = (u32, u64, u64, u64, u64);

fn file(entry: u64, segments: &[Header]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    bytes.extend(entry.to_le_bytes());
    bytes.extend(64u64.to_le_bytes());
    bytes.resize(54, 0);
    bytes.extend([56, 0, segments.len() as u8, 0]);
    bytes.resize(64, 0);
    for (flags, offset, address, file_length, length) in segments {
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        for word in [*offset, *address, *address, *file_length, *length, 4096] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes
}

const TEXT: Header = (5, 0x1000, 0x20_0000, 0x1800, 0x1800);
const RODATA: Header = (4, 0x3000, 0x20_2000, 0x10, 0x10);
const DATA: Header = (6, 0x4000, 0x40_0000, 0x20, 0x5000);
const LENGTH: u64 = 0x5000;

/// The plan of a program as the link script makes it.
pub(crate) fn ordinary() -> Plan {
    plan(&file(0x20_0010, &[TEXT, RODATA, DATA]), LENGTH).unwrap()
}

fn refuse(entry: u64, segments: &[Header], damage: Damage) {
    assert_eq!(plan(&file(entry, segments), LENGTH), Err(damage), "{segments:x?}");
}

#[test]
fn a_program_as_the_link_script_makes_it() {
    let plan = ordinary();
    let text = Text { address: 0x20_0000, length: 0x2000, offset: 0x1000, executable: true };
    let rodata = Text { address: 0x20_2000, length: 0x1000, offset: 0x3000, executable: false };
    assert_eq!(plan.texts(), [text, rodata]);
    assert_eq!(plan.datas(), [Data { address: 0x40_0000, length: 0x20, offset: 0x4000 }]);
    assert_eq!(plan.hot, 0x40_0000..0x5b_f000);
    assert_eq!(plan.heap, 0x40_5000..0x5b_f000);
    assert_eq!(plan.stack, 0x5c_0000..0x60_0000);
    assert_eq!(plan.control(), 0x60_0000 - 256);
}

#[test]
fn a_program_without_data_still_has_heap_and_stack() {
    let plan = plan(&file(0x20_0000, &[TEXT]), LENGTH).unwrap();
    assert_eq!((plan.heap.start, plan.stack.end), (0x40_0000, 0x60_0000));
}

#[test]
fn what_is_refused() {
    assert_eq!(plan(b"#!/bin/sh", 9), Err(Damage::NotElf));
    assert_eq!(plan(b"", 0), Err(Damage::NotElf));
    assert_eq!(plan(b"\x7fELF\x01\x01\x01", 7), Err(Damage::NotForTine));
    assert_eq!(plan(b"\x7fELF\x02\x01\x01", 7), Err(Damage::Truncated));
    let entry = 0x20_0000;
    refuse(0x20_2000, &[TEXT, RODATA], Damage::Entry);
    refuse(entry, &[], Damage::Entry);
    refuse(entry, &[(7, 0x1000, 0x20_0000, 1, 1)], Damage::Writable);
    refuse(entry, &[(5, 0x1000, 0x10_0000, 1, 1)], Damage::Layout);
    refuse(entry, &[(5, 0x1000, 0x20_0001, 1, 1)], Damage::Layout);
    refuse(entry, &[(5, 0x1000, 0x20_0000, 1, 2)], Damage::Layout);
    refuse(entry, &[TEXT, (6, 0, 0x20_3000, 0, 1)], Damage::Layout);
    refuse(entry, &[TEXT, TEXT], Damage::Layout);
    refuse(entry, &[TEXT, (6, 0, 0x40_0000, 0, 0x1c_0000)], Damage::Layout);
    refuse(entry, &[TEXT, DATA, (6, 0, 0x60_0000, 0, 1)], Damage::Layout);
    refuse(entry, &[TEXT, (4, 0x4fff, 0x20_3000, 2, 2)], Damage::Truncated);
    refuse(entry, &[TEXT, (6, u64::MAX, 0x40_0000, 2, 2)], Damage::Truncated);
    refuse(entry, &[TEXT, (6, 0, u64::MAX, 0, 2)], Damage::Layout);
    let many: Vec<Header> = (0..5).map(|index| (4, 0, 0x20_0000 + index * 0x1000, 1, 1)).collect();
    refuse(entry, &many, Damage::TooMany);
}

proptest! {
    #[test]
    fn no_damage_makes_it_panic_or_break_the_rules(
        changes in prop::collection::vec((0usize..232, any::<u8>()), 0..12),
        cut in 0usize..400,
    ) {
        let mut bytes = file(0x20_0010, &[TEXT, RODATA, DATA]);
        for (at, value) in changes {
            bytes[at] = value;
        }
        bytes.truncate(cut);
        if let Ok(plan) = plan(&bytes, LENGTH) {
            let mut ranges: Vec<_> =
                plan.texts().iter().map(|text| text.address..text.address + text.length).collect();
            ranges.push(plan.hot.clone());
            ranges.push(plan.stack.clone());
            for pair in ranges.windows(2) {
                prop_assert!(pair[0].start < pair[0].end && pair[0].end <= pair[1].start);
            }
            for range in &ranges {
                prop_assert!(range.start >= layout::LOWEST && range.end <= layout::PRIVATE.start);
                prop_assert!(range.start % PAGE == 0 && range.end % PAGE == 0);
            }
            for data in plan.datas() {
                prop_assert!(data.address >= plan.hot.start);
                prop_assert!(data.address + data.length <= plan.heap.start);
                prop_assert!(data.offset + data.length <= LENGTH);
            }
            for text in plan.texts() {
                prop_assert!(text.offset + text.length <= LENGTH.next_multiple_of(PAGE));
            }
        }
    }
}
