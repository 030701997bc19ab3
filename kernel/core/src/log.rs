//! The kernel's log: the last 16 KiB of its text.
//!
//! Owns: [`Log`]: the bytes, and which of them a position means. Never here: where else lines go, and
//! what they say. The binary holds it, writes its own lines and those of `debug_log`, and reads it for
//! `hw_control`.
//!
//! Each byte has a position: how many bytes were logged before it since boot. A reader goes on where
//! it stopped, and sees from the next position what it has missed.
//!
//! The log is no secret: every program may write to it and, with STATISTICS, read it. So it holds
//! nothing that a terminal would act on, and nobody logs an address of the kernel: those are said by
//! the epitaph, to COM1.
//!
//! Invariants: L1 every byte is printable ASCII or a newline. L2 one CPU at a time writes: boot, then
//! whoever has the kernel's state or is idle. It consists of atomics because boot logs before there is
//! a state; nothing is waited for.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Bytes kept: a power of two.
pub const BYTES: usize = 16 << 10;

/// The last [`BYTES`] bytes that were logged.
#[derive(Debug)]
pub struct Log {
    bytes: [AtomicU8; BYTES],
    /// Bytes logged since boot: the position of the next one.
    end: AtomicU64,
}

impl Log {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Log {
        Log { bytes: [const { AtomicU8::new(0) }; BYTES], end: AtomicU64::new(0) }
    }

    /// Appends text; what is neither printable ASCII nor a newline becomes `?`.
    pub fn write(&self, text: &[u8]) {
        let start = self.end.load(Ordering::Relaxed);
        for (position, byte) in (start..).zip(text) {
            let byte = if matches!(byte, b' '..=b'~' | b'\n') { *byte } else { b'?' };
            self.byte(position).store(byte, Ordering::Relaxed);
        }
        self.end.store(start + text.len() as u64, Ordering::Relaxed);
    }

    /// Copies what was logged from `position` on, as much as fits. Returns the position of the first
    /// byte copied and how many there are: the oldest that is kept, if those asked for are gone, and
    /// none at the log's end, if they have not been logged yet.
    pub fn read(&self, position: u64, into: &mut [u8]) -> (u64, usize) {
        let end = self.end.load(Ordering::Relaxed);
        let first = position.clamp(end.saturating_sub(BYTES as u64), end);
        let copied = into.len().min((end - first) as usize);
        for (position, place) in (first..end).zip(into) {
            *place = self.byte(position).load(Ordering::Relaxed);
        }
        (first, copied)
    }

    fn byte(&self, position: u64) -> &AtomicU8 {
        &self.bytes[position as usize % BYTES]
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{string::String, vec::Vec};

    /// Position and text of what is read.
    fn read(log: &Log, position: u64, most: usize) -> (u64, String) {
        let mut bytes = std::vec![0; most];
        let (first, copied) = log.read(position, &mut bytes);
        assert!(bytes[copied..].iter().all(|byte| *byte == 0), "nothing else is written");
        bytes.truncate(copied);
        (first, String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_reader_goes_on_where_it_stopped() {
        let log = Log::new();
        assert_eq!(read(&log, 0, 8), (0, "".into()));
        log.write(b"one\n");
        log.write(b"");
        log.write(b"two\n");
        assert_eq!(read(&log, 0, 100), (0, "one\ntwo\n".into()));
        assert_eq!(read(&log, 0, 3), (0, "one".into()));
        assert_eq!(read(&log, 3, 3), (3, "\ntw".into()));
        assert_eq!(read(&log, 6, 3), (6, "o\n".into()));
        assert_eq!(read(&log, 8, 3), (8, "".into()));
        assert_eq!(read(&log, 7, 0), (7, "".into()));
        log.write(b"3");
        assert_eq!(read(&log, 8, 3), (8, "3".into()));
        for beyond in [10, 1 << 32, u64::MAX] {
            assert_eq!(read(&log, beyond, 3), (9, "".into()), "the end, from {beyond}");
        }
    }

    #[test]
    fn a_terminal_acts_on_nothing_of_it() {
        let log = Log::new();
        let every: Vec<u8> = (0..=255).collect();
        log.write(&every);
        let kept = |byte: u8| if byte == b'\n' || (32..127).contains(&byte) { byte } else { b'?' };
        let expected = every.iter().map(|byte| char::from(kept(*byte))).collect();
        assert_eq!(read(&log, 0, 256), (0, expected));
    }

    /// Logs in pieces of every length up to beyond the ring, and compares with all that was logged.
    #[test]
    fn the_last_bytes_are_kept_whatever_they_came_in() {
        let log = Log::new();
        let mut all = String::new();
        let lengths = [1, 255, BYTES - 256, 1, BYTES - 1, BYTES, 3, BYTES + 5, 3 * BYTES + 1, 7];
        for (round, length) in lengths.into_iter().enumerate() {
            let text: Vec<u8> = (0..length).map(|at| b'a' + ((at + round) % 23) as u8).collect();
            log.write(&text);
            all.push_str(core::str::from_utf8(&text).unwrap());
            let oldest = all.len().saturating_sub(BYTES);
            assert_eq!(read(&log, 0, 2 * BYTES), (oldest as u64, all[oldest..].into()));
            let middle = all.len() - all.len().min(BYTES) / 2;
            assert_eq!(read(&log, middle as u64, BYTES), (middle as u64, all[middle..].into()));
        }
    }
}
