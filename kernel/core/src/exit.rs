//! The end of Domains: what stands still when, and who is told at last.
//!
//! Owns: `thread_exit`, [`State::begin_exit`], the steps of an exit. Never here: statuses and
//! parents (the process server's). Beginning an exit is one bounded step; the rest is the reaper's,
//! chunk by chunk.
//!
//! Order, each step complete before the next: all threads are quiescent; descriptors are
//! released in slot order, so that their no-senders are queued; then the path table and the private
//! table; then the use of the address space; and when its memory is released, EXIT is posted. So
//! EXIT says: no instruction will run, the memory is there again, the closes stand before this in
//! the queue. A table or space that another Domain uses as well just loses a user.

use tine_abi::{Table, notification::ExitKind};

use crate::{
    machine::Machine,
    memory::{self, Progress},
    object::{
        DomainId, ThreadId,
        domain::{ExitRecord, ExitStep},
        table::TableId,
    },
    state::State,
};

impl<M: Machine> State<M> {
    /// The thread ends itself; the last one ends its Domain with this code.
    pub(crate) fn exit_thread(&mut self, me: ThreadId, code: u32) {
        let Some(domain) = self.threads.get(me).map(|thread| thread.domain) else { return };
        self.end_thread(me);
        if self.domains.get(domain).is_some_and(|domain| domain.alive == 0) {
            let exit = ExitRecord { kind: ExitKind::Exited, value: u64::from(code), address: 0 };
            self.begin_exit(domain, exit);
        }
    }

    /// No thread of the Domain runs from now on. The first record stays, others are ignored.
    pub(crate) fn begin_exit(&mut self, id: DomainId, exit: ExitRecord) {
        let Some(domain) = self.domains.get_mut(id) else { return };
        if domain.exit.is_some() {
            return;
        }
        domain.exit = Some(exit);
        domain.step = ExitStep::Threads;
        while let Some(thread) = self.domains.get(id).and_then(|domain| domain.threads.front()) {
            self.end_thread(thread);
        }
        self.continue_exit(id);
    }

    /// Puts an ending Domain in line, unless a thread's future must finish first.
    pub(crate) fn continue_exit(&mut self, id: DomainId) {
        let is_quiescent = self
            .domains
            .get(id)
            .is_some_and(|domain| domain.step == ExitStep::Threads && domain.working == 0);
        if is_quiescent {
            self.reaper.domains.push_back(&mut self.domains, id);
            self.wake_reaper();
        }
    }

    /// Goes on with an exit for at most `budget` items. `Done`: it has ended, and left the line.
    pub(crate) fn exit_step(&mut self, id: DomainId, budget: &mut u32) -> Progress {
        loop {
            let Some(domain) = self.domains.get(id) else { return Progress::Done };
            let tables = domain.tables;
            let (next, progress) = match domain.step {
                ExitStep::None | ExitStep::Threads => (ExitStep::Descriptors, Progress::Done),
                ExitStep::Descriptors => {
                    let table = tables[Table::Descriptors as usize];
                    (ExitStep::Paths, self.drop_table(table, budget))
                }
                ExitStep::Paths => {
                    let table = tables[Table::Paths as usize];
                    (ExitStep::Private, self.drop_table(table, budget))
                }
                ExitStep::Private => {
                    let table = tables[Table::Private as usize];
                    (ExitStep::Space, self.drop_table(table, budget))
                }
                ExitStep::Space => {
                    let space = domain.space;
                    let is_last = self.leave_space(space);
                    let next = if is_last { ExitStep::Memory } else { ExitStep::Ended };
                    (next, Progress::Done)
                }
                ExitStep::Memory => {
                    let (mut cx, _) = self.memory();
                    let progress = memory::reap(&mut cx, core::mem::take(budget));
                    (ExitStep::Ended, progress)
                }
                ExitStep::Ended => {
                    self.finish_exit(id);
                    return Progress::Done;
                }
            };
            if progress == Progress::More {
                return Progress::More;
            }
            if let Some(domain) = self.domains.get_mut(id) {
                domain.step = next;
            }
        }
    }

    /// Releases a Domain's use of a table; its last user empties it.
    fn drop_table(&mut self, table: TableId, budget: &mut u32) -> Progress {
        match self.tables.get_mut(table) {
            Some(shared) if shared.users > 1 => {
                shared.users -= 1;
                Progress::Done
            }
            _ => self.empty_table(table, budget),
        }
    }

    /// The Domain is an empty shell: tells its supervisor.
    fn finish_exit(&mut self, id: DomainId) {
        self.reaper.domains.remove(&mut self.domains, id);
        self.post_exit(id);
        if self.root == Some(id) {
            // Nobody is left who could start anything.
            self.machine.halt("the root server has ended");
        }
        self.remove_domain_if_over(id);
    }
}
