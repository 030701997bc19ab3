//! Domains: what lives, stops, executes and dies together.
//!
//! Owns: [`Domain`], its exit record, [`Binding`]. Never here: pids, parents, signals (the process
//! server's), the steps of an exit (`exit.rs`).
//!
//! Invariants: D1 `alive` is the number of its threads that were started and have not ended; D2 once `exit` is set no thread of it ever runs again; D3 the Domain stays in its slab
//! while it has not ended, while capabilities name it, and while its EXIT is on a FIFO.

use tine_abi::{domain::Suspend, notification::ExitKind};
use tine_ksync::{Linked, Links, List};

use crate::{
    account::AccountId,
    ipc::queue::QueueLinks,
    object::{
        PortId, SpaceId,
        table::TableId,
        thread::{Sibling, Thread},
    },
};

/// Threads of one Domain at most: suspending or ending them is one bounded loop.
pub const THREADS: u32 = 256;

/// A port that the kernel talks to by itself, and with which badge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The port.
    pub port: PortId,
    /// R15 of its messages.
    pub badge: u64,
}

/// How a Domain ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExitRecord {
    /// Exited, killed or faulted.
    pub kind: ExitKind,
    /// Code, signal number or fault kind.
    pub value: u64,
    /// Address of the fault.
    pub address: u64,
}

/// How far an exit has come; each step is done before the next begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum ExitStep {
    /// It has not begun.
    None,
    /// Threads that a system call still works for come to rest.
    Threads,
    /// Descriptors are closed in the order of their numbers.
    Descriptors,
    /// Then the path table,
    Paths,
    /// and the private table.
    Private,
    /// The use of the address space is dropped.
    Space,
    /// Its tables and pages are released, if this was its last user.
    Memory,
    /// EXIT has been posted: the Domain is an empty shell.
    Ended,
}

/// A Domain.
#[derive(Debug)]
pub struct Domain {
    /// The address space in use.
    pub space: SpaceId,
    /// Private, descriptors, paths.
    pub tables: [TableId; 3],
    /// Who pays.
    pub account: AccountId,
    /// Told of exit and faults.
    pub supervisor: Option<Binding>,
    /// Asked first about faults.
    pub debugger: Option<Binding>,
    /// Reasons not to run.
    pub suspend: Suspend,
    /// Its threads, ended ones only until they are removed.
    pub threads: List<Thread, Sibling>,
    /// Threads that were started and have not ended.
    pub alive: u32,
    /// Threads whose future still works for them although they were killed.
    pub working: u32,
    /// Who it may call.
    pub rank: u8,
    /// It has been runnable at some time: from then on it lives without capabilities to it.
    pub is_started: bool,
    /// How far its exit has come.
    pub step: ExitStep,
    /// How it ended.
    pub exit: Option<ExitRecord>,
    /// Capabilities that name it.
    pub holders: u32,
    /// Links of the supervisor's FIFO, for EXIT.
    pub queue: QueueLinks,
    /// Link of the Domains that are being taken apart.
    pub ending: Links<Domain>,
}

impl Domain {
    /// A Domain without threads that nobody names yet.
    #[must_use]
    pub const fn new(space: SpaceId, tables: [TableId; 3], account: AccountId, rank: u8) -> Domain {
        Domain {
            space,
            tables,
            account,
            supervisor: None,
            debugger: None,
            suspend: Suspend::empty(),
            threads: List::new(),
            alive: 0,
            working: 0,
            rank,
            is_started: false,
            step: ExitStep::None,
            exit: None,
            holders: 0,
            queue: QueueLinks::NONE,
            ending: Links::NONE,
        }
    }
}

/// Tag of the Domains that are being taken apart.
#[derive(Debug)]
pub enum Ending {}

impl Linked<Ending> for Domain {
    fn links(&self) -> &Links<Self> {
        &self.ending
    }
}
