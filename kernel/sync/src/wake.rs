//! The per-CPU wake stack: any CPU pushes, its own CPU drains it whole.
//!
//! Owns [`WakeStack`] and its nodes, [`WakeLink`]. Never here: memory of its own (nodes are the
//! caller's, named by index), sending the interrupt that tells an idle CPU. Safe code.
//!
//! Invariants: W1 a node is on at most one stack: who moves its flag from free to queued pushes it.
//! W2 the drainer clears the flag *before* it hands the node out, so a push that comes later queues
//! it again: no wake is lost between draining and acting. W3 nodes come out oldest first. There is
//! no ABA problem because nothing pops single nodes.

use crate::atomic::{AtomicBool, AtomicU32, Ordering, const_fn};

/// No node.
const NONE: u32 = u32::MAX;

/// A node: what the stack keeps for one thing that can be woken.
#[derive(Debug, Default)]
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

/// A stack of woken nodes, which are named by their index in a slice that is always the same.
#[derive(Debug)]
pub struct WakeStack {
    head: AtomicU32,
}

impl WakeStack {
    const_fn! {
        /// An empty stack.
        #[expect(clippy::new_without_default, reason = "a static's; the empty head is not zero")]
        pub fn new() -> WakeStack {
            WakeStack { head: AtomicU32::new(NONE) }
        }
    }

    /// Puts node `index` on the stack. From any CPU and any context; never waits.
    pub fn push(&self, nodes: &[WakeLink], index: u32) -> Pushed {
        let Some(link) = nodes.get(index as usize) else { return Pushed::Unknown };
        // AcqRel: after the drainer's clear (W2), and what was written before the wake goes first.
        if link.queued.swap(true, Ordering::AcqRel) {
            return Pushed::Already;
        }
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            link.next.store(head, Ordering::Relaxed);
            let order = (Ordering::Release, Ordering::Relaxed);
            match self.head.compare_exchange(head, index, order.0, order.1) {
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
    pub fn drain(&self, nodes: &[WakeLink], mut wake: impl FnMut(u32)) {
        let mut newest = self.head.swap(NONE, Ordering::Acquire);
        let mut oldest = NONE;
        while let Some(link) = nodes.get(newest as usize) {
            let older = link.next.load(Ordering::Relaxed);
            link.next.store(oldest, Ordering::Relaxed);
            (oldest, newest) = (newest, older);
        }
        while let Some(link) = nodes.get(oldest as usize) {
            let index = oldest;
            oldest = link.next.load(Ordering::Relaxed);
            // AcqRel: `Already` pushers wrote before their swap; see it before acting.
            link.queued.swap(false, Ordering::AcqRel);
            wake(index);
        }
    }
}
