//! Events, deadlines, time slices, interrupts, faults.

use tine_abi::{
    Call, CapRef, Error, Kind,
    capability::{Destination, Rights},
    domain::{DomainOperation, Suspend},
    hardware::{HardwareOperation, Statistics},
    memory::PAGE,
    message::{MessageKind, Status},
    notification::{ExitKind, Fault, FaultKind, Notification},
    wire::Wire,
};
use tine_kcore::{
    Exception, Interrupt,
    executor::SLICE,
    object::thread::ThreadState,
    testing::system::{MEMORY, Outcome, Program, System},
};

fn event(system: &System, program: &Program, binding: &[u64]) -> CapRef {
    system.create(program.thread, Kind::Event, binding).expect("an event")
}

#[test]
fn bits_are_taken_by_the_one_who_waits_for_them() {
    let system = System::new(512);
    let (waiter, other) = (system.spawn(4), system.spawn(4));
    let slot = event(&system, &waiter, &[0, 0]);
    system.give(waiter.thread, slot, other.thread, CapRef::private(9), Rights::ALL);
    let wait = |mask: u64, deadline: u64| {
        system.call(waiter.thread, Call::EventWait, slot, &[mask, deadline])
    };
    let signal = |bits: u64| {
        system.call(other.thread, Call::EventSignal, CapRef::private(9), &[bits]).value();
    };
    signal(0b110);
    assert_eq!(wait(0b011, u64::MAX).value(), 0b010);
    assert_eq!(wait(0b011, 0).error(), Error::TimedOut);
    assert_eq!(wait(0b1001, u64::MAX), Outcome::Blocked);
    let busy = system.call(other.thread, Call::EventWait, CapRef::private(9), &[1, 0]);
    assert_eq!(busy.error(), Error::Busy);
    signal(0b010);
    assert_eq!(system.state(waiter.thread), ThreadState::Waiting);
    signal(0b1000);
    assert_eq!(system.outcome(waiter.thread).value(), 0b1000);
    assert_eq!(wait(0b111, u64::MAX).value(), 0b110);
}

#[test]
fn deadlines_end_waits_and_set_bits_in_the_order_of_time() {
    let system = System::new(512);
    let programs: Vec<Program> = (0..3).map(|_| system.spawn(4)).collect();
    let slots: Vec<CapRef> = programs.iter().map(|it| event(&system, it, &[0, 0])).collect();
    for (index, at) in [(0, 3000), (1, 1000), (2, 2000)] {
        let thread = programs[index].thread;
        if index == 2 {
            system.call(thread, Call::EventArm, slots[index], &[5, at]).value();
            let wait = system.call(thread, Call::EventWait, slots[index], &[u64::MAX, u64::MAX]);
            assert_eq!(wait, Outcome::Blocked);
        } else {
            let wait = system.call(thread, Call::EventWait, slots[index], &[1, at]);
            assert_eq!(wait, Outcome::Blocked);
        }
    }
    system.pass(999);
    assert!(programs.iter().all(|it| system.state(it.thread) == ThreadState::Waiting));
    system.pass(1000);
    assert_eq!(system.outcome(programs[1].thread).error(), Error::TimedOut);
    system.pass(2500);
    assert_eq!(system.outcome(programs[2].thread).value(), 1 << 5);
    assert_eq!(system.state(programs[0].thread), ThreadState::Waiting);
    // Disarmed, it never comes; the wait's own deadline still does.
    system.call(programs[2].thread, Call::EventArm, slots[2], &[5, 2600]).value();
    system.call(programs[2].thread, Call::EventArm, slots[2], &[5, 0]).value();
    system.pass(9000);
    assert_eq!(system.outcome(programs[0].thread).error(), Error::TimedOut);
    let wait = system.call(programs[2].thread, Call::EventWait, slots[2], &[u64::MAX, 0]);
    assert_eq!(wait.error(), Error::TimedOut);
}

#[test]
fn a_bound_event_is_a_notification_in_the_ports_order() {
    let system = System::new(512);
    let server = system.spawn(1);
    let port = system.port(server.thread);
    let slot = event(&system, &server, &[u64::from(port.bits()), 31]);
    let wait = system.call(server.thread, Call::EventWait, slot, &[1, 0]);
    assert_eq!(wait.error(), Error::Busy, "a bound event is not waited for");
    system.call(server.thread, Call::EventSignal, slot, &[1]).value();
    system.call(server.thread, Call::EventSignal, slot, &[4]).value();
    let Outcome::Returned(got) = system.receive(server.thread, port) else { panic!("bits") };
    assert_eq!(Status(got.rax).kind(), MessageKind::Notification);
    assert_eq!((got.rsi, got.rdx, got.r15), (Notification::Event as u64, 5, 31));
    assert_eq!(system.receive(server.thread, port), Outcome::Blocked);
    // A deadline wakes the server, too.
    system.give(server.thread, slot, system.root, CapRef::private(9), Rights::SIGNAL);
    system.call(system.root, Call::EventArm, CapRef::private(9), &[63, 100]).value();
    system.pass(100);
    assert_eq!(system.registers(server.thread).rdx, 1 << 63);
    // An event that goes takes its notification along.
    system.call(server.thread, Call::EventSignal, slot, &[1]).value();
    system.call(server.thread, Call::CapClose, slot, &[]).value();
    system.call(system.root, Call::CapClose, CapRef::private(9), &[]).value();
    assert_eq!(system.receive(server.thread, port), Outcome::Blocked);
    assert_eq!(system.with(|state| state.events.len()), 0);
}

#[test]
fn the_waiter_of_an_event_that_goes_is_told() {
    let system = System::new(512);
    let program = system.spawn(4);
    let slot = event(&system, &program, &[0, 0]);
    let sibling = system.create(program.thread, Kind::Thread, &[0]).unwrap();
    let id = system.capability(program.thread, sibling).unwrap().thread().unwrap();
    system.call(program.thread, Call::ThreadStart, sibling, &[0x20_0000, MEMORY]).value();
    system.call(program.thread, Call::EventWait, slot, &[1, u64::MAX]);
    system.call(id, Call::CapClose, slot, &[]).value();
    assert_eq!(system.outcome(program.thread).error(), Error::BadCapability);
}

#[test]
fn threads_take_turns_when_their_slice_is_over() {
    let system = System::new(512);
    let (one, other) = (system.spawn(4), system.spawn(4));
    let words = [2, u64::from(Suspend::STOPPED.bits())];
    system.call(system.root, Call::ThreadControl, CapRef::SELF, &words);
    system.enter(one.thread);
    // Somebody waits: the timer is armed when the kernel returns.
    system.call(one.thread, Call::CapInfo, CapRef::private(3), &[]).error();
    let armed = system.with(|state| state.machine.devices.timer);
    assert_eq!(armed, Some(SLICE));
    let mut turns = Vec::new();
    for turn in 1..=4 {
        system.pass(turn * SLICE);
        turns.push(system.with(|state| state.run.current));
    }
    assert_eq!(turns, [other, one, other, one].map(|it| Some(it.thread)));
    // Alone, nobody is interrupted.
    system.call(other.thread, Call::ThreadExit, CapRef::SELF, &[0]);
    system.settle();
    system.pass(9 * SLICE);
    system.enter(one.thread);
    system.call(one.thread, Call::CapInfo, CapRef::private(3), &[]).error();
    assert_eq!(system.with(|state| state.machine.devices.timer), None);
}

#[test]
fn an_interrupt_sets_a_bit_and_waits_for_its_acknowledgement() {
    let system = System::new(512);
    let root = system.root;
    let slot = system.create(root, Kind::Event, &[0, 0]).unwrap();
    let control = |main: CapRef, operation: HardwareOperation, words: &[u64]| {
        let mut all = vec![operation as u64];
        all.extend_from_slice(words);
        system.call(root, Call::HardwareControl, main, &all)
    };
    let line = system.slot();
    let destination = Destination::exactly(line).bits();
    control(System::HARDWARE, HardwareOperation::MakeInterrupt, &[4, destination]).value();
    let bind = [u64::from(slot.bits()), 2];
    control(line, HardwareOperation::InterruptBind, &bind).value();
    let again = control(line, HardwareOperation::InterruptBind, &bind);
    assert_eq!(again.error(), Error::Busy);
    assert_eq!(system.with(|state| state.machine.devices.unmasked.clone()), [4]);
    system.call(root, Call::EventWait, slot, &[u64::MAX, u64::MAX]);
    // The binary masks the line and calls in.
    system.with(|state| state.machine.devices.unmasked.clear());
    let _next = system.kernel().interrupt(Interrupt::Line(4));
    assert_eq!(system.outcome(root).value(), 1 << 2);
    control(line, HardwareOperation::InterruptAcknowledge, &[]).value();
    assert_eq!(system.with(|state| state.machine.devices.unmasked.clone()), [4]);

    let ports = system.slot();
    let destination = Destination::exactly(ports).bits();
    control(System::HARDWARE, HardwareOperation::MakePortRange, &[0x3f8, 8, destination]).value();
    control(ports, HardwareOperation::PortWrite, &[0x3f9, 1, 0x55]).value();
    system.put_words(root, MEMORY, &[u64::from_le_bytes(*b"hi there")]);
    control(ports, HardwareOperation::PortWriteBytes, &[0x3f8, MEMORY, 2]).value();
    system.with(|state| state.machine.devices.port_value = 0x61);
    assert_eq!(control(ports, HardwareOperation::PortRead, &[0x3fd, 1]).value(), 0x61);
    let written = system.with(|state| state.machine.devices.written.clone());
    assert_eq!(written, [(0x3f9, 1, 0x55), (0x3f8, 1, 0x68), (0x3f8, 1, 0x69)]);
    for (port, width) in [(0x3f7, 1), (0x400, 1), (0x3ff, 2), (0x3f8, 3)] {
        let read = control(ports, HardwareOperation::PortRead, &[port, width]);
        assert_eq!(read.error(), Error::BadArgument);
    }
    control(System::HARDWARE, HardwareOperation::Reboot, &[]).value();
    control(System::HARDWARE, HardwareOperation::PowerOff, &[]).value();
    system.with(|state| assert!(state.machine.devices.is_off && state.machine.devices.is_reset));
}

#[test]
fn the_counters_count() {
    let system = System::new(512);
    let root = system.root;
    let read = || {
        let words = [HardwareOperation::Statistics as u64, MEMORY];
        system.call(root, Call::HardwareControl, System::HARDWARE, &words).value();
        let words = system.get_words(root, MEMORY, Statistics::WORDS);
        Statistics::decode(&words).expect("statistics")
    };
    let before = read();
    assert_eq!((before.domains, before.tasks), (1, 0));
    system.create(root, Kind::Port, &[0]).unwrap();
    let after = read();
    assert_eq!(after.entries, before.entries + 2);
    assert_eq!(after.objects, before.objects + 1);
    assert_eq!(after.frames_total, before.frames_total);
    assert!(after.frames_free < after.frames_total && after.frames_kernel > 0);
}

#[test]
fn the_log_is_read_from_any_position() {
    let system = System::new(512);
    let root = system.root;
    let read = |main: CapRef, position: u64, address: u64, length: u64| {
        let words = [HardwareOperation::LogRead as u64, position, address, length];
        system.call(root, Call::HardwareControl, main, &words)
    };
    let hardware = System::HARDWARE;
    assert_eq!(read(hardware, 0, MEMORY, 256).result(), Ok((0, 0)));
    assert_eq!(read(hardware, 7, MEMORY, 256).result(), Ok((0, 0)), "the end is before that");
    system.put_words(root, MEMORY, &[u64::from_le_bytes(*b"hi\tthere")]);
    system.call(root, Call::DebugLog, CapRef::SELF, &[MEMORY, 8]).value();
    assert_eq!(read(hardware, 0, MEMORY, 8).result(), Ok((8, 0)));
    assert_eq!(system.get_words(root, MEMORY, 1), [u64::from_le_bytes(*b"hi?there")]);
    // No more than is there, no more than is asked for.
    assert_eq!(read(hardware, 6, MEMORY, u64::MAX).result(), Ok((2, 6)));
    assert_eq!(read(hardware, 3, MEMORY + 8, 4).result(), Ok((4, 3)));
    let words = system.get_words(root, MEMORY, 2);
    assert_eq!(words, [u64::from_le_bytes(*b"re?there"), u64::from(u32::from_le_bytes(*b"ther"))]);
    // No more than 256 bytes, and what is gone is skipped.
    for _ in 0..tine_kcore::log::BYTES / 256 {
        system.call(root, Call::DebugLog, CapRef::SELF, &[MEMORY, 256]).value();
    }
    assert_eq!(read(hardware, 0, MEMORY, PAGE).result(), Ok((256, 8)));
    assert_eq!(read(hardware, 264, MEMORY, PAGE).result(), Ok((256, 264)));

    let narrow = system.slot();
    let destination = Destination::exactly(narrow).bits();
    let words = [destination, u64::from((Rights::ALL - Rights::STATISTICS).bits())];
    system.call(root, Call::CapDuplicate, hardware, &words).value();
    assert_eq!(read(narrow, 0, MEMORY, 8).error(), Error::MissingRight);
    assert_eq!(read(hardware, 8, 0x1000, 1).error(), Error::BadAddress);
    assert_eq!(read(hardware, 0, 0x1000, 0).result(), Ok((0, 8)), "nothing is written");
}

/// A program with a supervisor, which holds its Domain.
struct Supervised {
    system: System,
    supervisor: Program,
    program: Program,
    port: CapRef,
    domain: CapRef,
}

fn supervised() -> Supervised {
    let system = System::new(512);
    let (supervisor, program) = (system.spawn(1), system.spawn(4));
    let port = system.port(supervisor.thread);
    let domain = CapRef::private(9);
    system.give(system.root, program.domain_slot, supervisor.thread, domain, Rights::ALL);
    let words = [DomainOperation::SetSupervisor as u64, u64::from(port.bits()), 66];
    system.call(supervisor.thread, Call::DomainControl, domain, &words).value();
    Supervised { system, supervisor, program, port, domain }
}

const DIVIDE: Exception = Exception { vector: 0, code: 0, address: 0 };

#[test]
fn page_faults_that_memory_allows_are_repaired_in_place() {
    let it = supervised();
    let touch = Exception { vector: 14, code: 6, address: MEMORY + 0x3000 };
    assert!(matches!(it.system.fault(it.program.thread, touch), Outcome::Returned(_)));
    let statistics = it.system.with(|state| state.statistics());
    assert_eq!(statistics.faults, 1);
}

#[test]
fn a_fault_is_a_message_and_its_reply_decides() {
    let it = supervised();
    let (system, thread) = (&it.system, it.program.thread);
    let unmapped = Exception { vector: 14, code: 6, address: 0x7000_0000 };
    let rip = system.registers(thread).rip;
    assert_eq!(system.fault(thread, unmapped), Outcome::Blocked);
    let Outcome::Returned(got) = system.receive(it.supervisor.thread, it.port) else {
        panic!("a fault")
    };
    assert_eq!(Status(got.rax).kind(), MessageKind::Fault);
    assert_eq!(got.r15, 66);
    let expected = Fault {
        kind: FaultKind::Unmapped,
        address: 0x7000_0000,
        instruction: rip,
        access: 1,
        vector: 14,
        code: 6,
    };
    assert_eq!(Fault::from_words(&got.words()), Some(expected));

    let reply = |token: u64, word: u64, argument: u64| {
        let words = [word, argument, 0, 0, 0, 0, 0, 0];
        system.message(it.supervisor.thread, Call::Reply, it.port, token, words, None)
    };
    reply(got.rdi, 0, 0).result().unwrap();
    assert_eq!(system.registers(thread).rip, rip, "retry");
    assert_eq!(system.outcome(thread), Outcome::Returned(system.registers(thread)));

    system.fault(thread, DIVIDE);
    let Outcome::Returned(got) = system.receive(it.supervisor.thread, it.port) else {
        panic!("a fault")
    };
    reply(got.rdi, 2, 3).result().unwrap();
    assert_eq!(system.registers(thread).rip, rip + 3, "skip");

    system.fault(thread, DIVIDE);
    let Outcome::Returned(got) = system.receive(it.supervisor.thread, it.port) else {
        panic!("a fault")
    };
    reply(got.rdi, 1, 0).result().unwrap();
    system.settle();
    let Outcome::Returned(got) = system.receive(it.supervisor.thread, it.port) else {
        panic!("EXIT")
    };
    let words = got.words();
    let exit = [Notification::Exit as u64, ExitKind::Faulted as u64, FaultKind::Divide as u64];
    assert_eq!(words[..3], exit);
}

#[test]
fn a_fault_without_a_supervisor_kills_and_one_whose_supervisor_is_gone_parks() {
    let system = System::new(512);
    let program = system.spawn(4);
    system.fault(program.thread, DIVIDE);
    system.settle();
    assert_eq!(system.state(program.thread), ThreadState::Ended);
    let inspect = [DomainOperation::Inspect as u64];
    let alive = system.call(system.root, Call::DomainControl, program.domain_slot, &inspect);
    assert_eq!(alive.value(), 0);

    let it = supervised();
    let (system, thread) = (&it.system, it.program.thread);
    system.fault(thread, DIVIDE);
    system.call(it.supervisor.thread, Call::CapClose, it.port, &[]).value();
    system.settle();
    let suspend = system.with(|state| state.domains.get(it.program.domain).unwrap().suspend);
    assert_eq!(suspend, Suspend::ORPHANED);
    // A new supervisor hears of the fault when the program runs again.
    let port = system.port(it.supervisor.thread);
    let words = [DomainOperation::SetSupervisor as u64, u64::from(port.bits()), 67];
    system.call(it.supervisor.thread, Call::DomainControl, it.domain, &words).value();
    let words = [DomainOperation::Resume as u64, u64::from(Suspend::ORPHANED.bits())];
    system.call(it.supervisor.thread, Call::DomainControl, it.domain, &words).value();
    assert_eq!(system.fault(thread, DIVIDE), Outcome::Blocked);
    let Outcome::Returned(got) = system.receive(it.supervisor.thread, port) else {
        panic!("a fault")
    };
    assert_eq!(got.r15, 67);
}

#[test]
fn a_debugger_is_asked_first_while_it_listens() {
    let it = supervised();
    let (system, thread, handler) = (&it.system, it.program.thread, it.supervisor.thread);
    let (debugger, successor) = (system.port(handler), system.port(handler));
    let set = |port: CapRef, badge: u64| {
        let words = [DomainOperation::SetDebugger as u64, u64::from(port.bits()), badge];
        system.call(handler, Call::DomainControl, it.domain, &words).value();
    };
    let badge = |port| match system.receive(handler, port) {
        Outcome::Returned(got) => (got.r15, got.rdi),
        Outcome::Blocked => panic!("the fault is there"),
    };
    let retry = |port, token| {
        system.message(handler, Call::Reply, port, token, [0; 8], None).result().expect("it waits");
    };
    set(debugger, 70);
    system.fault(thread, DIVIDE);
    // Who was asked goes on being asked, whoever comes after.
    set(successor, 71);
    let (asked, token) = badge(debugger);
    assert_eq!(asked, 70);
    retry(debugger, token);
    system.fault(thread, DIVIDE);
    assert_eq!(badge(successor).0, 71);
    // It goes with the question: the fault happens again, and the supervisor hears of it.
    system.call(handler, Call::CapClose, successor, &[]).value();
    system.settle();
    assert_eq!(system.outcome(thread), Outcome::Returned(system.registers(thread)));
    system.fault(thread, DIVIDE);
    let (asked, token) = badge(it.port);
    assert_eq!(asked, 66);
    retry(it.port, token);
    // Nobody is a debugger too.
    set(debugger, 72);
    set(CapRef::SELF, 0);
    system.fault(thread, DIVIDE);
    assert_eq!(badge(it.port).0, 66);
}

#[test]
fn extended_state_is_given_at_first_use_and_switched_with_its_thread() {
    let system = System::new(512);
    let (one, other) = (system.spawn(4), system.spawn(4));
    let first_use = Exception { vector: 7, code: 0, address: 0 };
    assert!(matches!(system.fault(one.thread, first_use), Outcome::Returned(_)));
    system.enter(one.thread);
    system.with(|state| {
        assert!(state.machine.devices.extended_allowed);
        state.machine.devices.extended = 11;
    });
    system.enter(other.thread);
    assert!(!system.with(|state| state.machine.devices.extended_allowed), "never used it");
    system.fault(other.thread, first_use);
    system.enter(other.thread);
    system.with(|state| {
        assert_eq!(state.machine.devices.extended, 0, "it begins fresh");
        state.machine.devices.extended = 22;
    });
    system.enter(one.thread);
    assert_eq!(system.with(|state| state.machine.devices.extended), 11);
    system.enter(other.thread);
    assert_eq!(system.with(|state| state.machine.devices.extended), 22);
    system.call(other.thread, Call::ThreadExit, CapRef::SELF, &[0]);
    system.settle();
    assert_eq!(system.with(|state| state.extended.len()), 1);
}

#[test]
fn a_handler_in_its_loop_hands_the_cpu_to_the_thread_that_faulted_and_back() {
    let it = supervised();
    let (system, thread, handler) = (&it.system, it.program.thread, it.supervisor.thread);
    let mut token = 0;
    let mut rip = system.registers(thread).rip;
    for (round, (word, length)) in [(0, 0), (2, 3), (2, 15), (0, 9)].into_iter().enumerate() {
        let words = [word, length, 0, 0, 0, 0, 0, 0];
        let wait = system.message(handler, Call::ReplyReceive, it.port, token, words, None);
        assert_eq!(wait, Outcome::Blocked);
        if round > 0 {
            assert_eq!(system.with(|state| state.run.current), Some(thread), "handed over");
            rip += if word == 2 { length } else { 0 };
            assert_eq!(system.registers(thread).rip, rip);
        }
        assert_eq!(system.fault(thread, DIVIDE), Outcome::Blocked);
        assert_eq!(system.with(|state| state.run.current), Some(handler), "and back");
        token = system.registers(handler).rdi;
    }
    // A length that no instruction has kills, as does any other word.
    let words = [2, 16, 0, 0, 0, 0, 0, 0];
    system.message(handler, Call::ReplyReceive, it.port, token, words, None);
    system.settle();
    assert_eq!(system.state(thread), ThreadState::Ended);
}
