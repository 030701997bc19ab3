//! The per-CPU wake stack: any CPU pushes, its own CPU drains it whole.
//!
//! Owns [`WakeStack`] and its nodes, [`WakeLink`]. Never here: memory of its own (nodes are the
//! caller's, named by index), sending the interrupt that tells an idle CPU. Safe code.
//!
//! Invariants: W1 a node is on at most one stack: who moves its flag from free to queued pushes it.
//! W2 the drainer clears the flag *before* it hands the node out, so a push that comes later queues
//! it again: no wake is lost between draining and acting. W3 nodes come out oldest first. There is
//! no ABA problem because nothing pops single nodes.

use crate::atomic::{AtomicBool, AtomicU32, Ordering};

/// No node.
const NONE: u32 = u32::MAX;

/// A node: what the stack keeps for one thing that can be woken. New ones are on no stack.
#[derive(Debug, Default)]
pub struct WakeLink {
    queued: AtomicBool,
    /// Meaningless while it is on no stack.
    next: AtomicU32,
}

/// A stack of woken nodes, which are named by their index in a slice that is always the same.
#[derive(Debug)]
pub struct WakeStack(AtomicU32);

impl Default for WakeStack {
    /// An empty stack.
    fn default() -> WakeStack {
        WakeStack(AtomicU32::new(NONE))
    }
}

impl WakeStack {
    /// Puts node `index` on the stack, unless it is on one; it will be handed out after this call.
    /// From any CPU and any context; never waits. True: the stack was empty, and the CPU must be
    /// told. False: whoever was first tells it, or there is no such node.
    #[must_use = "the first push onto an empty stack is the one that must tell the CPU"]
    pub fn push(&self, nodes: &[WakeLink], index: u32) -> bool {
        let Some(link) = nodes.get(index as usize) else { return false };
        // AcqRel: after the drainer's clear (W2), and what was written before the wake goes first.
        if link.queued.swap(true, Ordering::AcqRel) {
            return false;
        }
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            link.next.store(head, Ordering::Relaxed);
            let order = (Ordering::Release, Ordering::Relaxed);
            match self.0.compare_exchange(head, index, order.0, order.1) {
                Ok(before) => return before == NONE,
                Err(now) => head = now,
            }
        }
    }

    /// Whether nothing is waiting: the re-check between raising the idle flag and halting.
    pub fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) == NONE
    }

    /// Takes everything off and hands it out, oldest first. Only the stack's own CPU calls this.
    pub fn drain(&self, nodes: &[WakeLink], mut wake: impl FnMut(u32)) {
        let mut newest = self.0.swap(NONE, Ordering::Acquire);
        let mut oldest = NONE;
        while let Some(link) = nodes.get(newest as usize) {
            let older = link.next.load(Ordering::Relaxed);
            link.next.store(oldest, Ordering::Relaxed);
            (oldest, newest) = (newest, older);
        }
        while let Some(link) = nodes.get(oldest as usize) {
            let index = oldest;
            oldest = link.next.load(Ordering::Relaxed);
            // AcqRel: pushers that found it queued wrote before their swap; see it before acting.
            link.queued.swap(false, Ordering::AcqRel);
            wake(index);
        }
    }
}
