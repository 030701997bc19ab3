//! Finds the soft-off value in ACPI code without interpreting it.
//!
//! Owns: the scan for `\_S5` in a definition block. Never here: registers. Called by the kernel at
//! boot. Invariant: reads only inside the given bytes.
//!
//! `_S5` is a package whose first two elements are the values of the sleep type fields of PM1a and
//! PM1b; its second one is the value for the sleep control register of hardware-reduced machines.
//! Sources: ACPI 6.5, 7.4.2 (system states), 20.2.5.4 (package encoding), 20.2.3 (constants).

const NAME_OP: u8 = 0x08;
const PACKAGE_OP: u8 = 0x12;
const BYTE_PREFIX: u8 = 0x0a;
const WORD_PREFIX: u8 = 0x0b;
const ZERO_OP: u8 = 0x00;
const ONE_OP: u8 = 0x01;

/// The sleep type values of the state "soft off", three bits each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SoftOff {
    /// For PM1a's control register, or the sleep control register.
    pub a: u8,
    /// For PM1b's control register.
    pub b: u8,
}

/// Searches the body of a definition block (without its table header) for `\_S5`.
#[must_use]
pub fn find(code: &[u8]) -> Option<SoftOff> {
    (0..code.len()).find_map(|at| definition(code, at))
}

/// Reads `Name (_S5, Package {a, b, ..})` if its name segment stands at `at`.
fn definition(code: &[u8], at: usize) -> Option<SoftOff> {
    let name = code.get(at..at.checked_add(4)?)?;
    if name != b"_S5_" {
        return None;
    }
    let before = code.get(..at)?;
    let named = before.ends_with(&[NAME_OP]) || before.ends_with(&[NAME_OP, b'\\']);
    let (&operation, rest) = code.get(at + 4..)?.split_first()?;
    if !named || operation != PACKAGE_OP {
        return None;
    }
    // The length takes one byte and as many more as its two top bits say; one byte counts elements.
    let length_bytes = 1 + usize::from(rest.first()? >> 6);
    let elements = rest.get(length_bytes..)?;
    let (&count, elements) = elements.split_first()?;
    let (a, rest) = constant(elements)?;
    let b = if count > 1 { constant(rest).map_or(0, |(value, _)| value) } else { 0 };
    (count > 0).then_some(SoftOff { a: a & 7, b: b & 7 })
}

/// A small integer constant and what follows it.
fn constant(code: &[u8]) -> Option<(u8, &[u8])> {
    match *code {
        [value @ (ZERO_OP | ONE_OP), ref rest @ ..] => Some((value, rest)),
        [BYTE_PREFIX, value, ref rest @ ..] => Some((value, rest)),
        [WORD_PREFIX, low, _, ref rest @ ..] => Some((low, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_the_encodings_in_use() {
        // As QEMU's PC, with constants; with the root prefix and byte prefixes; one element.
        assert_eq!(find(b"..\x08_S5_\x12\x06\x04\x00\x00\x00\x00.."), Some(SoftOff { a: 0, b: 0 }));
        assert_eq!(
            find(b"\x08\\_S5_\x12\x0a\x04\x0a\x05\x0a\x07\x00\x00"),
            Some(SoftOff { a: 5, b: 7 })
        );
        assert_eq!(find(b"\x08_S5_\x12\x04\x01\x0a\x07"), Some(SoftOff { a: 7, b: 0 }));
        assert_eq!(find(b"\x08_S5_\x12\x4a\x00\x04\x01\x01"), Some(SoftOff { a: 1, b: 1 }));
    }

    #[test]
    fn other_mentions_of_the_name_are_passed_over() {
        assert_eq!(find(b"_S5_\x12\x06\x04\x01\x01"), None);
        assert_eq!(find(b"\x08_S5_\x0a\x05"), None);
        assert_eq!(find(b"\x10_S5_\x08_S5_\x12\x06\x02\x0a\x02\x01"), Some(SoftOff { a: 2, b: 1 }));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(code in proptest::collection::vec(any::<u8>(), 0..64), cut in 0usize..20) {
            prop_assert!(find(&code).is_none_or(|found| found.a < 8 && found.b < 8));
            let cut = &b"\x08_S5_\x12\x4a\x00\x04\x0a\x05\x0b\x01\x01"[..cut.min(14)];
            prop_assert!(find(cut).is_none_or(|found| found.a == 5));
        }
    }
}
