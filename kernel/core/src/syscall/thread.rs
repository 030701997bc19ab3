//! `thread_start`, `thread_control`, `thread_regs`.
//!
//! Owns: their checks: no register image ever holds what user mode may not have. Never here: running
//! and stopping (`executor.rs`).

use tine_abi::{
    CapRef, Error,
    capability::Rights,
    domain::{Suspend, ThreadOperation},
    layout,
    message::TRANSFERS,
    registers::UserRegisters,
};

use crate::{
    machine::Machine,
    memory::KernelPages,
    object::{
        ThreadId,
        table::TableMemory,
        thread::{FLAGS, ThreadState, USER_FLAGS},
    },
    state::State,
    syscall::{Answer, Arguments, Done, domain::reasons},
};

/// An address that belongs to the user.
fn user_address(word: u64) -> Result<u64, Error> {
    if word < layout::END { Ok(word) } else { Err(Error::BadArgument) }
}

/// Registers as user mode may have them.
pub(crate) fn sanitize(registers: &mut UserRegisters) -> Result<(), Error> {
    user_address(registers.rip)?;
    user_address(registers.fs_base)?;
    user_address(registers.gs_base)?;
    registers.rflags = registers.rflags & USER_FLAGS | FLAGS;
    Ok(())
}

impl<M: Machine> State<M> {
    pub(super) fn thread_start(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [instruction, stack, argument, gs_base, fs_base] = arguments.words;
        let capability = self.capability(me, arguments.main)?;
        let id = capability.thread()?;
        capability.require(Rights::CONTROL)?;
        let mut registers = UserRegisters {
            rip: instruction,
            rsp: stack,
            rdi: argument,
            gs_base,
            fs_base,
            ..UserRegisters::default()
        };
        sanitize(&mut registers)?;
        user_address(stack)?;
        self.start_thread(id, registers)?;
        Ok(Done::NOTHING)
    }

    /// Starts a thread that is not started with these registers.
    pub(crate) fn start_thread(
        &mut self,
        id: ThreadId,
        registers: UserRegisters,
    ) -> Result<(), Error> {
        let thread = self.thread_mut(id)?;
        match thread.state {
            ThreadState::New => {}
            ThreadState::Ended => return Err(Error::Gone),
            _ => return Err(Error::Busy),
        }
        thread.registers = registers;
        let domain = thread.domain;
        if let Some(domain) = self.domains.get_mut(domain) {
            domain.alive += 1;
            domain.is_started |= domain.suspend.is_empty();
        }
        self.ready(id);
        Ok(())
    }

    pub(super) fn thread_control(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [operation, argument, ..] = arguments.words;
        let operation = ThreadOperation::from_number(operation).ok_or(Error::BadArgument)?;
        let id = if arguments.main == CapRef::SELF.bits() {
            me
        } else {
            let capability = self.capability(me, arguments.main)?;
            let id = capability.thread()?;
            capability.require(Rights::CONTROL)?;
            id
        };
        if operation == ThreadOperation::Yield && id == me {
            if self.run.has_ready() {
                self.requeue_current();
            }
            return Ok(Done::NOTHING);
        }
        if self.thread(id)?.state == ThreadState::Ended {
            return Err(Error::Gone);
        }
        match operation {
            // Others are not made to wait.
            ThreadOperation::Yield => {}
            ThreadOperation::Suspend => {
                let reasons = reasons(argument)?;
                self.suspend_thread(id, reasons, Suspend::empty())?;
            }
            ThreadOperation::Resume => {
                let reasons = reasons(argument)?;
                self.suspend_thread(id, Suspend::empty(), reasons)?;
            }
            ThreadOperation::SetGs => {
                self.thread_mut(id)?.registers.gs_base = user_address(argument)?;
                self.reload_bases(id);
            }
            ThreadOperation::SetFs => {
                self.thread_mut(id)?.registers.fs_base = user_address(argument)?;
                self.reload_bases(id);
            }
            ThreadOperation::SetArrivals => self.set_arrivals(id, argument)?,
        }
        Ok(Done::NOTHING)
    }

    fn suspend_thread(&mut self, id: ThreadId, set: Suspend, clear: Suspend) -> Result<(), Error> {
        let thread = self.thread_mut(id)?;
        thread.suspend = (thread.suspend | set) - clear;
        self.review(id);
        Ok(())
    }

    /// The bases of a thread have changed; if it runs, the CPU must know.
    fn reload_bases(&mut self, id: ThreadId) {
        if self.run.current == Some(id)
            && let Some(thread) = self.threads.get(id)
        {
            self.machine.use_thread(&thread.registers);
        }
    }

    /// Capabilities of received calls arrive in four private slots from `first` on; 0: nowhere.
    fn set_arrivals(&mut self, id: ThreadId, first: u64) -> Result<(), Error> {
        let limit = u64::from(CapRef::SLOTS) - TRANSFERS as u64;
        if first > limit {
            return Err(Error::BadArgument);
        }
        let table = self.thread(id)?.tables[0];
        let mut pages = KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let mut memory = TableMemory { pages: &mut pages, accounts: &mut self.accounts };
        self.tables.make_room(&mut memory, table, first as u32 + TRANSFERS as u32 - 1)?;
        self.thread_mut(id)?.arrivals = first as u16;
        Ok(())
    }

    pub(super) fn thread_registers(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [direction, address, ..] = arguments.words;
        let capability = self.capability(me, arguments.main)?;
        let id = capability.thread()?;
        let is_write = match direction {
            0 => false,
            1 => true,
            _ => return Err(Error::BadArgument),
        };
        if is_write || !capability.rights().contains(Rights::READ) {
            capability.require(Rights::CONTROL)?;
        }
        let thread = self.thread(id)?;
        match thread.state {
            ThreadState::Ended => return Err(Error::Gone),
            ThreadState::New => {}
            _ if !thread.is_stopped => return Err(Error::NotSuspended),
            _ => {}
        }
        let current = thread.registers;
        if is_write {
            let mut registers: UserRegisters = self.read_structure(me, address)?;
            sanitize(&mut registers)?;
            self.thread_mut(id)?.registers = registers;
        } else {
            self.write_structure(me, address, &current)?;
        }
        Ok(Done::NOTHING)
    }
}
