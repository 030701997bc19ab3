//! A whole kernel over the software machine, and programs that tests speak for.
//!
//! Owns: [`System`]: boots a root server that never runs an instruction; a test makes system calls in
//! the name of its threads and looks at what they return. After each call everything is recounted
//! ([`invariants::check`]), unless a test asks for speed.

use std::{boxed::Box, cell::Cell, vec, vec::Vec};

use tine_abi::{
    Call, CapRef, Error, Kind, Rights,
    capability::{Destination, slot},
    memory::{Inheritance, MapRequest, PAGE, Protection, Source},
    message::{Extras, Status, Words},
    registers::UserRegisters,
    wire::Wire,
};

use super::{SoftwareMachine, leak};
use crate::{
    boot::{Boot, Module},
    invariants,
    kernel::{Exception, Interrupt, Kernel, Next},
    machine::{Frame, PhysicalMemory},
    memory::{FrameRecord, FrameTable},
    object::{
        DomainId, ThreadId,
        capability::{Capability, Object},
        thread::ThreadState,
    },
    state::State,
};

/// First frame of the root server's file.
const ROOT_FILE: u32 = 2;
/// First frame of the archive.
const ARCHIVE_FILE: u32 = 6;
/// First frame that is free at boot.
const FREE: u32 = 8;

/// Address of the memory that every test program has.
pub const MEMORY: u64 = 0x40_0000;
/// Bytes of it.
pub const MEMORY_LENGTH: u64 = 16 * PAGE;

/// A kernel with a root server.
#[derive(Debug)]
pub struct System {
    kernel: &'static Kernel<SoftwareMachine>,
    /// The root server's thread.
    pub root: ThreadId,
    is_checked: Cell<bool>,
    next_slot: Cell<u16>,
}

/// A Domain with one thread, made by the root server.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its thread.
    pub thread: ThreadId,
    /// Its Domain.
    pub domain: DomainId,
    /// The root server's capability to the Domain.
    pub domain_slot: CapRef,
    /// The root server's capability to the thread.
    pub thread_slot: CapRef,
    /// The root server's capability to the space.
    pub space_slot: CapRef,
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

/// A program file: one page of text at the lowest address, one word of data in the next region.
#[must_use]
pub fn program_file() -> Vec<u8> {
    let mut file = vec![0_u8; 2 * PAGE as usize + 8];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &2_u16.to_le_bytes());
    put(18, &62_u16.to_le_bytes());
    put(24, &0x20_0010_u64.to_le_bytes());
    put(32, &64_u64.to_le_bytes());
    put(54, &56_u16.to_le_bytes());
    put(56, &2_u16.to_le_bytes());
    let mut segment = |at: usize, flags: u32, numbers: [u64; 5]| {
        put(at, &1_u32.to_le_bytes());
        put(at + 4, &flags.to_le_bytes());
        let [offset, address, file_length, length, alignment] = numbers;
        for (index, number) in
            [offset, address, address, file_length, length, alignment].into_iter().enumerate()
        {
            put(at + 8 + 8 * index, &number.to_le_bytes());
        }
    };
    segment(64, 5, [PAGE, 0x20_0000, PAGE, PAGE, PAGE]);
    segment(120, 6, [2 * PAGE, 0x40_0000, 8, 64, PAGE]);
    file[PAGE as usize + 0x10] = 0x90;
    file[2 * PAGE as usize..].copy_from_slice(&0x1122_3344_5566_7788_u64.to_le_bytes());
    file
}

impl System {
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

    /// A private slot that no test has used.
    #[must_use]
    pub fn slot(&self) -> CapRef {
        let slot = self.next_slot.get();
        self.next_slot.set(slot + 1);
        CapRef::private(slot)
    }

    /// Has `thread` create an object for its own account.
    ///
    /// # Errors
    /// What the kernel said.
    #[track_caller]
    pub fn create(&self, thread: ThreadId, kind: Kind, words: &[u64]) -> Result<CapRef, Error> {
        let slot = self.slot();
        let mut all = vec![kind as u64, Destination::exactly(slot).bits()];
        all.extend_from_slice(words);
        self.call(thread, Call::Create, CapRef::SELF, &all).result().map(|_| slot)
    }

    /// What a slot of `thread` holds.
    #[must_use]
    pub fn capability(&self, thread: ThreadId, slot: CapRef) -> Option<Capability> {
        self.with(|state| state.capability(thread, slot.bits()).ok())
    }

    /// Gives the Domain of `to` a copy of a capability of `from`, by force of the test.
    ///
    /// # Panics
    /// If there is no such capability.
    #[track_caller]
    pub fn give(&self, from: ThreadId, slot: CapRef, to: ThreadId, place: CapRef, rights: Rights) {
        self.with(|state| {
            let capability = state.capability(from, slot.bits()).expect("the capability exists");
            let table = state.threads.get(to).expect("the thread exists").tables;
            let table = table[place.table() as usize];
            let slot = state
                .find_slot(table, Destination::exactly(place), true)
                .expect("there is room for it");
            let copy = capability.narrowed(rights);
            state.hold(copy);
            state.replace(table, slot, copy);
        });
    }

    /// Has the root server make a Domain with one running thread and some memory.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn spawn(&self, rank: u64) -> Program {
        let root = self.root;
        let make = |kind, words: &[u64]| self.create(root, kind, words).expect("root makes it");
        let space_slot = make(Kind::AddressSpace, &[]);
        let request = MapRequest {
            address: MEMORY,
            length: MEMORY_LENGTH,
            protection: Protection::READ | Protection::WRITE,
            inheritance: Inheritance::Copy,
            source: Source::Anonymous,
            offset: 0,
        };
        self.put(root, MEMORY, &request);
        self.call(root, Call::Map, space_slot, &[MEMORY]).value();
        let domain_slot = make(Kind::Domain, &[u64::from(space_slot.bits()), rank]);
        let thread_slot = make(Kind::Thread, &[u64::from(domain_slot.bits())]);
        let start = [0x20_0000, MEMORY + MEMORY_LENGTH, 0, MEMORY, 0];
        self.call(root, Call::ThreadStart, thread_slot, &start).value();
        let object = |slot: CapRef| {
            self.capability(root, slot).and_then(|it| it.object()).expect("it was just made")
        };
        let (Object::Domain(domain), Object::Thread(thread)) =
            (object(domain_slot), object(thread_slot))
        else {
            panic!("root made other objects")
        };
        Program { thread, domain, domain_slot, thread_slot, space_slot }
    }

    /// A port of `thread`.
    ///
    /// # Panics
    /// If it cannot be made.
    #[track_caller]
    pub fn port(&self, thread: ThreadId) -> CapRef {
        self.create(thread, Kind::Port, &[0]).expect("a port is made")
    }

    /// Has `thread` mint an identity on its port and gives it to `client`, in a private slot.
    #[track_caller]
    pub fn client(
        &self,
        server: ThreadId,
        port: CapRef,
        badge: u64,
        client: ThreadId,
        place: CapRef,
    ) {
        let slot = self.slot();
        let words = [Destination::exactly(slot).bits(), u64::from(Rights::ALL.bits()), badge, 1];
        self.call(server, Call::CapDuplicate, port, &words).value();
        self.give(server, slot, client, place, Rights::ALL);
        self.call(server, Call::CapClose, slot, &[]).value();
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

    /// Private slot of the root server with its account.
    pub const ACCOUNT: CapRef = CapRef::private(slot::ACCOUNT);
    /// Private slot of the root server with the hardware.
    pub const HARDWARE: CapRef = CapRef::private(slot::HARDWARE);
    /// Private slot of the root server with the archive.
    pub const ARCHIVE: CapRef = CapRef::private(slot::ARCHIVE);
}
