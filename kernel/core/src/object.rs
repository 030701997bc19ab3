//! Kernel objects: one kind a file, and how long each of them lives.
//!
//! Owns: the names of objects, and the counting of holders (`State::hold`, [`State::close`]). Never
//! here: what objects do. Called by whoever copies, moves or drops a capability.
//!
//! Objects name each other by generational id, so such a name is weak: an object lives as long as
//! capabilities name it, or as long as it is of use to somebody (a running Domain, a space in use),
//! and a stale id finds nothing. Closing is O(1) and never recurses: what a dying object holds itself
//! is released by the reaper, chunk by chunk.
//!
//! Invariant O1: `holders` of an object is the number of capabilities that name it, in tables and in
//! call records; nothing else in the kernel holds capabilities.

use tine_abi::{
    Error, Table,
    capability::{Rights, slot},
    notification::ExitKind,
};
use tine_ksync::{Id, Slab};

use crate::{
    account::{self, AccountId, Accounts},
    machine::Machine,
    memory::{self, MemoryObjects},
    object::{
        capability::{Capability, Object},
        domain::{Domain, ExitRecord, ExitStep},
        event::Event,
        grant::Grant,
        port::Port,
        space::AddressSpace,
        table::Tables,
        thread::{Thread, ThreadState},
    },
    state::State,
};

pub mod capability;
pub mod cost;
pub mod domain;
pub mod event;
pub mod grant;
pub mod hardware;
pub mod port;
pub mod space;
pub mod table;
pub mod thread;

/// Names a Domain.
pub type DomainId = Id<Domain>;
/// Names a Thread.
pub type ThreadId = Id<Thread>;
/// Names an AddressSpace.
pub type SpaceId = Id<AddressSpace>;
/// Names a Port.
pub type PortId = Id<Port>;
/// Names a Grant.
pub type GrantId = Id<Grant>;
/// Names an Event.
pub type EventId = Id<Event>;

/// Everything that capabilities can name.
#[derive(Debug)]
pub(crate) struct Holders<'k> {
    grants: &'k mut Slab<Grant>,
    domains: &'k mut Slab<Domain>,
    threads: &'k mut Slab<Thread>,
    spaces: &'k mut Slab<AddressSpace>,
    ports: &'k mut Slab<Port>,
    events: &'k mut Slab<Event>,
    accounts: &'k mut Accounts,
    memories: &'k mut MemoryObjects,
}

impl Holders<'_> {
    /// One more capability like this one exists.
    #[inline]
    pub(crate) fn hold(&mut self, capability: Capability) {
        // Descriptors are badged ports nearly always: forks count many of them.
        if let Some(id) = capability.as_grant() {
            if let Some(grant) = self.grants.get_mut(id) {
                grant.holders += 1;
            }
            return;
        }
        self.hold_other(capability);
    }

    #[inline(never)]
    fn hold_other(&mut self, capability: Capability) {
        let Some(object) = capability.object() else { return };
        let holders = match object {
            Object::Domain(id) => self.domains.get_mut(id).map(|domain| &mut domain.holders),
            Object::Thread(id) => self.threads.get_mut(id).map(|thread| &mut thread.holders),
            Object::Space(id) => self.spaces.get_mut(id).map(|space| &mut space.holders),
            Object::Port(id) => self.ports.get_mut(id).map(|port| {
                port.receivers += u32::from(capability.rights().contains(Rights::RECEIVE));
                &mut port.holders
            }),
            Object::Grant(id) => self.grants.get_mut(id).map(|grant| &mut grant.holders),
            Object::Event(id) => self.events.get_mut(id).map(|event| &mut event.holders),
            Object::Account(id) => self.accounts.get_mut(id).map(|account| &mut account.holders),
            Object::Memory(id) => {
                if let Some(memory) = self.memories.get_mut(id) {
                    memory.hold();
                }
                return;
            }
            Object::PortRange { .. } | Object::Interrupt(_) | Object::Hardware => return,
        };
        if let Some(holders) = holders {
            *holders += 1;
        }
    }
}

impl<M: Machine> State<M> {
    /// One more capability like this one exists.
    #[inline]
    pub(crate) fn hold(&mut self, capability: Capability) {
        self.holders().0.hold(capability);
    }

    /// What capabilities name, and the tables.
    #[inline]
    pub(crate) fn holders(&mut self) -> (Holders<'_>, &mut Tables) {
        let holders = Holders {
            grants: &mut self.grants,
            domains: &mut self.domains,
            threads: &mut self.threads,
            spaces: &mut self.spaces,
            ports: &mut self.ports,
            events: &mut self.events,
            accounts: &mut self.accounts,
            memories: &mut self.memories,
        };
        (holders, &mut self.tables)
    }

    /// A capability is gone. The last one of an object may end that: the reaper does the rest.
    #[inline]
    pub fn close(&mut self, capability: Capability) {
        if let Some(id) = capability.as_grant() {
            self.close_grant(id);
        } else if let Some(object) = capability.object() {
            self.close_object(object, capability.rights());
        }
    }

    #[inline(never)]
    fn close_object(&mut self, object: Object, rights: Rights) {
        match object {
            Object::Domain(id) => self.close_domain(id),
            Object::Thread(id) => {
                if let Some(thread) = self.threads.get_mut(id) {
                    thread.holders -= 1;
                    self.remove_thread_if_over(id);
                }
            }
            Object::Space(id) => {
                self.close_space(id);
            }
            Object::Memory(id) => {
                memory::object::release(
                    &mut self.memories,
                    &mut self.frames,
                    &mut self.accounts,
                    id,
                );
            }
            Object::Port(id) => {
                let Some(port) = self.ports.get_mut(id) else { return };
                port.holders -= 1;
                if rights.contains(Rights::RECEIVE) {
                    port.receivers -= 1;
                    if port.receivers == 0 {
                        self.close_port(id);
                    }
                }
                self.remove_port_if_over(id);
            }
            Object::Grant(id) => self.close_grant(id),
            Object::Event(id) => {
                let Some(event) = self.events.get_mut(id) else { return };
                event.holders -= 1;
                if event.holders == 0 {
                    self.remove_event(id);
                }
            }
            Object::Account(id) => {
                if let Some(account) = self.accounts.get_mut(id) {
                    account.holders -= 1;
                    self.remove_account_if_over(id);
                }
            }
            Object::PortRange { .. } | Object::Interrupt(_) | Object::Hardware => {}
        }
    }

    /// A capability to a Domain is gone; the last one to a Domain that never ran ends it. Those in its
    /// own well-known slots do not count: nobody is there to use them.
    fn close_domain(&mut self, id: DomainId) {
        let Some(domain) = self.domains.get_mut(id) else { return };
        domain.holders -= 1;
        let (holders, step) = (domain.holders, domain.step);
        if step == ExitStep::Ended {
            self.remove_domain_if_over(id);
        } else if step == ExitStep::None && !domain.is_started {
            let private = domain.tables[Table::Private as usize];
            let own = (0..u32::from(slot::FREE))
                .filter(|slot| self.tables.slot(private, *slot).domain() == Ok(id));
            if own.count() == holders as usize {
                let exit = ExitRecord { kind: ExitKind::Killed, value: 0, address: 0 };
                self.begin_exit(id, exit);
            }
        }
    }

    /// Removes an ended Domain that nothing names any more.
    pub(crate) fn remove_domain_if_over(&mut self, id: DomainId) {
        let Some(domain) = self.domains.get(id) else { return };
        let is_over =
            domain.step == ExitStep::Ended && domain.holders == 0 && !domain.queue.is_queued();
        if is_over && let Some(domain) = self.domains.remove(id) {
            self.uncharge(domain.account);
            self.let_account_go(domain.account);
        }
    }

    /// Removes an ended thread that nothing names any more.
    pub(crate) fn remove_thread_if_over(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get(id) else { return };
        let is_over =
            thread.state == ThreadState::Ended && thread.holders == 0 && thread.errand.is_none();
        if is_over && let Some(thread) = self.threads.remove(id) {
            self.deadlines.release();
            self.uncharge(thread.account);
        }
    }

    /// Removes an Event that nothing names any more.
    fn remove_event(&mut self, id: EventId) {
        self.disarm_event(id);
        self.unbind_event(id);
        let waiter = self.events.get(id).and_then(|event| event.waiter);
        if let Some(waiter) = waiter {
            self.finish_wait(waiter, Err(Error::BadCapability));
        }
        if let Some(event) = self.events.remove(id) {
            self.deadlines.release();
            self.uncharge(event.account);
        }
    }

    /// Removes a closed and emptied port that nothing names any more.
    pub(crate) fn remove_port_if_over(&mut self, id: PortId) {
        let Some(port) = self.ports.get(id) else { return };
        let is_over = port.is_closed
            && port.holders == 0
            && port.grants == 0
            && port.queue.is_empty()
            && !port.closing.is_linked();
        if is_over && let Some(port) = self.ports.remove(id) {
            self.uncharge(port.account);
        }
    }

    /// Removes an account that nothing names and nothing is charged to; then, perhaps, the one that
    /// paid for it, and so on.
    pub(crate) fn remove_account_if_over(&mut self, id: AccountId) {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            let Some(account) = self.accounts.get(id) else { return };
            if account.holders > 0 || !account.is_idle() {
                return;
            }
            next = self.accounts.remove(id).and_then(|account| account.payer);
            if let Some(payer) = next {
                account::give_objects(&mut self.accounts, payer.index(), 1);
            }
        }
    }

    /// One Domain fewer uses the account.
    pub(crate) fn let_account_go(&mut self, id: AccountId) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.holders -= 1;
            self.remove_account_if_over(id);
        }
    }

    /// Charges objects to an account, all or nothing.
    ///
    /// # Errors
    /// [`Error::NoObjects`]; [`Error::Gone`] if there is no such account.
    #[inline]
    pub(crate) fn charge(&mut self, account: AccountId, count: u32) -> Result<(), Error> {
        let account = self.accounts.get_mut(account).ok_or(Error::Gone)?;
        if account.objects.take(count) { Ok(()) } else { Err(Error::NoObjects) }
    }

    /// Gives the charge for one object back.
    #[inline]
    pub(crate) fn uncharge(&mut self, account: AccountId) {
        account::give_objects(&mut self.accounts, account.index(), 1);
        self.remove_account_if_over(account);
    }
}
