//! `domain_control`, `thread_start`, `thread_control`, `thread_regs`, `clone_caller`.

use tine_abi::Call::{CloneCaller, DomainControl, ThreadControl, ThreadRegisters, ThreadStart};
use tine_abi::Error::{
    BadAddress, BadArgument, BadCapability, BadToken, Busy, Gone, MissingRight, NotSuspended,
    WrongKind,
};
use tine_abi::capability::slot;
use tine_abi::domain::{CloneSpec, DomainOperation, Inherit, ThreadOperation};
use tine_abi::layout;
use tine_abi::registers::REGISTERS;
use tine_abi::wire::Wire;
use tine_abi::{CapRef, Table};

use super::subject::{
    DOMAIN, DOMAIN_ENDED, DOMAIN_READ, EMPTY, EVENT, PORT, PORT_SEND, SPACE, SPACE_GONE, THREAD,
    THREAD_ENDED, THREAD_FAULTED, THREAD_READ,
};
use super::{KERNEL, NOWHERE, Row, Value, reference, row, word};

const INSPECT: Value = word(DomainOperation::Inspect as u64);
const KILL: Value = word(DomainOperation::Kill as u64);
const SUSPEND: Value = word(DomainOperation::Suspend as u64);
const RESUME: Value = word(DomainOperation::Resume as u64);
const EXEC: Value = word(DomainOperation::Exec as u64);
const SUPERVISOR: Value = word(DomainOperation::SetSupervisor as u64);
const DEBUGGER: Value = word(DomainOperation::SetDebugger as u64);
const SET_TABLE: Value = word(DomainOperation::SetTable as u64);
const USER_WORD: Value = word(DomainOperation::UserWord as u64);
const SET_USER_WORD: Value = word(DomainOperation::SetUserWord as u64);
const PRIVATE: Value = word(Table::Private as u64);
const DESCRIPTORS: Value = word(Table::Descriptors as u64);
const PATHS: Value = word(Table::Paths as u64);
const COPY: Value = word(Inherit::Copy as u64);
const SHARE: Value = word(Inherit::Share as u64);
const NO_ENTRIES: Value = word(Inherit::Empty as u64);
const UNDEFINED: Value = word(1 << 20);
const NOBODY: Value = word(0);

const YIELD: Value = word(ThreadOperation::Yield as u64);
const STOP: Value = word(ThreadOperation::Suspend as u64);
const SET_GS: Value = word(ThreadOperation::SetGs as u64);
const SET_FS: Value = word(ThreadOperation::SetFs as u64);
const ARRIVALS: Value = word(ThreadOperation::SetArrivals as u64);

const GET: Value = word(0);
const SET: Value = word(1);
/// Registers whose instruction pointer is the kernel's.
const IN_KERNEL: Value = Value::Words(&{
    let mut registers = [0; REGISTERS];
    registers[16] = KERNEL;
    registers
});
/// A first instruction and a first stack.
const SOMEWHERE: Value = word(layout::TEXT);

/// What `exec` gets: space, instruction, stack, control block.
const fn exec(space: CapRef) -> [u64; 4] {
    [space.bits() as u64, layout::TEXT, layout::TEXT, layout::TEXT]
}
const EXEC_NO_SPACE: Value = Value::Words(&exec(EMPTY));
const EXEC_EVENT: Value = Value::Words(&exec(EVENT));
const EXEC_GONE: Value = Value::Words(&exec(SPACE_GONE));
const EXEC_SPACE: Value = Value::Words(&exec(SPACE));

/// A specification that asks for nothing and names PORT as supervisor.
const fn specification(head: u64) -> [u64; CloneSpec::WORDS] {
    let mut words = [0; CloneSpec::WORDS];
    words[0] = head;
    words[1] = 1 << 63 | CapRef::private(64).bits() as u64;
    words[3] = PORT.bits() as u64;
    words
}
const PLAIN: Value = Value::Words(&specification(0));
const NO_SUCH_INHERITANCE: Value = Value::Words(&specification(3));
/// One with a first private entry: its kind (copied, own, minted) and its two words.
const fn private(kind: u64, entry: [u64; 2]) -> [u64; CloneSpec::WORDS] {
    let mut words = specification(kind << 16);
    [words[12], words[13]] = entry;
    words
}
const NO_SLOT: Value = Value::Words(&private(1, [1 << 32, 0]));
const NO_SOURCE: Value = Value::Words(&private(1, [1, 0]));
const OWN_ANYWHERE: Value = Value::Words(&private(2, [slot::FREE as u64, 0]));
const NO_SUCH_PORT: Value = Value::Words(&private(3, [1 | 3 << 62, 7]));

pub(super) const ROWS: &[Row] = &[
    row(DomainControl, CapRef::SELF, &[INSPECT], None, "the own"),
    row(DomainControl, DOMAIN_READ, &[INSPECT], None, "another"),
    row(DomainControl, DOMAIN_ENDED, &[INSPECT], None, "one that has ended"),
    row(DomainControl, EMPTY, &[INSPECT], Some(BadCapability), "an empty slot"),
    row(
        DomainControl,
        DOMAIN,
        &[SUPERVISOR, reference(EMPTY)],
        Some(BadCapability),
        "no supervisor there",
    ),
    row(DomainControl, EVENT, &[INSPECT], Some(WrongKind), "an Event"),
    row(
        DomainControl,
        DOMAIN,
        &[SUPERVISOR, reference(EVENT)],
        Some(WrongKind),
        "an Event as supervisor",
    ),
    row(DomainControl, DOMAIN, &[EXEC, EXEC_EVENT], Some(WrongKind), "an Event as space"),
    row(DomainControl, DOMAIN_READ, &[KILL], Some(MissingRight), "killing without CONTROL"),
    row(DomainControl, DOMAIN_READ, &[RESUME], Some(MissingRight), "resuming without CONTROL"),
    row(
        DomainControl,
        DOMAIN,
        &[SUPERVISOR, reference(PORT_SEND)],
        Some(MissingRight),
        "a supervisor without MINT",
    ),
    row(
        DomainControl,
        CapRef::SELF,
        &[SUPERVISOR, NOBODY],
        Some(MissingRight),
        "choosing the own supervisor",
    ),
    row(DomainControl, DOMAIN, &[DEBUGGER, reference(PORT), word(4)], None, "a debugger"),
    row(DomainControl, DOMAIN, &[DEBUGGER, NOBODY], None, "no debugger"),
    row(
        DomainControl,
        DOMAIN,
        &[DEBUGGER, reference(EMPTY)],
        Some(BadCapability),
        "no debugger there",
    ),
    row(
        DomainControl,
        DOMAIN,
        &[DEBUGGER, reference(EVENT)],
        Some(WrongKind),
        "an Event as debugger",
    ),
    row(
        DomainControl,
        DOMAIN,
        &[DEBUGGER, reference(PORT_SEND)],
        Some(MissingRight),
        "a debugger without MINT",
    ),
    row(
        DomainControl,
        DOMAIN_READ,
        &[DEBUGGER, reference(PORT)],
        Some(MissingRight),
        "a debugger without CONTROL",
    ),
    row(
        DomainControl,
        CapRef::SELF,
        &[DEBUGGER, NOBODY],
        Some(MissingRight),
        "leaving the own debugger",
    ),
    row(DomainControl, DOMAIN_ENDED, &[DEBUGGER, NOBODY], Some(Gone), "debugging the dead"),
    row(DomainControl, DOMAIN, &[SET_TABLE, PATHS, NO_ENTRIES], None, "an empty table"),
    row(
        DomainControl,
        DOMAIN,
        &[SET_TABLE, DESCRIPTORS, SHARE, reference(CapRef::SELF)],
        None,
        "the caller's table",
    ),
    row(
        DomainControl,
        CapRef::SELF,
        &[SET_TABLE, PATHS, COPY, reference(DOMAIN)],
        None,
        "a copy of a table",
    ),
    row(
        DomainControl,
        DOMAIN,
        &[SET_TABLE, PATHS, COPY, reference(EMPTY)],
        Some(BadCapability),
        "nobody's table",
    ),
    row(
        DomainControl,
        DOMAIN,
        &[SET_TABLE, PATHS, SHARE, word(1 << 32)],
        Some(BadCapability),
        "the table of no reference",
    ),
    row(
        DomainControl,
        DOMAIN,
        &[SET_TABLE, PATHS, COPY, reference(EVENT)],
        Some(WrongKind),
        "an Event's table",
    ),
    row(
        DomainControl,
        DOMAIN,
        &[SET_TABLE, PATHS, COPY, reference(DOMAIN_READ)],
        Some(MissingRight),
        "a table without CONTROL of who has it",
    ),
    row(
        DomainControl,
        DOMAIN_READ,
        &[SET_TABLE, PATHS, NO_ENTRIES],
        Some(MissingRight),
        "a table without CONTROL of who gets it",
    ),
    row(
        DomainControl,
        DOMAIN,
        &[SET_TABLE, PRIVATE, NO_ENTRIES],
        Some(BadArgument),
        "the private table",
    ),
    row(DomainControl, DOMAIN, &[SET_TABLE, word(3), NO_ENTRIES], Some(BadArgument), "table 3"),
    row(DomainControl, DOMAIN, &[SET_TABLE, PATHS, word(3)], Some(BadArgument), "inheritance 3"),
    row(
        DomainControl,
        DOMAIN,
        &[SET_TABLE, PATHS, NO_ENTRIES, reference(DOMAIN)],
        Some(BadArgument),
        "somebody's empty table",
    ),
    row(
        DomainControl,
        DOMAIN_ENDED,
        &[SET_TABLE, PATHS, NO_ENTRIES],
        Some(Gone),
        "the table of the dead",
    ),
    row(
        DomainControl,
        DOMAIN,
        &[SET_TABLE, PATHS, SHARE, reference(DOMAIN_ENDED)],
        Some(Gone),
        "a table from the dead",
    ),
    row(DomainControl, CapRef::SELF, &[USER_WORD], None, "the own word"),
    row(DomainControl, DOMAIN_READ, &[USER_WORD], None, "another's word"),
    row(DomainControl, DOMAIN, &[SET_USER_WORD, word(u64::MAX)], None, "a word for another"),
    row(
        DomainControl,
        DOMAIN_READ,
        &[SET_USER_WORD, word(1)],
        Some(MissingRight),
        "a word without CONTROL",
    ),
    row(DomainControl, DOMAIN_ENDED, &[USER_WORD], Some(Gone), "the word of the dead"),
    row(DomainControl, DOMAIN_ENDED, &[SET_USER_WORD, word(1)], Some(Gone), "a word for the dead"),
    row(DomainControl, DOMAIN, &[word(0)], Some(BadArgument), "operation 0"),
    row(DomainControl, DOMAIN, &[word(99)], Some(BadArgument), "operation 99"),
    row(DomainControl, DOMAIN, &[SUSPEND, UNDEFINED], Some(BadArgument), "an undefined reason"),
    row(DomainControl, DOMAIN, &[EXEC, word(NOWHERE)], Some(BadAddress), "a specification nowhere"),
    row(DomainControl, DOMAIN, &[EXEC, EXEC_NO_SPACE], Some(BadCapability), "no space"),
    row(DomainControl, DOMAIN, &[EXEC, EXEC_GONE], Some(Gone), "a torn down space"),
    row(DomainControl, DOMAIN, &[EXEC, EXEC_SPACE], Some(Busy), "not exactly one live thread"),
    row(DomainControl, DOMAIN_ENDED, &[KILL], Some(Gone), "killing again"),
    row(DomainControl, DOMAIN_ENDED, &[SUSPEND, word(2)], Some(Gone), "suspending the dead"),
    row(ThreadStart, EMPTY, &[SOMEWHERE, SOMEWHERE], Some(BadCapability), "an empty slot"),
    row(ThreadStart, DOMAIN, &[SOMEWHERE, SOMEWHERE], Some(WrongKind), "a Domain"),
    row(ThreadStart, THREAD_READ, &[SOMEWHERE, SOMEWHERE], Some(MissingRight), "no CONTROL"),
    row(ThreadStart, THREAD, &[word(KERNEL), SOMEWHERE], Some(BadArgument), "in the kernel"),
    row(
        ThreadStart,
        THREAD,
        &[SOMEWHERE, word(KERNEL)],
        Some(BadArgument),
        "a stack in the kernel",
    ),
    row(
        ThreadStart,
        THREAD,
        &[SOMEWHERE, SOMEWHERE, word(0), word(1 << 63)],
        Some(BadArgument),
        "GS in the kernel",
    ),
    row(ThreadStart, THREAD_FAULTED, &[SOMEWHERE, SOMEWHERE], Some(Busy), "a second time"),
    row(ThreadStart, THREAD_ENDED, &[SOMEWHERE, SOMEWHERE], Some(Gone), "one that has ended"),
    row(ThreadControl, CapRef::SELF, &[YIELD], None, "yielding"),
    row(ThreadControl, CapRef::SELF, &[SET_FS, word(layout::TEXT)], None, "an FS base"),
    row(ThreadControl, EMPTY, &[YIELD], Some(BadCapability), "an empty slot"),
    row(ThreadControl, EVENT, &[YIELD], Some(WrongKind), "an Event"),
    row(ThreadControl, THREAD_READ, &[STOP, word(2)], Some(MissingRight), "no CONTROL"),
    row(ThreadControl, CapRef::SELF, &[word(0)], Some(BadArgument), "operation 0"),
    row(ThreadControl, THREAD, &[STOP, UNDEFINED], Some(BadArgument), "an undefined reason"),
    row(
        ThreadControl,
        CapRef::SELF,
        &[SET_GS, word(KERNEL)],
        Some(BadArgument),
        "GS in the kernel",
    ),
    row(
        ThreadControl,
        CapRef::SELF,
        &[SET_FS, word(1 << 47)],
        Some(BadArgument),
        "FS that is not canonical",
    ),
    row(
        ThreadControl,
        CapRef::SELF,
        &[ARRIVALS, word(1 << 16)],
        Some(BadArgument),
        "arrivals beyond the table",
    ),
    row(ThreadControl, THREAD_ENDED, &[STOP, word(2)], Some(Gone), "one that has ended"),
    row(ThreadRegisters, THREAD_READ, &[GET, Value::Room], None, "of a new thread"),
    row(ThreadRegisters, EMPTY, &[GET, Value::Room], Some(BadCapability), "an empty slot"),
    row(ThreadRegisters, CapRef::SELF, &[GET, Value::Room], Some(BadCapability), "SELF"),
    row(ThreadRegisters, SPACE, &[GET, Value::Room], Some(WrongKind), "a space"),
    row(
        ThreadRegisters,
        THREAD_READ,
        &[SET, Value::Room],
        Some(MissingRight),
        "writing without CONTROL",
    ),
    row(ThreadRegisters, THREAD, &[word(2), Value::Room], Some(BadArgument), "a third direction"),
    row(
        ThreadRegisters,
        THREAD,
        &[SET, IN_KERNEL],
        Some(BadArgument),
        "an instruction in the kernel",
    ),
    row(ThreadRegisters, THREAD, &[GET, word(NOWHERE)], Some(BadAddress), "to nowhere"),
    row(ThreadRegisters, THREAD, &[GET, SOMEWHERE], Some(BadAddress), "to text"),
    row(ThreadRegisters, THREAD, &[SET, word(KERNEL)], Some(BadAddress), "from the kernel"),
    row(
        ThreadRegisters,
        THREAD_FAULTED,
        &[GET, Value::Room],
        Some(NotSuspended),
        "of one that is not suspended",
    ),
    row(ThreadRegisters, THREAD_ENDED, &[GET, Value::Room], Some(Gone), "of one that has ended"),
    row(CloneCaller, EMPTY, &[word(1), PLAIN], Some(BadCapability), "an empty slot"),
    row(CloneCaller, EVENT, &[word(1), PLAIN], Some(WrongKind), "an Event"),
    row(CloneCaller, PORT_SEND, &[word(1), PLAIN], Some(MissingRight), "no RECEIVE"),
    row(CloneCaller, PORT, &[word(1), word(NOWHERE)], Some(BadAddress), "a specification nowhere"),
    row(
        CloneCaller,
        PORT,
        &[word(1), NO_SUCH_INHERITANCE],
        Some(BadArgument),
        "an undefined inheritance",
    ),
    row(CloneCaller, PORT, &[word(1), NO_SLOT], Some(BadArgument), "private slot 0 of the child"),
    row(CloneCaller, PORT, &[word(1), NO_SOURCE], Some(BadArgument), "private slot 0 as source"),
    row(CloneCaller, PORT, &[word(1), OWN_ANYWHERE], Some(BadArgument), "itself in a free slot"),
    row(CloneCaller, PORT, &[word(1), NO_SUCH_PORT], Some(BadArgument), "minting on no reference"),
    row(CloneCaller, PORT, &[word(u64::MAX), PLAIN], Some(BadToken), "nobody's call"),
];
