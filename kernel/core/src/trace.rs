//! What entered the kernel last: a ring that the epitaph prints.
//!
//! Owns: [`Trace`], [`TraceRecord`]. Never here: text. Every entry writes two words; it is in every
//! build, because a dying kernel has no time to switch it on.

use crate::object::ThreadId;

/// Records kept: a power of two.
pub const RECORDS: usize = 64;

/// Why the kernel was entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Reason {
    /// A system call; the word is RAX: number and main capability.
    Call = 0,
    /// An exception; the word is the address, with the vector in its upper 8 bits.
    Exception = 1,
    /// An interrupt; the word is the line, 255 for the timer, 254 for a spurious one.
    Interrupt = 2,
}

/// One entry into the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceRecord {
    /// Why.
    pub reason: Reason,
    /// As [`Reason`] says.
    pub word: u64,
    /// The thread that entered: its slab index and generation, as in its id; 0: none.
    pub thread: u64,
}

/// Where the reason stands in a record's thread word: bits of the index that no slab uses.
const REASON_SHIFT: u32 = 28;

/// The last [`RECORDS`] entries into the kernel.
#[derive(Debug)]
pub struct Trace {
    records: [(u64, u64); RECORDS],
    next: usize,
}

impl Trace {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Trace {
        Trace { records: [(0, 0); RECORDS], next: 0 }
    }

    /// Notes an entry.
    #[inline(always)]
    pub fn note(&mut self, reason: Reason, word: u64, thread: Option<ThreadId>) {
        let thread = thread.map_or(0, ThreadId::raw);
        self.records[self.next % RECORDS] = (word, thread | (reason as u64) << REASON_SHIFT);
        self.next = self.next.wrapping_add(1);
    }

    /// The records, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = TraceRecord> {
        (0..RECORDS).filter_map(|age| {
            let (word, thread) = self.records[self.next.wrapping_add(age) % RECORDS];
            let reason = match thread >> REASON_SHIFT & 3 {
                0 if thread != 0 => Reason::Call,
                1 => Reason::Exception,
                2 => Reason::Interrupt,
                _ => return None,
            };
            Some(TraceRecord { reason, word, thread: thread & !(3 << REASON_SHIFT) })
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
        let thread = ThreadId::from_raw(1 << 32 | 5);
        for number in 0..100 {
            trace.note(Reason::Call, number, thread);
        }
        trace.note(Reason::Interrupt, 255, None);
        let words: std::vec::Vec<_> = trace.iter().map(|record| record.word).collect();
        assert_eq!(words, (37..100).chain([255]).collect::<std::vec::Vec<u64>>());
        let first = trace.iter().next();
        assert_eq!(
            first.map(|record| (record.reason, record.thread)),
            Some((Reason::Call, 1 << 32 | 5))
        );
    }
}
