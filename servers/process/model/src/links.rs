//! The edges between processes: the only file that edits them.
//!
//! Owns: parent, original parent, reaper and tracer of each process, the lists that lead back
//! (children, orphans, descendants), membership in a group, and the settle queue. All lists are
//! doubly linked through the records: every edit is constant time and allocates nothing.
//!
//! Invariants (checked by `invariants`): each process but init is in exactly one reaper's list and
//! in its parent's; a tracer is set if and only if the parent is the tracer and, unless a process
//! traces its own child, differs from the original parent; the orphans of P are exactly the q
//! with original parent P and another parent; `zombies` counts the zombies among the children.
//!
//! Never enters it: numbers, groups' own records, waiting. Called by the transitions.

use crate::ProcessId;
use crate::group::Group;
use crate::process::Process;
use crate::slab::{Id, Slab};

/// Neighbours in one list.
#[derive(Clone, Copy, Default)]
struct Node {
    previous: Option<ProcessId>,
    next: Option<ProcessId>,
}

/// The lists a process can be in.
#[derive(Clone, Copy)]
enum Chain {
    /// Children of the parent, newest first (2.2/2).
    Siblings,
    /// Children of the original parent that another process traces.
    Orphans,
    /// Descendants of the reaper (rule 92).
    Reaped,
    /// Members of the group (rule 85).
    Members,
}

/// Everything that ties a process to others.
#[derive(Default)]
pub(crate) struct Links {
    parent: Option<ProcessId>,
    original_parent: Option<ProcessId>,
    reaper: Option<ProcessId>,
    tracer: Option<ProcessId>,
    group: Option<Id<Group>>,
    children: Option<ProcessId>,
    zombies: u32,
    orphans: Option<ProcessId>,
    descendants: Option<ProcessId>,
    nodes: [Node; 4],
    unsettled: Option<Settle>,
}

/// Place of a process in the queue of those whose waits must be looked at again.
#[derive(Clone, Copy)]
struct Settle {
    next: Option<ProcessId>,
    hint: Option<ProcessId>,
}

/// The queue of processes whose parked waits may have become answerable in this step.
#[derive(Default)]
pub(crate) struct SettleQueue {
    first: Option<ProcessId>,
    last: Option<ProcessId>,
}

impl Links {
    /// Who waits for it: the tracer of a traced process, else the original parent.
    pub(crate) const fn parent(&self) -> Option<ProcessId> {
        self.parent
    }

    /// What `getppid` tells of (rule 91).
    pub(crate) const fn original_parent(&self) -> Option<ProcessId> {
        self.original_parent
    }

    pub(crate) const fn reaper(&self) -> Option<ProcessId> {
        self.reaper
    }

    pub(crate) const fn tracer(&self) -> Option<ProcessId> {
        self.tracer
    }

    pub(crate) const fn group(&self) -> Option<Id<Group>> {
        self.group
    }

    pub(crate) const fn first_child(&self) -> Option<ProcessId> {
        self.children
    }

    pub(crate) const fn first_orphan(&self) -> Option<ProcessId> {
        self.orphans
    }

    pub(crate) const fn first_descendant(&self) -> Option<ProcessId> {
        self.descendants
    }

    /// How many of its children are zombies.
    pub(crate) const fn zombies(&self) -> u32 {
        self.zombies
    }

    /// Whether anybody is a child, orphan or descendant of it.
    pub(crate) const fn has_dependants(&self) -> bool {
        self.children.is_some() || self.orphans.is_some() || self.descendants.is_some()
    }

    pub(crate) const fn next_sibling(&self) -> Option<ProcessId> {
        self.nodes[Chain::Siblings as usize].next
    }

    pub(crate) const fn next_orphan(&self) -> Option<ProcessId> {
        self.nodes[Chain::Orphans as usize].next
    }

    pub(crate) const fn next_descendant(&self) -> Option<ProcessId> {
        self.nodes[Chain::Reaped as usize].next
    }

    pub(crate) const fn next_member(&self) -> Option<ProcessId> {
        self.nodes[Chain::Members as usize].next
    }
}

/// Puts `member` before `head`; the new head.
fn push(
    processes: &mut Slab<Process>,
    chain: Chain,
    head: Option<ProcessId>,
    member: ProcessId,
) -> Option<ProcessId> {
    if let Some(head) = head {
        processes[head].links.nodes[chain as usize].previous = Some(member);
    }
    processes[member].links.nodes[chain as usize] = Node { previous: None, next: head };
    Some(member)
}

/// Takes `member` out; the new head.
fn unlink(
    processes: &mut Slab<Process>,
    chain: Chain,
    head: Option<ProcessId>,
    member: ProcessId,
) -> Option<ProcessId> {
    let node = core::mem::take(&mut processes[member].links.nodes[chain as usize]);
    if let Some(next) = node.next {
        processes[next].links.nodes[chain as usize].previous = node.previous;
    }
    match node.previous {
        Some(previous) => {
            processes[previous].links.nodes[chain as usize].next = node.next;
            head
        }
        None => node.next,
    }
}

/// Makes init its own reaper, with no parent (2.4/8).
pub(crate) fn root(processes: &mut Slab<Process>, init: ProcessId) {
    processes[init].links.reaper = Some(init);
}

/// Puts a new process behind its parent: at the head of the lists of parent and reaper, in the
/// parent's group directly after it (rules 85, 88, 91, 92). One look at each record concerned:
/// this is the hottest edit of all.
pub(crate) fn join(
    processes: &mut Slab<Process>,
    groups: &mut Slab<Group>,
    child: ProcessId,
    parent: ProcessId,
    reaper: ProcessId,
) {
    let links = &mut processes[parent].links;
    let group = links.group;
    let sibling = links.children.replace(child);
    let member = links.nodes[Chain::Members as usize].next.replace(child);
    let fellow = processes[reaper].links.descendants.replace(child);

    let links = &mut processes[child].links;
    links.parent = Some(parent);
    links.original_parent = Some(parent);
    links.reaper = Some(reaper);
    links.group = group;
    links.nodes[Chain::Siblings as usize].next = sibling;
    links.nodes[Chain::Reaped as usize].next = fellow;
    links.nodes[Chain::Members as usize] = Node { previous: Some(parent), next: member };

    let chains = [Chain::Siblings, Chain::Reaped, Chain::Members];
    for (chain, next) in chains.into_iter().zip([sibling, fellow, member]) {
        if let Some(next) = next {
            processes[next].links.nodes[chain as usize].previous = Some(child);
        }
    }
    if let Some(group) = group {
        groups[group].members += 1;
    }
}

/// Makes `parent` the parent and original parent of an untraced process.
pub(crate) fn reparent(processes: &mut Slab<Process>, child: ProcessId, parent: ProcessId) {
    remove_child(processes, child);
    processes[child].links.original_parent = Some(parent);
    add_child(processes, child, parent);
}

/// Makes `reaper` the reaper of a process.
pub(crate) fn change_reaper(processes: &mut Slab<Process>, member: ProcessId, reaper: ProcessId) {
    remove_descendant(processes, member);
    add_descendant(processes, member, reaper);
}

/// Hands a process to a tracer: its parent from now on; the original parent keeps it as an orphan
/// unless it is the tracer itself (2.6/4, subtle 26).
pub(crate) fn trace(processes: &mut Slab<Process>, target: ProcessId, tracer: ProcessId) {
    processes[target].links.tracer = Some(tracer);
    if processes[target].links.parent == Some(tracer) {
        return;
    }
    remove_child(processes, target);
    add_child(processes, target, tracer);
    if let Some(original) = processes[target].links.original_parent {
        let head = processes[original].links.orphans;
        processes[original].links.orphans = push(processes, Chain::Orphans, head, target);
    }
}

/// Ends the tracing: the original parent is the parent again (2.6/7).
pub(crate) fn untrace(processes: &mut Slab<Process>, target: ProcessId) {
    processes[target].links.tracer = None;
    let links = &processes[target].links;
    let Some(original) = links.original_parent else { return };
    if links.parent != Some(original) {
        remove_orphan(processes, target);
        remove_child(processes, target);
        add_child(processes, target, original);
    }
}

/// Makes `original` the original parent of a process that another one traces (2.3, orphans).
pub(crate) fn change_original(
    processes: &mut Slab<Process>,
    target: ProcessId,
    original: ProcessId,
) {
    remove_orphan(processes, target);
    processes[target].links.original_parent = Some(original);
    if processes[target].links.parent != Some(original) {
        let head = processes[original].links.orphans;
        processes[original].links.orphans = push(processes, Chain::Orphans, head, target);
    }
}

/// Counts a child that has just become a zombie.
pub(crate) fn became_zombie(processes: &mut Slab<Process>, child: ProcessId) {
    if let Some(parent) = processes[child].links.parent {
        processes[parent].links.zombies += 1;
    }
}

/// Takes a process without children or descendants out of the tree.
pub(crate) fn leave(processes: &mut Slab<Process>, process: ProcessId) {
    remove_child(processes, process);
    remove_descendant(processes, process);
}

/// Adds a process to a group, at the front.
pub(crate) fn enter_group(
    processes: &mut Slab<Process>,
    groups: &mut Slab<Group>,
    member: ProcessId,
    group: Id<Group>,
) {
    processes[member].links.group = Some(group);
    let record = &mut groups[group];
    record.members += 1;
    record.first = push(processes, Chain::Members, record.first, member);
}

/// Takes a process out of its group; the group and how many members it has left.
pub(crate) fn leave_group(
    processes: &mut Slab<Process>,
    groups: &mut Slab<Group>,
    member: ProcessId,
) -> Option<(Id<Group>, u32)> {
    let group = processes[member].links.group.take()?;
    let record = &mut groups[group];
    record.first = unlink(processes, Chain::Members, record.first, member);
    record.members -= 1;
    Some((group, record.members))
}

impl SettleQueue {
    /// Notes that the waits of `process` must be looked at. `hint` is a child that has just become
    /// a zombie: if a parked wait matches it, no other child can have matched before.
    pub(crate) fn push(
        &mut self,
        processes: &mut Slab<Process>,
        process: ProcessId,
        hint: Option<ProcessId>,
    ) {
        let links = &mut processes[process].links;
        if let Some(settle) = &mut links.unsettled {
            // Two candidates: the search decides which comes first.
            settle.hint = match (settle.hint, hint) {
                (None, hint) | (hint, None) => hint,
                (Some(first), Some(second)) if first == second => hint,
                (Some(_), Some(_)) => None,
            };
            return;
        }
        links.unsettled = Some(Settle { next: None, hint });
        match self.last.replace(process) {
            Some(last) => {
                if let Some(settle) = &mut processes[last].links.unsettled {
                    settle.next = Some(process);
                }
            }
            None => self.first = Some(process),
        }
    }

    /// The next process, and the hint for it.
    pub(crate) fn pop(
        &mut self,
        processes: &mut Slab<Process>,
    ) -> Option<(ProcessId, Option<ProcessId>)> {
        let process = self.first?;
        let settle = processes[process].links.unsettled.take();
        self.first = settle.and_then(|settle| settle.next);
        if self.first.is_none() {
            self.last = None;
        }
        Some((process, settle.and_then(|settle| settle.hint)))
    }

    /// Whether nothing waits: so it is between steps.
    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

fn add_child(processes: &mut Slab<Process>, child: ProcessId, parent: ProcessId) {
    processes[child].links.parent = Some(parent);
    let is_zombie = processes[child].status().is_some();
    let head = processes[parent].links.children;
    let head = push(processes, Chain::Siblings, head, child);
    let links = &mut processes[parent].links;
    links.children = head;
    links.zombies += u32::from(is_zombie);
}

fn remove_child(processes: &mut Slab<Process>, child: ProcessId) {
    let Some(parent) = processes[child].links.parent.take() else { return };
    let is_zombie = processes[child].status().is_some();
    let head = processes[parent].links.children;
    let head = unlink(processes, Chain::Siblings, head, child);
    let links = &mut processes[parent].links;
    links.children = head;
    links.zombies -= u32::from(is_zombie);
}

fn remove_orphan(processes: &mut Slab<Process>, target: ProcessId) {
    let links = &processes[target].links;
    let Some(original) = links.original_parent else { return };
    if links.parent != Some(original) {
        let head = processes[original].links.orphans;
        processes[original].links.orphans = unlink(processes, Chain::Orphans, head, target);
    }
}

fn add_descendant(processes: &mut Slab<Process>, member: ProcessId, reaper: ProcessId) {
    processes[member].links.reaper = Some(reaper);
    let head = processes[reaper].links.descendants;
    processes[reaper].links.descendants = push(processes, Chain::Reaped, head, member);
}

fn remove_descendant(processes: &mut Slab<Process>, member: ProcessId) {
    let Some(reaper) = processes[member].links.reaper.take() else { return };
    let head = processes[reaper].links.descendants;
    processes[reaper].links.descendants = unlink(processes, Chain::Reaped, head, member);
}
