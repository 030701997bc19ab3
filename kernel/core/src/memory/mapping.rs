//! Mappings: what the kernel promised about a range of addresses.
//!
//! Owns: [`Mapping`], the only source of logical permission (I3). Never here: page tables, and how
//! mappings are stored (`node`, `tree`). Called by everything in `memory` and by reports.
//!
//! A record is 32 bytes, and the same record with the kind `Node` is a child in an index node of
//! the tree, so that one search serves both.

use tine_abi::{
    Error,
    memory::{Inheritance, PAGE, Protection},
};

use super::{MemoryId, node::NodeId};

/// What stands behind a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum MappingKind {
    /// A node of the tree that spans the range.
    Node,
    Anonymous,
    Shared,
    Private,
}

/// Where the bytes of a mapping come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backing {
    /// Zeroed private memory.
    Anonymous,
    /// A Memory itself, from this page on.
    Shared(MemoryId, u32),
    /// The content of a sealed Memory, from this page on; stores go to private copies.
    Private(MemoryId, u32),
}

/// A range of addresses with one protection, inheritance and backing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Raw id of the Memory or node; 0 for anonymous memory.
    target: u64,
    /// First page of the Memory.
    page: u32,
    pub(crate) protection: Protection,
    pub(crate) allowed: Protection,
    pub(crate) inheritance: Inheritance,
    pub(crate) kind: MappingKind,
}

const _: () = assert!(size_of::<Mapping>() == 32);

impl Mapping {
    /// A record of no address.
    pub(crate) const EMPTY: Mapping = Mapping {
        start: 0,
        end: 0,
        target: 0,
        page: 0,
        protection: Protection::empty(),
        allowed: Protection::empty(),
        inheritance: Inheritance::Copy,
        kind: MappingKind::Anonymous,
    };

    pub(crate) fn new(
        range: core::ops::Range<u64>,
        backing: Backing,
        inheritance: Inheritance,
        protection: Protection,
        allowed: Protection,
    ) -> Mapping {
        let (kind, target, page) = match backing {
            Backing::Anonymous => (MappingKind::Anonymous, 0, 0),
            Backing::Shared(memory, page) => (MappingKind::Shared, memory.raw(), page),
            Backing::Private(memory, page) => (MappingKind::Private, memory.raw(), page),
        };
        let core::ops::Range { start, end } = range;
        Mapping { start, end, target, page, protection, allowed, inheritance, kind }
    }

    /// The child record of a node.
    pub(crate) fn child(node: NodeId, start: u64, end: u64) -> Mapping {
        Mapping { start, end, target: node.raw(), kind: MappingKind::Node, ..Mapping::EMPTY }
    }

    /// First address.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// First address behind it.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// What user mode may do.
    #[must_use]
    pub const fn protection(&self) -> Protection {
        self.protection
    }

    /// What `protect` may raise it to: what the capability granted. WRITE and EXECUTE exclude each
    /// other here for good once one of them was in force.
    #[must_use]
    pub const fn allowed(&self) -> Protection {
        self.allowed
    }

    /// What a fork makes of it.
    #[must_use]
    pub const fn inheritance(&self) -> Inheritance {
        self.inheritance
    }

    /// Where its bytes come from.
    #[must_use]
    pub fn backing(&self) -> Backing {
        match (self.kind, MemoryId::from_raw(self.target)) {
            (MappingKind::Shared, Some(memory)) => Backing::Shared(memory, self.page),
            (MappingKind::Private, Some(memory)) => Backing::Private(memory, self.page),
            _ => Backing::Anonymous,
        }
    }

    /// The node of an index record.
    #[inline]
    pub(crate) fn node(&self) -> Option<NodeId> {
        if self.kind == MappingKind::Node { NodeId::from_raw(self.target) } else { None }
    }

    /// The Memory behind a mapping.
    #[inline]
    pub(crate) fn memory(&self) -> Option<MemoryId> {
        match self.kind {
            MappingKind::Shared | MappingKind::Private => MemoryId::from_raw(self.target),
            MappingKind::Anonymous | MappingKind::Node => None,
        }
    }

    /// The page of the Memory that lies at `address`.
    #[inline]
    pub(crate) fn page_at(&self, address: u64) -> u32 {
        self.page + ((address - self.start) / PAGE) as u32
    }

    /// Whether a store through the mapping may ever reach the Memory behind it.
    #[inline]
    pub(crate) fn is_writer(&self) -> bool {
        self.kind == MappingKind::Shared && self.allowed.contains(Protection::WRITE)
    }

    /// The part of the mapping below `end`.
    pub(crate) fn before(&self, end: u64) -> Mapping {
        Mapping { end, ..*self }
    }

    /// The part of the mapping from `start` on.
    pub(crate) fn from(&self, start: u64) -> Mapping {
        let page = if self.memory().is_some() { self.page_at(start) } else { 0 };
        Mapping { start, page, ..*self }
    }

    /// The mapping with another protection.
    pub(crate) fn with_protection(&self, protection: Protection) -> Mapping {
        Mapping { protection, allowed: remaining(self.allowed, protection), ..*self }
    }

    /// Both in one, if `next` continues this mapping in every respect.
    pub(crate) fn joined(&self, next: &Mapping) -> Option<Mapping> {
        let alike = self.end == next.start
            && self.kind == next.kind
            && self.kind != MappingKind::Node
            && self.target == next.target
            && self.protection == next.protection
            && self.allowed == next.allowed
            && self.inheritance == next.inheritance
            && (self.memory().is_none() || self.page_at(self.end) == next.page);
        alike.then_some(Mapping { end: next.end, ..*self })
    }
}

/// `protection` with what it implies; [`Error::Denied`] if it is writable and executable.
pub(crate) fn sound(protection: Protection) -> Result<Protection, Error> {
    let both = Protection::WRITE.union(Protection::EXECUTE);
    if protection.contains(both) {
        return Err(Error::Denied);
    }
    Ok(if protection.intersects(both) { protection | Protection::READ } else { protection })
}

/// What remains allowed once `protection` was in force: what was ever writable never becomes
/// executable, and the other way round.
pub(crate) fn remaining(allowed: Protection, protection: Protection) -> Protection {
    if protection.contains(Protection::WRITE) {
        allowed.difference(Protection::EXECUTE)
    } else if protection.contains(Protection::EXECUTE) {
        allowed.difference(Protection::WRITE)
    } else {
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anonymous(start: u64, end: u64) -> Mapping {
        let protection = Protection::READ | Protection::WRITE;
        Mapping::new(start..end, Backing::Anonymous, Inheritance::Copy, protection, protection)
    }

    #[test]
    fn parts_of_a_mapping_join_to_the_whole() {
        let memory = MemoryId::from_raw(1 << 32 | 5).expect("a generation that is not zero");
        let shared = Mapping::new(
            0x10000..0x20000,
            Backing::Shared(memory, 7),
            Inheritance::Share,
            Protection::READ,
            Protection::READ,
        );
        for whole in [anonymous(0x10000, 0x20000), shared] {
            let (below, above) = (whole.before(0x14000), whole.from(0x14000));
            assert_eq!(below.joined(&above), Some(whole));
            assert_eq!(above.joined(&below), None);
            assert_eq!(whole.before(0x13000).joined(&above), None, "a hole between");
        }
        assert_eq!(shared.from(0x14000).backing(), Backing::Shared(memory, 11));
        assert_eq!(shared.before(0x14000).joined(&shared.from(0x15000)), None);
    }

    #[test]
    fn writable_and_executable_exclude_each_other_for_good() {
        let all = Protection::all();
        assert_eq!(sound(Protection::WRITE | Protection::EXECUTE), Err(Error::Denied));
        assert_eq!(sound(Protection::WRITE), Ok(Protection::READ | Protection::WRITE));
        assert_eq!(sound(Protection::empty()), Ok(Protection::empty()));
        let written = remaining(all, Protection::READ | Protection::WRITE);
        assert!(!written.contains(Protection::EXECUTE));
        assert_eq!(remaining(written, Protection::READ), written);
        let executed = remaining(all, Protection::READ | Protection::EXECUTE);
        assert!(!executed.contains(Protection::WRITE));
        assert_eq!(remaining(all, Protection::READ), all);
    }
}
