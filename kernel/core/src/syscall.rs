//! System calls: from the number in RAX to the function that performs it, and back to registers.
//!
//! Owns: [`dispatch`], the arguments and results in registers. Never here: numbers and meanings
//! (`tine_abi::syscall`), what calls do (one file a noun below; messages in `ipc`). Each call decodes
//! first, which may fail anywhere, and then performs, which either cannot fail or undoes itself.

use core::ptr::NonNull;

use tine_abi::{Call, Error, message::Status, registers::UserRegisters};

use crate::{kernel::Next, machine::Machine, object::ThreadId, state::State, trace::Reason};

mod capability;
pub(crate) mod copy;
mod create;
mod domain;
mod event;
mod hardware;
mod memory;
mod thread;

pub(crate) use thread::sanitize;

/// What a call comes to when it succeeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Done {
    /// It returns these values in RSI and RDX.
    Values(u64, u64),
    /// The thread has blocked, or is gone: the registers are somebody else's affair.
    Later,
}

impl Done {
    /// It returns no values.
    pub(crate) const NOTHING: Done = Done::Values(0, 0);
}

/// What a call comes to.
pub(crate) type Answer = Result<Done, Error>;

/// Arguments of a call that is no message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// The main capability's reference.
    pub(crate) main: u32,
    /// RDI, RSI, RDX, R10, R8.
    pub(crate) words: [u64; 5],
}

/// Performs the system call of the current thread. `None`: look for somebody who can run.
#[inline(always)]
pub(crate) fn dispatch<M: Machine>(state: &mut State<M>) -> Option<Next> {
    const CALL: u32 = Call::Call.number();
    const REPLY_RECEIVE: u32 = Call::ReplyReceive.number();
    let me = state.run.current?;
    let registers = &mut state.threads.get_mut(me)?.registers;
    let word = registers.rax;
    let number = word as u32;
    // In the order of how often they come.
    let next = if number == CALL {
        state.fast_call(me, word)
    } else if number == REPLY_RECEIVE {
        state.fast_reply(me, word)
    } else {
        if Call::from_number(number).is_none() {
            registers.rax = Status::error(Error::UnknownCall).0;
            // Not traced: it did nothing, and must not push out what did.
            let next = Next::User(NonNull::from(registers));
            return if state.may_return() { Some(next) } else { state.leave() };
        }
        None
    };
    if next.is_some() {
        return next;
    }
    dispatch_any(state, me, word);
    state.leave()
}

/// Any system call, in all its cases.
#[inline(never)]
fn dispatch_any<M: Machine>(state: &mut State<M>, me: ThreadId, word: u64) {
    state.trace.note(Reason::Call, word, Some(me));
    let main = (word >> 32) as u32;
    let result = match Call::from_number(word as u32) {
        Some(Call::Call) => state.call(me, main),
        Some(Call::ReplyReceive) => state.reply_receive(me, main).map(|_| ()),
        Some(Call::Receive) => state.receive_first(me, main),
        Some(call) => return dispatch_noun(state, me, call, main),
        None => return,
    };
    if let Err(error) = result {
        state.set_status(me, Status::error(error));
    }
}

/// The calls that are no hot messages.
#[inline(never)]
fn dispatch_noun<M: Machine>(state: &mut State<M>, me: ThreadId, call: Call, main: u32) {
    let Some(thread) = state.threads.get(me) else { return };
    let registers = &thread.registers;
    let words = [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8];
    let arguments = Arguments { main, words };
    let answer = match call {
        Call::Call | Call::ReplyReceive | Call::Receive => Ok(Done::Later),
        Call::Reply => {
            if let Err(error) = state.reply(me, main) {
                state.set_status(me, Status::error(error));
            } else {
                state.set_status(me, Status::OK);
            }
            Ok(Done::Later)
        }
        Call::EventSignal => state.event_signal(me, &arguments),
        Call::EventWait => state.event_wait(me, &arguments),
        Call::EventArm => state.event_arm(me, &arguments),
        Call::CapDuplicate => state.cap_duplicate(me, &arguments),
        Call::CapClose => state.cap_close(me, &arguments),
        Call::CapRevoke => state.cap_revoke(me, &arguments),
        Call::CapInfo => state.cap_info(me, &arguments),
        Call::CapMove => state.cap_move(me, &arguments),
        Call::Create => state.create(me, &arguments),
        Call::Map => state.map(me, &arguments),
        Call::Unmap => state.unmap(me, &arguments),
        Call::Protect => state.protect(me, &arguments),
        Call::SpaceCopy => state.space_copy(me, &arguments),
        Call::DomainControl => state.domain_control(me, &arguments),
        Call::ThreadStart => state.thread_start(me, &arguments),
        Call::ThreadControl => state.thread_control(me, &arguments),
        Call::ThreadRegisters => state.thread_registers(me, &arguments),
        Call::ThreadExit => {
            state.exit_thread(me, words[0] as u32);
            Ok(Done::Later)
        }
        Call::CloneCaller => state.clone_caller(me, &arguments),
        Call::HardwareControl => state.hardware_control(me, &arguments),
        Call::DebugLog => state.debug_log(me, &arguments),
    };
    finish(state, me, answer);
    state.reap_soon();
}

/// Writes what a call came to into the registers of its caller.
#[inline]
pub(crate) fn put_answer(registers: &mut UserRegisters, answer: Answer) {
    match answer {
        Ok(Done::Values(first, second)) => {
            registers.rax = Status::OK.0;
            registers.rsi = first;
            registers.rdx = second;
        }
        Ok(Done::Later) => {}
        Err(error) => registers.rax = Status::error(error).0,
    }
}

/// Ends a call of the current thread, which may be gone.
#[inline]
fn finish<M: Machine>(state: &mut State<M>, me: ThreadId, answer: Answer) {
    let Some(thread) = state.threads.get_mut(me) else { return };
    put_answer(&mut thread.registers, answer);
}

impl<M: Machine> State<M> {
    fn receive_first(&mut self, me: ThreadId, main: u32) -> Result<(), Error> {
        let port = self.receiving_port(me, main)?;
        self.receive(me, port).map(|_| ())
    }

    fn debug_log(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [address, length, ..] = arguments.words;
        let mut bytes = [0; 256];
        let length = usize::try_from(length).map_err(|_| Error::BadArgument)?;
        let bytes = bytes.get_mut(..length).ok_or(Error::BadArgument)?;
        let space = self.thread(me)?.space;
        self.read_bytes(space, address, bytes)?;
        self.machine.log(bytes);
        Ok(Done::NOTHING)
    }
}
