//! A whole kernel over the software machine, and programs that tests speak for.
//!
//! Owns: [`System`]: boots a root server that never runs an instruction; a test makes system calls in
//! the name of its threads and looks at what they return. After each call everything is recounted
//! ([`invariants::check`]), unless a test asks for speed. Never here: what programs are made of
//! (`programs`).

mod programs;

use std::{boxed::Box, cell::Cell, vec, vec::Vec};

use tine_abi::{
    Call, CapRef, Error,
    capability::slot,
    memory::PAGE,
    message::{Extras, Status, Words},
    registers::UserRegisters,
    wire::Wire,
};

pub use programs::{MEMORY, MEMORY_LENGTH, Program, program_file};

use super::{SoftwareMachine, leak};
use crate::{
    boot::{Boot, Module},
    invariants,
    kernel::{Exception, Interrupt, Kernel, Next},
    machine::{Frame, PhysicalMemory},
    memory::{FrameRecord, FrameTable},
    object::{ThreadId, capability::Capability, thread::ThreadState},
    state::State,
};

/// First frame of the root server's file.
const ROOT_FILE: u32 = 2;
/// First frame of the archive.
const ARCHIVE_FILE: u32 = 6;
/// First frame that is free at boot.
const FREE: u32 = 8;

/// A kernel with a root server.
#[derive(Debug)]
pub struct System {
    kernel: &'static Kernel<SoftwareMachine>,
    /// The root server's thread.
    pub root: ThreadId,
    is_checked: Cell<bool>,
    next_slot: Cell<u16>,
}

/// What a call came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It returned with these registers.
    Returned(UserRegisters),
    /// The thread waits, or is stopped or gone.
    Blocked,
}

impl Outcome {
    /// RSI and RDX of a call that must have returned.
    ///
    /// # Errors
    /// What the kernel said.
    ///
    /// # Panics
    /// If the thread waits.
    #[track_caller]
    pub fn result(self) -> Result<(u64, u64), Error> {
        match self {
            Outcome::Returned(registers) => {
                Status(registers.rax).result().map(|()| (registers.rsi, registers.rdx))
            }
            Outcome::Blocked => panic!("the thread waits"),
        }
    }

    /// RSI of a call that must have succeeded.
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn value(self) -> u64 {
        self.result().expect("the call succeeds").0
    }

    /// The error of a call that must have failed.
    ///
    /// # Panics
    /// If it has not.
    #[track_caller]
    pub fn error(self) -> Error {
        self.result().expect_err("the call fails")
    }
}

impl System {
    /// Private slot of the root server with its account.
    pub const ACCOUNT: CapRef = CapRef::private(slot::ACCOUNT);
    /// Private slot of the root server with the hardware.
    pub const HARDWARE: CapRef = CapRef::private(slot::HARDWARE);
    /// Private slot of the root server with the archive.
    pub const ARCHIVE: CapRef = CapRef::private(slot::ARCHIVE);

    /// Boots on a machine of `frames` frames.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn new(frames: usize) -> System {
        let mut machine = SoftwareMachine::new(frames);
        let file = program_file();
        for (index, page) in file.chunks(PAGE as usize).enumerate() {
            let frame = Frame(ROOT_FILE + index as u32);
            machine.zero(frame);
            machine.write(frame, 0, page);
        }
        machine.zero(Frame(ARCHIVE_FILE));
        machine.write(Frame(ARCHIVE_FILE), 0, b"archive");
        let mut table = FrameTable::new(leak(0, frames), leak(FrameRecord::default(), frames))
            .expect("the arrays have the same length");
        table.add_free(FREE..frames as u32);
        assert!(table.set_aside_zero_page(&mut machine));
        let kernel: &'static Kernel<_> = Box::leak(Box::new(Kernel::new(machine, table)));
        let boot = Boot {
            root: Module { first: Frame(ROOT_FILE), bytes: file.len() as u64 },
            archive: Some(Module { first: Frame(ARCHIVE_FILE), bytes: 7 }),
            command_line: "mode=test quiet filter=a,b",
        };
        kernel.boot(&boot).expect("the root server is made");
        assert!(matches!(kernel.next(), Next::User(_)));
        let root = kernel.with(|state| state.run.current).expect("the root server runs");
        let system =
            System { kernel, root, is_checked: Cell::new(true), next_slot: Cell::new(100) };
        system.settle();
        system
    }

    /// Stops recounting after each call.
    pub fn unchecked(&self) {
        self.is_checked.set(false);
    }

    /// The kernel itself.
    #[must_use]
    pub fn kernel(&self) -> &'static Kernel<SoftwareMachine> {
        self.kernel
    }

    /// Works on the state.
    pub fn with<R>(&self, step: impl FnOnce(&mut State<SoftwareMachine>) -> R) -> R {
        self.kernel.with(step)
    }

    /// Recounts everything.
    ///
    /// # Panics
    /// If something does not hold.
    #[track_caller]
    pub fn check(&self) {
        if let Err(rule) = self.with(|state| invariants::check(state)) {
            panic!("{rule}");
        }
    }

    /// Polls tasks until none wants to, without running any thread.
    pub fn settle(&self) {
        while self.with(|state| {
            state.requeue_current();
            state.tasks.has_ready()
        }) {
            let _next = self.kernel.next();
        }
        if self.is_checked.get() {
            self.check();
        }
    }

    /// Makes `thread` the current one, whoever's turn it is.
    ///
    /// # Panics
    /// If it cannot run.
    #[track_caller]
    pub fn enter(&self, thread: ThreadId) {
        self.with(|state| {
            if state.run.current == Some(thread) {
                return;
            }
            state.requeue_current();
            let it = state.threads.get(thread).expect("the thread exists");
            assert_eq!(it.state, ThreadState::Runnable, "the thread can run");
            assert!(!it.is_stopped, "the thread is not stopped");
            state.unqueue(thread);
            state.enter(thread);
        });
    }

    /// What the thread does.
    #[must_use]
    pub fn state(&self, thread: ThreadId) -> ThreadState {
        self.with(|state| state.threads.get(thread).map_or(ThreadState::Ended, |it| it.state))
    }

    /// The thread's registers.
    ///
    /// # Panics
    /// If it is gone.
    #[must_use]
    #[track_caller]
    pub fn registers(&self, thread: ThreadId) -> UserRegisters {
        self.with(|state| state.threads.get(thread).expect("the thread exists").registers)
    }

    /// What the thread's last call came to, as far as that is known.
    #[must_use]
    pub fn outcome(&self, thread: ThreadId) -> Outcome {
        self.with(|state| match state.threads.get(thread) {
            Some(it) if it.state == ThreadState::Runnable && !it.is_stopped => {
                Outcome::Returned(it.registers)
            }
            _ => Outcome::Blocked,
        })
    }

    /// A system call of `thread` with these registers beside RAX.
    #[track_caller]
    pub fn enter_with(
        &self,
        thread: ThreadId,
        call: Call,
        main: CapRef,
        fill: impl FnOnce(&mut UserRegisters),
    ) -> Outcome {
        self.enter(thread);
        self.with(|state| {
            let registers = &mut state.threads.get_mut(thread).expect("it runs").registers;
            fill(registers);
            registers.rax = u64::from(call.number()) | u64::from(main.bits()) << 32;
            registers.rip += 2;
        });
        let _next = self.kernel.syscall();
        if self.is_checked.get() {
            self.check();
        }
        self.outcome(thread)
    }

    /// A system call that is no message.
    #[track_caller]
    pub fn call(&self, thread: ThreadId, call: Call, main: CapRef, words: &[u64]) -> Outcome {
        self.enter_with(thread, call, main, |registers| {
            let mut all = [0; 5];
            all[..words.len()].copy_from_slice(words);
            [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8] = all;
        })
    }

    /// A message call: token, words, and extras, which are written into the thread's memory.
    #[track_caller]
    pub fn message(
        &self,
        thread: ThreadId,
        call: Call,
        port: CapRef,
        token: u64,
        words: Words,
        extras: Option<&Extras>,
    ) -> Outcome {
        let address = MEMORY + MEMORY_LENGTH - 256;
        if let Some(extras) = extras {
            self.put(thread, address, extras);
        }
        self.enter_with(thread, call, port, |registers| {
            registers.rdi = token;
            registers.set_words(&words);
            registers.r15 = if extras.is_some() { address } else { 0 };
        })
    }

    /// Writes a structure into the memory of a thread.
    ///
    /// # Panics
    /// If it is not mapped there.
    #[track_caller]
    pub fn put<T: Wire>(&self, thread: ThreadId, address: u64, value: &T) {
        let mut words = vec![0; T::WORDS];
        value.encode(&mut words);
        self.put_words(thread, address, &words);
    }

    /// Writes words into the memory of a thread.
    ///
    /// # Panics
    /// If it is not mapped there.
    #[track_caller]
    pub fn put_words(&self, thread: ThreadId, address: u64, words: &[u64]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.with(|state| {
            let space = state.threads.get(thread).expect("the thread exists").space;
            state.write_bytes(space, address, &bytes).expect("the memory is mapped");
        });
    }

    /// Reads words from the memory of a thread.
    ///
    /// # Panics
    /// If it is not mapped there.
    #[must_use]
    #[track_caller]
    pub fn get_words(&self, thread: ThreadId, address: u64, count: usize) -> Vec<u64> {
        let mut words = vec![0; count];
        self.with(|state| {
            let space = state.threads.get(thread).expect("the thread exists").space;
            state.read_words(space, address, &mut words).expect("the memory is mapped");
        });
        words
    }

    /// An exception of `thread`.
    pub fn fault(&self, thread: ThreadId, exception: Exception) -> Outcome {
        self.enter(thread);
        let _next = self.kernel.fault(exception);
        if self.is_checked.get() {
            self.check();
        }
        self.outcome(thread)
    }

    /// Turns the clock to `now`; the timer fires if it is due.
    pub fn pass(&self, now: u64) {
        let is_due = self.with(|state| {
            state.machine.devices.now = now;
            state.machine.devices.timer.is_some_and(|at| at <= now)
        });
        if is_due {
            self.with(|state| state.machine.devices.timer = None);
            let _next = self.kernel.interrupt(Interrupt::Timer);
        }
    }

    /// What a slot of `thread` holds.
    #[must_use]
    pub fn capability(&self, thread: ThreadId, slot: CapRef) -> Option<Capability> {
        self.with(|state| state.capability(thread, slot.bits()).ok())
    }

    /// Has `thread` wait for a message; what it gets if one is there.
    #[track_caller]
    pub fn receive(&self, thread: ThreadId, port: CapRef) -> Outcome {
        self.message(thread, Call::Receive, port, 0, [0; 8], None)
    }

    /// Frames, objects and tables in use: what must be the same before and after.
    #[must_use]
    pub fn usage(&self) -> (u64, u64, usize) {
        self.settle();
        self.with(|state| {
            let statistics = state.statistics();
            let charged = state.accounts.iter().map(|(_, account)| account.frames.used()).sum();
            let _: u32 = charged;
            (u64::from(charged), statistics.objects, state.tables.len())
        })
    }
}
