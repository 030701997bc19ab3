//! `reply_recv` and `reply`: answers to calls and faults in service.
//!
//! Owns: [`State::reply_receive`], the hot path's second half, and what becomes of an answered
//! caller. Never here: what a message carries beyond its words (`transfer.rs`).
//!
//! The answered caller runs next when the server has nothing else to receive; otherwise it is queued
//! and the server goes on with its next message.

use tine_abi::{
    Error,
    capability::Rights,
    domain::Suspend,
    message::{ArrivedSlots, Disposition, Extras, NO_TOKEN, Status, Words},
    notification::{ExitKind, FaultReply},
};

use crate::{
    ipc::SYSCALL_LENGTH,
    machine::Machine,
    object::{
        PortId, ThreadId,
        capability::{Capability, Object},
        domain::ExitRecord,
        thread::{RecordState, ThreadState, Token},
    },
    state::State,
};

impl<M: Machine> State<M> {
    /// Performs `reply_recv` for the current thread `me`. True: it has its next message. False: it
    /// has blocked.
    #[inline]
    pub(crate) fn reply_receive(&mut self, me: ThreadId, reference: u32) -> Result<bool, Error> {
        let port = self.receiving_port(me, reference)?;
        let registers = &self.thread(me)?.registers;
        let (token, extras) = (Token(registers.rdi), registers.r15);
        let next = match (token.0, extras) {
            (NO_TOKEN, 0) => None,
            (NO_TOKEN, _) => self.start_all(me, extras)?,
            (_, 0) => self.answer(me, port, token)?,
            (..) => self.answer_with_extras(me, port, token, extras)?,
        };
        if self.receive(me, port)? {
            if let Some(caller) = next {
                self.ready(caller);
            }
            return Ok(true);
        }
        if let Some(caller) = next {
            self.hand_to(caller);
        }
        Ok(false)
    }

    /// Performs `reply` for the current thread `me`, which goes on.
    pub(crate) fn reply(&mut self, me: ThreadId, reference: u32) -> Result<(), Error> {
        let port = self.receiving_port(me, reference)?;
        let registers = &self.thread(me)?.registers;
        let (token, extras) = (Token(registers.rdi), registers.r15);
        let next = if extras == 0 {
            self.answer(me, port, token)?
        } else {
            self.answer_with_extras(me, port, token, extras)?
        };
        if let Some(caller) = next {
            self.ready(caller);
        }
        Ok(())
    }

    /// The caller of a call that the port has in service; `Ok(None)` if it was killed meanwhile.
    #[inline]
    pub(crate) fn served(&self, port: PortId, token: Token) -> Result<Option<ThreadId>, Error> {
        let Some(id) = self.threads.id_at(token.index()) else { return self.was_served(token) };
        let Some(caller) = self.threads.get(id) else { return self.was_served(token) };
        let record = &caller.record;
        if record.token == token && record.state == RecordState::InService {
            return if record.port == Some(port) { Ok(Some(id)) } else { Err(Error::BadToken) };
        }
        if caller.birth < token.number() && caller.state != ThreadState::Ended {
            return Err(Error::BadToken);
        }
        self.was_served(token)
    }

    /// The token's thread is gone: it was killed, if there ever was such a call.
    #[inline(never)]
    pub(crate) fn was_served(&self, token: Token) -> Result<Option<ThreadId>, Error> {
        let is_issued = token.number() != 0 && token.number() <= self.calls;
        if is_issued { Ok(None) } else { Err(Error::BadToken) }
    }

    /// Answers with the words of `me` alone. The caller is runnable and on no queue then.
    #[inline]
    fn answer(
        &mut self,
        me: ThreadId,
        port: PortId,
        token: Token,
    ) -> Result<Option<ThreadId>, Error> {
        let Some(caller) = self.served(port, token)? else { return Ok(None) };
        let Some((server, client)) = self.threads.pair_mut(me, caller) else {
            return Err(Error::BadToken);
        };
        let words = server.registers.words();
        if client.record.is_fault {
            return Ok(self.answer_fault(caller, &words));
        }
        client.registers.set_words(&words);
        client.registers.rax = Status::OK.0;
        client.registers.rdi = ArrivedSlots::NONE.0;
        client.record.state = RecordState::Free;
        client.record.token = Token(0);
        let has_extras = client.record.has_extras;
        if let Some(port) = self.ports.get_mut(port) {
            port.in_service -= 1;
        }
        if has_extras {
            self.release_slots(caller, token);
        }
        Ok(Some(caller))
    }

    /// Answers with capabilities, starts and disposition. Checks come first; then nothing fails.
    #[inline(never)]
    fn answer_with_extras(
        &mut self,
        me: ThreadId,
        port: PortId,
        token: Token,
        address: u64,
    ) -> Result<Option<ThreadId>, Error> {
        let caller = self.served(port, token)?;
        let extras = self.read_extras(me, address)?;
        if extras.receive[0].is_some() || extras.ranges[0].is_some() {
            return Err(Error::BadArgument);
        }
        let starts = self.check_starts(me, &extras)?;
        let (capabilities, count) = self.take_sends(me, &extras.capabilities)?;

        let capabilities = &capabilities[..count];
        let is_fault = caller
            .and_then(|caller| self.threads.get(caller))
            .is_some_and(|caller| caller.record.is_fault);
        let (answered, is_delivered) = match (caller, is_fault, extras.disposition) {
            (None, ..) => (None, false),
            (Some(caller), true, Disposition::Answer) => {
                let words = self.thread(me)?.registers.words();
                (self.answer_fault(caller, &words), false)
            }
            (Some(caller), true, Disposition::Drop) => {
                (self.resolve_fault(caller, FaultReply::Kill, 0), false)
            }
            (Some(caller), true, Disposition::Restart) => {
                (self.resolve_fault(caller, FaultReply::Retry, 0), false)
            }
            (Some(caller), false, Disposition::Drop) => {
                self.end_service(caller);
                self.set_status(caller, Status::error(Error::PeerDied));
                (Some(caller), false)
            }
            (Some(caller), false, Disposition::Restart) if self.restart(caller) => {
                (Some(caller), false)
            }
            (Some(caller), false, Disposition::Answer | Disposition::Restart) => {
                self.answer_caller(me, caller, token, capabilities);
                (Some(caller), true)
            }
        };
        if !is_delivered {
            for capability in capabilities {
                self.close(*capability);
            }
        }
        for start in starts.into_iter().flatten() {
            self.start(start);
        }
        match answered {
            Some(caller) if extras.start_first => {
                self.ready(caller);
                Ok(None)
            }
            answered => Ok(answered),
        }
    }

    /// Gives a caller its reply: words and capabilities.
    fn answer_caller(
        &mut self,
        me: ThreadId,
        caller: ThreadId,
        token: Token,
        capabilities: &[Capability],
    ) {
        let slots = self.fill_slots(caller, token, capabilities);
        self.end_service(caller);
        if let Some((server, client)) = self.threads.pair_mut(me, caller) {
            client.registers.set_words(&server.registers.words());
            client.registers.rax = Status::OK.0;
            client.registers.rdi = slots.0;
        }
    }

    /// The objects of a reply that start running.
    fn check_starts(&self, me: ThreadId, extras: &Extras) -> Result<[Option<Object>; 2], Error> {
        let mut starts = [None; 2];
        for (reference, start) in extras.starts.iter().flatten().zip(&mut starts) {
            let capability = self.capability(me, reference.bits())?;
            *start = match capability.object() {
                Some(object @ (Object::Domain(_) | Object::Thread(_))) => Some(object),
                _ => return Err(Error::WrongKind),
            };
            capability.require(Rights::CONTROL)?;
        }
        Ok(starts)
    }

    /// Starts what the extras of an answer to nobody name; they may hold nothing else.
    #[inline(never)]
    fn start_all(&mut self, me: ThreadId, address: u64) -> Result<Option<ThreadId>, Error> {
        let extras = self.read_extras(me, address)?;
        if (Extras { starts: extras.starts, ..Extras::NONE }) != extras {
            return Err(Error::BadArgument);
        }
        for start in self.check_starts(me, &extras)?.into_iter().flatten() {
            self.start(start);
        }
        Ok(None)
    }

    fn start(&mut self, object: Object) {
        match object {
            Object::Domain(id) => self.suspend_domain(id, Suspend::empty(), Suspend::NEW),
            Object::Thread(id) => {
                if let Some(thread) = self.threads.get_mut(id) {
                    thread.suspend -= Suspend::NEW;
                }
                self.review(id);
            }
            _ => {}
        }
    }

    /// Has the caller execute its call again. `false`: it runs another program meanwhile.
    fn restart(&mut self, caller: ThreadId) -> bool {
        if self.threads.get(caller).is_none_or(|caller| !caller.record.is_restartable) {
            return false;
        }
        self.end_service(caller);
        if let Some(caller) = self.threads.get_mut(caller) {
            caller.registers.rip = caller.registers.rip.wrapping_sub(SYSCALL_LENGTH);
        }
        true
    }

    /// Answers a fault as word 0 of `me` says. The thread, if it goes on.
    #[inline(never)]
    fn answer_fault(&mut self, caller: ThreadId, words: &Words) -> Option<ThreadId> {
        let reply = match words[0] {
            0 => FaultReply::Retry,
            2 if (1..=15).contains(&words[1]) => FaultReply::Skip,
            _ => FaultReply::Kill,
        };
        self.resolve_fault(caller, reply, words[1])
    }

    /// Ends the service of a fault. The thread, if it goes on.
    fn resolve_fault(
        &mut self,
        caller: ThreadId,
        reply: FaultReply,
        length: u64,
    ) -> Option<ThreadId> {
        self.end_service(caller);
        let thread = self.threads.get_mut(caller)?;
        let Some(fault) = thread.fault.take() else { return Some(caller) };
        match reply {
            FaultReply::Retry => {}
            FaultReply::Skip => {
                thread.registers.rip = thread.registers.rip.wrapping_add(length);
            }
            FaultReply::Kill => {
                let exit = ExitRecord {
                    kind: ExitKind::Faulted,
                    value: fault.kind() as u64,
                    address: fault.address,
                };
                let domain = thread.domain;
                self.begin_exit(domain, exit);
                return None;
            }
        }
        Some(caller)
    }

    /// The record of `caller` is in service no more; what it reserved is free again.
    pub(crate) fn end_service(&mut self, caller: ThreadId) {
        let Some(thread) = self.threads.get_mut(caller) else { return };
        let token = core::mem::replace(&mut thread.record.token, Token(0));
        thread.record.state = RecordState::Free;
        let has_extras = thread.record.has_extras;
        if let Some(port) = thread.record.port.and_then(|port| self.ports.get_mut(port)) {
            port.in_service -= 1;
        }
        if has_extras {
            self.release_slots(caller, token);
        }
    }
}
