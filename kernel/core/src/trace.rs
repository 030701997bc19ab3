//! What entered the kernel last: a ring that the epitaph prints.
//!
//! Owns: [`Trace`], [`TraceRecord`]. Never here: text. Every entry writes one word; it is in every
//! build, because a dying kernel has no time to switch it on.

use crate::object::ThreadId;

/// Records kept: a power of two.
pub const RECORDS: usize = 64;

/// Why the kernel was entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Reason {
    /// A system call; number: the call, argument: the main capability.
    Call = 1,
    /// An exception; number: the vector, argument: the page of the address, its low 32 bits.
    Exception = 2,
    /// An interrupt; number: the line, 255 for the timer.
    Interrupt = 3,
}

/// One entry into the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceRecord {
    /// Why.
    pub reason: Reason,
    /// Call, vector or line.
    pub number: u8,
    /// Slab index of the thread that entered, its low 16 bits.
    pub thread: u16,
    /// As [`Reason`] says.
    pub argument: u32,
}

/// The last [`RECORDS`] entries into the kernel.
#[derive(Debug)]
pub struct Trace {
    words: [u64; RECORDS],
    next: usize,
}

impl Trace {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Trace {
        Trace { words: [0; RECORDS], next: 0 }
    }

    /// Notes an entry.
    #[inline(always)]
    pub fn note(&mut self, reason: Reason, number: u8, thread: Option<ThreadId>, argument: u32) {
        let thread = thread.map_or(u16::MAX, |thread| thread.index() as u16);
        self.words[self.next % RECORDS] = reason as u64
            | u64::from(number) << 8
            | u64::from(thread) << 16
            | u64::from(argument) << 32;
        self.next = self.next.wrapping_add(1);
    }

    /// The records, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = TraceRecord> {
        (0..RECORDS).filter_map(|age| {
            let word = self.words[self.next.wrapping_add(age) % RECORDS];
            let reason = match word as u8 {
                1 => Reason::Call,
                2 => Reason::Exception,
                3 => Reason::Interrupt,
                _ => return None,
            };
            Some(TraceRecord {
                reason,
                number: (word >> 8) as u8,
                thread: (word >> 16) as u16,
                argument: (word >> 32) as u32,
            })
        })
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_records_come_oldest_first() {
        let mut trace = Trace::new();
        assert_eq!(trace.iter().count(), 0);
        for number in 0..100 {
            trace.note(Reason::Call, number, None, u32::from(number) + 1);
        }
        let numbers: std::vec::Vec<_> = trace.iter().map(|record| record.number).collect();
        assert_eq!(numbers, (36..100).collect::<std::vec::Vec<u8>>());
        assert_eq!(trace.iter().next().map(|record| record.argument), Some(37));
    }
}
