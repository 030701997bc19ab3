//! Bytes as text: arguments and file names are bytes, screens want characters.

use core::fmt::{Display, Formatter, Write};

/// Shows bytes as text; what is not UTF-8 becomes the replacement character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lossy<'a>(pub &'a [u8]);

impl Display for Lossy<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> core::fmt::Result {
        for chunk in self.0.utf8_chunks() {
            formatter.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                formatter.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// A decimal number, all of the bytes; `None` if it is none or does not fit.
#[must_use]
pub fn number<T: core::str::FromStr>(bytes: &[u8]) -> Option<T> {
    // FromStr takes a plus sign; a shell's user who writes one means something else.
    if bytes.first() == Some(&b'+') {
        return None;
    }
    core::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn foreign_bytes_are_replaced() {
        assert_eq!(format!("{}", Lossy("schön".as_bytes())), "schön");
        assert_eq!(format!("{}", Lossy(b"a\xffb\xc3")), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn numbers() {
        assert_eq!(number::<i32>(b"-42"), Some(-42));
        assert_eq!(number::<u8>(b"256"), None);
        assert_eq!(number::<u8>(b"+1"), None);
        assert_eq!(number::<u8>(b""), None);
    }
}
