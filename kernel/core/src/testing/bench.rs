//! The kernel's memory state around a software machine, ready for tests.

use super::{SoftwareMachine, leak};
use crate::{
    account::{Account, AccountId, Accounts},
    machine::{PhysicalMemory, Translation},
    memory::{
        Access, FrameRecord, FrameTable, KernelPages, MapRequest, MappingNodes, MemoryContext,
        MemoryId, MemoryObjects, Progress, Space, address::PAGE, invariants, object,
    },
};
use tine_abi::{Error, notification::FaultKind};

/// Machine, frames, accounts and objects, all empty at first.
#[derive(Debug)]
pub struct Bench {
    /// The machine.
    pub machine: SoftwareMachine,
    /// Frames 2 and up are free, except the zero page.
    pub frames: FrameTable,
    /// Nodes of the mapping trees.
    pub nodes: MappingNodes,
    /// Accounts.
    pub accounts: Accounts,
    /// Memory objects.
    pub objects: MemoryObjects,
}

impl Bench {
    /// A machine of `frames` frames.
    ///
    /// # Panics
    /// If `frames` is too small to begin with.
    #[must_use]
    pub fn new(frames: usize) -> Bench {
        let mut machine = SoftwareMachine::new(frames);
        let mut table = FrameTable::new(leak(0, frames), leak(FrameRecord::default(), frames))
            .expect("the arrays have the same length");
        table.add_free(2..frames as u32);
        assert!(table.set_aside_zero_page(&mut machine));
        machine.take_accesses();
        Bench {
            machine,
            frames: table,
            nodes: MappingNodes::new(),
            accounts: Accounts::new(),
            objects: MemoryObjects::new(),
        }
    }

    /// What operations work with.
    pub fn context(&mut self) -> MemoryContext<'_, SoftwareMachine> {
        MemoryContext {
            machine: &mut self.machine,
            frames: &mut self.frames,
            nodes: &mut self.nodes,
            accounts: &mut self.accounts,
            objects: &mut self.objects,
        }
    }

    /// A new account.
    ///
    /// # Panics
    /// If no frame is left for it.
    pub fn account(&mut self, frames: u32, objects: u32) -> AccountId {
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        self.accounts
            .insert(&mut pages, Account::new(frames, objects))
            .expect("a frame for accounts")
    }

    /// A new Memory with one holder.
    pub fn memory(&mut self, account: AccountId, bytes: u64) -> Result<MemoryId, Error> {
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        object::create(&mut self.objects, &mut pages, &mut self.accounts, account, bytes)
    }

    /// Gives up one hold of a Memory.
    pub fn release(&mut self, memory: MemoryId) {
        object::release(&mut self.objects, &mut self.frames, &mut self.accounts, memory);
        self.reap();
    }

    /// Takes apart whatever is dead: an access may leave tables.
    pub fn reap(&mut self) {
        while crate::memory::reap(&mut self.context(), 64) == Progress::More {}
    }

    /// Maps and fills to the end.
    pub fn map(&mut self, space: &mut Space, request: &MapRequest) -> Result<u64, Error> {
        let address = space.map(&mut self.context(), request)?;
        self.settle(space);
        Ok(address)
    }

    /// Advances the space's job until nothing is left.
    pub fn settle(&mut self, space: &mut Space) {
        while space.advance(&mut self.context()) == Progress::More {}
    }

    /// Takes a space apart to the end; leaves it first, as kernel core does: its root may be the
    /// next space's.
    pub fn teardown(&mut self, space: &mut Space) {
        if self.machine.active() == space.root() {
            let kernel = self.machine.kernel_half();
            self.machine.activate(kernel);
        }
        while space.teardown(&mut self.context(), 64) == Progress::More {}
    }

    /// A load of user mode, with the faults it takes.
    pub fn load(&mut self, space: &mut Space, address: u64) -> Result<u8, FaultKind> {
        self.activate(space);
        for _ in 0..3 {
            if let Ok(byte) = self.machine.load_byte(address) {
                return Ok(byte);
            }
            space.repair(&mut self.context(), address, Access::Read)?;
            self.reap();
        }
        panic!("the load at {address:#x} faults for ever");
    }

    /// A store of user mode, with the faults it takes.
    pub fn store(&mut self, space: &mut Space, address: u64, byte: u8) -> Result<(), FaultKind> {
        self.activate(space);
        for _ in 0..3 {
            if self.machine.store_byte(address, byte).is_ok() {
                return Ok(());
            }
            space.repair(&mut self.context(), address, Access::Write)?;
            self.reap();
        }
        panic!("the store at {address:#x} faults for ever");
    }

    /// An instruction fetch of user mode, with the faults it takes.
    pub fn fetch(&mut self, space: &mut Space, address: u64) -> Result<(), FaultKind> {
        self.activate(space);
        for _ in 0..3 {
            if self.machine.access(address, Access::Execute).is_ok() {
                return Ok(());
            }
            space.repair(&mut self.context(), address, Access::Execute)?;
            self.reap();
        }
        panic!("the fetch at {address:#x} faults for ever");
    }

    /// A sealed Memory of `pages` pages, each with its number, from 1, in every byte looked at.
    ///
    /// # Panics
    /// If the account cannot pay for it.
    pub fn program(&mut self, account: AccountId, pages: u64) -> MemoryId {
        let memory = self.memory(account, pages * PAGE).expect("the account pays");
        let cx = self.context();
        let object = cx.objects.get_mut(memory).expect("it was just made");
        for page in 0..pages as u32 {
            let frame = object
                .populate(cx.machine, cx.frames, cx.accounts, page)
                .expect("the account pays");
            cx.machine.write(frame, 0, &[page as u8 + 1; PAGE as usize]);
        }
        object.seal().expect("nobody maps it");
        memory
    }

    /// Recounts everything; see [`invariants::check`].
    ///
    /// # Panics
    /// If something does not hold.
    #[track_caller]
    pub fn check(&self, spaces: &[&Space]) {
        let Bench { machine, frames, nodes, accounts, objects } = self;
        if let Err(rule) = invariants::check(machine, frames, nodes, accounts, objects, spaces) {
            panic!("{rule}");
        }
    }

    /// Makes the space the active one, unless it is.
    pub fn activate(&mut self, space: &Space) {
        if self.machine.active() != space.root()
            && let Some(root) = space.root()
        {
            self.machine.activate(root);
        }
    }
}
