//! The short way of a call and of its reply: one plain function each, one look at every object.
//!
//! Owns: [`State::fast_call`], [`State::fast_reply`]. Never here: rules of their own. Each checks that
//! the usual case is at hand - words alone, no queue on either side, nobody stopped, no extended
//! state, no task that wants a step - before it changes anything, and otherwise leaves the call to
//! `call.rs` and `reply.rs`, which do the same in all cases. So removing this file changes nothing
//! but the price; the model test (`tests/ipc_random.rs`) takes both ways at random.
//!
//! Each object is looked up once, about 15 instructions with the check of its generation: thread,
//! table, Grant, Port, and both threads together; the rest is moving eight words.

use core::ptr::NonNull;

use tine_abi::{
    capability::Rights,
    message::{ArrivedSlots, MessageKind, NO_TOKEN, Status},
    notification::FaultReply,
    registers::UserRegisters,
};

use crate::{
    kernel::Next,
    machine::{Frame, Machine},
    object::{
        ThreadId,
        capability::Capability,
        table::TableId,
        thread::{RecordState, Thread, ThreadState, Token},
    },
    state::State,
    trace::Reason,
};

/// Whether a thread can take the CPU without further ado.
#[inline(always)]
fn is_plain(thread: &Thread) -> bool {
    !thread.is_stopped && thread.extended.is_none()
}

/// How many bytes of instructions the reply to a fault passes over; `None` if it kills.
#[inline(always)]
fn skipped(reply: &UserRegisters) -> Option<u64> {
    const RETRY: u64 = FaultReply::Retry as u64;
    const SKIP: u64 = FaultReply::Skip as u64;
    // The first two words of the message.
    match (reply.rsi, reply.rdx) {
        (RETRY, _) => Some(0),
        (SKIP, length @ 1..=15) => Some(length),
        _ => None,
    }
}

impl<M: Machine> State<M> {
    /// Nobody waits for the CPU whose turn has come, and no task wants a step.
    #[inline(always)]
    fn is_calm(&self) -> bool {
        !self.tasks.has_ready() && self.run.allows_handoff()
    }

    /// What the reference in the upper half of `word` names, if it lies in the inline part of a table
    /// of `thread`.
    #[inline(always)]
    fn near_capability(&self, tables: &[TableId; 3], word: u64) -> Option<Capability> {
        let table = *tables.get((word >> 62) as usize)?;
        self.tables.near_slot(table, (word >> 32) as u32 & (u32::MAX >> 2))
    }

    /// Performs `call` of the current thread, in the usual case.
    #[inline(always)]
    pub(crate) fn fast_call(&mut self, me: ThreadId, word: u64) -> Option<Next> {
        let thread = self.threads.get(me)?;
        if thread.registers.r15 != 0 || !self.is_calm() {
            return None;
        }
        let capability = self.near_capability(&thread.tables, word)?;
        let (port_id, badge) = if let Some(grant) = capability.as_grant() {
            let grant = self.grants.get(grant)?;
            if grant.is_revoked {
                return None;
            }
            (grant.port, grant.badge)
        } else {
            (capability.as_port()?, 0)
        };
        let is_allowed = capability.rights().contains(Rights::SEND)
            && (!cfg!(debug_assertions) || self.may_call(me, port_id));
        // A closed port has no receiver.
        let port = self.ports.get_mut(port_id)?;
        let receiver = port.receiver?;
        let (caller, server) = self.threads.pair_mut(me, receiver)?;
        if !is_allowed || !port.others.is_empty() || !is_plain(server) {
            return None;
        }

        self.trace.note(Reason::Call, word, Some(me));
        port.receiver = None;
        port.in_service += 1;
        self.calls += 1;
        let token = Token::new(me, self.calls);
        caller.state = ThreadState::Calling;
        let record = &mut caller.record;
        record.state = RecordState::InService;
        record.is_fault = false;
        record.has_extras = false;
        record.is_restartable = true;
        record.token = token;
        record.port = Some(port_id);
        record.server = Some(server.domain);
        server.state = ThreadState::Runnable;
        let words = caller.registers.words();
        let registers = &mut server.registers;
        registers.set_words(&words);
        let protocol = capability.rights().protocol();
        registers.rax = Status::message(MessageKind::Call, 0, 15, protocol).0;
        registers.rdi = token.0;
        registers.r15 = badge;
        self.machine.use_thread(registers);
        let (root, next) = (server.root, NonNull::from(registers));
        self.fast_enter(receiver, root);
        Some(Next::User(next))
    }

    /// Performs `reply_recv` of the current thread, in the usual case: the answer to a call, or to a
    /// fault whose thread goes on.
    #[inline(always)]
    pub(crate) fn fast_reply(&mut self, me: ThreadId, word: u64) -> Option<Next> {
        let thread = self.threads.get(me)?;
        let token = Token(thread.registers.rdi);
        if thread.registers.r15 != 0 || token.0 == NO_TOKEN || !self.is_calm() {
            return None;
        }
        let capability = self.near_capability(&thread.tables, word)?;
        if !capability.rights().contains(Rights::RECEIVE) {
            return None;
        }
        let port_id = capability.as_port()?;
        let caller = self.threads.id_at(token.index())?;
        let port = self.ports.get_mut(port_id)?;
        let (server, client) = self.threads.pair_mut(me, caller)?;
        let record = &client.record;
        let is_usual = record.token == token
            && record.state == RecordState::InService
            && record.port == Some(port_id)
            && !record.has_extras
            && port.receiver.is_none()
            && port.queue.is_empty();
        let is_fault = record.is_fault;
        let skipped = if is_fault { skipped(&server.registers)? } else { 0 };
        if !is_usual || !is_plain(client) {
            return None;
        }

        self.trace.note(Reason::Call, word, Some(me));
        client.record.state = RecordState::Free;
        client.record.token = Token(0);
        client.state = ThreadState::Runnable;
        port.in_service -= 1;
        port.receiver = Some(me);
        server.state = ThreadState::Receiving;
        server.port = Some(port_id);
        let registers = &mut client.registers;
        if is_fault {
            client.fault = None;
            registers.rip = registers.rip.wrapping_add(skipped);
        } else {
            registers.set_words(&server.registers.words());
            registers.rax = Status::OK.0;
            registers.rdi = ArrivedSlots::NONE.0;
        }
        self.machine.use_thread(registers);
        let (root, next) = (client.root, NonNull::from(registers));
        self.fast_enter(caller, root);
        Some(Next::User(next))
    }

    /// The thread has the CPU; its segment bases are loaded.
    #[inline(always)]
    fn fast_enter(&mut self, id: ThreadId, root: Frame) {
        if root != self.run.active_root {
            self.run.active_root = root;
            self.counters.cr3_loads += 1;
            self.machine.activate(root);
        }
        self.run.took_handoff(id);
    }
}
