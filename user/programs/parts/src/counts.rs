//! Lines, words and bytes.

/// What `wc` counts. Feed it pieces in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Newlines.
    pub lines: u64,
    /// Words: runs of bytes without ASCII white space.
    pub words: u64,
    /// Bytes.
    pub bytes: u64,
    in_word: bool,
}

impl Counts {
    /// Counts a piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        for byte in piece {
            self.lines += u64::from(*byte == b'\n');
            // isspace(3): the vertical tab as well, which Rust leaves out.
            let space = byte.is_ascii_whitespace() || *byte == 0x0b;
            self.words += u64::from(!space && !self.in_word);
            self.in_word = !space;
        }
    }

    /// Sums of both.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            lines: self.lines + other.lines,
            words: self.words + other.words,
            bytes: self.bytes + other.bytes,
            in_word: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pieces: &[&str]) -> (u64, u64, u64) {
        let mut counts = Counts::default();
        pieces.iter().for_each(|piece| counts.add(piece.as_bytes()));
        (counts.lines, counts.words, counts.bytes)
    }

    #[test]
    fn pieces_count_as_the_whole() {
        assert_eq!(of(&["one two\nthree\n"]), (2, 3, 14));
        assert_eq!(of(&["one t", "wo\nthr", "ee\n"]), (2, 3, 14));
        assert_eq!(of(&[""]), (0, 0, 0));
        assert_eq!(of(&[" \t\u{b}\r\n x"]), (1, 1, 7));
    }

    #[test]
    fn sums() {
        let mut one = Counts::default();
        one.add(b"a\n");
        assert_eq!((one.plus(one).lines, one.plus(one).words, one.plus(one).bytes), (2, 2, 4));
    }
}
