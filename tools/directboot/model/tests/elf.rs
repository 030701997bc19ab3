//! Loading ELF files made here: placement, slide, relocations, and every refusal.

use proptest::prelude::*;
use tine_directboot_model::elf::{KERNEL_BASE, Plan};
use tine_directboot_model::error::ElfError;

use crate::support::{Header, elf, words};

const EXECUTABLE: u16 = 2;
const PIE: u16 = 3;

/// A static PIE linked to 0: code at 0, data with relocations at 0x1000, zeros to 0x2800.
/// The dynamic section is at 0x1100, RELA at 0x1200, RELR at 0x1300.
fn pie() -> Vec<u8> {
    let data = Header { memory_size: 0x1800, ..Header::load(6, 0x2000, 0x1000, 0x400) };
    let dynamic = Header { kind: 2, ..Header::load(6, 0x2100, 0x1100, 0x80) };
    let mut file = elf(PIE, 0x10, &[Header::load(5, 0x1000, 0, 0x200), data, dynamic], 0x2400);
    file[0x1000..0x1200].fill(0x90);
    let mut put = |at: usize, list: &[u64]| {
        file[at..at + list.len() * 8].copy_from_slice(&words(list));
    };
    put(0x2008, &[0x20, 0x30, 0x40]);
    put(0x2100, &[7, 0x1200, 8, 48, 9, 24, 36, 0x1300, 35, 16, 37, 8, 0, 0]);
    put(0x2200, &[0x1000, 8, 0x10, 0x1100 + 0x78, 0, 0]);
    // One word at 0x1008, then by bitmap the second after it.
    put(0x2300, &[0x1008, 0b101]);
    file
}

fn load(file: &[u8], seed: u64) -> Result<(Plan, u64, Vec<u8>), ElfError> {
    let plan = Plan::new(file)?;
    let base = plan.virtual_base(seed);
    let mut image = vec![0; plan.size() as usize];
    plan.load(file, &mut image, base)?;
    Ok((plan, base, image))
}

fn long(image: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(image[at..at + 8].try_into().expect("eight bytes"))
}

#[test]
fn segments_are_placed_with_their_permissions() {
    let (plan, base, image) = load(&pie(), 0).expect("a good file");
    assert_eq!((plan.size(), plan.alignment()), (0x3000, 0x1000));
    assert_eq!(base, KERNEL_BASE);
    assert_eq!(plan.entry(base), KERNEL_BASE + 0x10);
    let permissions: Vec<_> =
        plan.segments().iter().map(|it| (it.pages(), it.writable, it.executable)).collect();
    assert_eq!(permissions, [((0, 0x1000), false, true), ((0x1000, 0x3000), true, false)]);
    assert!(image[..0x200].iter().all(|&byte| byte == 0x90));
    assert!(image[0x1400..].iter().all(|&byte| byte == 0));
}

#[test]
fn both_kinds_of_relocations_are_applied() {
    let (_, base, image) = load(&pie(), 0).expect("a good file");
    assert_eq!(long(&image, 0x1000), base + 0x10, "RELA");
    assert_eq!(long(&image, 0x1008), base + 0x20, "RELR, a place");
    assert_eq!(long(&image, 0x1010), 0x30, "RELR, a bit that is not set");
    assert_eq!(long(&image, 0x1018), base + 0x40, "RELR, a bit that is set");
}

#[test]
fn a_seed_gives_one_aligned_place_inside_the_top_2_gib() {
    let plan = Plan::new(&pie()).expect("a good file");
    for seed in 1..2000 {
        let base = plan.virtual_base(seed);
        assert_eq!(base, plan.virtual_base(seed));
        assert_eq!(base % plan.alignment(), 0);
        assert!(base >= KERNEL_BASE && base.checked_add(plan.size() + 0x1000).is_some());
    }
    assert_ne!(plan.virtual_base(1), plan.virtual_base(2));
    let (_, base, image) = load(&pie(), 7).expect("a good file");
    assert_ne!(base, KERNEL_BASE);
    assert_eq!(long(&image, 0x1000), base + 0x10);
}

#[test]
fn a_file_linked_high_stays_unless_it_is_relocatable() {
    let at = KERNEL_BASE + 0x20_0000;
    let fixed = elf(EXECUTABLE, at, &[Header::load(5, 0x1000, at, 0x10)], 0x1010);
    let plan = Plan::new(&fixed).expect("a good file");
    assert_eq!((plan.virtual_base(0), plan.virtual_base(9)), (at, at));
    assert_eq!(plan.entry(at), at);
}

#[test]
fn damaged_files_are_refused() {
    let error = |file: &[u8]| load(file, 0).expect_err("damaged");
    let with = |at: usize, bytes: &[u8]| {
        let mut file = pie();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        error(&file)
    };
    assert_eq!(error(b""), ElfError::NotElf);
    assert_eq!(error(&pie()[..63]), ElfError::NotElf);
    assert_eq!(with(4, &[1]), ElfError::NotElf, "32-bit");
    assert_eq!(with(16, &[1]), ElfError::NotElf, "an object file");
    assert_eq!(with(18, &[3]), ElfError::NotElf, "another machine");
    assert_eq!(with(24, &[0, 0x10]), ElfError::Entry);
    assert_eq!(with(32, &[0xff; 8]), ElfError::Headers);
    assert_eq!(with(54, &[55]), ElfError::Headers);
    assert_eq!(with(56, &[0]), ElfError::RelocationTable, "no headers, so no dynamic section");
    assert_eq!(error(&pie()[..0x2300]), ElfError::Segment, "cut short");
    assert_eq!(with(64 + 16, &[1]), ElfError::Unaligned);
    assert_eq!(with(64 + 56 + 40, &[0xff; 8]), ElfError::Segment, "wraps around");
    assert_eq!(with(64 + 40, &[0, 0, 0, 0x50]), ElfError::TooLarge);
    assert_eq!(with(64 + 48, &[0, 0x30]), ElfError::Segment, "alignment is no power of two");
    assert_eq!(with(64 + 40, &[1, 0x10]), ElfError::Overlap);
    assert_eq!(with(64 + 56 + 16, &[0, 8]), ElfError::Overlap, "one page, two permissions");
    assert_eq!(with(64 + 56 + 32, &[0, 0x19]), ElfError::Segment, "larger in the file");
    assert_eq!(with(0x2100, &[1]), ElfError::NeedsLibraries);
    assert_eq!(with(0x2108, &[0xff; 8]), ElfError::RelocationTable);
    assert_eq!(with(0x2128, &[16]), ElfError::RelocationTable);
    assert_eq!(with(0x2208, &[6]), ElfError::RelocationType(6));
    assert_eq!(with(0x2200, &[0xf9, 0x2f]), ElfError::RelocationPlace);
    assert_eq!(with(0x2300, &[0, 0x30]), ElfError::RelocationPlace);
}

#[test]
fn lower_half_needs_a_pie() {
    let low = elf(EXECUTABLE, 0, &[Header::load(5, 0x1000, 0, 0x10)], 0x1010);
    assert_eq!(Plan::new(&low).expect_err("refused"), ElfError::LowerHalf);
    let headers: Vec<_> = (0..17).map(|at| Header::load(5, 0, KERNEL_BASE + at * 16, 16)).collect();
    let many = elf(EXECUTABLE, KERNEL_BASE, &headers, 0);
    assert_eq!(Plan::new(&many).expect_err("refused"), ElfError::SegmentCount);
    assert_eq!(Plan::new(&elf(EXECUTABLE, 0, &[], 0)).expect_err("none"), ElfError::SegmentCount);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(
        hits in proptest::collection::vec((0usize..0x200, any::<bool>(), any::<u8>()), 1..6),
        seed in any::<u64>(),
    ) {
        let mut file = pie();
        for (at, late, value) in hits {
            // Half of the hits go to the headers, half to the relocation tables.
            let at = if late { 0x2100 + at } else { at % 240 };
            file[at] = value;
        }
        if let Ok(plan) = Plan::new(&file) && plan.size() < 1 << 20 {
            let mut image = vec![0; plan.size() as usize];
            let _loaded = plan.load(&file, &mut image, plan.virtual_base(seed)).is_ok();
        }
    }
}
