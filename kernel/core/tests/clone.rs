//! `clone_caller`: the child, shared spaces, failures, exits. Exec is `clone/exec.rs`, the private table
//! `clone/private.rs`.

use tine_abi::{
    Call, CapRef, Error,
    capability::Rights,
    domain::{CloneSpec, DomainOperation, Inherit, Suspend, ThreadOperation},
    memory::PAGE,
    notification::{ExitKind, Notification},
};
use tine_kcore::{
    Exception,
    object::{ThreadId, thread::ThreadState},
    testing::system::{MEMORY, Outcome, System},
};

use crate::clone::world::{SERVER, WORDS, World};

mod clone {
    mod exec;
    mod private;
    mod tables;
    pub(crate) mod world;
}

#[test]
fn the_child_is_a_copy_with_its_own_result_and_identity() {
    let world = World::new();
    let system = &world.system;
    let token = world.fork_request();
    let slot = CapRef::private(world.clone(token, &world.spec()).value() as u16);
    assert_eq!(slot.slot(), 40);
    let child = world.child(slot);
    assert_eq!(system.state(child), ThreadState::Runnable);
    assert_eq!(system.outcome(child), Outcome::Blocked, "it does not run before the reply");

    world.release(token, slot, false);
    let parent = world.parent.thread;
    assert_eq!(system.with(|state| state.run.current), Some(parent), "the parent runs first");
    let Outcome::Returned(registers) = system.outcome(child) else { panic!("it runs") };
    assert_eq!(registers.rax, 0);
    assert_eq!(registers.words()[..3], [0, 0, 42]);
    assert_eq!(system.registers(parent).words()[..2], [0, 42]);
    let (mine, its) = (system.registers(parent), registers);
    assert_eq!((its.rip, its.rsp, its.gs_base), (mine.rip, mine.rsp, mine.gs_base));

    // Memory is copied when either writes.
    assert_eq!(system.get_words(child, MEMORY + 0x200, 1), [0xabcd]);
    system.put_words(child, MEMORY + 0x200, &[1]);
    assert_eq!(system.get_words(parent, MEMORY + 0x200, 1), [0xabcd]);

    // Descriptors are one more holder each; the private table is what the specification lists.
    for slot in 0..8 {
        let place = CapRef::descriptor(slot);
        let grant = system.capability(child, place).unwrap().grant().unwrap();
        assert_eq!(grant, system.capability(parent, place).unwrap().grant().unwrap());
        assert_eq!(system.with(|state| state.grants.get(grant).unwrap().holders), 2);
    }
    let identity = system.capability(child, SERVER).unwrap();
    assert_eq!(identity.rights(), Rights::SEND.with_protocol(7));
    let call = system.message(child, Call::Call, SERVER, 0, WORDS, None);
    assert_eq!(call, Outcome::Blocked);
    assert_eq!(system.registers(world.server.thread).r15, 2 << 32);
}

#[test]
fn the_child_may_run_before_the_parent() {
    let world = World::new();
    let token = world.fork_request();
    let slot = CapRef::private(world.clone(token, &world.spec()).value() as u16);
    let child = world.child(slot);
    // Nobody else wants the CPU.
    let words = [ThreadOperation::Suspend as u64, u64::from(Suspend::STOPPED.bits())];
    world.system.call(world.system.root, Call::ThreadControl, CapRef::SELF, &words);
    world.release(token, slot, true);
    assert_eq!(world.system.with(|state| state.run.current), Some(child));
}

#[test]
fn overrides_and_suspend_reasons_are_the_childs_alone() {
    let world = World::new();
    let spec = CloneSpec {
        stack: Some(0x7000),
        instruction: Some(0x20_1000),
        gs_base: Some(0x8000),
        fs_base: Some(0x9000),
        suspend: Suspend::TRACED,
        descriptors: Inherit::Empty,
        paths: Inherit::Empty,
        ..world.spec()
    };
    let (child, slot) = world.fork(&spec);
    assert_eq!(world.system.outcome(child), Outcome::Blocked, "still TRACED");
    let registers = world.system.registers(child);
    assert_eq!(
        (registers.rsp, registers.rip, registers.gs_base, registers.fs_base),
        (0x7000, 0x20_1000, 0x8000, 0x9000)
    );
    assert!(world.system.capability(child, CapRef::descriptor(0)).is_none());
    let server = world.server.thread;
    // The server waits; let it run to resume the child.
    world.system.message(world.parent.thread, Call::Call, SERVER, 0, WORDS, None);
    let words = [DomainOperation::Resume as u64, u64::from(Suspend::TRACED.bits())];
    world.system.call(server, Call::DomainControl, slot, &words).value();
    assert!(matches!(world.system.outcome(child), Outcome::Returned(_)));
}

#[test]
fn a_clone_that_fails_at_any_allocation_leaves_nothing_behind() {
    let world = World::new();
    let system = &world.system;
    // Extended state is copied too.
    let used = system.fault(world.parent.thread, Exception { vector: 7, code: 0, address: 0 });
    assert!(matches!(used, Outcome::Returned(_)));
    // A descriptor beyond the inline part needs pages.
    let far = CapRef::descriptor(300);
    system.client(world.server.thread, world.port, 9, world.parent.thread, far);
    let token = world.fork_request();
    let spec = world.spec();
    let before = system.usage();
    let mut failures = 0;
    loop {
        system.with(|state| state.frames.fail_after(failures));
        let outcome = world.clone(token, &spec);
        let is_unused = system.with(|state| state.frames.heal());
        if is_unused {
            outcome.value();
            break;
        }
        assert_eq!(outcome.error(), Error::NoMemory, "failure {failures}");
        assert_eq!(system.usage(), before, "failure {failures}");
        assert!(system.capability(world.server.thread, CapRef::private(40)).is_none());
        failures += 1;
    }
    assert!(failures >= 4, "{failures} allocations");

    // The same for the account's objects.
    let before = system.usage();
    let account = system
        .with(|state| state.domains.get(world.parent.domain).map(|domain| domain.account).unwrap());
    let used = system.with(|state| state.accounts.get(account).unwrap().objects.used());
    for room in 0..4 {
        system.with(|state| {
            state.accounts.get_mut(account).unwrap().objects.set_limit(used + room);
        });
        assert_eq!(world.clone(token, &spec).error(), Error::NoObjects, "room for {room}");
        assert_eq!(system.usage(), before);
    }
    system.with(|state| state.accounts.get_mut(account).unwrap().objects.set_limit(used + 4));
    world.clone(token, &spec).value();
    // And for its frames.
    let used = system.with(|state| {
        let account = state.accounts.get_mut(account).unwrap();
        account.objects.set_limit(u32::MAX);
        let used = account.frames.used();
        account.frames.set_limit(used);
        used
    });
    let before = system.usage();
    assert_eq!(world.clone(token, &spec).error(), Error::NoMemory);
    assert_eq!(system.usage(), before);
    assert_eq!(u64::from(used), before.0);
}

#[test]
fn a_clone_of_a_killed_caller_says_so() {
    let world = World::new();
    let token = world.fork_request();
    let system = &world.system;
    system.call(system.root, Call::DomainControl, world.parent.domain_slot, &[1, 9]).value();
    system.settle();
    assert_eq!(world.clone(token, &world.spec()).error(), Error::CallerGone);
}

#[test]
fn shared_memory_ends_with_its_last_user() {
    let world = World::new();
    let system = &world.system;
    let before = system.usage();
    let spec = CloneSpec {
        space: Inherit::Share,
        descriptors: Inherit::Share,
        stack: Some(MEMORY + 0x900),
        ..world.spec()
    };
    let (child, _) = world.fork(&spec);
    system.put_words(child, MEMORY + 0x200, &[7]);
    assert_eq!(system.get_words(world.parent.thread, MEMORY + 0x200, 1), [7]);
    // The child's slots are the parent's.
    system.call(child, Call::CapClose, CapRef::descriptor(3), &[]).value();
    assert!(system.capability(world.parent.thread, CapRef::descriptor(3)).is_none());
    assert_eq!(world.told(), [Notification::NoSenders as u64, 0, 0, 0, 103]);

    system.call(child, Call::ThreadExit, CapRef::SELF, &[0]);
    system.settle();
    assert_eq!(system.get_words(world.parent.thread, MEMORY + 0x200, 1), [7], "still there");
    assert!(system.capability(world.parent.thread, CapRef::descriptor(0)).is_some());
    let server = world.server.thread;
    let mut told = Vec::new();
    while let Outcome::Returned(got) = system.receive(server, world.port) {
        told.push((got.rsi, got.r15));
    }
    // The identity that the clone made ends with the child, and EXIT says so.
    assert_eq!(told, [(Notification::Exit as u64, 55)]);
    system.message(world.parent.thread, Call::Call, SERVER, 0, WORDS, None);
    system.call(server, Call::CapClose, CapRef::private(40), &[]).value();
    let after = system.usage();
    assert_eq!((after.0, after.1 + 1, after.2), (before.0, before.1, before.2), "but for a grant");
}

#[test]
fn memory_and_objects_are_back_when_exit_is_told() {
    let world = World::new();
    let system = &world.system;
    let before = system.usage();
    let (child, slot) = world.fork(&world.spec());
    for page in 0..8 {
        system.put_words(child, MEMORY + page * PAGE, &[page]);
    }
    system.call(child, Call::ThreadExit, CapRef::SELF, &[7]);
    system.settle();
    assert_eq!(world.told()[..3], [Notification::Exit as u64, ExitKind::Exited as u64, 7]);
    let server = world.server.thread;
    system.call(server, Call::CapClose, slot, &[]).value();
    assert_eq!(system.usage(), before);
}

#[test]
fn a_storm_of_forks_kills_and_exits_leaves_nothing() {
    let world = World::new();
    world.system.unchecked();
    let system = &world.system;
    // Children that share the memory write to it too.
    for page in 0..16 {
        system.put_words(world.parent.thread, MEMORY + page * PAGE, &[1]);
    }
    let before = system.usage();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut alive: Vec<(ThreadId, CapRef)> = Vec::new();
    let close = |system: &System, slot: CapRef| {
        system.call(world.server.thread, Call::CapClose, slot, &[]).value();
    };
    for round in 0..400_u32 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Drain what the server was told.
        while system.state(world.server.thread) != ThreadState::Receiving {
            if system.receive(world.server.thread, world.port) == Outcome::Blocked {
                break;
            }
        }
        match random % 4 {
            0 | 1 if alive.len() < 12 => {
                let spec = CloneSpec {
                    space: if random >> 8 & 3 == 0 { Inherit::Share } else { Inherit::Copy },
                    descriptors: if random >> 10 & 3 == 0 { Inherit::Share } else { Inherit::Copy },
                    ..world.spec()
                };
                alive.push(world.fork(&spec));
            }
            2 if !alive.is_empty() => {
                let (child, slot) = alive.swap_remove((random >> 20) as usize % alive.len());
                system.put_words(child, MEMORY + (random >> 30) % 16 * PAGE, &[1]);
                system.call(child, Call::ThreadExit, CapRef::SELF, &[0]);
                // The server runs again by a call of the parent, and drops the Domain.
                let token = world.fork_request();
                close(system, slot);
                system.message(world.server.thread, Call::Reply, world.port, token, WORDS, None);
            }
            3 if !alive.is_empty() => {
                let (_, slot) = alive.swap_remove((random >> 20) as usize % alive.len());
                let token = world.fork_request();
                system.call(world.server.thread, Call::DomainControl, slot, &[1, 9]).value();
                close(system, slot);
                system.message(world.server.thread, Call::Reply, world.port, token, WORDS, None);
            }
            _ => {}
        }
        if round % 20 == 0 {
            system.check();
        }
    }
    let token = world.fork_request();
    for (_, slot) in alive {
        system.call(world.server.thread, Call::DomainControl, slot, &[1, 9]).value();
        close(system, slot);
    }
    system.message(world.server.thread, Call::Reply, world.port, token, WORDS, None);
    system.settle();
    while system.receive(world.server.thread, world.port) != Outcome::Blocked {}
    system.check();
    assert_eq!(system.usage(), before);
}

#[test]
fn a_child_that_nobody_started_goes_with_its_capability() {
    let world = World::new();
    let system = &world.system;
    let token = world.fork_request();
    let before = system.usage();
    let slot = CapRef::private(world.clone(token, &world.spec()).value() as u16);
    system.call(world.server.thread, Call::CapClose, slot, &[]).value();
    system.settle();
    while system.with(|state| state.ports.iter().any(|(_, port)| !port.queue.is_empty())) {
        let _got = system.receive(world.server.thread, world.port);
    }
    assert_eq!(system.usage(), before);
}

#[test]
fn a_domain_whose_supervisor_is_gone_parks() {
    let world = World::new();
    let system = &world.system;
    let (child, _) = world.fork(&world.spec());
    system.call(system.root, Call::DomainControl, world.server.domain_slot, &[1, 9]).value();
    system.settle();
    assert_eq!(system.state(child), ThreadState::Runnable);
    assert_eq!(system.outcome(child), Outcome::Blocked, "it does not run, and it does not die");
    let domain = system.with(|state| state.threads.get(child).unwrap().domain);
    assert_eq!(system.with(|state| state.domains.get(domain).unwrap().suspend), Suspend::ORPHANED);
}
