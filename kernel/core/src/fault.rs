//! Faults that nobody repairs: they become messages.
//!
//! Owns: who is told, in which order. Never here: repairing (`memory`), the answer (`ipc/reply.rs`).
//!
//! The debugger's port is asked first, if one is bound and open, then the supervisor's. The message
//! uses the thread's own call record, so nothing is allocated. A Domain that never had a supervisor is
//! killed; one whose supervisor is gone parks.

use tine_abi::{domain::Suspend, notification::ExitKind};

use crate::{
    machine::Machine,
    object::{
        PortId, ThreadId,
        domain::{Binding, ExitRecord},
        thread::{PendingFault, RecordState, ThreadState, Token},
    },
    state::State,
};

impl<M: Machine> State<M> {
    /// The current thread waits until somebody says what becomes of its fault.
    pub(crate) fn tell_fault(&mut self, me: ThreadId, fault: PendingFault) {
        let Some(thread) = self.threads.get(me) else { return };
        let domain_id = thread.domain;
        let Some(domain) = self.domains.get(domain_id) else { return };
        let (debugger, supervisor) = (domain.debugger, domain.supervisor);
        let is_open =
            |binding: &Binding| self.ports.get(binding.port).is_some_and(|port| !port.is_closed);
        match (debugger.filter(is_open), supervisor, supervisor.filter(is_open)) {
            (Some(binding), ..) | (None, _, Some(binding)) => {
                self.post_fault(me, fault, binding.port, binding.badge);
            }
            (None, Some(_), None) => {
                self.suspend_domain(domain_id, Suspend::ORPHANED, Suspend::empty());
            }
            (None, None, None) => {
                let exit = ExitRecord {
                    kind: ExitKind::Faulted,
                    value: fault.kind() as u64,
                    address: fault.address,
                };
                self.begin_exit(domain_id, exit);
            }
        }
    }

    fn post_fault(&mut self, me: ThreadId, fault: PendingFault, port: PortId, badge: u64) {
        self.calls += 1;
        let token = Token::new(me, self.calls);
        let Some(thread) = self.threads.get_mut(me) else { return };
        thread.state = ThreadState::Calling;
        thread.fault = Some(fault);
        let record = &mut thread.record;
        record.state = RecordState::Queued;
        record.is_fault = true;
        record.has_extras = false;
        record.is_restartable = false;
        record.capability_count = 0;
        record.missing_slots = 15;
        record.protocol = 0;
        record.token = token;
        record.port = Some(port);
        record.badge = badge;
        self.submit(port, me);
    }
}
