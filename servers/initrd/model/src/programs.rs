//! Sealed Memories of program files, kept because programs are executed again and again.
//!
//! Owns: which file and version each one shows, and which one goes when there are too many. Never
//! enters it: what a Memory is; the shell keeps its capabilities here.
//!
//! Invariants: at most [`PROGRAMS_MAX`] are kept, and no more bytes than given at creation, unless
//! a single file is longer; the oldest goes first. A Memory that goes here lives on in the programs
//! that run from it.

use alloc::collections::VecDeque;

use crate::node::NodeId;

/// Programs kept at most.
pub const PROGRAMS_MAX: usize = 64;

#[derive(Debug)]
struct Program<T> {
    node: NodeId,
    version: u32,
    length: usize,
    memory: T,
}

/// The kept ones, oldest first.
#[derive(Debug)]
pub struct Programs<T> {
    kept: VecDeque<Program<T>>,
    bytes: usize,
    limit: usize,
}

impl<T: Copy> Programs<T> {
    /// None, and never more than `limit` bytes of them.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, limit }
    }

    /// The Memory of this version of a file.
    #[must_use]
    pub fn find(&self, node: NodeId, version: u32) -> Option<T> {
        let program = self.kept.iter().find(|kept| kept.node == node && kept.version == version)?;
        Some(program.memory)
    }

    /// The oldest one, which the caller closes.
    pub fn evict(&mut self) -> Option<T> {
        let gone = self.kept.pop_front()?;
        self.bytes -= gone.length;
        Some(gone.memory)
    }

    /// One of a file that is of no use any more, which the caller closes.
    pub fn evict_stale(&mut self, is_of_use: impl Fn(NodeId) -> bool) -> Option<T> {
        let stale = self.kept.iter().position(|kept| !is_of_use(kept.node))?;
        let gone = self.kept.remove(stale)?;
        self.bytes -= gone.length;
        Some(gone.memory)
    }

    /// Whether [`Self::evict`] must make room before one more of `length` bytes is kept.
    #[must_use]
    pub fn is_full(&self, length: usize) -> bool {
        let exceeds = self.bytes.saturating_add(length) > self.limit;
        !self.kept.is_empty() && (exceeds || self.kept.len() >= PROGRAMS_MAX)
    }

    /// Keeps one. False without memory; the caller keeps it then.
    #[must_use]
    pub fn keep(&mut self, node: NodeId, version: u32, length: usize, memory: T) -> bool {
        if self.kept.try_reserve(1).is_err() {
            return false;
        }
        self.bytes += length;
        self.kept.push_back(Program { node, version, length, memory });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn node(index: u32) -> NodeId {
        NodeId { index, serial: index + 10 }
    }

    #[test]
    fn one_version_is_found_and_a_stale_one_goes_first() {
        let mut programs = Programs::new(1000);
        assert!(programs.keep(node(1), 0, 10, 'a'));
        assert!(programs.keep(node(2), 0, 10, 'b'));
        assert_eq!((programs.find(node(2), 0), programs.find(node(2), 1)), (Some('b'), None));
        let reused = NodeId { serial: 99, ..node(1) };
        assert_eq!(programs.find(reused, 0), None, "another file in the same place");
        assert_eq!(programs.evict_stale(|kept| kept != node(2)), Some('b'));
        assert_eq!((programs.evict(), programs.evict()), (Some('a'), None));
    }

    #[test]
    fn what_is_of_no_use_goes() {
        let mut programs = Programs::new(1000);
        for index in 1..4 {
            assert!(programs.keep(node(index), 0, 10, index));
        }
        let exists = |it: NodeId| it != node(2);
        assert_eq!((programs.evict_stale(exists), programs.evict_stale(exists)), (Some(2), None));
        assert_eq!(programs.bytes, 20);
    }

    #[test]
    fn numbers_and_bytes_are_bounded() {
        let mut programs = Programs::new(100);
        assert!(!programs.is_full(1 << 40), "one is kept whatever its length");
        assert!(programs.keep(node(1), 0, 60, 1));
        assert!(!programs.is_full(40) && programs.is_full(41));
        assert_eq!(programs.evict(), Some(1));
        for index in 0..PROGRAMS_MAX as u32 {
            assert!(!programs.is_full(1));
            assert!(programs.keep(node(index), 0, 1, index));
        }
        assert!(programs.is_full(1));
        assert_eq!(programs.evict(), Some(0), "the oldest");
        assert!(!programs.is_full(1));
    }
}
