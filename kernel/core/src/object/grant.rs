//! Grants: the identity of a client of a port.
//!
//! Owns: [`Grant`]: badge, liveness, revocation. Never here: who may mint one. A badged port
//! capability names a Grant; every copy of it is one more holder.
//!
//! Invariant G1: when `holders` becomes zero the Grant is put on the port's FIFO, once, and it is
//! removed when the notification has been received; a confined one, and one of a closed port, is
//! removed at once.

use crate::{account::AccountId, ipc::queue::QueueLinks, object::PortId};

/// The identity of a client.
#[derive(Debug)]
pub struct Grant {
    /// Whose client it is.
    pub port: PortId,
    /// What the server calls it.
    pub badge: u64,
    /// Capabilities with this identity, those in call records included.
    pub holders: u32,
    /// None of them works any more.
    pub is_revoked: bool,
    /// Made by a clone for the child alone, which cannot pass it on: the child's EXIT says that it is
    /// gone, and no-senders is not said.
    pub is_confined: bool,
    /// Links of the port's FIFO.
    pub queue: QueueLinks,
    /// Who pays for it.
    pub account: AccountId,
}
