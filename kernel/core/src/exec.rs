//! Exec: another program for a Domain's one live thread.
//!
//! Owns: the exchange of address space and registers, the closing of CLOEXEC slots. Never here:
//! loading (the new space is finished when it comes here), process rules.
//!
//! The call that the thread waits in, normally the request to the process server, stays in service:
//! its reply wakes the new program. Its memory ranges are gone with the old space, and RESTART is
//! not possible any more. A fault of the old program is void, its token stale.

use tine_abi::{
    Error, Table,
    capability::{Rights, SlotFlags},
    domain::ExecSpec,
    registers::UserRegisters,
};

use tine_ksync::List;

use crate::{
    machine::{Frame, Machine},
    object::{
        DomainId, SpaceId, ThreadId,
        table::TableId,
        thread::{FLAGS, RecordState, Sibling, Thread, ThreadState},
    },
    state::State,
    syscall::sanitize,
};

impl<M: Machine> State<M> {
    /// Gives the Domain's one live thread a new space and registers. Checks come first; then nothing
    /// fails.
    pub(crate) fn exec(
        &mut self,
        me: ThreadId,
        id: DomainId,
        spec: &ExecSpec,
    ) -> Result<(), Error> {
        let capability = self.capability(me, spec.space.bits())?;
        let space_id = capability.space()?;
        capability.require(Rights::CONTROL)?;
        let root = self.spaces.get(space_id).and_then(|space| space.space.root());
        let root = root.ok_or(Error::Gone)?;
        let mut registers = UserRegisters {
            rip: spec.instruction,
            rsp: spec.stack,
            gs_base: spec.gs_base,
            rflags: FLAGS,
            ..UserRegisters::default()
        };
        sanitize(&mut registers)?;
        let thread = self.live_thread(id)?;

        self.drop_extended(thread);
        let domain = self.domains.get_mut(id).ok_or(Error::Gone)?;
        let (old_space, tables) = (domain.space, domain.tables);
        domain.space = space_id;
        self.use_space(space_id);
        self.void_fault(thread);
        if let Some(thread) = self.threads.get_mut(thread) {
            thread.registers = registers;
            thread.record.ranges = [(0, 0); 2];
            thread.record.is_restartable = false;
        }
        self.move_threads(id, space_id, root);
        if self.run.current == Some(thread) {
            self.enter(thread);
        }
        for table in [Table::Descriptors, Table::Paths, Table::Private] {
            self.close_on_exec(tables[table as usize]);
        }
        self.leave_space(old_space);
        Ok(())
    }

    /// What the old program did wrong is void: nobody is asked about it any more.
    fn void_fault(&mut self, id: ThreadId) {
        let is_faulted = self.threads.get(id).is_some_and(|thread| {
            thread.record.is_fault && thread.record.state != RecordState::Free
        });
        if is_faulted {
            self.detach(id);
            self.ready(id);
        }
    }

    /// All threads of the Domain, those not yet started included, get the new space.
    fn move_threads(&mut self, id: DomainId, space: SpaceId, root: Frame) {
        let mut next = self.domains.get(id).and_then(|domain| domain.threads.front());
        while let Some(id) = next {
            if let Some(thread) = self.threads.get_mut(id) {
                thread.space = space;
                thread.root = root;
            }
            next = List::<Thread, Sibling>::after(&self.threads, id);
        }
    }

    /// The one live thread of a Domain.
    fn live_thread(&mut self, id: DomainId) -> Result<ThreadId, Error> {
        let domain = self.living_domain(id)?;
        if domain.alive != 1 {
            return Err(Error::Busy);
        }
        let mut next = domain.threads.front();
        while let Some(id) = next {
            let state = self.thread(id)?.state;
            match state {
                ThreadState::New | ThreadState::Ended => {}
                ThreadState::Working => return Err(Error::Busy),
                _ => return Ok(id),
            }
            next = List::<Thread, Sibling>::after(&self.threads, id);
        }
        Err(Error::Busy)
    }

    /// Closes the slots of a table that are marked so, in their order. A table that another Domain
    /// uses as well keeps them: to that one nothing has happened.
    fn close_on_exec(&mut self, table: TableId) {
        if self.tables.get(table).is_none_or(|table| table.users > 1) {
            return;
        }
        let mut at = 0;
        while let Some(slot) = self.tables.next_occupied(table, at) {
            at = slot + 1;
            if self.tables.slot(table, slot).flags().contains(SlotFlags::CLOEXEC) {
                let capability = self.tables.take(table, slot);
                self.close(capability);
            }
        }
    }
}
