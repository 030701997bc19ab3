//! What the kernel tells a port by itself, in the same queue as the calls of clients.
//!
//! Notifications come from records embedded in the Domain, identity or Event they speak of: none
//! allocates, none is lost, and one order holds between closes, exits and calls. Word 0 is the
//! [`Notification`], R15 the badge that was given when the port was bound.

/// Kind of a notification (word 0 of a message of kind `Notification`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Notification {
    /// A Domain has ended: no instruction of it will run, its memory is released, and the closes of
    /// its capabilities stand before this in the queue. Word 1: [`ExitKind`], word 2: its value,
    /// word 3: the fault address for [`ExitKind::Faulted`]. Badge: the supervisor's.
    Exit = 1,
    /// The last capability with this badge is gone. Badge: of the identity.
    NoSenders = 2,
    /// Bits of a bound event. Word 1: the bits. Badge: of the binding.
    Event = 3,
}

impl Notification {
    /// The notification with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Exit),
            2 => Some(Self::NoSenders),
            3 => Some(Self::Event),
            _ => None,
        }
    }
}

/// How a Domain ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum ExitKind {
    /// Its last thread called `thread_exit`; value: the 32-bit code.
    Exited = 1,
    /// It was killed by `domain_control`; value: what the killer said (a signal number).
    Killed = 2,
    /// A fault that nobody resumed; value: the [`FaultKind`].
    Faulted = 3,
}

impl ExitKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Exited),
            2 => Some(Self::Killed),
            3 => Some(Self::Faulted),
            _ => None,
        }
    }
}

/// What a thread did wrong. Numbers are part of exit records and of fault messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum FaultKind {
    /// No mapping at the address (SDM 3A 6.15, #PF).
    Unmapped = 1,
    /// The mapping does not allow the access.
    Protection = 2,
    /// No frame could be had for the access; the account is at its limit.
    NoMemory = 3,
    /// Divide error (#DE).
    Divide = 4,
    /// Undefined instruction (#UD).
    Instruction = 5,
    /// General protection: privileged instruction, non-canonical address (#GP, #SS, #NP, #TS).
    General = 6,
    /// Floating point (#MF, #XM).
    Arithmetic = 7,
    /// Alignment (#AC).
    Alignment = 8,
    /// Breakpoint instruction (#BP).
    Breakpoint = 9,
    /// Single step or hardware breakpoint (#DB).
    Debug = 10,
    /// Any other exception; word 4 of the message holds its vector.
    Other = 11,
}

impl FaultKind {
    /// Every kind, in the order of the numbers, from 1.
    pub const ALL: [Self; 11] = [
        Self::Unmapped,
        Self::Protection,
        Self::NoMemory,
        Self::Divide,
        Self::Instruction,
        Self::General,
        Self::Arithmetic,
        Self::Alignment,
        Self::Breakpoint,
        Self::Debug,
        Self::Other,
    ];

    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        if number >= 1 && number <= 11 { Some(Self::ALL[number as usize - 1]) } else { None }
    }
}

/// A fault message: words 0..6 of a message of kind `Fault`, in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What happened.
    pub kind: FaultKind,
    /// The address accessed; 0 when the fault has none.
    pub address: u64,
    /// The instruction.
    pub instruction: u64,
    /// Bit 0: write, bit 1: instruction fetch.
    pub access: u64,
    /// The processor's vector number.
    pub vector: u64,
    /// The processor's error code.
    pub code: u64,
}

impl Fault {
    /// The words of the message.
    #[must_use]
    pub const fn words(&self) -> crate::message::Words {
        [
            self.kind as u64,
            self.address,
            self.instruction,
            self.access,
            self.vector,
            self.code,
            0,
            0,
        ]
    }

    /// Reads the words of a message.
    #[must_use]
    pub const fn from_words(words: &crate::message::Words) -> Option<Self> {
        match FaultKind::from_number(words[0]) {
            Some(kind) => Some(Self {
                kind,
                address: words[1],
                instruction: words[2],
                access: words[3],
                vector: words[4],
                code: words[5],
            }),
            None => None,
        }
    }
}

/// Word 0 of the reply to a fault message. A dropped reply kills.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum FaultReply {
    /// The faulting instruction is executed again.
    Retry = 0,
    /// The Domain is killed; its exit record is [`ExitKind::Faulted`].
    Kill = 1,
    /// The thread goes on after the instruction whose length (1..=15) is in word 1.
    Skip = 2,
}
