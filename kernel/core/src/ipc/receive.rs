//! `recv`, and the delivery of whatever a port's FIFO holds.
//!
//! Owns: [`State::receive`], [`State::deliver_next`]. Never here: replies. A receiver that finds the
//! FIFO empty waits on the port; who posts next delivers to it directly.

use tine_abi::{
    Error,
    capability::Rights,
    message::{MessageKind, NO_TOKEN, Status, Words},
    notification::Notification,
};

use crate::{
    ipc::queue::Item,
    machine::Machine,
    object::{
        DomainId, EventId, GrantId, PortId, ThreadId,
        thread::{RecordState, ThreadState},
    },
    state::State,
};

impl<M: Machine> State<M> {
    /// The port of a capability with RECEIVE.
    #[inline]
    pub(crate) fn receiving_port(&self, me: ThreadId, reference: u32) -> Result<PortId, Error> {
        let capability = self.capability(me, reference)?;
        let port = capability.port()?;
        capability.require(Rights::RECEIVE)?;
        Ok(port)
    }

    /// The next message of the port goes to the current thread `me`, at once or later. True: it has
    /// it. False: it has blocked.
    #[inline]
    pub(crate) fn receive(&mut self, me: ThreadId, id: PortId) -> Result<bool, Error> {
        let port = self.ports.get_mut(id).ok_or(Error::BadCapability)?;
        if !port.queue.is_empty() {
            self.deliver_next(id, me);
            return Ok(true);
        }
        let thread = self.threads.get_mut(me).ok_or(Error::Gone)?;
        thread.state = ThreadState::Receiving;
        thread.port = Some(id);
        if port.receiver.is_none() {
            port.receiver = Some(me);
        } else {
            port.others.push_back(&mut self.threads, me);
        }
        self.run.current = None;
        Ok(false)
    }

    /// Writes the first message of the FIFO into the registers of `receiver`, which is not waiting
    /// any more.
    #[inline(never)]
    pub(crate) fn deliver_next(&mut self, id: PortId, receiver: ThreadId) {
        let (mut items, ports) = self.items();
        if let Some(item) = ports.get_mut(id).and_then(|port| port.queue.pop(&mut items)) {
            self.deliver(id, item, receiver);
        }
    }

    /// Writes what an item that is on no FIFO has to say into the registers of `receiver`, which is
    /// not waiting any more.
    #[inline]
    pub(crate) fn deliver(&mut self, id: PortId, item: Item, receiver: ThreadId) {
        match item {
            Item::Thread(caller) => {
                if let Some(port) = self.ports.get_mut(id) {
                    port.in_service += 1;
                }
                self.deliver_record(caller, receiver);
            }
            Item::Domain(domain) => self.deliver_exit(domain, receiver),
            Item::Grant(grant) => self.deliver_no_senders(id, grant, receiver),
            Item::Event(event) => self.deliver_bits(event, receiver),
        }
    }

    /// Delivers a call or a fault.
    fn deliver_record(&mut self, caller: ThreadId, receiver: ThreadId) {
        let has_capabilities =
            self.threads.get(caller).is_some_and(|it| it.record.capability_count > 0);
        let arrived =
            if has_capabilities { self.deliver_capabilities(caller, receiver) } else { 0 };
        let Some((from, into)) = self.threads.pair_mut(caller, receiver) else { return };
        let record = &mut from.record;
        record.state = RecordState::InService;
        record.server = Some(into.domain);
        let (kind, words) = match (&from.fault, record.is_fault) {
            (Some(fault), true) => (MessageKind::Fault, fault.words(from.registers.rip)),
            _ => (MessageKind::Call, from.registers.words()),
        };
        let registers = &mut into.registers;
        registers.set_words(&words);
        registers.rax = Status::message(kind, arrived, record.missing_slots, record.protocol).0;
        registers.rdi = record.token.0;
        registers.r15 = record.badge;
    }

    fn deliver_exit(&mut self, id: DomainId, receiver: ThreadId) {
        let Some(domain) = self.domains.get(id) else { return };
        let badge = domain.supervisor.map_or(0, |binding| binding.badge);
        let mut words = [Notification::Exit as u64, 0, 0, 0, 0, 0, 0, 0];
        if let Some(exit) = domain.exit {
            words[1] = exit.kind as u64;
            words[2] = exit.value;
            words[3] = exit.address;
        }
        self.deliver_notification(receiver, &words, badge);
        self.remove_domain_if_over(id);
    }

    fn deliver_no_senders(&mut self, port: PortId, id: GrantId, receiver: ThreadId) {
        let badge = self.grants.get(id).map_or(0, |grant| grant.badge);
        let words = [Notification::NoSenders as u64, 0, 0, 0, 0, 0, 0, 0];
        self.deliver_notification(receiver, &words, badge);
        self.remove_grant(id, port);
    }

    fn deliver_bits(&mut self, id: EventId, receiver: ThreadId) {
        let Some(event) = self.events.get_mut(id) else { return };
        let bits = core::mem::take(&mut event.bits);
        let badge = event.binding.map_or(0, |(_, badge)| badge);
        let words = [Notification::Event as u64, bits, 0, 0, 0, 0, 0, 0];
        self.deliver_notification(receiver, &words, badge);
    }

    fn deliver_notification(&mut self, receiver: ThreadId, words: &Words, badge: u64) {
        let Some(thread) = self.threads.get_mut(receiver) else { return };
        let registers = &mut thread.registers;
        registers.set_words(words);
        registers.rax = Status::message(MessageKind::Notification, 0, 15, 0).0;
        registers.rdi = NO_TOKEN;
        registers.r15 = badge;
    }
}
