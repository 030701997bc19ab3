//! Events: 64 bits that are set from anywhere and taken by one waiter.
//!
//! Owns: [`Event`]. Never here: delivery (`ipc/notify.rs`), the order of deadlines. An Event is
//! either waited for by a thread, or bound to a port, which then gets its bits as a notification.
//!
//! Invariant E1: a bound Event is on its port's FIFO exactly while `bits` is not zero and the port is
//! open.

use crate::{
    account::AccountId,
    deadline::Position,
    ipc::queue::QueueLinks,
    object::{PortId, ThreadId},
};

/// 64 bits and who waits for them.
#[derive(Debug)]
pub struct Event {
    /// Set and not yet taken.
    pub bits: u64,
    /// The thread that waits.
    pub waiter: Option<ThreadId>,
    /// The port that gets the bits, and the badge of the binding.
    pub binding: Option<(PortId, u64)>,
    /// Links of that port's FIFO.
    pub queue: QueueLinks,
    /// Its deadline, while one is armed.
    pub deadline: Position,
    /// The bit that the deadline sets.
    pub deadline_bit: u8,
    /// Capabilities that name it.
    pub holders: u32,
    /// Who pays for it.
    pub account: AccountId,
}
