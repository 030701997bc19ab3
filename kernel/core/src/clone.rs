//! `clone_caller`: a Domain that is a copy of the caller of a call in service.
//!
//! Owns: fork's one compound operation. Never here: pids, limits, who may fork (the process server's),
//! the sharing of page tables (`memory/fork.rs`).
//!
//! Order: *reserve* - check everything, find the slot for the new Domain, charge its
//! objects; *build* - space, tables, identities, Domain and thread, which nothing else can see;
//! *publish* - the capability in the slot; *release* - a later reply starts the child. A failure while
//! building takes back what was built, in reverse, and leaves counts, frames and slots as they were.
//! (Entries of the caller's tables may have lost W: that is not visible and repaired by use.)

use tine_abi::{
    CapRef, Error, Table,
    capability::Rights,
    domain::{CloneSpec, Inherit, PRIVATE_ENTRIES, Suspend},
    message::{ArrivedSlots, Status},
    registers::UserRegisters,
};

use tine_ksync::Id;

use crate::{
    account::{self, AccountId},
    machine::{ExtendedState, Frame, Machine},
    memory::KernelPages,
    object::{
        DomainId, GrantId, PortId, SpaceId, ThreadId,
        capability::{Capability, Object},
        domain::{Binding, Domain},
        space::AddressSpace,
        table::TableId,
        thread::{Thread, ThreadState, Token},
    },
    state::State,
    syscall::{Answer, Arguments, Done, sanitize},
};

mod private;

/// What exists of a child that is not finished.
struct Built {
    space: SpaceId,
    root: Frame,
    /// Private, descriptors, paths.
    tables: [Option<TableId>; 3],
    /// The identities in the private table.
    grants: [Option<GrantId>; PRIVATE_ENTRIES],
    /// A bit for each private slot that waits for the child's own Domain.
    own: u16,
}

/// What was checked, and what the child is built from.
struct Plan {
    me: ThreadId,
    caller: ThreadId,
    port: PortId,
    account: AccountId,
    supervisor: Binding,
    debugger: Option<Binding>,
    registers: UserRegisters,
}

impl<M: Machine> State<M> {
    /// Performs `clone_caller` for `me`.
    pub(crate) fn clone_caller(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [token, address, ..] = arguments.words;
        let port = self.receiving_port(me, arguments.main)?;
        let spec: CloneSpec = self.read_structure(me, address)?;
        let caller = self.served(port, Token(token))?.ok_or(Error::CallerGone)?;
        let plan = self.plan_clone(me, port, caller, &spec)?;
        let table = self.thread(me)?.tables[spec.domain.slot.table() as usize];
        let slot = self.find_slot(table, spec.domain, false)?;
        let domain = match self.build_clone(&plan, &spec) {
            Ok(domain) => domain,
            Err(Error::Busy) => {
                let space = self.thread(caller)?.space;
                return self.after_busy(me, space, Error::Busy);
            }
            Err(error) => return Err(error),
        };
        let capability = Capability::new(Object::Domain(domain), Rights::ALL);
        if let Some(domain) = self.domains.get_mut(domain) {
            domain.holders += 1;
        }
        self.tables.set(table, slot, capability.with_flags(spec.domain.flags));
        Ok(Done::Values(u64::from(slot), 0))
    }

    /// Checks the specification; nothing is changed.
    #[inline]
    fn plan_clone(
        &self,
        me: ThreadId,
        port: PortId,
        caller: ThreadId,
        spec: &CloneSpec,
    ) -> Result<Plan, Error> {
        let parent = self.thread(caller)?;
        if parent.record.is_fault {
            return Err(Error::BadToken);
        }
        let account = if spec.account.is_self() {
            self.domains.get(parent.domain).ok_or(Error::CallerGone)?.account
        } else {
            let capability = self.capability(me, spec.account.bits())?;
            let account = capability.account()?;
            capability.require(Rights::CONTROL)?;
            account
        };
        let bind = |reference: CapRef, badge: u64| -> Result<Binding, Error> {
            let capability = self.capability(me, reference.bits())?;
            let port = capability.port()?;
            capability.require(Rights::MINT)?;
            Ok(Binding { port, badge })
        };
        let supervisor = bind(spec.supervisor, spec.supervisor_badge)?;
        let debugger = if spec.debugger.is_self() {
            None
        } else {
            Some(bind(spec.debugger, spec.debugger_badge)?)
        };
        let mut registers = parent.registers;
        registers.rax = Status::OK.0;
        registers.rdi = ArrivedSlots::NONE.0;
        registers.rsi = 0;
        registers.rdx = 0;
        registers.r10 = spec.child_result;
        registers.rsp = spec.stack.unwrap_or(registers.rsp);
        registers.rip = spec.instruction.unwrap_or(registers.rip);
        registers.gs_base = spec.gs_base.unwrap_or(registers.gs_base);
        registers.fs_base = spec.fs_base.unwrap_or(registers.fs_base);
        sanitize(&mut registers)?;
        Ok(Plan { me, caller, port, account, supervisor, debugger, registers })
    }

    /// Builds the child. On an error nothing of it is left.
    #[inline]
    fn build_clone(&mut self, plan: &Plan, spec: &CloneSpec) -> Result<DomainId, Error> {
        // One charge for Domain and Thread, and for the space if there is a new one.
        let objects = 2 + u32::from(spec.space == Inherit::Copy);
        self.charge(plan.account, objects)?;
        let built = self.build_charged(plan, spec);
        if built.is_err() {
            account::give_objects(&mut self.accounts, plan.account.index(), objects);
        }
        built
    }

    #[inline]
    fn build_charged(&mut self, plan: &Plan, spec: &CloneSpec) -> Result<DomainId, Error> {
        let parent = self.thread(plan.caller)?;
        let (parent_space, parent_tables) = (parent.space, parent.tables);
        let (space, root) = self.build_space(plan, spec, parent_space)?;
        let mut built =
            Built { space, root, tables: [None; 3], grants: [None; PRIVATE_ENTRIES], own: 0 };
        let domain = match self.build_tables(plan, spec, parent_tables, &mut built) {
            Ok(tables) => self.build_domain(plan, spec, &built, tables),
            Err(error) => Err(error),
        };
        if domain.is_err() {
            self.demolish(spec, built);
        }
        domain
    }

    /// The child's space: a fork, or the caller's own.
    #[inline]
    fn build_space(
        &mut self,
        plan: &Plan,
        spec: &CloneSpec,
        parent: SpaceId,
    ) -> Result<(SpaceId, Frame), Error> {
        let id = if spec.space == Inherit::Copy {
            let account = plan.account;
            let space = self.with_space(parent, |cx, space| space.fork(cx, account))?;
            self.insert_space(AddressSpace::new(space))?
        } else {
            parent
        };
        let root = self.spaces.get(id).and_then(|space| space.space.root());
        Ok((id, root.ok_or(Error::CallerGone)?))
    }

    /// The child's three tables. What has been built stands in `built`, also after an error.
    #[inline]
    fn build_tables(
        &mut self,
        plan: &Plan,
        spec: &CloneSpec,
        parent: [TableId; 3],
        built: &mut Built,
    ) -> Result<[TableId; 3], Error> {
        let [private, descriptors, paths] = parent;
        let private = self.build_private(plan, spec, private, built)?;
        let descriptors = self.derive_table(plan.account, spec.descriptors, descriptors)?;
        built.tables[Table::Descriptors as usize] = Some(descriptors);
        let paths = self.derive_table(plan.account, spec.paths, paths)?;
        built.tables[Table::Paths as usize] = Some(paths);
        Ok([private, descriptors, paths])
    }

    /// Domain and thread, the thread ready to run as soon as the Domain is started.
    #[inline]
    fn build_domain(
        &mut self,
        plan: &Plan,
        spec: &CloneSpec,
        built: &Built,
        tables: [TableId; 3],
    ) -> Result<DomainId, Error> {
        let rank = self
            .domains
            .get(self.thread(plan.caller)?.domain)
            .map_or(tine_abi::domain::rank::PROGRAM as u8, |domain| domain.rank);
        let extended = self.copy_extended(plan.caller)?;
        let arrivals = self.thread(plan.caller)?.arrivals;

        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let domain_id = match self.deadlines.promise(&mut pages) {
            Ok(()) => self
                .domains
                .insert_with(&mut pages, || Domain {
                    supervisor: Some(plan.supervisor),
                    debugger: plan.debugger,
                    suspend: Suspend::NEW | spec.suspend,
                    alive: 1,
                    ..Domain::new(built.space, tables, plan.account, rank)
                })
                .ok(),
            Err(_) => {
                self.drop_image(extended);
                return Err(Error::NoMemory);
            }
        };
        let thread_id = domain_id.and_then(|domain_id| {
            let (space, root) = (built.space, built.root);
            let birth = self.calls;
            self.threads
                .insert_with(&mut pages, || Thread {
                    registers: plan.registers,
                    state: ThreadState::Runnable,
                    is_stopped: true,
                    arrivals,
                    extended,
                    ..Thread::new(domain_id, space, root, tables, plan.account, birth)
                })
                .ok()
        });
        let (Some(domain_id), Some(thread_id)) = (domain_id, thread_id) else {
            if let Some(domain_id) = domain_id {
                self.domains.remove(domain_id);
            }
            self.deadlines.release();
            self.drop_image(extended);
            return Err(Error::NoMemory);
        };

        // Nothing fails from here on.
        if let Some(domain) = self.domains.get_mut(domain_id) {
            domain.threads.push_back(&mut self.threads, thread_id);
        }
        if built.own != 0 {
            self.name_itself(domain_id, tables[Table::Private as usize], built.own);
        }
        self.use_space(built.space);
        self.use_account(plan.account);
        self.note_supervision(Some(plan.supervisor));
        self.note_supervision(plan.debugger);
        Ok(domain_id)
    }

    /// A copy of a thread's extended state; what is in the CPU is saved first.
    #[inline]
    fn copy_extended(&mut self, caller: ThreadId) -> Result<Option<Id<ExtendedState>>, Error> {
        match self.thread(caller)?.extended {
            None => Ok(None),
            Some(image) => self.copy_image(image).map(Some),
        }
    }

    #[inline(never)]
    fn copy_image(&mut self, image: Id<ExtendedState>) -> Result<Id<ExtendedState>, Error> {
        self.save_extended();
        let copy = self.extended.get(image).ok_or(Error::CallerGone)?.clone();
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        self.extended.insert(&mut pages, copy).map_err(|_| Error::NoMemory)
    }

    fn drop_image(&mut self, image: Option<Id<ExtendedState>>) {
        if let Some(image) = image {
            self.extended.remove(image);
        }
    }

    /// Takes back what was built of a child that could not be finished.
    #[inline(never)]
    fn demolish(&mut self, spec: &CloneSpec, built: Built) {
        // Nobody has seen the identities: closing what names them finds nothing.
        for grant in built.grants.into_iter().flatten() {
            self.unmint(grant);
        }
        for table in built.tables.into_iter().flatten() {
            self.leave_table(table);
        }
        if spec.space == Inherit::Copy
            && let Some(space) = self.spaces.remove(built.space)
        {
            self.tear_down(space);
        }
    }
}
