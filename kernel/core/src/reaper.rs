//! The reaper: the kernel task that takes apart what has ended.
//!
//! Owns: the lists of ended Domains and closed ports, and the order of the work. Never
//! here: the work itself (`tables.rs`, `exit.rs`, `ipc/detach.rs`, `memory`). Ending an object puts it on a list
//! by links of its own and wakes the task; that never allocates, never fails and never recurses.
//!
//! Work is done in steps of [`CHUNK`] items, and after each the next in line has its turn, so a large
//! teardown delays neither programs nor a small one. Invariant R1: an object on a list is in its
//! slab.
//!
//! Tables that were exchanged come first: what a Domain has closed that way is told before its EXIT.

use core::{future::poll_fn, task::Poll};

use tine_ksync::{List, TaskId};

use crate::{
    kernel::Kernel,
    machine::Machine,
    memory::{self, CHUNK, Progress},
    object::{
        domain::{Domain, Ending},
        port::{Closing, Port},
    },
    state::State,
};

/// What is being taken apart.
#[derive(Debug, Default)]
pub struct Reaper {
    /// The task.
    pub task: Option<TaskId>,
    /// Domains whose threads have ended.
    pub domains: List<Domain, Ending>,
    /// Ports that nobody receives from any more.
    pub ports: List<Port, Closing>,
}

impl Reaper {
    /// Objects being taken apart.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.domains.len() + self.ports.len()
    }

    /// Whether nothing is being taken apart.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The task: steps as long as there is work, sleeps until [`State::wake_reaper`].
pub(crate) async fn run<M: Machine>(kernel: &'static Kernel<M>) {
    loop {
        match kernel.with(State::reap) {
            Progress::More => kernel.yield_now().await,
            Progress::Done => sleep().await,
        }
    }
}

/// Returns at the next wake.
async fn sleep() {
    let mut was_woken = false;
    poll_fn(
        |_| if core::mem::replace(&mut was_woken, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

impl<M: Machine> State<M> {
    /// There is something to take apart.
    pub(crate) fn wake_reaper(&mut self) {
        if let Some(task) = self.reaper.task {
            self.tasks.ready(task);
        }
    }

    /// One step, of whatever is first in line.
    pub(crate) fn reap(&mut self) -> Progress {
        let mut budget = CHUNK;
        if let Some(id) = self.tables.pop_unused() {
            if self.empty_table(id, &mut budget) == Progress::More {
                self.tables.push_unused(id);
            }
        } else if let Some(id) = self.reaper.domains.front() {
            if self.exit_step(id, &mut budget) == Progress::More {
                self.reaper.domains.remove(&mut self.domains, id);
                self.reaper.domains.push_back(&mut self.domains, id);
            }
        } else if let Some(id) = self.reaper.ports.front() {
            let progress = self.empty_port(id, &mut budget);
            self.reaper.ports.remove(&mut self.ports, id);
            if progress == Progress::More {
                self.reaper.ports.push_back(&mut self.ports, id);
            } else {
                self.remove_port_if_over(id);
            }
        } else {
            let (mut cx, _) = self.memory();
            return memory::reap(&mut cx, budget);
        }
        Progress::More
    }

    /// After a call that may have dropped tables or nodes of mapping trees.
    #[inline]
    pub(crate) fn reap_soon(&mut self) {
        if !self.frames.has_no_dead() || !self.nodes.has_no_dead() {
            self.wake_reaper();
        }
    }
}
