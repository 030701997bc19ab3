//! The first program: the root server, from an ELF file that the loader brought.
//!
//! Owns: [`Kernel::boot`], the first account, what the root server finds at its start. Never here: the
//! loader's structures (the binary's), the checks of the file and the layout (`tine_elf`, the same
//! that the servers load programs by).
//!
//! The file stays where the loader put it: it becomes a sealed Memory, of which text is mapped and
//! data copied. The root server gets the account of the whole machine, the hardware with all rights,
//! and the boot archive; the words of the command line are its environment.

use tine_abi::{
    CapRef, Error,
    capability::{Rights, slot},
    domain::rank,
    memory::{Inheritance, PAGE, Protection},
    registers::UserRegisters,
    start::StartBlock,
    wire::Wire,
};

use crate::{
    account::{Account, AccountId},
    kernel::Kernel,
    machine::{Frame, Machine},
    memory::{self, CopyPlace, KernelPages, MapRequest, MapSource, MemoryId, Space},
    object::{
        DomainId, SpaceId,
        capability::{Capability, Object},
        domain::Domain,
        space::AddressSpace,
        table::TableId,
        thread::FLAGS,
    },
    state::State,
};

/// Bytes of start block, argument and environment at most: the longest command line of 4,096 bytes
/// fits. A longer one is refused, for a word that is left out changes what the boot is to do.
const BLOCK: usize = 4096 + 512;

/// A file that the loader put into memory, at the start of a frame. Its frames are reserved ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Module {
    /// The frame of its first byte.
    pub first: Frame,
    /// Bytes.
    pub bytes: u64,
}

/// What the kernel starts with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Boot<'b> {
    /// The root server's program file.
    pub root: Module,
    /// The archive of all other programs.
    pub archive: Option<Module>,
    /// Words of the form `key=value`, separated by blanks.
    pub command_line: &'b str,
}

/// Why there is no root server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BootError {
    /// Its file is no program.
    Program(tine_elf::Damage),
    /// The kernel could not make what it needs.
    Kernel(Error),
}

impl From<Error> for BootError {
    fn from(error: Error) -> BootError {
        BootError::Kernel(error)
    }
}

impl core::fmt::Display for BootError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            BootError::Program(damage) => write!(formatter, "the root server: {damage}"),
            BootError::Kernel(error) => write!(formatter, "making the root server: {error}"),
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// Makes the root server and readies its thread; [`Kernel::next`] runs it. Once, before anything
    /// else.
    ///
    /// # Errors
    /// Its file is damaged, or memory is too small. The machine has nothing to run then.
    pub fn boot(&'static self, boot: &Boot<'_>) -> Result<(), BootError> {
        if !self.begin() {
            return Err(BootError::Kernel(Error::NoMemory));
        }
        self.with(|state| state.make_root(boot))
    }
}

impl<M: Machine> State<M> {
    fn make_root(&mut self, boot: &Boot<'_>) -> Result<(), BootError> {
        let frames = self.frames.available();
        let account = self.first_account(frames)?;
        let plan = {
            let mut head = [0; tine_elf::HEAD];
            let length = head.len().min(boot.root.bytes as usize);
            self.machine.read(boot.root.first, 0, &mut head[..length]);
            tine_elf::plan(&head[..length], boot.root.bytes).map_err(BootError::Program)?
        };
        let file = self.module_memory(account, boot.root)?;
        let space = self.load(account, file, &plan)?;
        self.close(Capability::new(Object::Memory(file), Rights::ALL));

        let domain = self.first_domain(account, space)?;
        let private = self.domains.get(domain).ok_or(Error::Gone)?.tables[0];
        self.give(private, slot::ACCOUNT, Object::Account(account));
        self.give(private, slot::HARDWARE, Object::Hardware);
        let mut archive_bytes = 0;
        if let Some(archive) = boot.archive {
            archive_bytes = archive.bytes;
            let memory = self.module_memory(account, archive)?;
            let capability = Capability::new(Object::Memory(memory), Rights::ALL);
            self.tables.set(private, u32::from(slot::ARCHIVE), capability);
        }
        let stack = self.write_start(space, &plan, boot.command_line, archive_bytes)?;
        let thread = self.new_thread(domain, account)?;
        let registers = UserRegisters {
            rip: plan.entry,
            rsp: stack,
            gs_base: plan.control(),
            rflags: FLAGS,
            ..UserRegisters::default()
        };
        self.root = Some(domain);
        Ok(self.start_thread(thread, registers)?)
    }

    /// The account of the whole machine.
    fn first_account(&mut self, frames: u32) -> Result<AccountId, Error> {
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let account = Account::new(frames, u32::MAX);
        self.accounts.insert(&mut pages, account).map_err(|_| Error::NoMemory)
    }

    /// A sealed Memory of a module, with one holder.
    fn module_memory(&mut self, account: AccountId, module: Module) -> Result<MemoryId, Error> {
        let count = u32::try_from(module.bytes.div_ceil(PAGE)).map_err(|_| Error::BadArgument)?;
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let memory = memory::object::create_physical(
            &mut self.memories,
            &mut pages,
            &mut self.accounts,
            account,
            (module.first, count),
            false,
        )?;
        self.memories.get_mut(memory).ok_or(Error::Gone)?.seal()?;
        Ok(memory)
    }

    /// A space with the program in it.
    fn load(
        &mut self,
        account: AccountId,
        file: MemoryId,
        plan: &tine_elf::Plan,
    ) -> Result<SpaceId, Error> {
        self.charge(account, 1)?;
        let (mut cx, _) = self.memory();
        let space = Space::new(&mut cx, account)?;
        let id = self.insert_space(AddressSpace::new(space))?;
        self.with_space(id, |cx, space| {
            for text in plan.texts() {
                let rights = Protection::READ | Protection::EXECUTE;
                let source = MapSource::Private { memory: file, offset: text.offset, rights };
                let request = MapRequest {
                    address: Some(text.address),
                    length: text.length,
                    protection: text.protection(),
                    inheritance: Inheritance::Copy,
                    source,
                };
                space.map(cx, &request)?;
            }
            for range in [&plan.hot, &plan.stack] {
                let request = MapRequest {
                    address: Some(range.start),
                    length: range.end - range.start,
                    protection: Protection::READ | Protection::WRITE,
                    inheritance: Inheritance::Copy,
                    source: MapSource::Anonymous,
                };
                space.map(cx, &request)?;
            }
            for data in plan.datas() {
                let mut copied = 0;
                while copied < data.length {
                    let to = CopyPlace::Space(space, data.address + copied);
                    let from = CopyPlace::Memory(file, data.offset + copied);
                    let length = data.length - copied;
                    copied += memory::copy_across(cx, to, from, length, memory::Access::Write)
                        .map_err(|_| Error::NoMemory)?;
                }
            }
            Ok(())
        })?;
        Ok(id)
    }

    fn first_domain(&mut self, account: AccountId, space: SpaceId) -> Result<DomainId, Error> {
        self.charge(account, 1)?;
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let tables = [
            self.tables.insert(&mut pages, account)?,
            self.tables.insert(&mut pages, account)?,
            self.tables.insert(&mut pages, account)?,
        ];
        let domain = Domain::new(space, tables, account, rank::ROOT as u8);
        let domain = self.domains.insert(&mut pages, domain).map_err(|_| Error::NoMemory)?;
        self.use_space(space);
        self.use_account(account);
        Ok(domain)
    }

    fn give(&mut self, table: TableId, slot: u16, object: Object) {
        let capability = Capability::new(object, Rights::ALL);
        self.hold(capability);
        self.tables.set(table, CapRef::private(slot).slot(), capability);
    }

    /// Writes control block, start block and strings to the top of the main stack; the first stack
    /// pointer.
    fn write_start(
        &mut self,
        space: SpaceId,
        plan: &tine_elf::Plan,
        command_line: &str,
        archive: u64,
    ) -> Result<u64, Error> {
        const START: usize = StartBlock::WORDS * 8;
        let control = plan.control();
        self.write_bytes(space, control, &control.to_le_bytes())?;

        let mut block = [0; BLOCK];
        let mut end = START;
        let mut append = |text: &str| {
            let place = block.get_mut(end..end + text.len() + 1).ok_or(Error::BadArgument)?;
            place[..text.len()].copy_from_slice(text.as_bytes());
            end += text.len() + 1;
            Ok::<_, Error>(())
        };
        append("root")?;
        let (arguments, mut environment) = (1, 0);
        for word in command_line.split_ascii_whitespace().filter(|word| word.contains('=')) {
            append(word)?;
            environment += 1;
        }

        let stack = (control - end as u64) & !15;
        let clock = self.machine.clock();
        let start = StartBlock {
            magic: tine_abi::start::MAGIC,
            arguments,
            environment,
            strings: stack + START as u64,
            strings_length: (end - START) as u64,
            heap: plan.heap.start,
            heap_end: plan.heap.end,
            stack: plan.stack.start,
            clock_frequency: clock.frequency,
            clock_start: clock.start,
            process: 0,
            archive,
        };
        let mut words = [0; StartBlock::WORDS];
        start.encode(&mut words);
        for (bytes, word) in block.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        self.write_bytes(space, stack, block.get(..end).unwrap_or(&[]))?;
        Ok(stack)
    }
}
