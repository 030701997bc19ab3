//! `create`: one new object and its capability with all rights.
//!
//! Owns: the arguments of each kind and the order of making. Never here: how objects live. The slot is
//! found first, so that publishing the finished object cannot fail.

use tine_abi::{
    CapRef, Error, Kind,
    capability::{Destination, Rights},
    domain::rank,
};

use crate::{
    account::{Account, AccountId},
    deadline::Position,
    machine::Machine,
    memory::{self, KernelPages, Space},
    object::{
        DomainId, PortId, SpaceId, ThreadId,
        capability::{Capability, Object},
        domain::Domain,
        event::Event,
        port::Port,
        space::AddressSpace,
        thread::Thread,
    },
    state::State,
    syscall::{Answer, Arguments, Done},
};

impl<M: Machine> State<M> {
    pub(super) fn create(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [kind, destination, first, second, _] = arguments.words;
        let kind = Kind::from_number(kind).ok_or(Error::BadArgument)?;
        let destination = Destination::from_bits(destination).ok_or(Error::BadArgument)?;
        let account = self.account_argument(me, arguments.main)?;
        let table = self.thread(me)?.tables[destination.slot.table() as usize];
        let slot = self.find_slot(table, destination, false)?;
        let object = match kind {
            Kind::Domain => self.create_domain(me, account, first, second)?,
            Kind::Thread => self.create_thread(me, account, first)?,
            Kind::AddressSpace => self.create_space(account)?,
            Kind::Memory => {
                let mut pages =
                    KernelPages { machine: &mut self.machine, frames: &mut self.frames };
                Object::Memory(memory::object::create(
                    &mut self.memories,
                    &mut pages,
                    &mut self.accounts,
                    account,
                    first,
                )?)
            }
            Kind::Port => self.create_port(account, first)?,
            Kind::Event => self.create_event(me, account, first, second)?,
            Kind::Account => self.create_account(account, arguments.main, first, second)?,
            Kind::PortRange | Kind::Interrupt | Kind::Hardware => return Err(Error::BadArgument),
        };
        let capability = Capability::new(object, Rights::ALL);
        if !matches!(object, Object::Memory(_)) {
            self.hold(capability);
        }
        self.tables.set(table, slot, capability.with_flags(destination.flags));
        Ok(Done::Values(u64::from(slot), 0))
    }

    /// The account that pays: the caller's own, or one named with CONTROL.
    fn account_argument(&self, me: ThreadId, reference: u32) -> Result<AccountId, Error> {
        if reference == CapRef::SELF.bits() {
            return self.account_of(me);
        }
        let capability = self.capability(me, reference)?;
        let account = capability.account()?;
        capability.require(Rights::CONTROL)?;
        Ok(account)
    }

    /// A reference in an argument word.
    fn argument(&self, me: ThreadId, word: u64) -> Result<Capability, Error> {
        let bits = u32::try_from(word).map_err(|_| Error::BadCapability)?;
        self.capability(me, bits)
    }

    /// A rank in an argument word; nobody gives a lower one than its own.
    fn rank_argument(&self, me: ThreadId, word: u64) -> Result<u8, Error> {
        let own = self.domains.get(self.thread(me)?.domain).ok_or(Error::Gone)?.rank;
        if word <= rank::PROGRAM && word >= u64::from(own) {
            Ok(word as u8)
        } else {
            Err(Error::BadArgument)
        }
    }

    fn create_domain(
        &mut self,
        me: ThreadId,
        account: AccountId,
        space: u64,
        rank: u64,
    ) -> Result<Object, Error> {
        let capability = self.argument(me, space)?;
        let space = capability.space()?;
        capability.require(Rights::CONTROL)?;
        let rank = self.rank_argument(me, rank)?;
        if self.spaces.get(space).ok_or(Error::Gone)?.space.root().is_none() {
            return Err(Error::Gone);
        }
        self.charge(account, 1)?;
        let mut tables = [None; 3];
        let mut failed = false;
        for table in &mut tables {
            let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
            *table = self.tables.insert(&mut pages, account).ok();
            failed |= table.is_none();
        }
        let domain = match tables {
            [Some(private), Some(descriptors), Some(paths)] if !failed => {
                let domain = Domain::new(space, [private, descriptors, paths], account, rank);
                let mut pages =
                    KernelPages { machine: &mut self.machine, frames: &mut self.frames };
                self.domains.insert(&mut pages, domain).ok()
            }
            _ => None,
        };
        let Some(domain) = domain else {
            for table in tables.into_iter().flatten() {
                self.remove_table(table);
            }
            self.uncharge(account);
            return Err(Error::NoMemory);
        };
        self.use_space(space);
        self.use_account(account);
        Ok(Object::Domain(domain))
    }

    fn create_thread(
        &mut self,
        me: ThreadId,
        account: AccountId,
        domain: u64,
    ) -> Result<Object, Error> {
        let domain_id = if domain == u64::from(CapRef::SELF.bits()) {
            self.thread(me)?.domain
        } else {
            let capability = self.argument(me, domain)?;
            let domain = capability.domain()?;
            capability.require(Rights::CONTROL)?;
            domain
        };
        self.new_thread(domain_id, account).map(Object::Thread)
    }

    /// Adds a thread that is not started to a Domain.
    pub(crate) fn new_thread(
        &mut self,
        domain_id: DomainId,
        account: AccountId,
    ) -> Result<ThreadId, Error> {
        let domain = self.living_domain(domain_id)?;
        if domain.threads.len() >= crate::object::domain::THREADS as usize {
            return Err(Error::NoObjects);
        }
        let (space, tables) = (domain.space, domain.tables);
        let root = self.spaces.get(space).and_then(|space| space.space.root());
        let root = root.ok_or(Error::Gone)?;
        self.charge(account, 1)?;
        let thread = Thread::new(domain_id, space, root, tables, account, self.calls);
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let admitted = self.deadlines.admit(&mut pages, &mut self.threads, thread);
        let id = admitted.inspect_err(|_| self.uncharge(account))?;
        if let Some(domain) = self.domains.get_mut(domain_id) {
            domain.threads.push_back(&mut self.threads, id);
        }
        self.review(id);
        Ok(id)
    }

    fn create_space(&mut self, account: AccountId) -> Result<Object, Error> {
        self.charge(account, 1)?;
        let (mut cx, _) = self.memory();
        let space = Space::new(&mut cx, account)
            .and_then(|space| self.insert_space(AddressSpace::new(space)));
        if space.is_err() {
            self.uncharge(account);
        }
        space.map(Object::Space)
    }

    /// Puts a finished space into its slab; takes it apart if there is no room.
    pub(crate) fn insert_space(&mut self, space: AddressSpace) -> Result<SpaceId, Error> {
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        self.spaces.insert(&mut pages, space).map_err(|space| {
            self.tear_down(space);
            Error::NoMemory
        })
    }

    fn create_port(&mut self, account: AccountId, rank: u64) -> Result<Object, Error> {
        if rank > rank::PROGRAM {
            return Err(Error::BadArgument);
        }
        self.charge(account, 1)?;
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        match self.ports.insert(&mut pages, Port::new(rank as u8, account)) {
            Ok(port) => Ok(Object::Port(port)),
            Err(_) => {
                self.uncharge(account);
                Err(Error::NoMemory)
            }
        }
    }

    /// The port that is named by an argument, with MINT: the kernel may send messages to it.
    pub(crate) fn minted_port(&self, me: ThreadId, reference: u64) -> Result<PortId, Error> {
        let capability = self.argument(me, reference)?;
        let port = capability.port()?;
        capability.require(Rights::MINT)?;
        Ok(port)
    }

    fn create_event(
        &mut self,
        me: ThreadId,
        account: AccountId,
        port: u64,
        badge: u64,
    ) -> Result<Object, Error> {
        let binding = if port == 0 { None } else { Some((self.minted_port(me, port)?, badge)) };
        self.charge(account, 1)?;
        let event = Event {
            bits: 0,
            waiter: None,
            binding,
            queue: crate::ipc::queue::QueueLinks::NONE,
            deadline: Position::NONE,
            deadline_bit: 0,
            holders: 0,
            account,
        };
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let admitted = self.deadlines.admit(&mut pages, &mut self.events, event);
        let id = admitted.inspect_err(|_| self.uncharge(account))?;
        Ok(Object::Event(id))
    }

    /// A new account, with limits of its own that do not exceed those of the one that pays for it.
    /// Programs cannot make any: their own account is not enough, it must be named.
    fn create_account(
        &mut self,
        payer: AccountId,
        reference: u32,
        frames: u64,
        objects: u64,
    ) -> Result<Object, Error> {
        if reference == CapRef::SELF.bits() {
            return Err(Error::MissingRight);
        }
        self.charge(payer, 1)?;
        let paying = self.accounts.get(payer).ok_or(Error::Gone)?;
        let limit = |wish: u64, limit: u32| u32::try_from(wish).unwrap_or(u32::MAX).min(limit);
        let account = Account {
            payer: Some(payer),
            ..Account::new(
                limit(frames, paying.frames.limit()),
                limit(objects, paying.objects.limit()),
            )
        };
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        match self.accounts.insert(&mut pages, account) {
            Ok(account) => Ok(Object::Account(account)),
            Err(_) => {
                self.uncharge(payer);
                Err(Error::NoMemory)
            }
        }
    }

    /// One Domain more uses the space.
    pub(crate) fn use_space(&mut self, id: SpaceId) {
        if let Some(space) = self.spaces.get_mut(id) {
            space.users += 1;
        }
    }

    /// One Domain more uses the account.
    pub(crate) fn use_account(&mut self, id: AccountId) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.holders += 1;
        }
    }
}
