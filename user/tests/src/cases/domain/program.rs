//! A few bytes of machine code in a Domain of their own, with the case as their supervisor.

use tine::abi::domain::rank;
use tine::abi::layout::{REGION, TEXT};
use tine::abi::memory::{Inheritance, MapRequest, PAGE, Protection, Source};
use tine::abi::message::MessageKind;
use tine::abi::notification::{ExitKind, Fault, FaultReply, Notification};
use tine::abi::{Call, CapRef, Error, Kind};
use tine::sys::capability::{ANYWHERE, close, create};
use tine::sys::domain::{FirstRegisters, RemoteThread, inspect, kill, set_supervisor};
use tine::sys::memory::{READ_WRITE, Remote, copy_in, copy_out, map, seal};
use tine::sys::message::{Received, recv, reply};

use crate::verdict::{Failure, Verdict, equal, refused};

/// `mov edi, CODE; mov eax, thread_exit; syscall`
pub(super) const fn exit_with(code: u8) -> [u8; 12] {
    let number = Call::ThreadExit.number() as u8;
    [0xbf, code, 0, 0, 0, 0xb8, number, 0, 0, 0, 0x0f, 0x05]
}
/// `jmp .`
pub(super) const SPIN: [u8; 2] = [0xeb, 0xfe];
/// `mov byte ptr [rdi], 7`, then exit with 5.
pub(super) const STORE: [u8; 15] = {
    let exit = exit_with(5);
    let mut code = [0; 15];
    code[0] = 0xc6;
    code[1] = 0x07;
    code[2] = 7;
    let mut index = 0;
    while index < exit.len() {
        code[3 + index] = exit[index];
        index += 1;
    }
    code
};
/// `inc qword ptr [rdi]; jmp` back: counts for ever.
pub(super) const COUNT: [u8; 5] = [0x48, 0xff, 0x07, 0xeb, 0xfb];

/// Calls with the extras at RDI, then exits with the low byte of the status. `selector` is RAX.
pub(super) const fn call_with(selector: u64) -> [u8; 25] {
    let rax = selector.to_le_bytes();
    let mut code = [
        0x49,
        0x89,
        0xff, // mov r15, rdi
        0x48,
        0xb8,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0, // mov rax, selector
        0x0f,
        0x05, // syscall
        0x0f,
        0xb6,
        0xf8, // movzx edi, al
        0xb8,
        Call::ThreadExit.number() as u8,
        0,
        0,
        0, // mov eax, thread_exit
        0x0f,
        0x05, // syscall
    ];
    let mut index = 0;
    while index < rax.len() {
        code[5 + index] = rax[index];
        index += 1;
    }
    code
}

/// Where data and stack of a program lie.
pub(super) const DATA: u64 = TEXT + REGION;
/// A hole beside them.
pub(super) const HOLE: u64 = DATA + 16 * PAGE;
/// Badge of what the supervisor is told.
pub(super) const BADGE: u64 = 0x77;

/// Machine code in a Domain of its own.
pub(super) struct Program {
    pub(super) space: CapRef,
    pub(super) domain: CapRef,
    pub(super) thread: RemoteThread,
    pub(super) supervisor: CapRef,
}

/// A space with this code and a page of data.
pub(super) fn space_with(code: &[u8]) -> Verdict<CapRef> {
    let memory = create(CapRef::SELF, Kind::Memory, ANYWHERE, [PAGE, 0, 0])?;
    copy_out(Remote::Memory(memory, 0), code)?;
    seal(memory)?;
    let space = create(CapRef::SELF, Kind::AddressSpace, ANYWHERE, [0; 3])?;
    let text = MapRequest {
        address: TEXT,
        length: PAGE,
        protection: Protection::READ | Protection::EXECUTE,
        inheritance: Inheritance::Copy,
        source: Source::Private(memory),
        offset: 0,
    };
    equal(map(space, &text)?, TEXT, "where text is")?;
    close(memory)?;
    map_data(space, DATA)?;
    Ok(space)
}

pub(super) fn map_data(space: CapRef, address: u64) -> Verdict {
    let data = MapRequest {
        address,
        length: PAGE,
        protection: READ_WRITE,
        inheritance: Inheritance::Copy,
        source: Source::Anonymous,
        offset: 0,
    };
    equal(map(space, &data)?, address, "where data is")
}

impl Program {
    /// A program that was not started.
    pub(super) fn new(code: &[u8]) -> Verdict<Self> {
        let space = space_with(code)?;
        let place = [u64::from(space.bits()), rank::PROGRAM, 0];
        let domain = create(CapRef::SELF, Kind::Domain, ANYWHERE, place)?;
        let supervisor = create(CapRef::SELF, Kind::Port, ANYWHERE, [rank::PROGRAM, 0, 0])?;
        set_supervisor(domain, Some(supervisor), BADGE)?;
        let thread = RemoteThread::create(CapRef::SELF, domain, ANYWHERE)?;
        Ok(Self { space, domain, thread, supervisor })
    }

    /// Starts it with this argument in RDI.
    pub(super) fn start(&self, argument: u64) -> Verdict {
        Ok(self.thread.start(&first(TEXT, argument))?)
    }

    /// A program that runs.
    pub(super) fn started(code: &[u8], argument: u64) -> Verdict<Self> {
        let program = Self::new(code)?;
        program.start(argument)?;
        Ok(program)
    }

    /// Waits for its fault.
    pub(super) fn fault(&self) -> Verdict<(u64, Fault)> {
        let received = recv(self.supervisor)?;
        equal(received.kind, MessageKind::Fault, "kind of message")?;
        equal(received.badge, BADGE, "badge")?;
        let fault = Fault::from_words(&received.words);
        Ok((received.token, fault.ok_or_else(|| Failure::new("no fault in a fault message"))?))
    }

    /// Answers its fault.
    pub(super) fn answer(&self, token: u64, how: FaultReply, argument: u64) -> Verdict {
        let words = [how as u64, argument, 0, 0, 0, 0, 0, 0];
        Ok(reply(self.supervisor, token, &words, None)?)
    }

    /// Waits for its end.
    pub(super) fn ends(&self, kind: ExitKind, value: u64) -> Verdict {
        is_exit(&recv(self.supervisor)?, BADGE, kind, value)?;
        refused(kill(self.domain, 1), Error::Gone, "killing what has ended")?;
        equal(inspect(self.domain)?.threads, 0, "threads that are left")?;
        let word = copy_in(&mut [0], Remote::Space(self.space, TEXT));
        refused(word.map_err(|error| error.error), Error::Gone, "its memory")
    }

    /// Reads a word of its memory.
    pub(super) fn word(&self, address: u64) -> Verdict<u64> {
        let mut bytes = [0; 8];
        copy_in(&mut bytes, Remote::Space(self.space, address))?;
        Ok(u64::from_le_bytes(bytes))
    }
}

pub(super) fn first(instruction: u64, argument: u64) -> FirstRegisters {
    FirstRegisters { instruction, stack: DATA + PAGE, argument, ..FirstRegisters::default() }
}

/// The notification that a Domain has ended like this.
pub(in crate::cases) fn is_exit(
    received: &Received,
    badge: u64,
    kind: ExitKind,
    value: u64,
) -> Verdict {
    equal(received.kind, MessageKind::Notification, "kind of message")?;
    equal(received.words[0], Notification::Exit as u64, "kind of notification")?;
    equal(received.badge, badge, "badge")?;
    equal(ExitKind::from_number(received.words[1]), Some(kind), "kind of end")?;
    equal(received.words[2], value, "value of the end")
}
