//! What must hold between operations, as code: a full recount.
//!
//! Owns: [`check`]. Never in the kernel's paths: it walks everything. Called by tests after each
//! step, and by whoever hunts a bug.
//!
//! It recounts every reference from the roots and Memories, compares with the frame table, and
//! verifies I1 to I5 (see `memory`), the usage of tables, the charges of accounts, and the trees.

use std::{collections::HashMap, format, string::String, vec::Vec};

use tine_abi::memory::Protection;

use super::{
    FrameKind, FrameTable, Mapping, MappingNodes, MemoryObjects, Space,
    address::{self, ENTRIES, GROUP, PART, PARTS, ROOT_LEVEL, USER_ENTRIES},
    entry,
    mapping::MappingKind,
    node::NodeId,
    table::LARGE,
};
use crate::{
    account::Accounts,
    machine::{Frame, PhysicalMemory},
};

/// Checks everything. `spaces`: all spaces there are; `held`: Memories with the holders they have
/// beside mappings. Nothing may be dead. The error says what does not hold.
pub fn check<M: PhysicalMemory>(
    machine: &M,
    frames: &FrameTable,
    nodes: &MappingNodes,
    accounts: &Accounts,
    objects: &MemoryObjects,
    spaces: &[&Space],
) -> Result<(), String> {
    let mut count =
        Count { machine, frames, references: HashMap::new(), borrowers: HashMap::new() };
    for space in spaces {
        if let Some(root) = space.root {
            *count.references.entry(root.0).or_default() += 1;
            count.tables(root, ROOT_LEVEL, true)?;
        }
    }
    for (_, object) in objects.iter() {
        if let Some(root) = object.owned_root() {
            *count.references.entry(root.0).or_default() += 1;
            let level = u32::from(frames.record(root).level());
            if level > 0 {
                count.tables(root, level, false)?;
            }
        }
    }
    let Count { references, borrowers, .. } = count;
    frame_counts(frames, accounts, &references, &borrowers)?;
    if !frames.lists_are_sound() {
        return Err("F2, F3: a list of free frames is broken, or a frame is still promised".into());
    }
    for space in spaces {
        permissions(machine, frames, nodes, space)?;
    }
    trees(nodes, objects, accounts, spaces)
}

struct Count<'c, M> {
    machine: &'c M,
    frames: &'c FrameTable,
    references: HashMap<u32, u32>,
    borrowers: HashMap<u32, [u64; PARTS]>,
}

impl<M: PhysicalMemory> Count<'_, M> {
    /// Counts the entries of `table` and everything below it, each table once.
    fn tables(&mut self, table: Frame, level: u32, of_space: bool) -> Result<(), String> {
        let record = self.frames.record(table);
        let is_root = of_space && level == ROOT_LEVEL;
        let is_sound = match record.kind() {
            FrameKind::Root => is_root,
            FrameKind::Table => !is_root,
            FrameKind::Lender => of_space && !self.references.contains_key(&table.0),
            _ => false,
        };
        if !is_sound || u32::from(record.level()) != level {
            return Err(format!("{table:?} is no table of level {level}: {record:?}"));
        }
        let user = if is_root { USER_ENTRIES } else { ENTRIES };
        let (mut live, mut occupancy) = (0, 0u64);
        for index in 0..user {
            let value = self.machine.load(table, index);
            if value == 0 {
                continue;
            }
            occupancy |= 1 << (index / GROUP);
            if value & entry::BORROWED != 0 {
                live += LARGE;
                self.marker(table, index, level, value)?;
                continue;
            }
            live += 1;
            let target = entry::frame(value);
            let references = self.references.entry(target.0).or_default();
            *references += 1;
            let is_first = *references == 1;
            if !self.frames.manages(target) {
                continue;
            }
            if of_space && value & entry::WRITABLE != 0 {
                let target_kind = self.frames.record(target).kind();
                if target == self.frames.zero_page() {
                    return Err(format!("I5: the zero page is writable in {table:?}[{index}]"));
                }
                let is_private = level > 1 || target_kind == FrameKind::Anonymous;
                let is_lent = level > 1 && !self.frames.is_sole(target);
                if is_lent || is_private && self.frames.references(target) != 1 {
                    return Err(format!("I1: W in {table:?}[{index}] to a shared {target_kind:?}"));
                }
            }
            if level > 1 && is_first {
                self.tables(target, level - 1, of_space)?;
            }
        }
        let is_lender = record.kind() == FrameKind::Lender;
        if (live != record.live() && !is_lender) || occupancy != record.occupancy() {
            return Err(format!(
                "{table:?} has {live} live entries {occupancy:#x}, not {record:?}"
            ));
        }
        Ok(())
    }

    /// F6: counts a marker, and what is below its lender if nothing else does.
    fn marker(&mut self, table: Frame, index: usize, level: u32, value: u64) -> Result<(), String> {
        let (lender, part) = (entry::frame(value), entry::part(value));
        let mut rest = index + 1..(part + 1) * PART;
        let is_alone = rest.all(|index| self.machine.load(table, index) == 0);
        if index != part * PART || !is_alone {
            return Err(format!("F6: {table:?}[{index}] is no marker for part {part}"));
        }
        if self.machine.load(lender, index) & entry::BORROWED != 0 {
            return Err(format!("F6: {lender:?} does not have the part that it lends"));
        }
        let is_first = !self.borrowers.contains_key(&lender.0);
        self.borrowers.entry(lender.0).or_default()[part] += 1;
        if is_first && self.frames.record(lender).kind() == FrameKind::Lender {
            self.tables(lender, level, true)?;
        }
        Ok(())
    }
}

/// F1, F4, F6: counts and charges are what was recounted.
fn frame_counts(
    frames: &FrameTable,
    accounts: &Accounts,
    references: &HashMap<u32, u32>,
    borrowers: &HashMap<u32, [u64; PARTS]>,
) -> Result<(), String> {
    let mut charged: HashMap<u32, u32> = HashMap::new();
    for number in 1..frames.len() as u32 {
        let record = frames.record(Frame(number));
        let counted = references.get(&number).copied().unwrap_or(0);
        let expected = match record.kind() {
            FrameKind::Reserved => counted + 1,
            FrameKind::Kernel => 1,
            FrameKind::DeadRoot | FrameKind::DeadTable => {
                return Err(format!("frame {number} is dead and not reaped"));
            }
            _ => counted,
        };
        if frames.references(Frame(number)) != expected {
            let noted = frames.references(Frame(number));
            return Err(format!("F1: frame {number} {record:?} has {noted}, counted {expected}"));
        }
        let borrowed = borrowers.get(&number).copied().unwrap_or_default();
        if (0..PARTS).any(|part| record.borrowers(part) != borrowed[part]) {
            return Err(format!("F6: frame {number} {record:?}, counted {borrowed:?}"));
        }
        let lent = (0..PARTS).filter(|part| borrowed[*part] > 0);
        let lent = lent.fold(0, |groups, part| groups | address::groups_of(part));
        if record.kind() == FrameKind::Lender && record.occupancy() & !lent != 0 {
            return Err(format!("F6: frame {number} {record:?} keeps what nobody borrows"));
        }
        if let Some(owner) = record.owner() {
            *charged.entry(owner).or_default() += 1;
            if counted == 0 && lent == 0 {
                return Err(format!("frame {number} {record:?} is in use and unreachable"));
            }
        }
    }
    for (id, account) in accounts.iter() {
        let counted = charged.get(&id.index()).copied().unwrap_or(0);
        if account.frames.used() != counted {
            return Err(format!("F4: {id:?} pays {account:?}, has {counted} frames"));
        }
    }
    Ok(())
}

/// I2, I3 for one space: what the tables allow is in the tree.
fn permissions<M: PhysicalMemory>(
    machine: &M,
    frames: &FrameTable,
    nodes: &MappingNodes,
    space: &Space,
) -> Result<(), String> {
    let Some(root) = space.root else { return Ok(()) };
    let mut waiting: Vec<(Frame, u32, u64)> = std::vec![(root, ROOT_LEVEL, 0)];
    while let Some((table, level, base)) = waiting.pop() {
        let user = if level == ROOT_LEVEL { USER_ENTRIES } else { ENTRIES };
        for index in 0..user {
            let value = seen(machine, table, index);
            if value == 0 {
                continue;
            }
            let address = base + index as u64 * address::span(level);
            let target = entry::frame(value);
            if level > 1 {
                if !frames.is_sole(target) && value & entry::WRITABLE != 0 {
                    return Err(format!("I2: W on the way to a shared table at {address:#x}"));
                }
                waiting.push((target, level - 1, address));
                continue;
            }
            let Some(mapping) = space.mapping(nodes, address) else {
                return Err(format!("I3: an entry without mapping at {address:#x}"));
            };
            leaf(frames, &mapping, value).map_err(|rule| format!("{rule} at {address:#x}"))?;
        }
    }
    Ok(())
}

/// The entry that whoever sees the table sees: the lender's, if it is borrowed, which then has no W.
fn seen<M: PhysicalMemory>(machine: &M, table: Frame, index: usize) -> u64 {
    let head = machine.load(table, index & !(PART - 1));
    if head & entry::BORROWED == 0 {
        return machine.load(table, index);
    }
    machine.load(entry::frame(head), index) & !entry::WRITABLE
}

/// I3, I5 for one leaf.
fn leaf(frames: &FrameTable, mapping: &Mapping, value: u64) -> Result<(), &'static str> {
    let present = value & entry::PRESENT != 0;
    if !present && value & entry::HELD == 0 {
        return Err("a leaf neither present nor held");
    }
    if present && !mapping.protection.contains(Protection::READ) {
        return Err("I3: present without READ");
    }
    if value & entry::WRITABLE != 0 && !mapping.protection.contains(Protection::WRITE) {
        return Err("I3: W without WRITE");
    }
    if value & entry::NO_EXECUTE == 0 && !mapping.protection.contains(Protection::EXECUTE) {
        return Err("I3: executable without EXECUTE");
    }
    let kind = frames.record(entry::frame(value)).kind();
    if mapping.kind != MappingKind::Shared
        && value & entry::WRITABLE != 0
        && kind != FrameKind::Anonymous
    {
        return Err("I5: a private mapping stores to a page of a Memory");
    }
    Ok(())
}

/// T1 to T3, N1 to N3, O1 to O3.
fn trees(
    nodes: &MappingNodes,
    objects: &MemoryObjects,
    accounts: &Accounts,
    spaces: &[&Space],
) -> Result<(), String> {
    if !nodes.has_no_dead() {
        return Err("a dead node is not reaped".into());
    }
    let mut named: HashMap<NodeId, u32> = HashMap::new();
    for root in spaces.iter().flat_map(|space| [space.inherited.root, space.own.root]).flatten() {
        *named.entry(root).or_default() += 1;
    }
    let mut holders: HashMap<u64, (u32, u32)> = HashMap::new();
    for (id, node) in nodes.iter() {
        let records = node.records();
        let is_sorted = records.windows(2).all(|pair| pair[0].end <= pair[1].start);
        if records.is_empty() || !is_sorted || records.iter().any(|it| it.start >= it.end) {
            return Err(format!("T1: node {id:?} is {node:?}"));
        }
        for record in records {
            if let Some(child) = record.node() {
                *named.entry(child).or_default() += 1;
                if nodes.get(child).map(super::node::Node::span) != Some((record.start, record.end))
                {
                    return Err(format!("T1: {id:?} does not span its child {child:?}"));
                }
            }
            if let Some(memory) = record.memory() {
                let holds = holders.entry(memory.raw()).or_default();
                holds.0 += 1;
                holds.1 += u32::from(record.is_writer());
            }
            let both = Protection::WRITE | Protection::EXECUTE;
            if record.protection.contains(both) || !record.allowed.contains(record.protection) {
                return Err(format!("W^X: {record:?}"));
            }
        }
        if node.is_leaf != records.iter().all(|record| record.node().is_none()) {
            return Err(format!("T3: node {id:?} mixes leaves and children"));
        }
    }
    for (id, node) in nodes.iter() {
        if named.get(&id).copied().unwrap_or(0) != node.references {
            return Err(format!("N1: node {id:?} has {} references", node.references));
        }
    }
    for (id, object) in objects.iter() {
        let (mappings, writers) = holders.get(&id.raw()).copied().unwrap_or_default();
        if object.holders() < mappings || object.writers() != writers {
            return Err(format!("O1, O2: {id:?} {object:?}, counted {mappings} and {writers}"));
        }
        if object.is_sealed() && writers > 0 {
            return Err(format!("O3: {id:?} is sealed and has writers"));
        }
    }
    let objects_used: u32 = accounts.iter().map(|(_, account)| account.objects.used()).sum();
    if (objects_used as usize) < nodes.len() + objects.len() {
        return Err(format!("N3: {objects_used} objects charged"));
    }
    Ok(())
}
