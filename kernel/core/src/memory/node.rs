//! Nodes of the mapping trees: shared between spaces, counted, dropped without recursion.
//!
//! Owns: [`MappingNodes`]: the slab of nodes, their counts and charges, the list of dead nodes.
//! Never here: the shape of a tree (`tree`). Called by `tree`, `fork` and `teardown`.
//!
//! Invariants: N1 `references` is the number of index records and spaces that name the node. N2 a
//! record of a Memory in a live or dead node is one holder of the Memory (and one writer, if it is
//! one). N3 a node is charged as one object to the account that made it, until it is dropped.

use tine_abi::Error;
use tine_ksync::{Id, PageSource, Slab};

use super::{FrameTable, MemoryObjects, Progress, mapping::Mapping, object};
use crate::{
    account::{self, AccountId, Accounts},
    object::cost::bytes,
};

/// Records in a node: with the slab's header a node is 512 bytes.
pub(crate) const FAN_OUT: usize = 15;

pub(crate) type NodeId = Id<Node>;

/// One node: in a leaf the records are mappings, in an index node they are children.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) references: u32,
    owner: u32,
    /// The next dead node.
    next: Option<NodeId>,
    count: u8,
    pub(crate) is_leaf: bool,
    records: [Mapping; FAN_OUT],
}

const _: () = assert!(size_of::<Node>() <= 504, "eight nodes fit a page of the slab");

impl Node {
    /// The records, in the order of their addresses.
    #[inline]
    pub(crate) fn records(&self) -> &[Mapping] {
        self.records.get(..usize::from(self.count)).unwrap_or(&[])
    }

    /// First and last address that the node spans.
    pub(crate) fn span(&self) -> (u64, u64) {
        let records = self.records();
        (records.first().map_or(0, |first| first.start), records.last().map_or(0, |last| last.end))
    }

    /// Replaces all records; `records` is at most [`FAN_OUT`] long.
    pub(crate) fn set_records(&mut self, records: &[Mapping]) {
        debug_assert!(records.len() <= FAN_OUT);
        for (place, record) in self.records.iter_mut().zip(records) {
            *place = *record;
        }
        self.count = records.len().min(FAN_OUT) as u8;
    }

    /// Replaces the records of `window` by `content`; the result has at most [`FAN_OUT`].
    pub(crate) fn splice(&mut self, window: core::ops::Range<usize>, content: &[Mapping]) {
        let (count, behind) = (usize::from(self.count), window.start + content.len());
        let length = behind + count - window.end;
        debug_assert!(window.end <= count && length <= FAN_OUT);
        if length <= FAN_OUT && window.start <= window.end && window.end <= count {
            self.records.copy_within(window.end..count, behind);
            for (place, record) in self.records.iter_mut().skip(window.start).zip(content) {
                *place = *record;
            }
            self.count = length as u8;
        }
    }

    /// Changes the span noted for child `index`.
    pub(crate) fn set_child_span(&mut self, index: usize, (start, end): (u64, u64)) {
        if let Some(record) = self.records.get_mut(index) {
            (record.start, record.end) = (start, end);
        }
    }
}

/// All nodes of all trees.
#[derive(Debug, Default)]
pub struct MappingNodes {
    slab: Slab<Node>,
    dead: Option<NodeId>,
}

impl MappingNodes {
    /// Bytes of the slab for each node.
    pub const BYTES: usize = bytes::<Node>();

    /// No nodes yet.
    #[must_use]
    pub const fn new() -> MappingNodes {
        MappingNodes { slab: Slab::new(), dead: None }
    }

    /// Pages of the slab.
    #[must_use]
    pub const fn pages(&self) -> usize {
        self.slab.pages()
    }

    /// Nodes in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether no node is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    #[inline]
    pub(crate) fn get(&self, id: NodeId) -> Option<&Node> {
        self.slab.get(id)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.slab.get_mut(id)
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.slab.iter()
    }

    /// Charges `count` nodes and makes room for them, all or nothing.
    pub(crate) fn reserve(
        &mut self,
        pages: &mut impl PageSource,
        accounts: &mut Accounts,
        account: AccountId,
        count: usize,
    ) -> Result<(), Error> {
        let owner = accounts.get_mut(account).ok_or(Error::Gone)?;
        if !owner.objects.take(count as u32) {
            return Err(Error::NoMemory);
        }
        self.slab.reserve(pages, count).map_err(|_| {
            account::give_objects(accounts, account.index(), count as u32);
            Error::NoMemory
        })
    }

    /// Makes a node, for which there is room and charge. The records' references pass to it.
    pub(crate) fn create(
        &mut self,
        pages: &mut impl PageSource,
        account: AccountId,
        is_leaf: bool,
        records: &[Mapping],
    ) -> NodeId {
        let mut node = Node {
            references: 1,
            owner: account.index(),
            next: None,
            count: 0,
            is_leaf,
            records: [Mapping::EMPTY; FAN_OUT],
        };
        node.set_records(records);
        self.slab.insert(pages, node).expect("room was reserved for the node")
    }

    /// One more index record or space names the node.
    #[inline]
    pub(crate) fn raise(&mut self, id: NodeId) {
        if let Some(node) = self.slab.get_mut(id) {
            node.references += 1;
        }
    }

    /// One fewer does; a node that nobody names is put on the list of dead ones.
    pub(crate) fn lower(&mut self, id: NodeId) {
        let next = self.dead;
        if let Some(node) = self.slab.get_mut(id) {
            node.references -= 1;
            if node.references == 0 {
                node.next = next;
                self.dead = Some(id);
            }
        }
    }

    /// Whether no dead node waits.
    #[inline]
    pub(crate) fn has_no_dead(&self) -> bool {
        self.dead.is_none()
    }

    /// Drops dead nodes and what their records name; `budget` counts records.
    pub(crate) fn reap(
        &mut self,
        objects: &mut MemoryObjects,
        frames: &mut FrameTable,
        accounts: &mut Accounts,
        budget: &mut u32,
    ) -> Progress {
        while let Some(id) = self.dead {
            if *budget == 0 {
                return Progress::More;
            }
            let Some(node) = self.slab.remove(id) else { return Progress::Done };
            self.dead = node.next;
            *budget = budget.saturating_sub(u32::from(node.count));
            account::give_objects(accounts, node.owner, 1);
            for record in node.records() {
                match record.node() {
                    Some(child) => self.lower(child),
                    None => object::release_mapping(objects, frames, accounts, record),
                }
            }
        }
        Progress::Done
    }
}
