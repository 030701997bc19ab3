//! The kernel's command line: the bundle's, then what QEMU's `-append` adds; and the slide's seed.
//!
//! Owned here: joining, and the one word that direct boot itself reads (`slide=SEED`). Never here:
//! any other word. Called by: `tools/directboot`. Invariants: printable text goes through as it
//! is (bytes outside ASCII and control bytes become `?`); the last `slide=` holds.

use crate::Error;

/// How long the joined line may be, in bytes.
pub const MAXIMUM: usize = 4096;

/// A joined command line.
#[derive(Clone, Debug)]
pub struct CommandLine {
    bytes: [u8; MAXIMUM],
    length: usize,
}

impl CommandLine {
    /// Joins the bundle's line and the loader's with one space.
    ///
    /// # Errors
    /// [`Error::CommandLineTooLong`].
    pub fn join(bundle: &str, loader: &[u8]) -> Result<CommandLine, Error> {
        let mut line = CommandLine { bytes: [0; MAXIMUM], length: 0 };
        let loader = loader.trim_ascii();
        let space: &[u8] = if bundle.is_empty() || loader.is_empty() { b"" } else { b" " };
        for &byte in bundle.as_bytes().iter().chain(space).chain(loader) {
            let printable = byte.is_ascii_graphic() || byte == b' ';
            *line.bytes.get_mut(line.length).ok_or(Error::CommandLineTooLong)? =
                if printable { byte } else { b'?' };
            line.length += 1;
        }
        Ok(line)
    }

    /// The line.
    #[must_use]
    pub fn text(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }

    /// The seed of the kernel's slide: the value of the last `slide=`, 0 (no slide) if there is none.
    ///
    /// # Errors
    /// [`Error::Slide`] if it is neither a decimal nor a `0x` hexadecimal 64-bit number.
    pub fn slide_seed(&self) -> Result<u64, Error> {
        let words = self.text().split(' ');
        let Some(value) = words.filter_map(|word| word.strip_prefix("slide=")).next_back() else {
            return Ok(0);
        };
        let number = match value.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => value.parse(),
        };
        number.map_err(|_| Error::Slide)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(bundle: &str, loader: &[u8]) -> CommandLine {
        CommandLine::join(bundle, loader).expect("short")
    }

    #[test]
    fn lines_are_joined_with_one_space() {
        assert_eq!(join("a b", b" c ").text(), "a b c");
        assert_eq!(join("", b"c").text(), "c");
        assert_eq!(join("a", b"").text(), "a");
        assert_eq!(join("\u{e9}", b"\x01").text(), "?? ?");
        assert!(CommandLine::join("a", &[b'b'; MAXIMUM]).is_err());
    }

    #[test]
    fn last_slide_holds() {
        assert_eq!(join("", b"").slide_seed(), Ok(0));
        assert_eq!(join("slide=3 x", b"slide=0x10").slide_seed(), Ok(16));
        assert_eq!(join("noslide=3", b"").slide_seed(), Ok(0));
        assert_eq!(join("slide=", b"").slide_seed(), Err(Error::Slide));
        assert_eq!(join("slide=-1", b"").slide_seed(), Err(Error::Slide));
    }
}
