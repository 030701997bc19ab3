//! The memory map against examples of QEMU's machines, and against an oracle of single pages.

use proptest::prelude::*;
use tine_directboot_model::Error;
use tine_directboot_model::memory::{CEILING, FLOOR, Kind, MemoryMap, PAGE, Region};
use tine_directboot_model::start_info::FirmwareRegion;

const MIB: u64 = 1 << 20;

fn firmware(base: u64, end: u64, kind: u32) -> FirmwareRegion {
    FirmwareRegion { base, length: end - base, kind }
}

fn region(base: u64, end: u64, kind: Kind) -> Region {
    Region { base, end, kind }
}

/// The map of a q35 machine with 128 MiB.
fn q35() -> MemoryMap {
    MemoryMap::from_firmware(&[
        firmware(0, 0x9_fc00, 1),
        firmware(0x9_fc00, 0xa_0000, 2),
        firmware(0xf_0000, 0x10_0000, 2),
        firmware(0x10_0000, 0x7fe_0000, 1),
        firmware(0x7fe_0000, 0x800_0000, 2),
        firmware(0xfd_0000_0000, 0x100_0000_0000, 2),
    ])
    .expect("a good map")
}

#[test]
fn usable_memory_is_clipped_to_pages_and_the_first_page_is_left_out() {
    assert_eq!(
        q35().regions(),
        [
            region(0x1000, 0x9_f000, Kind::Usable),
            region(0x9_fc00, 0xa_0000, Kind::Reserved),
            region(0xf_0000, 0x10_0000, Kind::Reserved),
            region(0x10_0000, 0x7fe_0000, Kind::Usable),
            region(0x7fe_0000, 0x800_0000, Kind::Reserved),
            region(0xfd_0000_0000, 0x100_0000_0000, Kind::Reserved),
        ]
    );
}

#[test]
fn what_is_not_usable_wins_and_kinds_keep_their_meaning() {
    let map = MemoryMap::from_firmware(&[
        firmware(0x300_1800, 0x300_2800, 3),
        firmware(0x10_0000, 0x800_0000, 1),
        firmware(0x200_0000, 0x200_1000, 4),
        firmware(0x200_0800, 0x200_3000, 5),
        firmware(0x700_0000, 0x700_1000, 77),
    ]);
    assert_eq!(
        map.expect("a good map").regions(),
        [
            region(0x10_0000, 0x200_0000, Kind::Usable),
            region(0x200_0000, 0x200_1000, Kind::AcpiNvs),
            region(0x200_1000, 0x200_3000, Kind::Bad),
            region(0x200_3000, 0x300_1000, Kind::Usable),
            region(0x300_1800, 0x300_2800, Kind::AcpiReclaimable),
            region(0x300_3000, 0x700_0000, Kind::Usable),
            region(0x700_0000, 0x700_1000, Kind::Reserved),
            region(0x700_1000, 0x800_0000, Kind::Usable),
        ]
    );
}

#[test]
fn too_little_memory_is_refused() {
    let refused = MemoryMap::from_firmware(&[firmware(0x10_0000, 62 * MIB, 1)]);
    assert_eq!(refused.expect_err("too small"), Error::TooLittleMemory(61 * MIB));
    assert!(MemoryMap::from_firmware(&[firmware(0x10_0000, 63 * MIB, 1)]).is_ok());
}

#[test]
fn allocation_goes_downward_with_alignment() {
    let mut map = q35();
    let kind = Kind::KernelAndModules;
    assert_eq!(map.allocate(1, PAGE, kind), Ok(0x7fd_f000));
    assert_eq!(map.allocate(0x3000, 2 * MIB, kind), Ok(0x7e0_0000));
    assert_eq!(map.allocate(0, 1, kind), Ok(0x7fd_e000));
    assert_eq!(map.allocate(128 * MIB, PAGE, kind), Err(Error::OutOfMemory(128 * MIB)));
    assert_eq!(map.allocate(u64::MAX, PAGE, kind), Err(Error::OutOfMemory(u64::MAX)));
}

#[test]
fn allocation_stays_between_floor_and_ceiling() {
    let mut map = MemoryMap::from_firmware(&[
        firmware(0, 0xa_0000, 1),
        firmware(MIB, 2 * MIB, 1),
        firmware(CEILING - MIB, CEILING + 64 * MIB, 1),
    ])
    .expect("a good map");
    let kind = Kind::BootloaderReclaimable;
    assert_eq!(map.allocate(MIB, PAGE, kind), Ok(CEILING - MIB));
    assert_eq!(map.allocate(MIB, PAGE, kind), Ok(MIB));
    assert_eq!(map.allocate(PAGE, PAGE, kind), Err(Error::OutOfMemory(PAGE)));
    assert_eq!(map.allocate_low_page(kind), Ok(0x1000));
    assert_eq!(map.allocate_low_page(kind), Ok(0x2000));
}

#[test]
fn low_pages_can_run_out() {
    let mut map = MemoryMap::from_firmware(&[firmware(MIB, 65 * MIB, 1)]).expect("a good map");
    assert_eq!(map.allocate_low_page(Kind::Usable), Err(Error::OutOfMemory(PAGE)));
}

#[test]
fn releasing_restores_and_merges() {
    let mut map = q35();
    let before = map.regions().to_vec();
    let kind = Kind::BootloaderReclaimable;
    map.claim(0x400_0123, 0x401_0001, kind).expect("room");
    assert!(!map.is_usable(0x400_0000, 0x400_1000));
    assert!(map.is_usable(0x401_1000, 0x402_0000));
    map.claim(0x401_1000, 0x401_2000, kind).expect("room");
    assert_eq!(map.regions().len(), before.len() + 2, "neighbours of one kind are one region");
    map.release(0x400_0000, 0x401_2000, kind).expect("room");
    assert_eq!(map.regions(), before);
}

#[test]
fn full_map_is_an_error() {
    let many: Vec<_> = (0..300).map(|at| firmware(at * 2 * MIB, at * 2 * MIB + MIB, 1)).collect();
    assert_eq!(MemoryMap::from_firmware(&many).expect_err("too many"), Error::MemoryMapFull);
}

/// Kind of each page below 96 MiB by the rules. Two usable entries that meet inside a page leave it
/// out.
fn oracle(entries: &[FirmwareRegion]) -> Vec<Option<Kind>> {
    let kind_of = |page: u64| {
        let (start, end) = (page * PAGE, (page + 1) * PAGE);
        let touches = |it: &&FirmwareRegion| it.base < end && start < it.base + it.length;
        if entries.iter().filter(touches).any(|it| it.kind != 1) || page == 0 {
            return None;
        }
        let covers = |it: &FirmwareRegion| it.base <= start && end <= it.base + it.length;
        entries.iter().any(covers).then_some(Kind::Usable)
    };
    (0..96 * 256).map(kind_of).collect()
}

fn check_order(map: &MemoryMap) {
    for pair in map.regions().windows(2) {
        assert!(pair[0].end <= pair[1].base, "sorted and apart: {pair:x?}");
    }
    for it in map.regions() {
        assert!(it.base < it.end);
        if matches!(it.kind, Kind::Usable | Kind::BootloaderReclaimable) {
            assert_eq!((it.base % PAGE, it.end % PAGE), (0, 0));
            assert!(it.base >= PAGE);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn map_agrees_with_pages(
        entries in proptest::collection::vec((0u64..24_000, 1u64..4_000, 1u32..7), 0..10),
        takes in proptest::collection::vec((1u64..1_000_000, 12u32..23), 0..12),
    ) {
        // In half pages; one large usable region so that there is enough memory.
        let mut firmware_map = vec![firmware(0x10_0800, 96 * MIB, 1)];
        firmware_map.extend(entries.iter().map(|&(base, length, kind)| FirmwareRegion {
            base: base * PAGE / 2,
            length: length * PAGE / 2,
            kind,
        }));
        let Ok(mut map) = MemoryMap::from_firmware(&firmware_map) else { return Ok(()) };
        check_order(&map);
        for (page, expected) in oracle(&firmware_map).into_iter().enumerate() {
            let page = page as u64 * PAGE;
            prop_assert_eq!(map.is_usable(page, page + PAGE), expected.is_some(), "page {:x}", page);
        }
        let mut taken: Vec<(u64, u64)> = Vec::new();
        let mut usable = map.usable_bytes();
        for (length, shift) in takes {
            let Ok(base) = map.allocate(length, 1 << shift, Kind::KernelAndModules) else { continue };
            check_order(&map);
            let end = base + length.next_multiple_of(PAGE);
            prop_assert_eq!(base % (1 << shift), 0);
            prop_assert!(base >= FLOOR && end <= CEILING);
            prop_assert!(taken.iter().all(|it| it.1 <= base || end <= it.0), "given out twice");
            prop_assert_eq!(map.usable_bytes(), usable - (end - base));
            usable = map.usable_bytes();
            taken.push((base, end));
        }
    }

    #[test]
    fn noise_never_panics(
        entries in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u32>()), 0..128),
        claims in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..16),
    ) {
        let mut entries: Vec<_> = entries
            .into_iter()
            .map(|(base, length, kind)| FirmwareRegion { base, length, kind: kind % 8 })
            .collect();
        entries.push(firmware(MIB, 65 * MIB, 1));
        if let Ok(mut map) = MemoryMap::from_firmware(&entries) {
            check_order(&map);
            for (base, end) in claims {
                let _done = map.claim(base, end, Kind::BootloaderReclaimable).is_ok();
                let _done = map.release(base, end, Kind::BootloaderReclaimable).is_ok();
                let _done = map.allocate(end, base, Kind::BootloaderReclaimable).is_ok();
                check_order(&map);
            }
        }
    }
}
