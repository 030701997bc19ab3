//! From bytes of the results channel to lines and heartbeats.
//!
//! Owns: the partial line between two reads. Never enters it: what a line means.
//! Called by: `run`. Invariants: a partial line never grows beyond `results::MAX` bytes; the same
//! bytes give the same lines however they are cut into reads.

use tine_abi::results::{BEAT, MAX};

/// The reading side of the channel.
#[derive(Debug, Default)]
pub struct Channel {
    partial: Vec<u8>,
}

impl Channel {
    /// Takes bytes as they come, drops heartbeats, and returns the lines that they complete. A
    /// line that is too long is cut; bytes that are not ASCII become `?`.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in bytes {
            match byte {
                BEAT | b'\r' => {}
                b'\n' => lines.extend(self.finish()),
                _ if self.partial.len() < MAX => {
                    self.partial.push(if byte.is_ascii() { byte } else { b'?' });
                }
                _ => {}
            }
        }
        lines
    }

    /// The line that was begun, if it is not empty.
    pub fn finish(&mut self) -> Option<String> {
        let line: String = self.partial.drain(..).map(char::from).collect();
        (!line.trim().is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_do_not_matter_and_beats_may_stand_anywhere() {
        let bytes = b"\x16tine 1\n\nsta\x16tus 3\r\n\x16\x16done";
        let whole = Channel::default().feed(bytes);
        assert_eq!(whole, ["tine 1", "status 3"]);
        let mut channel = Channel::default();
        let single: Vec<_> = bytes.iter().flat_map(|byte| channel.feed(&[*byte])).collect();
        assert_eq!(single, whole);
        assert_eq!(channel.finish().as_deref(), Some("done"));
        assert_eq!(channel.finish(), None);
    }

    #[test]
    fn long_and_foreign_lines_stay_bounded() {
        let mut bytes = vec![0xff; 10 * MAX];
        bytes.push(b'\n');
        let lines = Channel::default().feed(&bytes);
        assert_eq!(lines, ["?".repeat(MAX)]);
    }
}
