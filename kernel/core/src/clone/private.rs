//! The private table of a fork's child.
//!
//! Owns: what each kind of entry of the specification puts there. Never here: the other two tables,
//! which are copied, shared or empty as they are. Called by the building of a clone alone.
//!
//! The child's own Domain does not exist before its tables do: its slots are reserved, and filled when
//! nothing can fail any more.

use tine_abi::{
    CapRef, Error, Table,
    capability::{Rights, SlotFlags},
    domain::{CloneSpec, Inherit, PrivateSource},
};

use super::{Built, Plan};
use crate::{
    machine::Machine,
    memory::KernelPages,
    object::{
        DomainId,
        capability::{Capability, Object},
        table::{TableId, TableMemory},
    },
    state::State,
};

impl<M: Machine> State<M> {
    /// The child's private table: what the specification lists.
    #[inline]
    pub(super) fn build_private(
        &mut self,
        plan: &Plan,
        spec: &CloneSpec,
        parent: TableId,
        built: &mut Built,
    ) -> Result<TableId, Error> {
        let table = self.derive_table(plan.account, Inherit::Empty, parent)?;
        built.tables[Table::Private as usize] = Some(table);
        for (entry, grant) in spec.private.iter().flatten().zip(&mut built.grants) {
            let slot = u32::from(entry.slot);
            if !self.tables.slot(table, slot).is_empty() {
                return Err(Error::BadArgument);
            }
            let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
            let mut memory = TableMemory { pages: &mut pages, accounts: &mut self.accounts };
            self.tables.make_room(&mut memory, table, slot)?;
            let capability = match entry.source {
                PrivateSource::Caller { slot } => {
                    let capability = self.tables.slot(parent, u32::from(slot));
                    if !capability.is_live() {
                        continue;
                    }
                    self.hold(capability);
                    capability
                }
                PrivateSource::Own => {
                    built.own |= 1 << slot;
                    Capability::reserved(0, SlotFlags::empty())
                }
                PrivateSource::Mint { port: CapRef::SELF, badge, protocol } => {
                    let id = self.mint_grant(plan.port, badge, plan.account, true)?;
                    *grant = Some(id);
                    Capability::new(Object::Grant(id), Rights::SEND.with_protocol(protocol))
                }
                PrivateSource::Mint { port, badge, protocol } => {
                    let rights = Rights::SEND.with_protocol(protocol);
                    let identity = self.mint_elsewhere(plan, port, badge, rights)?;
                    *grant = identity.as_grant();
                    identity
                }
            };
            self.tables.set(table, slot, capability);
        }
        Ok(table)
    }

    /// An identity on another port than that of the call: its server gets no EXIT, so that it is told
    /// no-senders.
    #[inline(never)]
    fn mint_elsewhere(
        &mut self,
        plan: &Plan,
        port: CapRef,
        badge: u64,
        rights: Rights,
    ) -> Result<Capability, Error> {
        let source = self.capability(plan.me, port.bits())?;
        source.port()?;
        source.require(Rights::MINT)?;
        self.mint(source, badge, rights, plan.account)
    }

    /// Fills the slots of a new Domain that wait for its own name.
    #[inline(never)]
    pub(super) fn name_itself(&mut self, domain: DomainId, table: TableId, slots: u16) {
        let capability = Capability::new(Object::Domain(domain), Rights::READ | Rights::DUPLICATE);
        for slot in (0..u16::BITS).filter(|slot| slots >> slot & 1 == 1) {
            self.hold(capability);
            self.tables.set(table, slot, capability);
        }
    }
}
