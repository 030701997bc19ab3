//! Lines of a descriptor.

use alloc::vec::Vec;

use crate::descriptor::{Fd, read};
use crate::error::Result;

/// Bytes read at once.
const CHUNK: usize = 512;

/// Reads a descriptor line by line. It reads ahead, so nobody else should read the same description.
#[derive(Debug)]
pub struct Lines {
    fd: Fd,
    assembly: Assembly,
}

impl Lines {
    /// The lines of `fd`.
    #[must_use]
    pub const fn new(fd: Fd) -> Self {
        Self { fd, assembly: Assembly { bytes: Vec::new(), searched: 0, ended: false } }
    }

    /// The next line without its newline; `None` at the end. A last line without newline counts.
    ///
    /// # Errors
    /// As read(2).
    pub fn read_line(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(line) = self.assembly.take() {
                return Ok(Some(line));
            }
            if self.assembly.ended {
                return Ok(None);
            }
            let mut chunk = [0; CHUNK];
            let length = read(self.fd, &mut chunk)?;
            self.assembly.put(&chunk[..length]);
        }
    }
}

/// What was read and not yet given out.
#[derive(Debug)]
struct Assembly {
    bytes: Vec<u8>,
    /// So many bytes at the beginning hold no newline.
    searched: usize,
    ended: bool,
}

impl Assembly {
    fn put(&mut self, bytes: &[u8]) {
        self.ended = bytes.is_empty();
        self.bytes.extend_from_slice(bytes);
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let found = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(end) = found.map(|index| self.searched + index) else {
            self.searched = self.bytes.len();
            let rest = self.ended && !self.bytes.is_empty();
            self.searched *= usize::from(!rest);
            return rest.then(|| core::mem::take(&mut self.bytes));
        };
        let rest = self.bytes.split_off(end + 1);
        let mut line = core::mem::replace(&mut self.bytes, rest);
        line.pop();
        self.searched = 0;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut lines = Lines::new(Fd::STDIN).assembly;
        let mut found = Vec::new();
        for piece in [&b"on"[..], b"e\n\ntw", b"o\nlast", b""] {
            lines.put(piece);
            while let Some(line) = lines.take() {
                found.push(line);
            }
        }
        assert_eq!(found, [&b"one"[..], b"", b"two", b"last"]);
        assert_eq!(lines.take(), None);
    }
}
