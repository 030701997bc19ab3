//! Ports: endpoints with one FIFO of calls and notifications.
//!
//! Owns: [`Port`]. Never here: the queue's links (`ipc/queue.rs`), delivery. Created by `create`;
//! it lives as long as somebody can receive from it.
//!
//! Invariants: P1 a thread waits in `receiver` or `others` only while the FIFO is empty. P2 `others`
//! is empty while `receiver` is `None`. P3 `receivers` counts the capabilities with RECEIVE, those in
//! call records included; at zero the port is closed, for good. P4 `in_service` is the number of
//! threads whose record is in service here.

use tine_ksync::{Linked, Links, List};

use crate::{
    account::AccountId,
    ipc::queue::Queue,
    object::{
        ThreadId,
        thread::{Line, Thread},
    },
};

/// An endpoint.
#[derive(Debug)]
pub struct Port {
    /// The thread that has waited for a message longest.
    pub receiver: Option<ThreadId>,
    /// Calls and notifications that nobody has received.
    pub queue: Queue,
    /// Nobody can receive any more: calls fail with PEER_DIED.
    pub is_closed: bool,
    /// Who may call it (`tine_abi::domain::rank`).
    pub rank: u8,
    /// Calls received and not yet answered.
    pub in_service: u32,
    /// More threads that wait for a message.
    pub others: List<Thread, Line>,
    /// Capabilities that name it, without those that name a Grant.
    pub holders: u32,
    /// Of those, how many have RECEIVE.
    pub receivers: u32,
    /// Grants that name it.
    pub grants: u32,
    /// It was once named as a supervisor or debugger.
    pub supervises: bool,
    /// Link of closed ports that are being emptied.
    pub closing: Links<Port>,
    /// How far the search for its callers has come, while closing.
    pub cursor: u32,
    /// Who pays for it.
    pub account: AccountId,
}

impl Port {
    /// A port that nobody holds yet.
    #[must_use]
    pub const fn new(rank: u8, account: AccountId) -> Port {
        Port {
            receiver: None,
            queue: Queue::new(),
            is_closed: false,
            rank,
            in_service: 0,
            others: List::new(),
            holders: 0,
            receivers: 0,
            grants: 0,
            supervises: false,
            closing: Links::NONE,
            cursor: 0,
            account,
        }
    }
}

/// Tag of the closed ports that are being emptied.
#[derive(Debug)]
pub enum Closing {}

impl Linked<Closing> for Port {
    fn links(&self) -> &Links<Self> {
        &self.closing
    }
}
