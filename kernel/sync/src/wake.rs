//! The per-CPU wake stack: any CPU pushes, its own CPU drains it whole.
//!
//! Owns [`WakeStack`], [`WakeLink`] and the trait [`WakeNodes`]. Never here: memory of its own (the
//! links are in the nodes), pointers (nodes are named by index), sending the interrupt that tells an
//! idle CPU. Safe code: a node that vanishes while queued loses wakes, it does not corrupt.
//!
//! Invariants: W1 a node is on at most one stack: who moves its flag from free to queued pushes it.
//! W2 the drainer clears the flag *before* it hands the node out, so a push that comes later queues
//! it again: no wake is lost between draining and acting. W3 nodes come out oldest first. There is
//! no ABA problem because nothing pops single nodes.

use core::fmt;

use crate::{
    atomic::{AtomicBool, AtomicU32, Ordering, const_fn},
    slab::Slab,
};

/// No node.
const NONE: u32 = u32::MAX;

/// What a node keeps for the stack.
pub struct WakeLink {
    queued: AtomicBool,
    next: AtomicU32,
}

impl WakeLink {
    const_fn! {
        /// On no stack.
        pub fn new() -> WakeLink {
            WakeLink { queued: AtomicBool::new(false), next: AtomicU32::new(NONE) }
        }
    }

    /// Whether the node is on a stack and not yet handed out.
    pub fn is_queued(&self) -> bool {
        self.queued.load(Ordering::Acquire)
    }
}

impl Default for WakeLink {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WakeLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WakeLink({})", self.is_queued())
    }
}

/// Where the links of nodes are found.
pub trait WakeNodes {
    /// The link of node `index`, if there is such a node; never one for `u32::MAX`. For one index
    /// always the same link, and the same nodes for every operation on one stack.
    fn link(&self, index: u32) -> Option<&WakeLink>;
}

impl WakeNodes for [WakeLink] {
    fn link(&self, index: u32) -> Option<&WakeLink> {
        self.get(index as usize)
    }
}

impl<T: AsRef<WakeLink>> WakeNodes for Slab<T> {
    fn link(&self, index: u32) -> Option<&WakeLink> {
        self.get_index(index).map(|(_, node)| node.as_ref())
    }
}

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the first push onto an empty stack is the one that must tell the CPU"]
pub enum Pushed {
    /// The stack was empty: the CPU must be told.
    First,
    /// Others are waiting there already: whoever was first tells the CPU.
    Joined,
    /// The node was on a stack already; it will be handed out after this call.
    Already,
    /// There is no such node.
    Unknown,
}

/// A stack of woken nodes.
pub struct WakeStack {
    head: AtomicU32,
}

impl WakeStack {
    const_fn! {
        /// An empty stack.
        pub fn new() -> WakeStack {
            WakeStack { head: AtomicU32::new(NONE) }
        }
    }

    /// Puts node `index` on the stack. From any CPU and any context; never waits.
    pub fn push<N: WakeNodes + ?Sized>(&self, nodes: &N, index: u32) -> Pushed {
        let Some(link) = nodes.link(index) else { return Pushed::Unknown };
        // AcqRel: after the drainer's clear (W2), and what was written before the wake goes first.
        if link.queued.swap(true, Ordering::AcqRel) {
            return Pushed::Already;
        }
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            link.next.store(head, Ordering::Relaxed);
            let swap =
                self.head.compare_exchange(head, index, Ordering::Release, Ordering::Relaxed);
            match swap {
                Ok(NONE) => return Pushed::First,
                Ok(_) => return Pushed::Joined,
                Err(now) => head = now,
            }
        }
    }

    /// Whether nothing is waiting: the re-check between raising the idle flag and halting.
    pub fn is_empty(&self) -> bool {
        self.head.load(Ordering::Acquire) == NONE
    }

    /// Takes everything off and hands it out, oldest first. Only the stack's own CPU calls this.
    pub fn drain<N: WakeNodes + ?Sized>(&self, nodes: &N, mut wake: impl FnMut(u32)) {
        let mut newest = self.head.swap(NONE, Ordering::Acquire);
        let mut oldest = NONE;
        while let Some(link) = nodes.link(newest) {
            let older = link.next.load(Ordering::Relaxed);
            link.next.store(oldest, Ordering::Relaxed);
            oldest = newest;
            newest = older;
        }
        while let Some(link) = nodes.link(oldest) {
            let index = oldest;
            oldest = link.next.load(Ordering::Relaxed);
            // AcqRel: `Already` pushers wrote before their swap; see it before acting.
            link.queued.swap(false, Ordering::AcqRel);
            wake(index);
        }
    }
}

impl Default for WakeStack {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WakeStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WakeStack(empty: {})", self.is_empty())
    }
}
