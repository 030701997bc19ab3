//! Errors that no row can provoke: those that a scenario provokes, and those that a program cannot.

use tine_abi::Call::{
    self, Call as Send, CapDuplicate, CapInfo, CapMove, CloneCaller, Create, DomainControl,
    EventWait, HardwareControl, Protect, Reply, ReplyReceive, SpaceCopy, ThreadControl, ThreadExit,
    ThreadStart, Unmap,
};
use tine_abi::Error::{
    self, BadAddress, BadArgument, Busy, CallerGone, NoMemory, NoObjects, NoSlots, Rank,
};

/// An error and who provokes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elsewhere {
    /// The call.
    pub call: Call,
    /// The error.
    pub error: Error,
    /// The case that provokes it, or why none in the guest does.
    pub by: By,
}

/// Who provokes an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The case with this name.
    Case(&'static str),
    /// A provocation in the kernel core's tests on the host (`kernel/core/tests/elsewhere.rs`, which
    /// fails without it), for this reason.
    Host(&'static str),
}

const fn case(call: Call, error: Error, name: &'static str) -> Elsewhere {
    Elsewhere { call, error, by: By::Case(name) }
}

const fn host(call: Call, error: Error, reason: &'static str) -> Elsewhere {
    Elsewhere { call, error, by: By::Host(reason) }
}

/// Frames and objects run out for everybody who shares the account.
const EXHAUSTED: &str = "every program shares the account that would have to be exhausted";
/// Only servers have such capabilities.
const DEVICES: &str = "programs have no capability to devices";

/// What no row provokes.
pub const ELSEWHERE: &[Elsewhere] = &[
    host(Send, Rank, "programs have the highest rank"),
    case(ReplyReceive, BadAddress, "ipc.bad-answers"),
    case(ReplyReceive, BadArgument, "ipc.bad-answers"),
    case(Reply, BadAddress, "ipc.bad-answers"),
    case(Reply, BadArgument, "ipc.bad-answers"),
    host(Send, NoObjects, EXHAUSTED),
    host(Send, NoMemory, EXHAUSTED),
    host(ReplyReceive, NoObjects, EXHAUSTED),
    host(ReplyReceive, NoMemory, EXHAUSTED),
    host(Reply, NoObjects, EXHAUSTED),
    host(Reply, NoMemory, EXHAUSTED),
    host(ThreadControl, NoMemory, EXHAUSTED),
    host(CapDuplicate, NoObjects, EXHAUSTED),
    host(CapDuplicate, NoMemory, EXHAUSTED),
    host(CapMove, NoMemory, EXHAUSTED),
    host(Create, NoObjects, EXHAUSTED),
    host(Create, NoMemory, EXHAUSTED),
    host(DomainControl, NoMemory, EXHAUSTED),
    host(Unmap, NoMemory, EXHAUSTED),
    host(Protect, NoMemory, EXHAUSTED),
    host(SpaceCopy, NoMemory, EXHAUSTED),
    case(SpaceCopy, CallerGone, "ipc.caller-killed"),
    case(CloneCaller, CallerGone, "ipc.caller-killed"),
    case(CapInfo, CallerGone, "ipc.caller-killed"),
    host(CloneCaller, NoMemory, EXHAUSTED),
    host(CloneCaller, NoObjects, EXHAUSTED),
    case(CloneCaller, NoSlots, "domain.clone"),
    host(HardwareControl, NoSlots, DEVICES),
    host(HardwareControl, NoMemory, DEVICES),
    host(HardwareControl, Busy, DEVICES),
];

/// Calls whose success is shown by a case.
pub const GOOD: &[(Call, &str)] = &[
    (Send, "ipc.round-trip"),
    (ReplyReceive, "ipc.round-trip"),
    (Call::Receive, "ipc.round-trip"),
    (Reply, "ipc.round-trip"),
    (EventWait, "event.bits"),
    (Call::CapRevoke, "ipc.revoked"),
    (ThreadStart, "domain.thread"),
    (ThreadExit, "domain.thread"),
    (CloneCaller, "domain.clone"),
];
