//! The guest's console on the host: what goes in, what comes out.
//!
//! Owns: the four ways to connect COM1, and the two translations of a piped console. Never enters
//! it: threads, processes.
//!
//! A piped console carries a command's standard input and output byte for byte although a line
//! discipline lies between. Inwards ([`Typist`]): each byte that the discipline would act on is
//! preceded by Ctrl-V, its "next byte is literal"; a long line is handed over in pieces by Ctrl-D;
//! `results::INPUT_END` follows the last byte. Where a pipe stands for a keyboard, control bytes
//! are keys and typed as they are. Outwards ([`Output`]): everything before
//! `results::CONSOLE_START` belongs to firmware and boot loader and is dropped; the carriage return
//! that the discipline puts before each newline is taken out. Of a screen only the mark is.
//!
//! Called by: `run`. Invariant: `Output` gives the same bytes however the input is cut.

use std::io::{Read, Write};

use tine_abi::results::{CONSOLE_START, INPUT_END};

/// Ctrl-V: the next byte is literal.
const LITERAL: u8 = 0x16;

/// Ctrl-D: hands over a line without newline.
const HAND_OVER: u8 = 0x04;

/// Ctrl-C: interrupt.
pub(crate) const INTERRUPT: u8 = 0x03;

/// Where COM1 leads.
pub enum Console<'a> {
    /// To this process's terminal, in raw mode, with QEMU's escape character Ctrl-A. Nothing is
    /// watched but the results channel.
    Terminal,
    /// Input and output of a command.
    Piped {
        /// Read in a thread of its own until its end.
        input: Box<dyn Read + Send>,
        /// Receives what the command prints.
        output: &'a mut (dyn Write + 'a),
    },
    /// A pipe as the keyboard of a terminal, and what that shows.
    Keys {
        /// Typed when the console can take it, in a thread of its own until its end.
        input: Box<dyn Read + Send>,
        /// Receives what a screen would show, firmware included.
        output: &'a mut (dyn Write + 'a),
    },
    /// Nothing goes in; all that comes out, firmware included, goes to `sink` as it is.
    Recorded {
        /// Receives every byte; `std::io::sink()` where only the report matters.
        sink: &'a mut (dyn Write + 'a),
    },
}

impl std::fmt::Debug for Console<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Terminal => "Terminal",
            Self::Piped { .. } => "Piped",
            Self::Keys { .. } => "Keys",
            Self::Recorded { .. } => "Recorded",
        })
    }
}

/// Bytes of a line after which it is handed over: less than any line discipline can edit.
const PIECE: usize = 200;

/// The inward translation.
#[derive(Debug)]
pub(crate) struct Typist {
    /// Whether control bytes are keys.
    keys: bool,
    /// Bytes typed since the discipline last handed over; of keys, since the last control byte,
    /// which leaves no more than there were.
    column: usize,
}

impl Typist {
    /// One who types bytes so that they arrive as they are, or (`keys`) act as on a terminal.
    pub(crate) const fn new(keys: bool) -> Self {
        Self { keys, column: 0 }
    }

    /// What must be typed for `bytes`; at most three for each.
    pub(crate) fn quote(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut typed = Vec::with_capacity(3 * bytes.len());
        for &byte in bytes {
            let is_control = byte < b' ' || byte == 0x7f;
            let is_key = self.keys && is_control && !matches!(byte, b'\t' | INPUT_END);
            if byte == b'\n' || is_key {
                typed.push(byte);
                self.column = 0;
                continue;
            }
            if self.column == PIECE {
                typed.push(HAND_OVER);
                self.column = 0;
            }
            if is_control {
                typed.push(LITERAL);
            }
            typed.push(byte);
            self.column += 1;
        }
        typed
    }
}

/// What of the console is handed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shown {
    /// Every byte.
    Everything,
    /// What a screen would show: all but the start mark.
    Screen,
    /// What the command printed, and nothing of the line discipline's.
    Command,
}

/// The outward translation.
#[derive(Debug)]
pub(crate) struct Output {
    shown: Shown,
    /// Whether the start mark has been seen.
    started: bool,
    /// Bytes of the mark matched so far.
    matched: usize,
    /// Whether a carriage return is held back.
    held: bool,
}

impl Output {
    /// Nothing has come yet.
    pub(crate) const fn new(shown: Shown) -> Self {
        Self { shown, started: false, matched: 0, held: false }
    }

    /// Whether the command's console has begun.
    pub(crate) const fn started(&self) -> bool {
        self.started
    }

    /// Takes console bytes, returns those to hand on.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match self.shown {
                _ if !self.started => self.search(byte, &mut plain),
                Shown::Everything | Shown::Screen => plain.push(byte),
                Shown::Command => {
                    if std::mem::replace(&mut self.held, byte == b'\r') && byte != b'\n' {
                        plain.push(b'\r');
                    }
                    if byte != b'\r' {
                        plain.push(byte);
                    }
                }
            }
        }
        plain
    }

    /// What is still held back at the end of the console.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        if std::mem::take(&mut self.held) {
            return vec![b'\r'];
        }
        let mut rest = Vec::new();
        if !self.started {
            self.no_mark(&mut rest);
        }
        rest
    }

    fn search(&mut self, byte: u8, plain: &mut Vec<u8>) {
        // The mark's first byte occurs nowhere else in it, so a mismatch needs no going back.
        if byte != CONSOLE_START[self.matched] {
            self.no_mark(plain);
        }
        if byte == CONSOLE_START[self.matched] {
            self.matched += 1;
        } else if self.shown != Shown::Command {
            plain.push(byte);
        }
        self.started = self.matched == CONSOLE_START.len();
        if self.started && self.shown == Shown::Everything {
            plain.extend(CONSOLE_START);
        }
    }

    /// What looked like the mark is none.
    fn no_mark(&mut self, plain: &mut Vec<u8>) {
        let matched = std::mem::take(&mut self.matched);
        if self.shown != Shown::Command {
            plain.extend(&CONSOLE_START[..matched]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_follows_the_mark_is_output_however_it_is_cut() {
        let mut bytes = b"firmware\x1b]tine;sta\x1b".to_vec();
        bytes.extend_from_slice(CONSOLE_START);
        bytes.extend_from_slice(b"a\r\nb\rc\r\r\n\r");
        let mut whole = Output::new(Shown::Command);
        let mut plain = whole.feed(&bytes);
        plain.extend(whole.finish());
        assert_eq!(plain, b"a\nb\rc\r\n\r");
        assert!(whole.started());
        let mut pieces = Output::new(Shown::Command);
        let mut joined: Vec<u8> = bytes.iter().flat_map(|byte| pieces.feed(&[*byte])).collect();
        joined.extend(pieces.finish());
        assert_eq!(joined, plain);
    }

    #[test]
    fn a_screen_shows_all_but_the_mark_however_it_is_cut() {
        let parts: [&[u8]; 4] =
            [b"a\x1b]ti\x1b]tine;sta\r\n", CONSOLE_START, b"b\r\n", CONSOLE_START];
        let bytes = parts.concat();
        for (shown, expected) in [
            (Shown::Everything, bytes.clone()),
            (Shown::Screen, [parts[0], parts[2], parts[3]].concat()),
        ] {
            let mut output = Output::new(shown);
            let joined: Vec<u8> = bytes.iter().flat_map(|byte| output.feed(&[*byte])).collect();
            assert_eq!(joined, expected);
            let mut cut = Output::new(shown);
            let joined = [cut.feed(&bytes[..5]), cut.finish()].concat();
            assert_eq!(joined, bytes[..5]);
        }
    }

    #[test]
    fn the_first_byte_of_the_mark_is_unique_in_it() {
        let again = CONSOLE_START.iter().filter(|byte| **byte == CONSOLE_START[0]).count();
        assert_eq!(again, 1);
    }

    #[test]
    fn bytes_that_a_line_discipline_acts_on_are_typed_literally() {
        let quote = |bytes: &[u8]| Typist::new(false).quote(bytes);
        assert_eq!(quote(b"ab\n"), b"ab\n");
        assert_eq!(quote(b"\x03\x04\t\r\x7f\x16"), b"\x16\x03\x16\x04\x16\t\x16\r\x16\x7f\x16\x16");
    }

    #[test]
    fn keys_are_typed_as_they_are_but_cannot_end_the_input() {
        let quote = |bytes: &[u8]| Typist::new(true).quote(bytes);
        assert_eq!(quote(b"a\x03\x04\x16\x7f\n"), b"a\x03\x04\x16\x7f\n");
        assert_eq!(quote(b"\t\x19"), b"\x16\t\x16\x19");
        // After ^U the line may be empty, and a Ctrl-D would be an end of file.
        let line = [&[b'x'; PIECE][..], b"\x15", &[b'y'; PIECE]].concat();
        assert_eq!(quote(&line), line);
        assert_eq!(quote(&[b'x'; PIECE + 1])[PIECE..], [HAND_OVER, b'x']);
    }

    #[test]
    fn long_lines_are_handed_over_in_pieces() {
        let typed = Typist::new(false).quote(&[b'x'; 2 * PIECE]);
        let pieces: Vec<_> = typed.split(|byte| *byte == HAND_OVER).map(<[u8]>::len).collect();
        assert_eq!(pieces, [PIECE, PIECE]);
        let whole = Typist::new(false).quote(&[[b'x'; PIECE].as_slice(), b"\ny"].concat());
        assert!(!whole.contains(&HAND_OVER), "a newline hands over by itself");
    }
}
