//! What the kernel tells ports by itself: no-senders, EXIT, Event bits; and the bits of Events.
//!
//! Owns: posting of notifications, [`State::signal`], the end of a wait for an Event. Never here:
//! faults (`fault.rs`), the steps of an exit. Nothing here allocates or can fail: the links that
//! notifications are queued by are in the objects that they speak of.

use tine_abi::{Error, message::Status};

use crate::{
    deadline::Owner,
    ipc::queue::Item,
    machine::Machine,
    object::{DomainId, EventId, GrantId, PortId, ThreadId, thread::ThreadState},
    state::State,
};

impl<M: Machine> State<M> {
    /// A capability with this identity is gone; the last one tells the port so.
    #[inline]
    pub(crate) fn close_grant(&mut self, id: GrantId) {
        let Some(grant) = self.grants.get_mut(id) else { return };
        grant.holders -= 1;
        if grant.holders == 0 {
            self.end_grant(id);
        }
    }

    #[inline(never)]
    fn end_grant(&mut self, id: GrantId) {
        let Some(grant) = self.grants.get(id) else { return };
        let port = grant.port;
        if grant.is_confined || !self.post(port, Item::Grant(id)) {
            self.remove_grant(id, port);
        }
    }

    /// Removes an identity that nobody holds and that nothing is left to say about.
    pub(crate) fn remove_grant(&mut self, id: GrantId, port: PortId) {
        let Some(grant) = self.grants.remove(id) else { return };
        if let Some(port) = self.ports.get_mut(port) {
            port.grants -= 1;
        }
        self.uncharge(grant.account);
        self.remove_port_if_over(port);
    }

    /// Tells the supervisor that the Domain has ended. `false`: there is nobody to tell.
    pub(crate) fn post_exit(&mut self, id: DomainId) -> bool {
        let supervisor = self.domains.get(id).and_then(|domain| domain.supervisor);
        supervisor.is_some_and(|binding| self.post(binding.port, Item::Domain(id)))
    }

    /// Sets bits of an Event and lets its waiter, or its port, have them.
    pub(crate) fn signal(&mut self, id: EventId, bits: u64) {
        let Some(event) = self.events.get_mut(id) else { return };
        event.bits |= bits;
        if event.bits == 0 {
            return;
        }
        if let Some((port, _)) = event.binding {
            if !event.queue.is_queued() {
                self.post(port, Item::Event(id));
            }
        } else if let Some(waiter) = event.waiter {
            let mask = self.threads.get(waiter).map_or(0, |thread| thread.mask);
            let taken = self.take_bits(id, mask);
            if taken != 0 {
                self.finish_wait(waiter, Ok(taken));
            }
        }
    }

    /// Takes those bits of the Event that are set and in `mask`.
    pub(crate) fn take_bits(&mut self, id: EventId, mask: u64) -> u64 {
        let Some(event) = self.events.get_mut(id) else { return 0 };
        let taken = event.bits & mask;
        event.bits &= !mask;
        taken
    }

    /// The deadline of an Event has passed.
    pub(crate) fn deadline_passed(&mut self, id: EventId) {
        let bit = self.events.get(id).map_or(0, |event| event.deadline_bit);
        self.signal(id, 1 << bit);
    }

    /// Ends a thread's wait for an Event: with the bits taken, or an error.
    pub(crate) fn finish_wait(&mut self, id: ThreadId, result: Result<u64, Error>) {
        if !self.stop_waiting(id) {
            return;
        }
        if let Some(thread) = self.threads.get_mut(id) {
            match result {
                Ok(bits) => {
                    thread.registers.rax = Status::OK.0;
                    thread.registers.rsi = bits;
                    thread.registers.rdx = 0;
                }
                Err(error) => thread.registers.rax = Status::error(error).0,
            }
        }
        self.ready(id);
    }

    /// Takes a thread away from the Event that it waits for. `false`: it does not wait for one.
    pub(crate) fn stop_waiting(&mut self, id: ThreadId) -> bool {
        let (mut owners, deadlines) = self.owners();
        let Some(thread) = owners.threads.get_mut(id) else { return false };
        if thread.state != ThreadState::Waiting {
            return false;
        }
        let event = thread.event.take();
        deadlines.disarm(&mut owners, Owner::Thread(id));
        if let Some(event) = event.and_then(|event| self.events.get_mut(event)) {
            event.waiter = None;
        }
        true
    }

    /// Forgets the deadline of an Event.
    pub(crate) fn disarm_event(&mut self, id: EventId) {
        let (mut owners, deadlines) = self.owners();
        deadlines.disarm(&mut owners, Owner::Event(id));
    }

    /// Takes an Event off the FIFO of its port.
    pub(crate) fn unbind_event(&mut self, id: EventId) {
        let Some(event) = self.events.get(id) else { return };
        if let Some((port, _)) = event.binding
            && event.queue.is_queued()
        {
            self.unpost(port, Item::Event(id));
        }
    }
}
