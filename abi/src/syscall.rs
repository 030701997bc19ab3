//! The table of system calls: numbers, names, arguments, rights and errors, once.
//!
//! The kernel's decoder, the user stubs and the manual (`abi/doc/syscalls.md`) derive from
//! the macro `syscalls!`; a test compares the manual. Number 5 is reserved for `ring_enter`.
//!
//! # Registers
//!
//! The `syscall` instruction enters the kernel; it destroys RCX and R11. RAX holds the call's
//! number in bits 0..32 and, where the call has one, its main capability ([`crate::CapRef`]) in
//! bits 32..64. Arguments 0 to 5 are RDI RSI RDX R10 R8 R9. On return RAX holds the status
//! ([`crate::message::Status`]; its low 16 bits are 0 or an [`crate::Error`]), RSI and RDX the
//! results. RBX and RBP are never touched; the other registers keep their values unless the call
//! transfers a message.
//!
//! The four message calls use RDI for a reply token, RSI RDX R10 R8 R9 R12 R13 R14 for the eight
//! words, and R15 for the address of an [`crate::message::Extras`] (0: none). See
//! [`crate::message`].

use crate::error::Error;

/// One row of the table, for manuals and traces.
#[derive(Clone, Copy, Debug)]
pub struct CallInfo {
    /// The call.
    pub call: Call,
    /// Its name in lower case.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The main capability: kind and rights; empty when there is none.
    pub capability: &'static str,
    /// Arguments in register order, each with its meaning.
    pub arguments: &'static [&'static str],
    /// What RSI and RDX (or the message registers) hold afterwards.
    pub results: &'static str,
    /// Every error and its cause.
    pub errors: &'static [(Error, &'static str)],
}

/// Declares the table; see the module documentation.
macro_rules! syscalls {
    ($($number:literal $name:ident $text:literal {
        summary: $summary:literal,
        capability: $capability:literal,
        arguments: [$($argument:literal),* $(,)?],
        results: $results:literal,
        errors: [$($error:ident $cause:literal),* $(,)?] $(,)?
    })*) => {
        /// A system call.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u32)]
        pub enum Call {
            $(#[doc = $summary] $name = $number,)*
        }

        impl Call {
            /// The call with this number (the low 32 bits of RAX).
            #[must_use]
            #[inline]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The number.
            #[must_use]
            pub const fn number(self) -> u32 {
                self as u32
            }

            /// The row of the table.
            #[must_use]
            pub fn info(self) -> &'static CallInfo {
                match self {
                    $(Self::$name => {
                        const ROW: &CallInfo = &CallInfo {
                            call: Call::$name,
                            name: $text,
                            summary: $summary,
                            capability: $capability,
                            arguments: &[$($argument),*],
                            results: $results,
                            errors: &[$((Error::$error, $cause)),*],
                        };
                        ROW
                    })*
                }
            }
        }

        /// Every call, in the order of the numbers.
        pub const CALLS: &[Call] = &[$(Call::$name),*];
    };
}

syscalls! {
    1 Call "call" {
        summary: "Sends a message to a port and waits for the reply.",
        capability: "Port, SEND",
        arguments: ["words 0..8: the message", "extras: capabilities to send, slots to receive into, memory ranges"],
        results: "Words 0..8: the reply. RDI: the slots that arrived, four 16-bit fields, 0xffff for none.",
        errors: [
            BadCapability "no such port", WrongKind "not a Port", MissingRight "no SEND, or DUPLICATE missing on a capability sent as a copy",
            BadAddress "the extras cannot be read", BadArgument "the extras hold an undefined value",
            Revoked "the identity was revoked", PeerDied "the receiver is gone or dropped the call", Rank "towards a higher rank (asked by debug kernels only)",
            NoObjects "no identity left in the account for one to mint", NoMemory "no memory for an identity to mint",
        ],
    }
    2 ReplyReceive "reply_recv" {
        summary: "Answers one call (token 0: none) and waits for the next message, in one entry. Without a call the extras may hold starts alone.",
        capability: "Port, RECEIVE",
        arguments: ["token: the call to answer", "words 0..8: the reply", "extras: capabilities to send or mint, Domains or Threads to start"],
        results: "As recv.",
        errors: [
            BadCapability "no such port, or a capability of the reply does not exist", WrongKind "not a Port, or a start that is no Domain or Thread", MissingRight "no RECEIVE, or a right of the reply's capabilities is missing",
            BadToken "not in service on this port; nothing was done", BadAddress "the extras cannot be read", BadArgument "the extras hold an undefined value",
            NoObjects "no identity left in the account for one to mint", NoMemory "no memory for an identity to mint",
        ],
    }
    3 Receive "recv" {
        summary: "Waits for the next message or notification of a port.",
        capability: "Port, RECEIVE",
        arguments: [],
        results: "RAX: kind, arrived capabilities, protocol rights. RDI: reply token. Words 0..8. R15: badge.",
        errors: [BadCapability "no such port", WrongKind "not a Port", MissingRight "no RECEIVE"],
    }
    4 Reply "reply" {
        summary: "Answers one call and goes on.",
        capability: "Port, RECEIVE",
        arguments: ["token: the call to answer", "words 0..8: the reply", "extras: as for reply_recv, and the disposition: answer, drop, restart"],
        results: "None.",
        errors: [
            BadCapability "no such port, or a capability of the reply does not exist", WrongKind "not a Port, or a start that is no Domain or Thread", MissingRight "no RECEIVE, or a right of the reply's capabilities is missing",
            BadToken "not in service on this port; nothing was done", BadAddress "the extras cannot be read", BadArgument "the extras hold an undefined value",
            NoObjects "no identity left in the account for one to mint", NoMemory "no memory for an identity to mint",
        ],
    }
    6 EventSignal "event_signal" {
        summary: "Sets bits of an event and wakes its waiter.",
        capability: "Event, SIGNAL",
        arguments: ["bits: which to set"],
        results: "None.",
        errors: [BadCapability "no such event", WrongKind "not an Event", MissingRight "no SIGNAL"],
    }
    7 EventWait "event_wait" {
        summary: "Waits until one of the masked bits is set, and takes those that are.",
        capability: "Event, WAIT",
        arguments: ["mask: which bits", "deadline: nanoseconds since boot; 0 asks only, all ones waits without end"],
        results: "RSI: the bits taken.",
        errors: [BadCapability "no such event", WrongKind "not an Event", MissingRight "no WAIT", BadArgument "an empty mask", Busy "another thread waits, or the event is bound to a port", TimedOut "the deadline passed"],
    }
    8 EventArm "event_arm" {
        summary: "Has a deadline set one bit of an event; each event has one deadline.",
        capability: "Event, SIGNAL",
        arguments: ["bit: 0..64", "deadline: nanoseconds since boot; 0 disarms"],
        results: "None.",
        errors: [BadCapability "no such event", WrongKind "not an Event", MissingRight "no SIGNAL", BadArgument "bit 64 or above"],
    }
    9 CapDuplicate "cap_dup" {
        summary: "Copies a capability to another slot, with fewer rights if asked; on a Port it can mint a new identity.",
        capability: "any, DUPLICATE (minting: MINT)",
        arguments: ["destination: slot, flags (Destination)", "rights: mask to keep", "badge: of the new identity", "options: bit 0 mint, bit 1 replace what the slot holds; bits 32..64 the Domain whose table is meant (0: own), CONTROL"],
        results: "RSI: the slot.",
        errors: [BadCapability "no such capability", WrongKind "minting something else than a Port, or into something else than a Domain", MissingRight "no DUPLICATE or MINT", BadArgument "undefined bits", NoSlots "the slot is in use or the table is full", NoObjects "no identity left in the account", NoMemory "the table cannot grow", Gone "the Domain has ended"],
    }
    10 CapClose "cap_close" {
        summary: "Empties a slot, also a reserved one.",
        capability: "any",
        arguments: [],
        results: "None.",
        errors: [BadCapability "the slot is empty"],
    }
    11 CapRevoke "cap_revoke" {
        summary: "Revokes an identity: every copy of it stops working at once.",
        capability: "Port minted by cap_dup or a reply, held together with MINT",
        arguments: [],
        results: "None.",
        errors: [BadCapability "no such capability", WrongKind "not a minted Port", MissingRight "no MINT", Revoked "already revoked"],
    }
    12 CapInfo "cap_info" {
        summary: "Tells what a slot holds, or of a call in service on a Port, who makes it.",
        capability: "any (with a token: Port, RECEIVE)",
        arguments: ["token: the call in service; 0 for none"],
        results: "RSI: kind in bits 0..8, slot flags in 8..16, rights in 32..64. RDX: size of a Memory in bytes; with a token the badge under which the Port supervises the caller's Domain; else 0.",
        errors: [BadCapability "the slot is empty", WrongKind "a token, and not a Port", MissingRight "a token, and no RECEIVE", BadToken "the call is not in service on this port", CallerGone "the caller was killed"],
    }
    13 CapMove "cap_move" {
        summary: "Moves a capability to another slot, or changes the flags of its slot.",
        capability: "any",
        arguments: ["destination: slot, flags (Destination)", "rights: mask to keep", "options: bit 1 replace what the slot holds; bits 32..64 the Domain whose table is meant (0: own), CONTROL"],
        results: "RSI: the slot.",
        errors: [BadCapability "no such capability", WrongKind "the options name no Domain", MissingRight "no CONTROL", BadArgument "undefined bits", NoSlots "the slot is in use or the table is full", NoMemory "the table cannot grow", Gone "the Domain has ended"],
    }
    14 Create "create" {
        summary: "Creates a kernel object and puts its capability, with all rights, in a slot.",
        capability: "Account that pays, CONTROL (SELF: the account of the caller's Domain)",
        arguments: ["kind", "destination: slot, flags (Destination)", "argument 0 of the kind", "argument 1 of the kind", "argument 2 of the kind"],
        results: "RSI: the slot.",
        errors: [BadCapability "no such account or argument", WrongKind "an argument of another kind", MissingRight "no CONTROL", BadArgument "a kind or argument out of range", NoSlots "no slot", NoObjects "the account's objects", NoMemory "the account's frames", Gone "the Domain has ended"],
    }
    15 Map "map" {
        summary: "Maps anonymous memory or a Memory into an address space.",
        capability: "AddressSpace, CONTROL (SELF: own)",
        arguments: ["request: address of a MapRequest"],
        results: "RSI: the address.",
        errors: [BadCapability "no such space or Memory", WrongKind "not an AddressSpace or Memory", MissingRight "no CONTROL, or a right of the Memory", BadAddress "the request cannot be read", BadArgument "unaligned, empty, out of range or undefined", Overlap "an exact address is in use", NoMemory "frames, nodes or address range", Denied "writable and executable, or execute without seal", Gone "the space was torn down"],
    }
    16 Unmap "unmap" {
        summary: "Removes what is mapped in a range.",
        capability: "AddressSpace, CONTROL (SELF: own)",
        arguments: ["address", "length in bytes"],
        results: "None.",
        errors: [BadCapability "no such space", WrongKind "not an AddressSpace", MissingRight "no CONTROL", BadArgument "unaligned, empty or out of range", NoMemory "a shared table or node could not be copied", Gone "the space was torn down"],
    }
    17 Protect "protect" {
        summary: "Changes the protection of a mapped range; on a Memory: seals it.",
        capability: "AddressSpace, CONTROL (SELF: own), or Memory, WRITE",
        arguments: ["address", "length in bytes", "protection (Protection)"],
        results: "None.",
        errors: [BadCapability "no such space", WrongKind "neither AddressSpace nor Memory", MissingRight "no CONTROL or WRITE", BadArgument "unaligned, empty, out of range or undefined", NotMapped "a hole in the range", NoMemory "a shared table or node could not be copied", Denied "more than the mapping allows, or writable and executable", Busy "the Memory has writers", Gone "the space was torn down"],
    }
    18 SpaceCopy "space_copy" {
        summary: "Copies bytes between own memory, a caller's range, an AddressSpace and a Memory.",
        capability: "none",
        arguments: ["request: address of a CopyRequest"],
        results: "RSI: bytes copied. RDX: on BAD_ADDRESS the address that stopped it.",
        errors: [BadCapability "no such space or Memory", WrongKind "neither AddressSpace nor Memory", MissingRight "no READ or WRITE", BadAddress "one side is not mapped there: see the results", BadArgument "undefined values, or outside the range or Memory", BadToken "the call is not in service", CallerGone "the caller was killed", Gone "the space was torn down", NoMemory "a page could not be made private"],
    }
    19 DomainControl "domain_control" {
        summary: "Kills, suspends, resumes, re-equips or inspects a Domain.",
        capability: "Domain, CONTROL (inspect, user word: READ; SELF: own)",
        arguments: ["operation (DomainOperation)", "argument 0", "argument 1", "argument 2"],
        results: "By operation.",
        errors: [BadCapability "no such Domain or argument", WrongKind "not a Domain", MissingRight "no CONTROL or READ", BadArgument "undefined operation or value", BadAddress "a structure cannot be read", Gone "the Domain has ended", Busy "exec with more than one live thread", NoMemory "no memory for the new table"],
    }
    20 ThreadStart "thread_start" {
        summary: "Starts a thread that was created, with these first registers.",
        capability: "Thread, CONTROL",
        arguments: ["instruction pointer", "stack pointer", "argument (RDI of the thread)", "GS base", "FS base"],
        results: "None.",
        errors: [BadCapability "no such thread", WrongKind "not a Thread", MissingRight "no CONTROL", BadArgument "an address that is not the user's", Busy "already started", Gone "the thread has ended"],
    }
    21 ThreadControl "thread_control" {
        summary: "Yields, suspends, resumes, or sets an attribute of a thread.",
        capability: "Thread, CONTROL (SELF: own)",
        arguments: ["operation (ThreadOperation)", "argument"],
        results: "None.",
        errors: [BadCapability "no such thread", WrongKind "not a Thread", MissingRight "no CONTROL", BadArgument "undefined operation or value", Gone "the thread has ended", NoMemory "the table cannot grow to the slots of arrivals"],
    }
    22 ThreadRegisters "thread_regs" {
        summary: "Reads or writes the registers of a suspended thread.",
        capability: "Thread, READ or CONTROL",
        arguments: ["direction: 0 read, 1 write", "address of a UserRegisters"],
        results: "None.",
        errors: [BadCapability "no such thread", WrongKind "not a Thread", MissingRight "no READ or CONTROL", BadAddress "the structure cannot be reached", BadArgument "undefined direction, or an address that is not the user's", NotSuspended "the thread can run", Gone "the thread has ended"],
    }
    23 ThreadExit "thread_exit" {
        summary: "Ends the calling thread; the last one ends the Domain with this code.",
        capability: "none",
        arguments: ["code: 32 bits"],
        results: "Does not return.",
        errors: [],
    }
    24 CloneCaller "clone_caller" {
        summary: "Makes a Domain that is a copy of the caller of a call in service: fork's one compound operation.",
        capability: "Port, RECEIVE",
        arguments: ["token: the call in service", "specification: address of a CloneSpec"],
        results: "RSI: the slot of the new Domain.",
        errors: [BadCapability "a capability of the specification does not exist", WrongKind "a capability of another kind", MissingRight "no RECEIVE, MINT or CONTROL", BadAddress "the specification cannot be read", BadArgument "the specification holds an undefined value, or fills a slot twice", BadToken "the call is not in service", CallerGone "the caller was killed", NoMemory "the account's frames", NoObjects "the account's objects", NoSlots "no slot for the Domain"],
    }
    25 HardwareControl "hw_control" {
        summary: "Uses I/O ports and interrupts, makes capabilities to them, reads counters and the log, powers off.",
        capability: "Hardware, PortRange or Interrupt",
        arguments: ["operation (HardwareOperation)", "argument 0", "argument 1", "argument 2"],
        results: "By operation.",
        errors: [BadCapability "no such capability or event", WrongKind "the operation belongs to another kind", MissingRight "no DEVICE, POWER, STATISTICS or SIGNAL", BadArgument "undefined operation, width or range", BadAddress "a buffer cannot be reached", NoSlots "no slot for the new capability", NoMemory "the table cannot grow", Busy "the interrupt is bound already"],
    }
    26 DebugLog "debug_log" {
        summary: "Writes at most 256 bytes to the kernel's log.",
        capability: "none",
        arguments: ["address", "length"],
        results: "None.",
        errors: [BadAddress "the bytes cannot be read", BadArgument "more than 256 bytes"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_decode_to_their_call() {
        for call in CALLS {
            assert_eq!(Call::from_number(call.number()), Some(*call));
            assert_eq!(call.info().call, *call);
        }
        assert_eq!(Call::from_number(0), None);
        assert_eq!(Call::from_number(5), None, "reserved for ring_enter");
        assert_eq!(Call::from_number(27), None);
        assert_eq!(CALLS.len(), 25);
    }
}
