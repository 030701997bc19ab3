//! Inter-process communication: calls, replies, and what the kernel itself tells ports.
//!
//! Owns: finding a receiver and handing it the next message of a port. Never here: allocation on the
//! way of a message (the records and links are in threads, Domains, Grants and Events), rings.
//!
//! Reading order: [`queue`] (the FIFO), `call`, `reply`, `fast` (both once more for the usual case:
//! words alone, no queue), `receive`, `transfer` (capabilities and memory ranges),
//! `notify` (EXIT, no-senders, Event bits, faults), `detach` (kills and closed ports).
//!
//! Invariants:
//! - I1 A message is delivered once: a record leaves QUEUED by delivery or by detaching, IN SERVICE by
//!   one reply or by detaching, and its token names it in IN SERVICE only.
//! - I2 Notifications and calls of a port are received in the order in which they were posted.
//! - I3 A capability on its way counts as a holder; it ends in one slot or is closed.

pub(crate) mod call;
pub(crate) mod detach;
pub(crate) mod fast;
pub(crate) mod notify;
pub mod queue;
pub(crate) mod receive;
pub(crate) mod reply;
pub(crate) mod transfer;

use crate::{
    ipc::queue::Item,
    machine::Machine,
    object::{PortId, ThreadId},
    state::State,
};

/// Bytes of the `syscall` instruction: going back by them executes the call again.
pub(crate) const SYSCALL_LENGTH: u64 = 2;

impl<M: Machine> State<M> {
    /// The thread that has waited longest for a message of the port, taken off its list.
    #[inline]
    pub(crate) fn take_receiver(&mut self, id: PortId) -> Option<ThreadId> {
        let port = self.ports.get_mut(id)?;
        let receiver = port.receiver?;
        port.receiver =
            if port.others.is_empty() { None } else { port.others.pop_front(&mut self.threads) };
        Some(receiver)
    }

    /// Puts an item on the FIFO of a port and lets a waiting receiver have it. `false` if the port is
    /// closed.
    pub(crate) fn post(&mut self, id: PortId, item: Item) -> bool {
        if self.ports.get(id).is_none_or(|port| port.is_closed) {
            return false;
        }
        if let Some(receiver) = self.take_receiver(id) {
            self.deliver(id, item, receiver);
            self.ready(receiver);
        } else {
            self.enqueue(id, item);
        }
        true
    }

    /// Posts the record of the current thread, which has blocked, and lets a waiting receiver have
    /// the CPU.
    pub(crate) fn submit(&mut self, id: PortId, caller: ThreadId) {
        self.run.current = None;
        if let Some(receiver) = self.take_receiver(id) {
            self.deliver(id, Item::Thread(caller), receiver);
            self.hand_to(receiver);
        } else {
            self.enqueue(id, Item::Thread(caller));
        }
    }

    fn enqueue(&mut self, id: PortId, item: Item) {
        let (mut items, ports) = self.items();
        if let Some(port) = ports.get_mut(id) {
            port.queue.push(&mut items, item);
        }
    }

    /// Takes an item off the FIFO of a port.
    pub(crate) fn unpost(&mut self, id: PortId, item: Item) {
        let (mut items, ports) = self.items();
        if let Some(port) = ports.get_mut(id) {
            port.queue.remove(&mut items, item);
        }
    }
}
