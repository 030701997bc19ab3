//! The kernel's whole state: every object and every queue, as one value behind one lock.
//!
//! Owns: [`State`] and how its parts are borrowed together. Never here: transitions; those are methods
//! of `State` in the file of their noun. One function on `&mut State` is one atomic step of the
//! kernel, on hardware as in a host test.

use tine_abi::{CapRef, Error, capability::Destination};
use tine_ksync::{Slab, TaskId, TaskTable};

use crate::{
    account::Accounts,
    deadline::{Deadlines, Owners},
    errand::Errand,
    executor::Run,
    ipc::queue::Items,
    kernel::Kernel,
    machine::{ExtendedState, LINES, Machine},
    memory::{FrameTable, KernelPages, MappingNodes, MemoryContext, MemoryObjects, Space},
    object::{
        DomainId, SpaceId, ThreadId,
        capability::Capability,
        domain::Domain,
        event::Event,
        grant::Grant,
        hardware::Line,
        port::Port,
        space::AddressSpace,
        table::{TableId, TableMemory, Tables},
        thread::Thread,
    },
    reaper::Reaper,
    statistics::Counters,
    trace::Trace,
};

/// Everything the kernel knows.
#[derive(Debug)]
pub struct State<M: Machine> {
    /// The hardware.
    pub machine: M,
    /// Who runs, who would like to.
    pub run: Run,
    /// Threads.
    pub threads: Slab<Thread>,
    /// Capability tables.
    pub tables: Tables,
    /// Identities.
    pub grants: Slab<Grant>,
    /// Ports.
    pub ports: Slab<Port>,
    /// Number of the last call.
    pub calls: u64,
    /// What entered the kernel last.
    pub trace: Trace,
    /// What is counted.
    pub counters: Counters,

    /// Domains.
    pub domains: Slab<Domain>,
    /// Events.
    pub events: Slab<Event>,
    /// Address spaces.
    pub spaces: Slab<AddressSpace>,
    /// Memory objects.
    pub memories: MemoryObjects,
    /// Accounts.
    pub accounts: Accounts,
    /// Images of extended state.
    pub extended: Slab<ExtendedState>,
    /// Threads' kernel sides.
    pub errands: Slab<Errand>,
    /// Interrupt lines.
    pub lines: [Line; LINES],
    /// Armed deadlines.
    pub deadlines: Deadlines,
    /// Frames.
    pub frames: FrameTable,
    /// Nodes of mapping trees.
    pub nodes: MappingNodes,

    /// The root server.
    pub root: Option<DomainId>,
    /// What is being taken apart.
    pub reaper: Reaper,
    /// The futures, and which of them are ready.
    pub tasks: TaskTable,
    /// The task that is being polled.
    pub polled: Option<TaskId>,
    /// The kernel around this state, once it has booted: futures refer to it.
    pub kernel: Option<&'static Kernel<M>>,
}

impl<M: Machine> State<M> {
    /// The state of a machine on which nothing has happened.
    #[must_use]
    pub fn new(machine: M, frames: FrameTable) -> State<M> {
        State {
            machine,
            run: Run::new(),
            threads: Slab::new(),
            tables: Tables::new(),
            grants: Slab::new(),
            ports: Slab::new(),
            calls: 0,
            trace: Trace::new(),
            counters: Counters::default(),
            domains: Slab::new(),
            events: Slab::new(),
            spaces: Slab::new(),
            memories: Slab::new(),
            accounts: Slab::new(),
            extended: Slab::new(),
            errands: Slab::new(),
            lines: [Line::UNBOUND; LINES],
            deadlines: Deadlines::default(),
            frames,
            nodes: MappingNodes::default(),
            root: None,
            reaper: Reaper::default(),
            tasks: TaskTable::default(),
            polled: None,
            kernel: None,
        }
    }

    /// The objects that can stand in a port's FIFO, and the ports.
    #[inline]
    pub(crate) fn items(&mut self) -> (Items<'_>, &mut Slab<Port>) {
        let items = Items {
            threads: &mut self.threads,
            domains: &mut self.domains,
            grants: &mut self.grants,
            events: &mut self.events,
        };
        (items, &mut self.ports)
    }

    /// The objects that can have a deadline, and the deadlines.
    #[inline]
    pub(crate) fn owners(&mut self) -> (Owners<'_>, &mut Deadlines) {
        let owners = Owners { threads: &mut self.threads, events: &mut self.events };
        (owners, &mut self.deadlines)
    }

    /// What operations on memory work with, and the spaces.
    #[inline]
    pub(crate) fn memory(&mut self) -> (MemoryContext<'_, M>, &mut Slab<AddressSpace>) {
        let cx = MemoryContext {
            machine: &mut self.machine,
            frames: &mut self.frames,
            nodes: &mut self.nodes,
            accounts: &mut self.accounts,
            objects: &mut self.memories,
        };
        (cx, &mut self.spaces)
    }

    /// Works on an address space.
    ///
    /// # Errors
    /// [`Error::Gone`] if it is not there, and what `work` says.
    #[inline]
    pub(crate) fn with_space<R>(
        &mut self,
        id: SpaceId,
        work: impl FnOnce(&mut MemoryContext<'_, M>, &mut Space) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let (mut cx, spaces) = self.memory();
        let space = spaces.get_mut(id).ok_or(Error::Gone)?;
        work(&mut cx, &mut space.space)
    }

    /// A thread that is known to exist because it makes the call.
    ///
    /// # Errors
    /// [`Error::Gone`] if it does not.
    #[inline]
    pub(crate) fn thread(&self, id: ThreadId) -> Result<&Thread, Error> {
        self.threads.get(id).ok_or(Error::Gone)
    }

    /// As [`State::thread`], for change.
    ///
    /// # Errors
    /// [`Error::Gone`].
    #[inline]
    pub(crate) fn thread_mut(&mut self, id: ThreadId) -> Result<&mut Thread, Error> {
        self.threads.get_mut(id).ok_or(Error::Gone)
    }

    /// A Domain that has not ended.
    ///
    /// # Errors
    /// [`Error::Gone`].
    #[inline]
    pub(crate) fn living_domain(&mut self, id: DomainId) -> Result<&mut Domain, Error> {
        self.domains.get_mut(id).filter(|domain| domain.exit.is_none()).ok_or(Error::Gone)
    }

    /// The table and slot that a reference of `thread` means.
    ///
    /// # Errors
    /// [`Error::BadCapability`] for an undefined reference.
    #[inline]
    pub(crate) fn place(&self, thread: ThreadId, bits: u32) -> Result<(TableId, u32), Error> {
        let reference = CapRef::from_bits(bits).ok_or(Error::BadCapability)?;
        let tables = &self.thread(thread)?.tables;
        let table = tables.get(reference.table() as usize).ok_or(Error::BadCapability)?;
        Ok((*table, reference.slot()))
    }

    /// Finds the slot that a destination means and has room for it; nothing is in it yet.
    ///
    /// # Errors
    /// [`Error::NoSlots`], [`Error::NoMemory`].
    pub(crate) fn find_slot(
        &mut self,
        table: TableId,
        destination: Destination,
        replace: bool,
    ) -> Result<u32, Error> {
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let mut memory = TableMemory { pages: &mut pages, accounts: &mut self.accounts };
        self.tables.find(&mut memory, table, destination, replace)
    }

    /// The capability that a reference of `thread` means.
    ///
    /// # Errors
    /// [`Error::BadCapability`] if there is none.
    #[inline]
    pub(crate) fn capability(&self, thread: ThreadId, bits: u32) -> Result<Capability, Error> {
        let (table, slot) = self.place(thread, bits)?;
        let capability = self.tables.slot(table, slot);
        if capability.is_live() { Ok(capability) } else { Err(Error::BadCapability) }
    }
}
