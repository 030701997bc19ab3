//! Who runs: the run queue, direct handoffs, time slices, deadlines.
//!
//! Owns: [`Run`] and the transitions between running, ready and blocked. Never here: what a thread
//! waits for. Called by IPC and system calls; `kernel.rs` asks who is next.
//!
//! Threads take turns, in one queue. A call hands the CPU directly to the receiver, and its reply
//! back, without the queue; after [`HANDOFFS`] of them in a row, or when the slice is over, the queue
//! is served, so two threads that talk cannot starve the others. The timer is armed for a slice only
//! while somebody waits in the queue.
//!
//! Invariants: R1 a thread is on the queue exactly when it is RUNNABLE, not stopped and not
//! `current`. R2 `current` is RUNNABLE while user mode runs. R3 `active_root` is the root that the CPU
//! uses.

use tine_abi::domain::Suspend;
use tine_ksync::List;

use crate::{
    deadline::Owner,
    machine::{Frame, Machine},
    object::{
        DomainId, ThreadId,
        thread::{Line, Thread, ThreadState},
    },
    state::State,
};

/// Direct handoffs in a row before the run queue is served.
pub const HANDOFFS: u32 = 32;

/// Nanoseconds that a thread runs before the next one's turn.
pub const SLICE: u64 = 10_000_000;

/// What one CPU runs.
#[derive(Debug)]
pub struct Run {
    /// The thread that user mode runs, or that has just entered the kernel.
    pub current: Option<ThreadId>,
    /// Who waits for the CPU.
    queue: List<Thread, Line>,
    /// Handoffs since the queue was served.
    handoffs: u32,
    /// The timer is armed for the end of the slice, or before.
    has_slice: bool,
    /// When the timer fires.
    armed: Option<u64>,
    /// The root of page tables in use.
    pub active_root: Frame,
    /// The thread whose extended state is in the CPU's registers.
    extended: Option<ThreadId>,
}

impl Run {
    /// Nothing runs.
    #[must_use]
    pub const fn new() -> Run {
        Run {
            current: None,
            queue: List::new(),
            handoffs: 0,
            has_slice: false,
            armed: None,
            active_root: Frame(0),
            extended: None,
        }
    }

    /// Whether a call may hand the CPU over without a look at the queue: nobody waits, or the time of
    /// those who do is kept; and no extended state is in the CPU.
    #[inline(always)]
    pub(crate) fn allows_handoff(&self) -> bool {
        let is_fair = self.queue.is_empty() || (self.has_slice && self.handoffs < HANDOFFS);
        is_fair && self.extended.is_none()
    }

    /// The CPU was handed to this thread.
    #[inline(always)]
    pub(crate) fn took_handoff(&mut self, id: ThreadId) {
        self.handoffs = self.handoffs.wrapping_add(1);
        self.current = Some(id);
    }

    /// Whether somebody waits for the CPU and the timer is not armed for the end of the slice.
    #[inline(always)]
    pub(crate) fn needs_slice(&self) -> bool {
        !self.queue.is_empty() && !self.has_slice
    }

    /// Whether threads wait for the CPU.
    #[inline]
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.queue.is_empty()
    }
}

impl Default for Run {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Machine> State<M> {
    /// Makes a thread runnable and queues it, unless it is stopped.
    #[inline]
    pub(crate) fn ready(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get_mut(id) else { return };
        thread.state = ThreadState::Runnable;
        if !thread.is_stopped {
            self.run.queue.push_back(&mut self.threads, id);
        }
    }

    /// Makes a thread runnable and runs it next, the current one having blocked; or queues it when
    /// the queue's turn has come.
    #[inline]
    pub(crate) fn hand_to(&mut self, id: ThreadId) {
        if self.run.handoffs >= HANDOFFS && self.run.has_ready() {
            return self.ready(id);
        }
        self.run.handoffs = self.run.handoffs.wrapping_add(1);
        self.enter(id);
    }

    /// Makes a thread that is on no queue runnable and the current one, unless it is stopped.
    #[inline]
    pub(crate) fn enter(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get_mut(id) else { return };
        thread.state = ThreadState::Runnable;
        if thread.is_stopped {
            return;
        }
        if thread.root != self.run.active_root {
            self.run.active_root = thread.root;
            self.counters.cr3_loads += 1;
            self.machine.activate(thread.root);
        }
        self.machine.use_thread(&thread.registers);
        if self.run.extended.is_some() || thread.extended.is_some() {
            self.switch_extended(id);
        }
        self.run.current = Some(id);
    }

    /// Leaves a root that is about to be taken apart.
    pub(crate) fn leave_root(&mut self, root: Frame) {
        if self.run.active_root == root {
            let kernel = self.machine.kernel_half();
            self.run.active_root = kernel;
            self.counters.cr3_loads += 1;
            self.machine.activate(kernel);
        }
    }

    /// Takes the first of the queue, if nobody runs.
    pub(crate) fn pick(&mut self) {
        if self.run.current.is_none()
            && let Some(id) = self.run.queue.pop_front(&mut self.threads)
        {
            self.run.handoffs = 0;
            self.enter(id);
        }
    }

    /// The current thread goes to the end of the queue.
    pub(crate) fn requeue_current(&mut self) {
        if let Some(id) = self.run.current.take() {
            self.run.queue.push_back(&mut self.threads, id);
        }
    }

    /// Takes a thread off the CPU and the run queue, whatever it does.
    pub(crate) fn unqueue(&mut self, id: ThreadId) {
        if self.run.current == Some(id) {
            self.run.current = None;
        }
        let is_queued = self
            .threads
            .get(id)
            .is_some_and(|thread| thread.state == ThreadState::Runnable && thread.line.is_linked());
        if is_queued {
            self.run.queue.remove(&mut self.threads, id);
        }
    }

    /// Puts the rule of suspension into force for one thread: it is stopped when it or its Domain
    /// has a reason.
    pub(crate) fn review(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get(id) else { return };
        let domain = self.domains.get(thread.domain).map_or(Suspend::empty(), |it| it.suspend);
        let is_stopped = !(thread.suspend | domain).is_empty();
        if is_stopped == thread.is_stopped {
            return;
        }
        let is_runnable = thread.state == ThreadState::Runnable;
        if is_stopped {
            self.unqueue(id);
        }
        if let Some(thread) = self.threads.get_mut(id) {
            thread.is_stopped = is_stopped;
        }
        if !is_stopped && is_runnable {
            self.ready(id);
        }
    }

    /// Sets and clears reasons of a Domain, for all its threads (at most
    /// [`crate::object::domain::THREADS`]).
    pub(crate) fn suspend_domain(&mut self, id: DomainId, set: Suspend, clear: Suspend) {
        let Some(domain) = self.domains.get_mut(id) else { return };
        domain.suspend = (domain.suspend | set) - clear;
        domain.is_started |= domain.suspend.is_empty();
        let mut next = domain.threads.front();
        while let Some(thread) = next {
            self.review(thread);
            next = List::<Thread, crate::object::thread::Sibling>::after(&self.threads, thread);
        }
    }

    /// Sees to it that a waiting thread gets its turn, and that the first deadline is noticed.
    #[inline]
    pub(crate) fn keep_time(&mut self) {
        if self.run.needs_slice() && self.run.current.is_some() {
            self.begin_slice();
        }
    }

    #[inline(never)]
    fn begin_slice(&mut self) {
        self.run.has_slice = true;
        let end = self.machine.now() + SLICE;
        self.arm_by(end);
    }

    /// Has the timer fire at `at` or before.
    pub(crate) fn arm_by(&mut self, at: u64) {
        if self.run.armed.is_none_or(|armed| at < armed) {
            self.run.armed = Some(at);
            self.machine.arm_timer(Some(at));
        }
    }

    /// The timer has fired: deadlines pass, and the slice is over.
    pub(crate) fn tick(&mut self) {
        self.run.armed = None;
        self.run.has_slice = false;
        let now = self.machine.now();
        loop {
            let (mut owners, deadlines) = self.owners();
            match deadlines.pop(&mut owners, now) {
                Some(Owner::Thread(id)) => self.finish_wait(id, Err(tine_abi::Error::TimedOut)),
                Some(Owner::Event(id)) => self.deadline_passed(id),
                None => break,
            }
        }
        if self.run.has_ready() {
            self.requeue_current();
        }
        if let Some(first) = self.deadlines.first() {
            self.arm_by(first);
        }
    }

    /// Saves the extended state in the CPU for its owner and loads that of `entering`, if it has one.
    #[inline(never)]
    fn switch_extended(&mut self, entering: ThreadId) {
        if self.run.extended == Some(entering) {
            return;
        }
        self.save_extended();
        let image = self.threads.get(entering).and_then(|thread| thread.extended);
        let image = image.and_then(|image| self.extended.get(image));
        self.machine.allow_extended(image.is_some());
        if let Some(image) = image {
            self.machine.load_extended(image);
            self.run.extended = Some(entering);
        }
    }

    /// Saves the extended state in the CPU, if it is anybody's; the CPU's registers are nobody's
    /// afterwards.
    pub(crate) fn save_extended(&mut self) {
        let Some(owner) = self.run.extended.take() else { return };
        let image = self.threads.get(owner).and_then(|thread| thread.extended);
        if let Some(image) = image.and_then(|image| self.extended.get_mut(image)) {
            self.machine.save_extended(image);
        }
        self.machine.allow_extended(false);
    }

    /// Gives the current thread extended state, which it has just tried to use. `false` if there is
    /// no memory for it.
    pub(crate) fn give_extended(&mut self, id: ThreadId) -> bool {
        if self.threads.get(id).is_none_or(|thread| thread.extended.is_some()) {
            self.switch_extended(id);
            return true;
        }
        let initial = self.machine.initial_extended();
        let mut pages =
            crate::memory::KernelPages { machine: &mut self.machine, frames: &mut self.frames };
        let Ok(image) = self.extended.insert(&mut pages, initial) else { return false };
        if let Some(thread) = self.threads.get_mut(id) {
            thread.extended = Some(image);
        }
        self.switch_extended(id);
        true
    }

    /// A thread's extended state is not needed any more.
    pub(crate) fn drop_extended(&mut self, id: ThreadId) {
        if self.run.extended == Some(id) {
            self.run.extended = None;
            self.machine.allow_extended(false);
        }
        let image = self.threads.get_mut(id).and_then(|thread| thread.extended.take());
        if let Some(image) = image {
            self.extended.remove(image);
        }
    }
}
