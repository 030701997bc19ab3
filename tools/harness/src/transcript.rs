//! The last lines of a guest, for the report of a bad end.
//!
//! Owns: a bounded tail of text. Called by: `run`. Invariant: at most [`LINES`] lines of at most
//! [`WIDTH`] bytes are kept, control bytes and escape
//! sequences taken out.

use crossbeam_queue::ArrayQueue;

/// Lines kept: an epitaph with its backtrace.
const LINES: usize = 60;

/// Bytes kept of a line.
const WIDTH: usize = 400;

/// Ends a system escape sequence.
const BELL: u8 = 0x07;

/// A tail of lines.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// A new line pushes the oldest one out.
    lines: ArrayQueue<String>,
    partial: Vec<u8>,
    escape: Escape,
}

/// Where in a terminal's escape sequence the bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Escape {
    /// In none.
    #[default]
    Text,
    /// After ESC.
    Begun,
    /// After ESC `[`: ends with a byte from `@` on.
    Control,
    /// After ESC `]`: ends with BEL.
    System,
}

impl Default for Transcript {
    fn default() -> Self {
        Self { lines: ArrayQueue::new(LINES), partial: Vec::new(), escape: Escape::default() }
    }
}

impl Transcript {
    /// Takes console bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match (self.escape, byte) {
                (_, b'\n') => self.escape = Escape::Text,
                (Escape::Text, 0x1b) => self.escape = Escape::Begun,
                (Escape::Text, _) => {}
                (Escape::Begun, b'[') => self.escape = Escape::Control,
                (Escape::Begun, b']') => self.escape = Escape::System,
                (Escape::Control, ..b'@') => {}
                (Escape::System, _) if byte != BELL => {}
                (Escape::Begun | Escape::Control | Escape::System, _) => {
                    self.escape = Escape::Text;
                    continue;
                }
            }
            match byte {
                _ if self.escape != Escape::Text => {}
                b'\n' => self.end_line(),
                b'\t' | b' '..=b'~' | 0x80.. if self.partial.len() < WIDTH => {
                    self.partial.push(byte);
                }
                _ => {}
            }
        }
    }

    /// Takes one whole line.
    pub(crate) fn line(&mut self, line: &str) {
        if !self.partial.is_empty() {
            self.end_line();
        }
        self.bytes(line.as_bytes());
        self.end_line();
    }

    fn end_line(&mut self) {
        self.lines.force_push(String::from_utf8_lossy(&self.partial).trim_end().to_owned());
        self.partial.clear();
    }

    /// The lines, oldest first.
    pub(crate) fn into_lines(mut self) -> Vec<String> {
        if !self.partial.is_empty() {
            self.end_line();
        }
        self.lines.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_and_clean() {
        let mut transcript = Transcript::default();
        for number in 0..100 {
            transcript.bytes(format!("\x1b]a;b\x07li\x1b[1;2Hne\x1bc {number}\r\n").as_bytes());
        }
        transcript.bytes(b"unfinished");
        transcript.line("log");
        transcript.bytes(&[b'x'; 2 * WIDTH]);
        let lines = transcript.into_lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[LINES - 4..LINES - 1], ["line 99", "unfinished", "log"]);
        assert_eq!(lines[LINES - 1].len(), WIDTH);
    }
}
