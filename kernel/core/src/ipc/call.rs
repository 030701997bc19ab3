//! `call`: a message to a port, and the wait for its reply.
//!
//! Owns: [`State::call`], in all its cases (`fast.rs` does the usual one). Never here: delivery, the
//! reading of extras.
//!
//! The message stays in the caller's registers until somebody receives it: at once when a receiver
//! waits, which then runs next, otherwise from the port's FIFO.

use tine_abi::{Error, capability::Rights, domain::rank};

use crate::{
    machine::Machine,
    object::{
        PortId, ThreadId,
        capability::{Capability, Held},
        thread::{RecordState, ThreadState, Token},
    },
    state::State,
};

impl<M: Machine> State<M> {
    /// Performs `call` for the current thread `me`; on success it has blocked.
    #[inline]
    pub(crate) fn call(&mut self, me: ThreadId, reference: u32) -> Result<(), Error> {
        let capability = self.capability(me, reference)?;
        let (port_id, badge) = self.called_port(&capability)?;
        let port = self.ports.get(port_id).ok_or(Error::PeerDied)?;
        if port.is_closed {
            return Err(Error::PeerDied);
        }
        if cfg!(debug_assertions) {
            self.check_rank(me, port.rank)?;
        }
        let has_extras = self.thread(me)?.registers.r15 != 0;
        let token = Token::new(me, self.calls + 1);
        if has_extras {
            self.accept_call_extras(me, token)?;
        }
        self.calls += 1;

        let caller = self.thread_mut(me)?;
        caller.state = ThreadState::Calling;
        let record = &mut caller.record;
        record.state = RecordState::Queued;
        record.is_fault = false;
        record.has_extras = has_extras;
        record.is_restartable = true;
        record.protocol = capability.rights().protocol();
        record.token = token;
        record.port = Some(port_id);
        record.badge = badge;
        if !has_extras {
            record.capability_count = 0;
            record.missing_slots = 15;
        }
        self.submit(port_id, me);
        Ok(())
    }

    /// The port behind a capability that is to be called, and the badge of the identity.
    #[inline]
    fn called_port(&self, capability: &Capability) -> Result<(PortId, u64), Error> {
        let (port, badge) = match capability.held() {
            Held::Grant => {
                let grant = self.grants.get(capability.grant()?).ok_or(Error::PeerDied)?;
                if grant.is_revoked {
                    return Err(Error::Revoked);
                }
                (grant.port, grant.badge)
            }
            _ => (capability.port()?, 0),
        };
        capability.require(Rights::SEND)?;
        Ok((port, badge))
    }

    /// Whether ranks allow `me` to call a port.
    pub(crate) fn may_call(&self, me: ThreadId, port: PortId) -> bool {
        self.ports.get(port).is_some_and(|port| self.check_rank(me, port.rank).is_ok())
    }

    /// A server may call only towards a lower rank; programs may call each other, and root, whom
    /// nobody calls, may call anybody.
    fn check_rank(&self, me: ThreadId, port_rank: u8) -> Result<(), Error> {
        let domain = self.domains.get(self.thread(me)?.domain).ok_or(Error::Gone)?;
        let is_free = matches!(u64::from(domain.rank), rank::ROOT | rank::PROGRAM..);
        let is_allowed = is_free || port_rank < domain.rank;
        if is_allowed { Ok(()) } else { Err(Error::Rank) }
    }
}
