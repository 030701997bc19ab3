//! Threads: registers, what the thread waits for, its call record.
//!
//! Owns: [`Thread`], [`ThreadState`], [`Record`] and tokens. Never here: transitions (those are in
//! `executor.rs` and `ipc`), the rules of suspension. The hot fields of a call stand together, the
//! registers first, so that a pointer to the thread is a pointer to them.
//!
//! ```text
//!                start                  call, fault            reply
//!   NEW ------------------> RUNNABLE ------------------> CALLING ------+
//!                            |  ^  ^   recv              (record)      |
//!                            |  |  +------- RECEIVING <---+            |
//!                            |  |          event_wait     |            |
//!                            |  +---------- WAITING <-----+            |
//!                            |  +---------- WORKING <-----+ chunked    |
//!                            |  +--------------------------------------+
//!                            +--> ENDED  (from any state: kill)
//! ```
//!
//! Suspension is beside this: a suspended thread keeps its state, and is on no run queue.
//!
//! A call record is FREE, QUEUED on a port or IN SERVICE there; a kill detaches it from either. Its
//! message stays in the caller's registers until it is delivered: nothing is copied twice.

use core::num::NonZeroU8;

use tine_abi::{
    domain::Suspend,
    message::{TRANSFERS, Words},
    notification::{Fault, FaultKind},
    registers::UserRegisters,
};
use tine_ksync::{Id, Linked, Links};

use crate::{
    account::AccountId,
    deadline::Position,
    errand::Errand,
    ipc::queue::QueueLinks,
    machine::{ExtendedState, Frame},
    object::{
        DomainId, EventId, PortId, SpaceId, ThreadId, capability::Capability, table::TableId,
    },
};

/// What a thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ThreadState {
    /// Created, not started.
    New,
    /// It runs, or is on the run queue, or is suspended and would be.
    Runnable,
    /// Its record is on a port or in service.
    Calling,
    /// It waits for a message of [`Thread::port`].
    Receiving,
    /// It waits for an Event.
    Waiting,
    /// Its future does several steps of a system call.
    Working,
    /// It ran its last instruction.
    Ended,
}

/// Where a call record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum RecordState {
    /// Not in use.
    Free,
    /// In the FIFO of its port.
    Queued,
    /// Received, not yet answered.
    InService,
}

/// Names a call in service: a thread's index and a number that no other call ever gets.
///
/// Bits 0..20 index of the thread, 20..64 the number, counted from 1 since boot: at a call every
/// 100 ns it lasts 50 days times 1,000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token(pub u64);

impl Token {
    const INDEX_BITS: u32 = 20;

    /// The token of the call with this number by the thread.
    #[inline]
    #[must_use]
    pub const fn new(thread: ThreadId, number: u64) -> Token {
        Token(number << Self::INDEX_BITS | thread.index() as u64)
    }

    /// Slab index of the caller.
    #[inline]
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 as u32 & ((1 << Self::INDEX_BITS) - 1)
    }

    /// Number of the call.
    #[inline]
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0 >> Self::INDEX_BITS
    }
}

/// A memory range that the server may use: address, length with bit 63 for writable. Length 0 is
/// none.
pub type RecordRange = (u64, u64);

/// The one call, or fault, that a thread can have on a port.
#[derive(Debug)]
pub struct Record {
    /// Where it is.
    pub state: RecordState,
    /// It is a fault, not a call.
    pub is_fault: bool,
    /// There is something in the cold part below `badge`.
    pub has_extras: bool,
    /// RESTART may execute the call again: the thread has not been given another program meanwhile.
    pub is_restartable: bool,
    /// How many of `capabilities` are meant.
    pub capability_count: u8,
    /// Receive slots that could not be reserved, or were not named.
    pub missing_slots: u8,
    /// Protocol half of the rights of the capability that was called.
    pub protocol: u16,
    /// Names the call; 0 when FREE.
    pub token: Token,
    /// Whose call it is. Valid unless FREE.
    pub port: Option<PortId>,
    /// Of the identity that called.
    pub badge: u64,
    /// While in service: the Domain that received it, and may use its memory ranges.
    pub server: Option<DomainId>,

    /// Sent with the message; each counts as a holder until it is delivered.
    pub capabilities: [Capability; TRANSFERS],
    /// Reserved slots for the reply, as bits of a `CapRef`; `u32::MAX` none.
    pub receive: [u32; TRANSFERS],
    /// Memory that the server may use.
    pub ranges: [RecordRange; 2],
}

impl Record {
    /// Not in use.
    pub const FREE: Record = Record {
        state: RecordState::Free,
        is_fault: false,
        has_extras: false,
        is_restartable: true,
        capability_count: 0,
        missing_slots: 15,
        protocol: 0,
        token: Token(0),
        port: None,
        badge: 0,
        server: None,
        capabilities: [Capability::EMPTY; TRANSFERS],
        receive: [u32::MAX; TRANSFERS],
        ranges: [(0, 0); 2],
    };
}

/// A fault that waits to be told, or answered. The instruction is in the registers.
#[derive(Clone, Copy, Debug)]
pub struct PendingFault {
    /// The number of a [`FaultKind`].
    number: NonZeroU8,
    /// Bit 0: write, bit 1: instruction fetch.
    pub access: u8,
    /// The processor's vector.
    pub vector: u8,
    /// The processor's error code.
    pub code: u32,
    /// The address accessed.
    pub address: u64,
}

impl PendingFault {
    /// A fault of this kind; access, vector and code as the fields say.
    #[must_use]
    pub const fn new(kind: FaultKind, access: u8, vector: u8, code: u32, address: u64) -> Self {
        let number = match NonZeroU8::new(kind as u8) {
            Some(number) => number,
            None => NonZeroU8::MAX,
        };
        PendingFault { number, access, vector, code, address }
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match FaultKind::from_number(self.number.get() as u64) {
            Some(kind) => kind,
            None => FaultKind::Other,
        }
    }

    /// The words of the fault message.
    #[must_use]
    pub fn words(&self, instruction: u64) -> Words {
        Fault {
            kind: self.kind(),
            address: self.address,
            instruction,
            access: u64::from(self.access),
            vector: u64::from(self.vector),
            code: u64::from(self.code),
        }
        .words()
    }
}

/// A thread.
#[derive(Debug)]
#[repr(C)]
pub struct Thread {
    // Used by every call.
    /// Registers while it is not running.
    pub registers: UserRegisters,
    /// Root of its address space: a copy, so that a handoff needs no lookup.
    pub root: Frame,
    /// What it does.
    pub state: ThreadState,
    /// Whether it or its Domain is suspended.
    pub is_stopped: bool,
    /// First of four private slots where capabilities of received calls arrive; 0: none.
    pub arrivals: u16,
    /// Image of its extended state, if it ever used that.
    pub extended: Option<Id<ExtendedState>>,
    /// Its Domain's tables: private, descriptors, paths.
    pub tables: [TableId; 3],
    /// Its call.
    pub record: Record,

    // Used when it is created, blocks elsewhere or ends.
    /// Its Domain.
    pub domain: DomainId,
    /// Its address space.
    pub space: SpaceId,
    /// Own reasons not to run.
    pub suspend: Suspend,
    /// Capabilities that name it.
    pub holders: u32,
    /// Link of the run queue or of a port's receivers.
    pub line: Links<Thread>,
    /// Link of its Domain's threads.
    pub sibling: Links<Thread>,
    /// Links of a port's FIFO.
    pub queue: QueueLinks,
    /// While RECEIVING: the port.
    pub port: Option<PortId>,
    /// While WAITING: the Event and the bits.
    pub event: Option<EventId>,
    /// While WAITING: which bits.
    pub mask: u64,
    /// Its deadline, while it waits with one.
    pub deadline: Position,
    /// Number of the last call made in the system before it was created.
    pub birth: u64,
    /// What it did wrong.
    pub fault: Option<PendingFault>,
    /// Its kernel side, once a system call took several steps.
    pub errand: Option<Id<Errand>>,
    /// Who pays for it.
    pub account: AccountId,
}

/// RFLAGS of a program at its start: interrupts on, and bit 1, which is always set (Intel SDM volume
/// 1, 3.4.3).
pub const FLAGS: u64 = 0x202;

/// The flags that a program may set: CF PF AF ZF SF TF DF OF RF AC ID.
pub const USER_FLAGS: u64 = 0x25_0dd5;

impl Thread {
    /// A thread that is not started and that nobody names yet. `birth`: the number of the last call.
    #[must_use]
    pub const fn new(
        domain: DomainId,
        space: SpaceId,
        root: Frame,
        tables: [TableId; 3],
        account: AccountId,
        birth: u64,
    ) -> Thread {
        Thread {
            registers: UserRegisters {
                rax: 0,
                rbx: 0,
                rcx: 0,
                rdx: 0,
                rsi: 0,
                rdi: 0,
                rbp: 0,
                rsp: 0,
                r8: 0,
                r9: 0,
                r10: 0,
                r11: 0,
                r12: 0,
                r13: 0,
                r14: 0,
                r15: 0,
                rip: 0,
                rflags: FLAGS,
                fs_base: 0,
                gs_base: 0,
            },
            root,
            state: ThreadState::New,
            is_stopped: false,
            arrivals: 0,
            extended: None,
            tables,
            record: Record::FREE,
            domain,
            space,
            suspend: Suspend::empty(),
            holders: 0,
            line: Links::NONE,
            sibling: Links::NONE,
            queue: QueueLinks::NONE,
            port: None,
            event: None,
            mask: 0,
            deadline: Position::NONE,
            birth,
            fault: None,
            errand: None,
            account,
        }
    }
}

/// Tag of the run queue and of the receivers of a port: a thread is on one of them at most.
#[derive(Debug)]
pub enum Line {}

/// Tag of the threads of a Domain.
#[derive(Debug)]
pub enum Sibling {}

impl Linked<Line> for Thread {
    #[inline]
    fn links(&self) -> &Links<Self> {
        &self.line
    }
}

impl Linked<Sibling> for Thread {
    fn links(&self) -> &Links<Self> {
        &self.sibling
    }
}

// A pointer to a thread is one to its registers, and eight threads share a page.
const _: () = assert!(core::mem::offset_of!(Thread, registers) == 0);
const _: () = assert!(size_of::<Thread>() <= 512 - 8);
