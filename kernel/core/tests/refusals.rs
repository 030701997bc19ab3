//! Every refusal of every system call: the table of the guest's suite, tried on the software machine, and
//! what it cannot say in rows. What no program in the guest can provoke is in `elsewhere.rs`.
//!
//! A refused call changes nothing: usage is compared before and after each row.

use tine_abi::{
    Call, CapRef, Error, Kind,
    capability::{Destination, Rights},
    domain::{DomainOperation, rank},
    hardware::HardwareOperation,
    layout,
    memory::{CopyRequest, Inheritance, MapRequest, PAGE, Place, Protection, Source},
    message::{Extras, SendCapability, SendMode},
};
use tine_kcore::{
    Exception,
    testing::system::{MEMORY, MEMORY_LENGTH, Outcome, Program, System},
};
use tine_tests_table::refusals::{
    NOWHERE, ROWS, Row, UNKNOWN, Value,
    subject::{
        DOMAIN, DOMAIN_ENDED, DOMAIN_READ, EVENT, EVENT_BOUND, EVENT_SIGNAL, EVENT_WAIT,
        MEMORY as MEMORY_OBJECT, MEMORY_MAPPED, MEMORY_READ, MEMORY_SEALED, PORT, PORT_DEAD,
        PORT_RECEIVE, PORT_REVOKED, PORT_SEND, SPACE, SPACE_GONE, SPACE_READ, STATISTICS, THREAD,
        THREAD_ENDED, THREAD_FAULTED, THREAD_READ,
    },
};

/// Where the words of a row lie, and the room.
const WORDS: u64 = MEMORY + 0x2000;
const ROOM: u64 = MEMORY + 0x3000;

/// A program with everything that the rows are about.
struct World {
    system: System,
    program: Program,
}

impl World {
    fn new() -> World {
        let system = System::new(512);
        system.unchecked();
        system.pass(1_000_000_000);
        let program = system.spawn(rank::PROGRAM);
        let world = World { system, program };
        let text = MapRequest {
            address: layout::TEXT,
            length: PAGE,
            protection: Protection::READ,
            inheritance: Inheritance::Copy,
            source: Source::Anonymous,
            offset: 0,
        };
        world.system.put(program.thread, WORDS, &text);
        world.call(Call::Map, CapRef::SELF, &[WORDS]).value();
        world.make_objects();
        world.system.put_words(program.thread, WORDS, &[0]);
        world.system.put_words(program.thread, ROOM, &[0]);
        world.system.put_words(program.thread, MEMORY + MEMORY_LENGTH - 256, &[0]);
        world.system.settle();
        world
    }

    fn call(&self, call: Call, main: CapRef, words: &[u64]) -> Outcome {
        self.system.call(self.program.thread, call, main, words)
    }

    fn make(&self, kind: Kind, to: CapRef, arguments: &[u64]) {
        let mut words = vec![kind as u64, Destination::exactly(to).bits()];
        words.extend_from_slice(arguments);
        self.call(Call::Create, CapRef::SELF, &words).value();
    }

    fn duplicate(&self, from: CapRef, to: CapRef, rights: Rights, badge: Option<u64>) {
        let destination = Destination::exactly(to).bits();
        let rights = u64::from(rights.bits());
        let words = [destination, rights, badge.unwrap_or(0), u64::from(badge.is_some())];
        self.call(Call::CapDuplicate, from, &words).value();
    }

    fn make_objects(&self) {
        let bits = |slot: CapRef| u64::from(slot.bits());
        let temporary = CapRef::descriptor(60);
        self.make(Kind::Event, EVENT, &[]);
        self.duplicate(EVENT, EVENT_WAIT, Rights::WAIT, None);
        self.duplicate(EVENT, EVENT_SIGNAL, Rights::SIGNAL, None);
        self.make(Kind::Port, PORT, &[rank::PROGRAM]);
        self.make(Kind::Event, EVENT_BOUND, &[bits(PORT), 5]);
        self.duplicate(PORT, PORT_SEND, Rights::SEND, Some(9));
        self.duplicate(PORT, PORT_RECEIVE, Rights::RECEIVE, None);
        self.duplicate(PORT, PORT_REVOKED, Rights::SEND | Rights::MINT, Some(10));
        self.call(Call::CapRevoke, PORT_REVOKED, &[]).value();
        self.make(Kind::Port, temporary, &[rank::PROGRAM]);
        self.duplicate(temporary, PORT_DEAD, Rights::SEND, Some(1));
        self.call(Call::CapClose, temporary, &[]).value();

        self.make(Kind::Memory, MEMORY_OBJECT, &[2 * PAGE]);
        self.duplicate(MEMORY_OBJECT, MEMORY_READ, Rights::READ, None);
        self.make(Kind::Memory, MEMORY_SEALED, &[PAGE]);
        self.call(Call::Protect, MEMORY_SEALED, &[]).value();
        self.make(Kind::Memory, MEMORY_MAPPED, &[PAGE]);
        let map = MapRequest {
            address: 0,
            length: PAGE,
            protection: Protection::READ | Protection::WRITE,
            inheritance: Inheritance::Share,
            source: Source::Shared(MEMORY_MAPPED),
            offset: 0,
        };
        self.system.put(self.program.thread, WORDS, &map);
        self.call(Call::Map, CapRef::SELF, &[WORDS]).value();

        self.make(Kind::AddressSpace, SPACE, &[]);
        self.duplicate(SPACE, SPACE_READ, Rights::READ, None);
        self.make(Kind::Domain, DOMAIN, &[bits(SPACE), rank::PROGRAM]);
        self.duplicate(DOMAIN, DOMAIN_READ, Rights::READ, None);
        self.make(Kind::Thread, THREAD, &[bits(DOMAIN)]);
        self.duplicate(THREAD, THREAD_READ, Rights::READ, None);
        self.make(Kind::AddressSpace, SPACE_GONE, &[]);
        self.make(Kind::Domain, DOMAIN_ENDED, &[bits(SPACE_GONE), rank::PROGRAM]);
        self.make(Kind::Thread, THREAD_ENDED, &[bits(DOMAIN_ENDED)]);
        self.call(Call::DomainControl, DOMAIN_ENDED, &[DomainOperation::Kill as u64, 9]).value();
        self.system.settle();

        let (supervisor, faulting) = (CapRef::descriptor(61), CapRef::descriptor(62));
        self.make(Kind::Port, supervisor, &[rank::PROGRAM]);
        self.make(Kind::Domain, faulting, &[bits(SPACE), rank::PROGRAM]);
        let words = [DomainOperation::SetSupervisor as u64, bits(supervisor), 3];
        self.call(Call::DomainControl, faulting, &words).value();
        self.make(Kind::Thread, THREAD_FAULTED, &[bits(faulting)]);
        self.call(Call::ThreadStart, THREAD_FAULTED, &[NOWHERE]).value();
        let thread = self.system.capability(self.program.thread, THREAD_FAULTED);
        let thread = thread.and_then(|it| it.thread().ok()).expect("a thread");
        let fetch = Exception { vector: 14, code: 0x14, address: NOWHERE };
        assert_eq!(self.system.fault(thread, fetch), Outcome::Blocked);
        self.system.receive(self.program.thread, supervisor).result().expect("the fault");

        let root = self.system.root;
        self.call(Call::DebugLog, CapRef::SELF, &[layout::TEXT, 1]).value();
        let rights = Rights::STATISTICS;
        self.system.give(root, System::HARDWARE, self.program.thread, STATISTICS, rights);
    }

    /// Tries a row; what it answered.
    fn attempt(&self, row: &Row) -> Option<Error> {
        let thread = self.program.thread;
        let registers = row.registers.map(|value| match value {
            Value::Word(word) => word,
            Value::Room => ROOM,
            Value::Words(words) => {
                self.system.put_words(thread, WORDS, words);
                WORDS
            }
        });
        let outcome = self.system.enter_with(thread, row.call, row.capability, |into| {
            let [rdi, rsi, rdx, r10, r8, r9, r12, r13, r14, r15] = registers;
            (into.rdi, into.rsi, into.rdx, into.r10, into.r8) = (rdi, rsi, rdx, r10, r8);
            (into.r9, into.r12, into.r13, into.r14, into.r15) = (r9, r12, r13, r14, r15);
        });
        outcome.result().err()
    }
}

#[test]
fn every_row_of_the_table_is_answered_as_it_says_and_refusals_change_nothing() {
    let shared = World::new();
    let mut before = shared.system.usage();
    let mut count = 0;
    for row in ROWS.iter().copied().flatten() {
        let what = format!("{}, {}", row.call.info().name, row.about);
        if row.error.is_some() {
            assert_eq!(shared.attempt(row), row.error, "{what}");
            let after = shared.system.usage();
            // A copy makes the page that it would write to before it looks for the other.
            let frames = if row.call == Call::SpaceCopy { after.0 } else { before.0 };
            assert_eq!(after, (frames, before.1, before.2), "{what}");
            before = after;
        } else {
            let world = World::new();
            assert_eq!(world.attempt(row), None, "{what}");
            world.system.settle();
            world.system.check();
        }
        count += 1;
    }
    shared.system.check();
    assert!(count > 150, "{count} rows");
}

#[test]
fn numbers_that_are_no_call_say_so() {
    let world = World::new();
    for number in UNKNOWN {
        world.system.enter(world.program.thread);
        world.system.with(|state| {
            let thread = state.threads.get_mut(world.program.thread).unwrap();
            thread.registers.rax = u64::from(number);
        });
        assert!(matches!(world.system.kernel().syscall(), tine_kcore::Next::User(_)));
        let registers = world.system.registers(world.program.thread);
        assert_eq!(registers.rax, Error::UnknownCall.number(), "call {number}");
    }
}

/// Leaves the program's account with this many objects and frames.
fn limit(world: &World, objects: Option<u32>, frames: Option<u32>) {
    world.system.settle();
    world.system.with(|state| {
        let domain = state.domains.get(world.program.domain).expect("it lives");
        let account = state.accounts.get_mut(domain.account).expect("it pays");
        if let Some(more) = objects {
            account.objects.set_limit(account.objects.used() + more);
        }
        if let Some(more) = frames {
            account.frames.set_limit(account.frames.used() + more);
        }
    });
}

fn exactly(slot: u16) -> u64 {
    Destination::exactly(CapRef::descriptor(slot)).bits()
}

#[test]
fn accounts_that_are_exhausted_refuse_objects() {
    let world = World::new();
    world.system.create(world.program.thread, Kind::Port, &[rank::PROGRAM]).unwrap();
    limit(&world, Some(0), None);
    let before = world.system.usage();
    let all = u64::from(Rights::ALL.bits());
    let mint = world.call(Call::CapDuplicate, PORT, &[exactly(70), all, 1, 1]);
    assert_eq!(mint.error(), Error::NoObjects);
    for (kind, words) in [
        (Kind::Domain, vec![u64::from(SPACE.bits()), rank::PROGRAM]),
        (Kind::Thread, vec![0]),
        (Kind::AddressSpace, vec![]),
        (Kind::Memory, vec![PAGE]),
        (Kind::Port, vec![rank::PROGRAM]),
        (Kind::Event, vec![0]),
    ] {
        let refused = world.system.create(world.program.thread, kind, &words);
        assert_eq!(refused, Err(Error::NoObjects), "{kind:?}");
    }
    let mut extras = Extras::NONE;
    extras.capabilities[0] =
        Some(SendCapability { source: PORT, mode: SendMode::Mint, rights: Rights::SEND, badge: 1 });
    let call =
        world.system.message(world.program.thread, Call::Call, PORT_SEND, 0, [0; 8], Some(&extras));
    assert_eq!(call.error(), Error::NoObjects, "minting into a message");
    assert_eq!(world.system.usage(), before);
}

#[test]
fn memory_that_is_exhausted_is_refused_and_every_failure_is_undone() {
    let world = World::new();
    let (system, thread) = (&world.system, world.program.thread);
    let all = u64::from(Rights::ALL.bits());
    // The account: tables of slots, spaces, pages.
    limit(&world, None, Some(0));
    let before = system.usage();
    let far = world.call(Call::CapDuplicate, EVENT, &[exactly(5000), all]);
    assert_eq!(far.error(), Error::NoMemory);
    let far = world.call(Call::CapMove, EVENT, &[exactly(5000), all]);
    assert_eq!(far.error(), Error::NoMemory);
    let space = system.create(thread, Kind::AddressSpace, &[]);
    assert_eq!(space, Err(Error::NoMemory));
    let arrivals = world.call(Call::ThreadControl, CapRef::SELF, &[6, 6000]);
    assert_eq!(arrivals.error(), Error::NoMemory);
    let copy =
        CopyRequest { to: Place::Memory(MEMORY_OBJECT, 0), from: Place::Own(MEMORY), length: 8 };
    system.put(thread, WORDS, &copy);
    assert_eq!(world.call(Call::SpaceCopy, CapRef::SELF, &[WORDS]).error(), Error::NoMemory);
    assert_eq!(system.usage(), before);
    limit(&world, None, Some(100));

    // The machine, at each allocation in turn.
    let make: [(Kind, Vec<u64>); 6] = [
        (Kind::Domain, vec![u64::from(SPACE.bits()), rank::PROGRAM]),
        (Kind::Thread, vec![0]),
        (Kind::AddressSpace, vec![]),
        (Kind::Memory, vec![PAGE]),
        (Kind::Port, vec![rank::PROGRAM]),
        (Kind::Event, vec![0]),
    ];
    let mut failures = 0;
    for (kind, words) in make.iter().cycle().take(300) {
        let before = system.usage();
        system.with(|state| state.frames.fail_after(0));
        let slot = CapRef::private(2000);
        let mut all = vec![*kind as u64, Destination::exactly(slot).bits()];
        all.extend_from_slice(words);
        let outcome = world.call(Call::Create, CapRef::SELF, &all);
        let is_unused = system.with(|state| state.frames.heal());
        if !is_unused {
            assert_eq!(outcome.error(), Error::NoMemory, "{kind:?}");
            assert_eq!(system.usage(), before, "{kind:?}");
            failures += 1;
        } else {
            outcome.value();
            let kept = Destination::lowest_from(CapRef::private(200)).bits();
            let rights = u64::from(Rights::ALL.bits());
            world.call(Call::CapMove, slot, &[kept, rights]).value();
        }
    }
    assert!(failures > 6, "{failures} allocations");
    system.check();
}

#[test]
fn large_changes_are_finished_by_the_threads_future() {
    let system = System::new(2048);
    let program = system.spawn(rank::PROGRAM);
    let thread = program.thread;
    let length = 512 * PAGE;
    let map = MapRequest {
        address: 0,
        length,
        protection: Protection::READ | Protection::WRITE,
        inheritance: Inheritance::Copy,
        source: Source::Anonymous,
        offset: 0,
    };
    system.put(thread, MEMORY, &map);
    let address = system.call(thread, Call::Map, CapRef::SELF, &[MEMORY]).value();
    assert!(address >= layout::PRIVATE.start && address.is_multiple_of(layout::REGION));
    for page in 0..512 {
        system.put_words(thread, address + page * PAGE, &[page]);
    }
    // Two threads of one space: the second finishes what is in its way first.
    let sibling = system.create(thread, Kind::Thread, &[0]).unwrap();
    let id = system.capability(thread, sibling).unwrap().thread().unwrap();
    system.call(thread, Call::ThreadStart, sibling, &[layout::TEXT, MEMORY]).value();

    let inner = address + PAGE;
    let read = [inner, length - 2 * PAGE, u64::from(Protection::READ.bits())];
    let protect = system.call(thread, Call::Protect, CapRef::SELF, &read);
    assert_eq!(protect, Outcome::Blocked, "it works");
    let rip = system.registers(id).rip;
    let unmap = system.call(id, Call::Unmap, CapRef::SELF, &[address, 64 * PAGE]);
    assert_eq!(unmap, Outcome::Blocked);
    system.settle();
    assert_eq!(system.outcome(thread).result(), Ok((0, 0)));
    assert_eq!(system.registers(id).rip, rip, "the call is executed again");
    let unmap = system.call(id, Call::Unmap, CapRef::SELF, &[address, 64 * PAGE]);
    assert_eq!(unmap.result(), Ok((0, 0)));
    let unmap = system.call(thread, Call::Unmap, CapRef::SELF, &[inner, length - 2 * PAGE]);
    assert_eq!(unmap, Outcome::Blocked);
    // Killed while its future works: the work is finished, then the Domain ends.
    system.call(system.root, Call::DomainControl, program.domain_slot, &[1, 9]).value();
    system.settle();
    assert_eq!(system.with(|state| state.errands.len()), 0);
    let gone = system.call(system.root, Call::Unmap, program.space_slot, &[MEMORY, PAGE]);
    assert_eq!(gone.error(), Error::Gone);
}

#[test]
fn long_copies_go_on_in_steps_and_say_where_they_stopped() {
    let system = System::new(2048);
    let program = system.spawn(rank::PROGRAM);
    let thread = program.thread;
    let pages = 200;
    let memory = system.create(thread, Kind::Memory, &[pages * PAGE]).unwrap();
    let map = MapRequest {
        address: 0,
        length: pages * PAGE,
        protection: Protection::READ | Protection::WRITE,
        inheritance: Inheritance::Copy,
        source: Source::Anonymous,
        offset: 0,
    };
    system.put(thread, MEMORY, &map);
    let address = system.call(thread, Call::Map, CapRef::SELF, &[MEMORY]).value();
    system.put_words(thread, address + 199 * PAGE, &[77]);
    let copy = |to: Place, from: Place, length: u64| {
        system.put(thread, MEMORY, &CopyRequest { to, from, length });
        let outcome = system.call(thread, Call::SpaceCopy, CapRef::SELF, &[MEMORY]);
        assert_eq!(outcome, Outcome::Blocked, "it takes several steps");
        system.settle();
        system.outcome(thread)
    };
    let all = pages * PAGE;
    assert_eq!(copy(Place::Memory(memory, 0), Place::Own(address), all).value(), all);
    let back = copy(Place::Own(address), Place::Memory(memory, PAGE), all - PAGE);
    assert_eq!(back.value(), all - PAGE);
    assert_eq!(system.get_words(thread, address + 198 * PAGE, 1), [77]);
    // The last 50 pages are not mapped any more.
    let hole = address + 150 * PAGE;
    system.call(thread, Call::Unmap, CapRef::SELF, &[hole, 50 * PAGE]).value();
    let failed = copy(Place::Memory(memory, 0), Place::Own(address), all);
    assert_eq!(failed.error(), Error::BadAddress);
    let registers = system.registers(thread);
    assert_eq!((registers.rsi, registers.rdx), (150 * PAGE, hole));
}

#[test]
fn hardware_refuses_what_no_program_can_ask_for() {
    let system = System::new(512);
    let root = system.root;
    let control = |main: CapRef, operation: HardwareOperation, words: &[u64]| {
        let mut all = vec![operation as u64];
        all.extend_from_slice(words);
        system.call(root, Call::HardwareControl, main, &all)
    };
    let hardware = System::HARDWARE;
    let taken = Destination::exactly(hardware).bits();
    let free = Destination::exactly(CapRef::private(300)).bits();
    let range = HardwareOperation::MakePortRange;
    assert_eq!(control(hardware, range, &[0x3f8, 8, taken]).error(), Error::NoSlots);
    assert_eq!(control(hardware, range, &[0x3f8, 8, 1 << 41]).error(), Error::BadArgument);
    for (first, count) in [(0, 0), (0xffff, 2), (u64::MAX, 2), (0x1_0000, 1)] {
        assert_eq!(control(hardware, range, &[first, count, free]).error(), Error::BadArgument);
    }
    let line = HardwareOperation::MakeInterrupt;
    assert_eq!(control(hardware, line, &[24, free]).error(), Error::BadArgument, "24 lines");
    control(hardware, line, &[4, free]).value();
    let far = Destination::exactly(CapRef::private(9000)).bits();
    system.with(|state| {
        let account = state.domains.iter().next().map(|(_, domain)| domain.account).unwrap();
        let account = state.accounts.get_mut(account).unwrap();
        account.frames.set_limit(account.frames.used());
    });
    assert_eq!(control(hardware, line, &[4, far]).error(), Error::NoMemory);
    for operation in [HardwareOperation::PortRead, HardwareOperation::PowerOff] {
        assert_eq!(control(CapRef::private(300), operation, &[]).error(), Error::WrongKind);
    }
    let event = control(CapRef::private(300), HardwareOperation::InterruptBind, &[9, 1]);
    assert_eq!(event.error(), Error::BadCapability);
}
