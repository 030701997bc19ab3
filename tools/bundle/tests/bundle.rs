//! Bundles as a whole: what is written is read back, and damage is an error, never a panic.

use proptest::prelude::*;
use tine_bundle::{Bundle, Error, MAXIMUM_MODULES, Module, WriteError, write};

fn sample() -> Vec<u8> {
    let modules =
        [Module { name: "root", data: &[1, 2, 3] }, Module { name: "archive", data: &[9; 1024] }];
    write(b"\x7fELF", "log=1\nroot: x\n", &modules).expect("a good bundle")
}

#[test]
fn members_come_back_in_order() {
    let bytes = sample();
    let bundle = Bundle::parse(&bytes).expect("what was written");
    assert_eq!(bundle.kernel(), b"\x7fELF");
    assert_eq!(bundle.command_lines().kernel(), "log=1");
    assert_eq!(bundle.command_lines().module("root"), "x");
    let names: Vec<_> = bundle.modules().iter().map(|it| (it.name, it.data.len())).collect();
    assert_eq!(names, [("root", 3), ("archive", 1024)]);
}

#[test]
fn layout_is_that_of_ustar() {
    let bytes = sample();
    assert_eq!(bytes.len(), 512 * (2 + 2 + 2 + 3 + 2));
    assert_eq!(&bytes[257..265], b"ustar\x0000");
    assert_eq!(&bytes[100..108], b"0000644\0");
    assert_eq!(&bytes[124..136], b"00000000004\0");
    assert_eq!(bytes, sample(), "the same inputs give the same bytes");
}

#[test]
fn every_damage_has_its_own_error() {
    let check = |at: usize, with: &[u8]| {
        let mut bytes = sample();
        bytes[at..at + with.len()].copy_from_slice(with);
        Bundle::parse(&bytes).expect_err("damaged")
    };
    assert_eq!(check(257, b"USTAR"), Error::NotUstar);
    assert_eq!(check(0, b"x"), Error::Checksum);
    assert_eq!(check(148, b"9"), Error::Checksum);
    let good = sample();
    assert_eq!(Bundle::parse(&good[..good.len() - 1]), Err(Error::Truncated));
    assert_eq!(Bundle::parse(&[]), Err(Error::Truncated));
    assert_eq!(Bundle::parse(&good[1024..]), Err(Error::NoKernel));
    assert_eq!(Bundle::parse(&[0; 1024]), Err(Error::NoKernel));
}

#[test]
fn limits_are_checked_when_writing() {
    let named = |name: &str| write(b"", "", &[Module { name, data: b"" }]);
    let unreadable = |error| Err(WriteError::Unreadable(error));
    assert_eq!(named(""), unreadable(Error::Name));
    assert_eq!(named("A"), unreadable(Error::Name));
    assert_eq!(named("../x"), unreadable(Error::Name));
    assert_eq!(named(&"x".repeat(101)), unreadable(Error::Name));
    assert!(named(&"x".repeat(100)).is_ok());
    assert_eq!(named("kernel"), unreadable(Error::Duplicate));
    assert_eq!(write(b"", &"x".repeat(4097), &[]), unreadable(Error::CommandLine));
    assert_eq!(write(b"", "a\0", &[]), unreadable(Error::CommandLine));
    let names: Vec<_> = (0..=MAXIMUM_MODULES).map(|index| format!("m{index}")).collect();
    let modules: Vec<_> = names.iter().map(|name| Module { name, data: b"" }).collect();
    assert_eq!(write(b"", "", &modules), unreadable(Error::TooManyModules));
    assert!(write(b"", "", &modules[1..]).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn writing_and_reading_are_inverse(
        kernel in proptest::collection::vec(any::<u8>(), 0..1500),
        text in "[ -~\n]{0,200}",
        contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..1500), 0..5),
    ) {
        let names: Vec<_> = (0..contents.len()).map(|index| format!("module-{index}")).collect();
        let modules: Vec<_> =
            names.iter().zip(&contents).map(|(name, data)| Module { name, data }).collect();
        let bytes = write(&kernel, &text, &modules).expect("within the limits");
        let bundle = Bundle::parse(&bytes).expect("what was written");
        prop_assert_eq!(bundle.kernel(), &kernel[..]);
        prop_assert_eq!(bundle.modules(), &modules[..]);
    }

    #[test]
    fn damage_never_panics(
        hits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<proptest::sample::Index>(),
        fix_checksums in any::<bool>(),
    ) {
        let mut bytes = sample();
        for (index, value) in hits {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if fix_checksums {
            for block in bytes.chunks_exact_mut(512) {
                let field: u32 = block[148..156].iter().map(|&byte| u32::from(byte)).sum();
                let all: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
                let digits = format!("{:06o}\0 ", all - field + 256);
                block[148..156].copy_from_slice(digits.as_bytes());
            }
        }
        let length = cut.index(bytes.len() + 1);
        let _outcome = Bundle::parse(&bytes).is_ok();
        let _outcome = Bundle::parse(&bytes[length..]).is_ok();
        let _outcome = Bundle::parse(&bytes[..length]).is_ok();
    }

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert!(Bundle::parse(&bytes).is_err());
    }
}
