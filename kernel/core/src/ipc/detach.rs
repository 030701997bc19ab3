//! Ends of calls that are no replies: kills, and ports that nobody receives from any more.
//!
//! Owns: detaching a thread from whatever it waits for, [`State::close_port`] and the emptying of
//! closed ports. Never here: the exit of Domains. Called by `exit.rs`, `object.rs` and the reaper.
//!
//! Detaching a record in service makes its token stale: a late reply finds the caller gone, does
//! nothing, and its capabilities are closed. A closed port is emptied in chunks: its FIFO, then the
//! callers in service, found by walking the threads (a list of them would cost every call), then the
//! Domains it supervised, which are parked.

use tine_abi::{Error, domain::Suspend, message::Status};

use crate::{
    ipc::queue::Item,
    machine::Machine,
    memory::Progress,
    object::{
        PortId, ThreadId,
        thread::{Record, RecordState, ThreadState, Token},
    },
    state::State,
};

impl<M: Machine> State<M> {
    /// Takes the record of a thread off its port by force.
    pub(crate) fn detach(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get(id) else { return };
        let (state, port) = (thread.record.state, thread.record.port);
        match (state, port) {
            (RecordState::Queued, Some(port)) => {
                self.unpost(port, Item::Thread(id));
                self.drop_message(id);
            }
            (RecordState::InService, _) => self.end_service(id),
            _ => {}
        }
        if let Some(thread) = self.threads.get_mut(id) {
            thread.fault = None;
        }
    }

    /// Closes what a message that nobody received carries, and frees what it reserved.
    fn drop_message(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get_mut(id) else { return };
        let record = core::mem::replace(&mut thread.record, Record::FREE);
        thread.record.receive = record.receive;
        if record.has_extras {
            self.release_slots(id, record.token);
        }
        for capability in record.capabilities.iter().take(usize::from(record.capability_count)) {
            self.close(*capability);
        }
    }

    /// Ends a call or fault whose port is closed: a call with PEER_DIED; a fault happens again and
    /// then finds whoever is next.
    fn orphan_record(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get(id) else { return };
        let is_fault = thread.record.is_fault;
        if thread.record.state == RecordState::InService {
            self.end_service(id);
        } else {
            self.drop_message(id);
        }
        if is_fault {
            if let Some(thread) = self.threads.get_mut(id) {
                thread.fault = None;
            }
        } else {
            self.set_status(id, Status::error(Error::PeerDied));
        }
        self.ready(id);
    }

    /// Takes a thread off the list of those that wait for a message.
    pub(crate) fn stop_receiving(&mut self, id: ThreadId) {
        let Some(port_id) = self.threads.get_mut(id).and_then(|thread| thread.port.take()) else {
            return;
        };
        let is_first = self.ports.get(port_id).is_some_and(|port| port.receiver == Some(id));
        if is_first {
            self.take_receiver(port_id);
        } else if let Some(port) = self.ports.get_mut(port_id) {
            port.others.remove(&mut self.threads, id);
        }
    }

    /// Nobody can receive from the port any more.
    pub(crate) fn close_port(&mut self, id: PortId) {
        let Some(port) = self.ports.get_mut(id) else { return };
        port.is_closed = true;
        self.reaper.ports.push_back(&mut self.ports, id);
        self.wake_reaper();
    }

    /// One step of emptying a closed port, of at most `budget` items.
    pub(crate) fn empty_port(&mut self, id: PortId, budget: &mut u32) -> Progress {
        while let Some(receiver) = self.take_receiver(id) {
            if *budget == 0 {
                return Progress::More;
            }
            *budget -= 1;
            if let Some(thread) = self.threads.get_mut(receiver) {
                thread.port = None;
            }
            self.set_status(receiver, Status::error(Error::BadCapability));
            self.ready(receiver);
        }
        loop {
            if *budget == 0 {
                return Progress::More;
            }
            *budget -= 1;
            let (mut items, ports) = self.items();
            let Some(port) = ports.get_mut(id) else { return Progress::Done };
            match port.queue.pop(&mut items) {
                None => break,
                Some(Item::Thread(thread)) => self.orphan_record(thread),
                Some(Item::Domain(domain)) => self.remove_domain_if_over(domain),
                Some(Item::Grant(grant)) => self.remove_grant(grant, id),
                Some(Item::Event(_)) => {}
            }
        }
        self.search_served(id, budget)
    }

    /// Walks the threads for callers in service of a closed port, then the Domains it supervised.
    fn search_served(&mut self, id: PortId, budget: &mut u32) -> Progress {
        loop {
            let bound = self.threads.index_bound();
            let Some(port) = self.ports.get_mut(id) else { return Progress::Done };
            let is_found = port.in_service == 0 && !port.supervises;
            if is_found || port.cursor >= bound + self.domains.index_bound() {
                return Progress::Done;
            }
            if *budget == 0 {
                return Progress::More;
            }
            *budget -= 1;
            let cursor = port.cursor;
            port.cursor += 1;
            if cursor < bound {
                let served = self.threads.get_index(cursor).filter(|(_, thread)| {
                    thread.record.state == RecordState::InService && thread.record.port == Some(id)
                });
                if let Some((thread, _)) = served {
                    self.orphan_record(thread);
                }
            } else {
                let supervised = self.domains.get_index(cursor - bound).filter(|(_, domain)| {
                    domain.exit.is_none()
                        && domain.supervisor.is_some_and(|binding| binding.port == id)
                });
                if let Some((domain, _)) = supervised {
                    self.suspend_domain(domain, Suspend::ORPHANED, Suspend::empty());
                }
            }
        }
    }

    /// Puts a status into the registers of a thread that returns from a system call.
    pub(crate) fn set_status(&mut self, id: ThreadId, status: Status) {
        if let Some(thread) = self.threads.get_mut(id) {
            thread.registers.rax = status.0;
        }
    }

    /// Ends a thread: it runs no instruction any more, and waits for nothing.
    pub(crate) fn end_thread(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get(id) else { return };
        let (state, domain_id) = (thread.state, thread.domain);
        match state {
            ThreadState::Ended => return,
            ThreadState::New => {}
            ThreadState::Runnable => self.unqueue(id),
            ThreadState::Calling => self.detach(id),
            ThreadState::Receiving => self.stop_receiving(id),
            ThreadState::Waiting => {
                self.stop_waiting(id);
            }
            ThreadState::Working => {
                if let Some(domain) = self.domains.get_mut(domain_id) {
                    domain.working += 1;
                }
            }
        }
        self.drop_extended(id);
        if self.run.current == Some(id) {
            self.run.current = None;
        }
        let Some(thread) = self.threads.get_mut(id) else { return };
        thread.state = ThreadState::Ended;
        thread.record.token = Token(0);
        if let Some(domain) = self.domains.get_mut(domain_id) {
            domain.alive -= u32::from(state != ThreadState::New);
            domain.threads.remove(&mut self.threads, id);
        }
        self.end_errand(id);
        self.remove_thread_if_over(id);
    }
}
