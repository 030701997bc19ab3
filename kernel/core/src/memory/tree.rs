//! The mapping tree of a space: a persistent B+tree, shared with the spaces it was forked from.
//!
//! Owns: search and the one edit there is, [`Tree::replace`]. Never here: what mappings mean.
//! Called by `space`, `map`, `protect` and `unmap`.
//!
//! An edit makes a new version beside the old one: it copies the nodes on the way to the two ends
//! of the range, shares everything else, then swaps the root and drops the old version. All memory
//! is reserved before the first node is made, so an edit happens or does not. Where the way is this
//! tree's alone and the leaf has room, the leaf is edited in place, which cannot fail at all.
//!
//! Nodes next to an edit are refilled evenly; others may be less than half full after removals. The
//! depth only grows when a root is full, so it is at most [`DEPTH`].
//!
//! Invariants: T1 records in a node are sorted and disjoint; an index record spans exactly what its
//! child holds. T2 no node is empty. T3 all leaves have the same depth.

use core::ops::Range;

use heapless::Vec;
use tine_abi::Error;
use tine_ksync::PageSource;

use super::{
    FrameTable, MappingNodes, MemoryObjects,
    mapping::Mapping,
    node::{FAN_OUT, NodeId},
    object,
};
use crate::account::{AccountId, Accounts};

/// The most levels a tree may have: 15 in a root alone, 2.5 thousand million in all of them.
const DEPTH: usize = 8;

/// The most mappings that one edit can put in.
pub(crate) const MAXIMUM_INSERT: usize = 32;

/// Two nodes, and what is put between them.
const BUFFER: usize = 2 * FAN_OUT + MAXIMUM_INSERT;

/// What an edit needs beside the tree.
pub(crate) struct TreeContext<'c, P> {
    pub(crate) nodes: &'c mut MappingNodes,
    pub(crate) objects: &'c mut MemoryObjects,
    pub(crate) frames_and_pages: P,
    pub(crate) accounts: &'c mut Accounts,
    pub(crate) account: AccountId,
}

/// Both roles of the frame table in an edit: pages for nodes, and frames of dropped Memories.
pub(crate) trait FramesAndPages: PageSource {
    fn frames(&mut self) -> &mut FrameTable;
}

/// The root of a tree; without one it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) root: Option<NodeId>,
}

/// The way from the root to a leaf: node and record index on each level.
type Path = [Option<(NodeId, usize)>; DEPTH];

/// Records in order.
type Buffer = Vec<Mapping, BUFFER>;

/// The records that name new nodes: those of two nodes and what is put between them.
type Carried = Vec<Mapping, { nodes_for(BUFFER) }>;

/// Appends a record, joined to the last where it continues it.
fn push(buffer: &mut Buffer, record: Mapping) {
    if let Some(last) = buffer.last_mut()
        && let Some(joined) = last.joined(&record)
    {
        *last = joined;
    } else {
        let is_pushed = buffer.push(record).is_ok();
        debug_assert!(is_pushed, "two nodes and an insertion fit the buffer");
    }
}

fn extend(buffer: &mut Buffer, records: &[Mapping]) {
    for record in records {
        push(buffer, *record);
    }
}

/// `records` in as few nodes as hold them, evenly.
fn portions(records: &[Mapping]) -> impl Iterator<Item = &[Mapping]> {
    let (length, count) = (records.len(), nodes_for(records.len()));
    (0..count).map(move |node| {
        records.get(length * node / count..length * (node + 1) / count).unwrap_or(&[])
    })
}

/// Nodes that hold `records`.
const fn nodes_for(records: usize) -> usize {
    records.div_ceil(FAN_OUT)
}

impl Tree {
    /// The mapping at `address`.
    #[inline]
    pub(crate) fn find(&self, nodes: &MappingNodes, address: u64) -> Option<Mapping> {
        self.next(nodes, address).filter(|mapping| mapping.start <= address)
    }

    /// The first mapping that ends above `address`.
    #[inline]
    pub(crate) fn next(&self, nodes: &MappingNodes, address: u64) -> Option<Mapping> {
        let mut id = self.root?;
        loop {
            let node = nodes.get(id)?;
            let record = node.records().iter().find(|record| address < record.end)?;
            match record.node() {
                Some(child) => id = child,
                None => return Some(*record),
            }
        }
    }

    /// Replaces whatever lies in `range` by `insert` (sorted, disjoint, inside `range`, at most
    /// [`MAXIMUM_INSERT`]). Mappings across an end of the range keep the part outside.
    ///
    /// [`Error::NoMemory`], and nothing has changed, when nodes cannot be had. What the old version
    /// alone named is dead afterwards: reap it.
    pub(crate) fn replace<P: FramesAndPages>(
        &mut self,
        cx: &mut TreeContext<'_, P>,
        range: &Range<u64>,
        insert: &[Mapping],
    ) -> Result<(), Error> {
        let mut left: Path = [None; DEPTH];
        let mut right: Path = [None; DEPTH];
        let depth = self.paths(cx.nodes, range, &mut left, &mut right)?;
        if edit_in_place(cx, &left, &right, depth, range, insert) {
            return Ok(());
        }

        let mut buffer = Buffer::new();
        if let Some(leaf) = depth.checked_sub(1) {
            extend(&mut buffer, left_of(cx.nodes, &left, leaf));
            if let Some(record) = record_at(cx.nodes, &left, leaf)
                && record.start < range.start
            {
                push(&mut buffer, record.before(range.start));
            }
        }
        extend(&mut buffer, insert);
        if let Some(leaf) = depth.checked_sub(1) {
            if let Some(record) = record_at(cx.nodes, &right, leaf)
                && record.end > range.end
            {
                let kept = if record.start < range.end { record.from(range.end) } else { record };
                push(&mut buffer, kept);
            }
            extend(&mut buffer, right_of(cx.nodes, &right, leaf));
        }

        let count = nodes_needed(cx.nodes, &left, &right, depth, buffer.len())?;
        #[cfg(any(test, feature = "testing"))]
        if count > 0 && cx.frames_and_pages.frames().fails() {
            return Err(Error::NoMemory);
        }
        cx.nodes.reserve(&mut cx.frames_and_pages, cx.accounts, cx.account, count)?;
        let new = build(cx, &left, &right, depth, &buffer);
        if let Some(old) = core::mem::replace(&mut self.root, new) {
            cx.nodes.lower(old);
        }
        Ok(())
    }

    /// Finds the leaves at the two ends of `range` and the records there: on the left the first
    /// that ends above the start, on the right the last that starts below the end; where nothing
    /// lies in the range, both are the same. An index equal to the record count means "behind all".
    fn paths(
        &self,
        nodes: &MappingNodes,
        range: &Range<u64>,
        left: &mut Path,
        right: &mut Path,
    ) -> Result<usize, Error> {
        let Some(root) = self.root else { return Ok(0) };
        let (mut left_id, mut right_id) = (root, root);
        for level in 0..DEPTH {
            let (Some(left_node), Some(right_node)) = (nodes.get(left_id), nodes.get(right_id))
            else {
                return Err(Error::NoMemory);
            };
            let is_leaf = left_node.is_leaf;
            let behind = left_node.records().partition_point(|record| record.end <= range.start);
            let first = if is_leaf { behind } else { behind.min(left_node.records().len() - 1) };
            let below = right_node.records().partition_point(|record| record.start < range.end);
            let last = below.saturating_sub(1);
            let last = if left_id == right_id { last.max(first) } else { last };
            left[level] = Some((left_id, first));
            right[level] = Some((right_id, last));
            if is_leaf {
                return Ok(level + 1);
            }
            let (Some(left_child), Some(right_child)) = (
                left_node.records().get(first).and_then(Mapping::node),
                right_node.records().get(last).and_then(Mapping::node),
            ) else {
                return Err(Error::NoMemory);
            };
            (left_id, right_id) = (left_child, right_child);
        }
        Err(Error::NoMemory)
    }
}

/// Edits the leaf if one leaf holds the range and the result, and no other tree sees it. Only the
/// records in the range and their neighbours, which may join, are touched.
fn edit_in_place<P: FramesAndPages>(
    cx: &mut TreeContext<'_, P>,
    left: &Path,
    right: &Path,
    depth: usize,
    range: &Range<u64>,
    insert: &[Mapping],
) -> bool {
    let Some(leaf) = depth.checked_sub(1) else { return false };
    let alone = left.iter().zip(right).take(depth).all(|(left, right)| {
        let (Some((left, _)), Some((right, _))) = (left, right) else { return false };
        left == right && cx.nodes.get(*left).is_some_and(|node| node.references == 1)
    });
    let (true, Some((id, first)), Some((_, last))) = (alone, left[leaf], right[leaf]) else {
        return false;
    };
    let Some(node) = cx.nodes.get_mut(id) else { return false };
    let records = node.records();
    let window = first.saturating_sub(1)..(last + 2).min(records.len());
    let mut content = Buffer::new();
    extend(&mut content, records.get(window.start..first).unwrap_or(&[]));
    if let Some(record) = records.get(first)
        && record.start < range.start
    {
        push(&mut content, record.before(range.start));
    }
    extend(&mut content, insert);
    if let Some(record) = records.get(last)
        && record.end > range.end
    {
        push(&mut content, if record.start < range.end { record.from(range.end) } else { *record });
    }
    extend(&mut content, records.get(last + 1..window.end).unwrap_or(&[]));

    let count = records.len() - window.len() + content.len();
    if count == 0 || count > FAN_OUT {
        return false;
    }
    for record in &content {
        object::retain_mapping(cx.objects, record);
    }
    for record in records.get(window.clone()).unwrap_or(&[]) {
        object::release_mapping(cx.objects, cx.frames_and_pages.frames(), cx.accounts, record);
    }
    node.splice(window, &content);
    let mut span = node.span();
    for level in (0..leaf).rev() {
        let Some((id, index)) = left[level] else { break };
        let Some(node) = cx.nodes.get_mut(id) else { break };
        node.set_child_span(index, span);
        span = node.span();
    }
    true
}

/// The records before the one on the path.
fn left_of<'n>(nodes: &'n MappingNodes, path: &Path, level: usize) -> &'n [Mapping] {
    let Some((id, index)) = path[level] else { return &[] };
    nodes.get(id).and_then(|node| node.records().get(..index)).unwrap_or(&[])
}

/// The record on the path, if the index is not behind all.
fn record_at(nodes: &MappingNodes, path: &Path, level: usize) -> Option<Mapping> {
    let (id, index) = path[level]?;
    nodes.get(id)?.records().get(index).copied()
}

/// The records behind the one on the path.
fn right_of<'n>(nodes: &'n MappingNodes, path: &Path, level: usize) -> &'n [Mapping] {
    let Some((id, index)) = path[level] else { return &[] };
    nodes.get(id).and_then(|node| node.records().get(index + 1..)).unwrap_or(&[])
}

/// How many nodes [`build`] is going to make.
fn nodes_needed(
    nodes: &MappingNodes,
    left: &Path,
    right: &Path,
    depth: usize,
    records: usize,
) -> Result<usize, Error> {
    let mut carried = nodes_for(records);
    let mut total = carried;
    for level in (0..depth.saturating_sub(1)).rev() {
        let kept = left_of(nodes, left, level).len() + right_of(nodes, right, level).len();
        let here = kept + carried;
        if level == 0 && here == 1 {
            return Ok(total);
        }
        carried = nodes_for(here);
        total += carried;
    }
    let mut levels = depth.max(1);
    while carried > 1 {
        carried = nodes_for(carried);
        total += carried;
        levels += 1;
    }
    if levels > DEPTH { Err(Error::NoMemory) } else { Ok(total) }
}

/// Makes the new version and returns its root. Nodes are reserved, so it cannot fail.
fn build<P: FramesAndPages>(
    cx: &mut TreeContext<'_, P>,
    left: &Path,
    right: &Path,
    depth: usize,
    content: &[Mapping],
) -> Option<NodeId> {
    for record in content {
        object::retain_mapping(cx.objects, record);
    }
    let mut carried = make_nodes(cx, true, content);
    for level in (0..depth.saturating_sub(1)).rev() {
        let mut buffer = Buffer::new();
        let kept = [left_of(cx.nodes, left, level), right_of(cx.nodes, right, level)];
        extend(&mut buffer, kept[0]);
        extend(&mut buffer, &carried);
        extend(&mut buffer, kept[1]);
        let new = kept[0].len()..kept[0].len() + carried.len();
        for (index, record) in buffer.iter().enumerate() {
            if let (false, Some(child)) = (new.contains(&index), record.node()) {
                cx.nodes.raise(child);
            }
        }
        if level == 0 && buffer.len() == 1 {
            return buffer.first().and_then(Mapping::node);
        }
        carried = make_nodes(cx, false, &buffer);
    }
    while carried.len() > 1 {
        carried = make_nodes(cx, false, &carried);
    }
    carried.first().and_then(Mapping::node)
}

/// One level of nodes for `content`; the result is the records that name them.
fn make_nodes<P: FramesAndPages>(
    cx: &mut TreeContext<'_, P>,
    is_leaf: bool,
    content: &[Mapping],
) -> Carried {
    let mut made = Carried::new();
    for records in portions(content) {
        let start = records.first().map_or(0, |first| first.start);
        let end = records.last().map_or(0, |last| last.end);
        let id = cx.nodes.create(&mut cx.frames_and_pages, cx.account, is_leaf, records);
        let is_pushed = made.push(Mapping::child(id, start, end)).is_ok();
        debug_assert!(is_pushed, "the records of all new nodes fit");
    }
    made
}
