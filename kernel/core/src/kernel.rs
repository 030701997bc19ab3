//! The kernel as the trap code sees it: the lock, and one function for each way in.
//!
//! Owns: [`Kernel`], [`Next`], the polling of tasks. Never here: what a call does (`syscall`), who
//! runs (`executor`).
//!
//! A trap saves the registers into the current thread's image, calls one of [`Kernel::syscall`],
//! [`Kernel::fault`], [`Kernel::interrupt`], and does what it returns: enters user mode with an image,
//! or idles until an interrupt. Plain functions come first: when a thread can go on at once, no task
//! is looked at. Otherwise each entry polls at most one step of one task before the next thread.
//!
//! Invariants: K1 the state is locked from a trap to its [`Next`], except while a future is polled;
//! futures lock it for each of their steps and never across an await. K2 interrupts are off
//! throughout.

use core::{future::poll_fn, ptr::NonNull, task::Poll};

use tine_abi::{notification::FaultKind, registers::UserRegisters};
use tine_ksync::{Lock, Running, lock_order};

use crate::{
    machine::Machine,
    memory::{Access, FrameTable, KernelPages},
    object::thread::PendingFault,
    reaper,
    state::State,
    syscall,
    trace::{Reason, TraceRecord},
};

lock_order! {
    /// The kernel's state; the binary may declare further levels after it.
    KernelLevel,
}

/// What the CPU does after a trap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "the CPU must do something"]
pub enum Next {
    /// Enter user mode with these registers. The next trap saves them there again.
    User(NonNull<UserRegisters>),
    /// Wait for an interrupt.
    Idle,
}

/// What interrupted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interrupt {
    /// The timer, as armed.
    Timer,
    /// A line, which is masked now.
    Line(u32),
    /// Nothing that concerns the kernel.
    Spurious,
}

/// An exception of user mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exception {
    /// The processor's vector (Intel SDM volume 3A, 6.15).
    pub vector: u8,
    /// Its error code, or 0.
    pub code: u64,
    /// CR2 for page faults, else 0.
    pub address: u64,
}

/// The kernel.
#[derive(Debug)]
pub struct Kernel<M: Machine> {
    state: Lock<KernelLevel, State<M>>,
}

impl<M: Machine> Kernel<M> {
    /// A kernel without programs; [`Kernel::boot`] makes the first one. `frames` has its zero page
    /// set aside.
    #[must_use]
    pub fn new(machine: M, frames: FrameTable) -> Kernel<M> {
        let mut state = State::new(machine, frames);
        state.count_frames();
        Kernel { state: Lock::new(state) }
    }

    /// Works on the state: one atomic step.
    #[inline(always)]
    pub fn with<R>(&self, step: impl FnOnce(&mut State<M>) -> R) -> R {
        let mut interrupts = M::interrupts_off();
        let mut unlocked = interrupts.unlocked();
        let (mut state, _held) = self.state.lock(&mut unlocked);
        step(&mut state)
    }

    /// A system call of the current thread.
    #[inline]
    pub fn syscall(&'static self) -> Next {
        let next = self.with(|state| {
            state.counters.entries += 1;
            syscall::dispatch(state)
        });
        next.unwrap_or_else(|| self.next())
    }

    /// An exception of the current thread.
    pub fn fault(&'static self, exception: Exception) -> Next {
        let next = self.with(|state| {
            state.counters.entries += 1;
            state.exception(exception);
            state.leave()
        });
        next.unwrap_or_else(|| self.next())
    }

    /// An interrupt, of user mode or of an idle CPU.
    pub fn interrupt(&'static self, interrupt: Interrupt) -> Next {
        let next = self.with(|state| {
            state.counters.entries += 1;
            let number = match interrupt {
                Interrupt::Timer => 255,
                Interrupt::Line(line) => u64::from(line),
                Interrupt::Spurious => 254,
            };
            state.trace.note(Reason::Interrupt, number, state.run.current);
            match interrupt {
                Interrupt::Timer => state.tick(),
                Interrupt::Line(line) => state.line_fired(line),
                Interrupt::Spurious => {}
            }
            state.leave()
        });
        next.unwrap_or_else(|| self.next())
    }

    /// Finds something to do when no thread can simply go on: a step of a task, then the next thread.
    #[inline(never)]
    pub fn next(&'static self) -> Next {
        loop {
            let mut task = self.with(|state| {
                let task = state.tasks.begin();
                state.polled = task.as_ref().map(Running::id);
                task
            });
            let is_idle = task.is_none();
            if let Some(task) = &mut task {
                task.poll();
            }
            let next = self.with(|state| {
                if let Some(task) = task {
                    state.polled = None;
                    state.tasks.end(task);
                }
                state.pick();
                state.enter_current()
            });
            match next {
                Some(next) => return next,
                None if is_idle => return Next::Idle,
                None => {}
            }
        }
    }

    /// Lets other tasks and threads run before the future that awaits this goes on.
    pub(crate) async fn yield_now(&self) {
        let mut has_yielded = false;
        poll_fn(|_| {
            if core::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            self.with(|state| state.polled.map(|task| state.tasks.ready(task)));
            Poll::Pending
        })
        .await;
    }

    /// Starts the reaper and lets futures find the kernel.
    pub(crate) fn begin(&'static self) -> bool {
        self.with(|state| {
            state.kernel = Some(self);
            let mut pages = KernelPages { machine: &mut state.machine, frames: &mut state.frames };
            let task = state.tasks.insert(&mut pages, reaper::run(self)).ok();
            state.reaper.task = task;
            state.wake_reaper();
            task.is_some()
        })
    }

    /// The last entries into the kernel, oldest first, for a dying kernel's epitaph. Nothing if the
    /// state is locked: who dies may hold it.
    pub fn epitaph(&self, mut each: impl FnMut(TraceRecord)) {
        let mut interrupts = M::interrupts_off();
        let mut unlocked = interrupts.unlocked();
        if let Some((state, _held)) = self.state.try_lock(&mut unlocked) {
            state.trace.iter().for_each(&mut each);
        }
    }
}

impl<M: Machine> State<M> {
    /// Whether the current thread can go on without further ado: no task waits, and the time of
    /// those who wait for the CPU is kept.
    #[inline(always)]
    pub(crate) fn may_return(&self) -> bool {
        !self.tasks.has_ready() && !self.run.needs_slice()
    }

    /// Back to the current thread, or the first that is ready; unless a task waits.
    #[inline(always)]
    pub(crate) fn leave(&mut self) -> Option<Next> {
        if self.tasks.has_ready() {
            return None;
        }
        self.pick();
        self.enter_current()
    }

    #[inline(always)]
    fn enter_current(&mut self) -> Option<Next> {
        self.keep_time();
        let thread = self.threads.ptr(self.run.current?)?;
        // The registers are the first field of a thread.
        Some(Next::User(thread.cast()))
    }
}

impl<M: Machine> State<M> {
    /// An exception of the current thread: repaired, or told.
    fn exception(&mut self, exception: Exception) {
        let Some(me) = self.run.current else { return };
        let Exception { vector, code, address } = exception;
        let word = address << 8 >> 8 | u64::from(vector) << 56;
        self.trace.note(Reason::Exception, word, Some(me));
        let mut access = 0;
        let kind = match vector {
            14 => {
                self.counters.faults += 1;
                // Error code: bit 1 write, bit 4 instruction fetch (SDM volume 3A, 4.7).
                access = (code >> 1 & 1 | code >> 3 & 2) as u8;
                match self.page_fault(me, address, access) {
                    Ok(()) => return,
                    Err(kind) => kind,
                }
            }
            7 if self.give_extended(me) => return,
            7 => FaultKind::NoMemory,
            0 => FaultKind::Divide,
            6 => FaultKind::Instruction,
            10..=13 => FaultKind::General,
            16 | 19 => FaultKind::Arithmetic,
            17 => FaultKind::Alignment,
            3 => FaultKind::Breakpoint,
            1 => FaultKind::Debug,
            _ => FaultKind::Other,
        };
        self.tell_fault(me, PendingFault::new(kind, access, vector, code as u32, address));
    }

    /// Repairs what a page fault asks for, if the address space allows the access.
    #[inline]
    fn page_fault(
        &mut self,
        me: crate::object::ThreadId,
        address: u64,
        access: u8,
    ) -> Result<(), FaultKind> {
        let access = match access {
            0 => Access::Read,
            1 => Access::Write,
            _ => Access::Execute,
        };
        let space = self.threads.get(me).ok_or(FaultKind::Other)?.space;
        let (mut cx, spaces) = self.memory();
        let space = spaces.get_mut(space).ok_or(FaultKind::Unmapped)?;
        space.space.repair(&mut cx, address, access)?;
        self.reap_soon();
        Ok(())
    }
}
