//! The argument block: strings of arguments, then of the environment, each ended by a NUL byte.
//!
//! Owns: reading it ([`ArgumentBlock`]), the iterator that a main function gets ([`Arguments`]).
//! Source: `tine_abi::start`.
//!
//! Invariants: a block that says more strings than it holds yields only those that it holds.

/// An argument block with its counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArgumentBlock<'a> {
    bytes: &'a [u8],
    arguments: usize,
    environment: usize,
}

impl<'a> ArgumentBlock<'a> {
    /// The block `bytes`, holding so many strings of each sort.
    #[must_use]
    pub const fn new(bytes: &'a [u8], arguments: usize, environment: usize) -> Self {
        Self { bytes, arguments, environment }
    }

    /// The argument strings, the program's name first.
    #[must_use]
    pub const fn arguments(self) -> Strings<'a> {
        Strings { rest: self.bytes, left: self.arguments }
    }

    /// The environment strings, `NAME=value` each.
    #[must_use]
    pub fn environment(self) -> Strings<'a> {
        let mut strings = self.arguments();
        while strings.next().is_some() {}
        Strings { rest: strings.rest, left: self.environment }
    }
}

/// Strings of a block in order.
#[derive(Clone, Debug, Default)]
pub struct Strings<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let end = self.rest.iter().position(|&byte| byte == 0)?;
        let (string, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Some(string)
    }
}

/// The arguments of this program, its name first.
pub type Arguments = Strings<'static>;

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn both(bytes: &[u8], arguments: usize, environment: usize) -> (Vec<&[u8]>, Vec<&[u8]>) {
        let block = ArgumentBlock::new(bytes, arguments, environment);
        (block.arguments().collect(), block.environment().collect())
    }

    #[test]
    fn strings_are_split_at_nul_bytes() {
        let (arguments, environment) = both(b"ls\0\0-l\0PATH=/bin\0A=\0", 3, 2);
        assert_eq!(arguments, [&b"ls"[..], b"", b"-l"]);
        assert_eq!(environment, [&b"PATH=/bin"[..], b"A="]);
    }

    #[test]
    fn false_counts_yield_what_there_is() {
        assert_eq!(both(b"a\0b\0", 9, 9), ([&b"a"[..], b"b"].to_vec(), [].to_vec()));
        assert_eq!(both(b"a\0unended", 2, 1), ([&b"a"[..]].to_vec(), [].to_vec()));
        assert_eq!(both(b"", 0, 0), (Vec::new(), Vec::new()));
    }
}
