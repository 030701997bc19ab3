//! One 512-byte ustar header block: its fields, its checksum, both directions.
//!
//! Owned here: field offsets and number formats. Never here: the order or meaning of members.
//! Called by: `read` and `write`. Invariant: every slice is within the 512 bytes by construction.
//! Source: POSIX.1-2017, `pax`, "ustar Interchange Format", table "ustar Header Block".

use core::ops::Range;

/// Size of a header and unit of a member's data, in bytes.
pub(crate) const BLOCK: usize = 512;

/// One header block.
pub(crate) type Block = [u8; BLOCK];

/// Where a member's name is; NUL padded.
pub(crate) const NAME: Range<usize> = 0..100;
/// Data length in octal.
pub(crate) const SIZE: Range<usize> = 124..136;
/// Sum of all header bytes, with this field read as spaces, in octal.
pub(crate) const CHECKSUM: Range<usize> = 148..156;
/// What the member is: `0` or NUL for a regular file.
pub(crate) const TYPE: usize = 156;
/// The bytes `ustar`, NUL, `00`.
pub(crate) const MAGIC: Range<usize> = 257..265;
/// Front part of a long name; a bundle never has one.
pub(crate) const PREFIX: Range<usize> = 345..500;

/// Content of [`MAGIC`].
pub(crate) const MAGIC_VALUE: &[u8; 8] = b"ustar\x0000";

/// The checksum of `block`, whatever its checksum field says.
pub(crate) fn checksum(block: &Block) -> u32 {
    let all: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    let field: u32 = block[CHECKSUM].iter().map(|&byte| u32::from(byte)).sum();
    all - field + CHECKSUM.len() as u32 * u32::from(b' ')
}

/// Reads an octal number that ends at a NUL, a space or the end of the field; at least one digit.
pub(crate) fn octal(field: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    let mut digits = 0;
    for &byte in field {
        match byte {
            b'0'..=b'7' => {
                value = value.checked_mul(8)?.checked_add(u64::from(byte - b'0'))?;
                digits += 1;
            }
            b' ' | 0 => break,
            _ => return None,
        }
    }
    (digits > 0).then_some(value)
}

/// The text before the first NUL of a field.
pub(crate) fn text(field: &[u8]) -> Option<&str> {
    let length = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    core::str::from_utf8(&field[..length]).ok()
}

/// Whether a member may have this name: 1 to 100 bytes of `a-z 0-9 . _ -`, no leading dot.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    !name.is_empty()
        && name.len() <= NAME.len()
        && !name.starts_with('.')
        && name.bytes().all(allowed)
}

/// Writes `value` into `field` as octal digits with a closing NUL; `false` if it does not fit.
#[cfg(feature = "std")]
pub(crate) fn put_octal(field: &mut [u8], mut value: u64) -> bool {
    let Some((last, digits)) = field.split_last_mut() else { return false };
    *last = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 8) as u8;
        value /= 8;
    }
    value == 0
}
