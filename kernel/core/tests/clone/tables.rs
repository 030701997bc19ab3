//! The exchange of a Domain's tables: what it holds then, who is told, what is refused.

use tine_abi::{
    Call, CapRef, Error, Kind, Table,
    capability::{Destination, Rights, SlotFlags},
    domain::{CloneSpec, DomainOperation, Inherit},
    message::{ArrivedSlots, Extras, SendCapability, SendMode},
    notification::Notification,
};
use tine_kcore::{
    object::ThreadId,
    testing::system::{Outcome, System},
};

use super::world::{SERVER, WORDS, World};

/// Has `thread` exchange the descriptors of a Domain.
fn exchange(
    system: &System,
    thread: ThreadId,
    domain: CapRef,
    inherit: Inherit,
    source: CapRef,
) -> Outcome {
    let operation = DomainOperation::SetTable as u64;
    let words = [operation, Table::Descriptors as u64, inherit as u64, u64::from(source.bits())];
    system.call(thread, Call::DomainControl, domain, &words)
}

fn descriptors(system: &System, thread: ThreadId) -> Vec<u16> {
    (0..400).filter(|slot| system.capability(thread, CapRef::descriptor(*slot)).is_some()).collect()
}

/// What the server is told, in order: what, and of whom.
fn told(world: &World) -> Vec<(u64, u64)> {
    let mut told = Vec::new();
    while let Outcome::Returned(got) = world.system.receive(world.server.thread, world.port) {
        told.push((got.rsi, got.r15));
    }
    told
}

const GONE: u64 = Notification::NoSenders as u64;

#[test]
fn an_empty_table_closes_the_old_one_in_order() {
    let world = World::new();
    let (system, thread) = (&world.system, world.parent.thread);
    exchange(system, thread, CapRef::SELF, Inherit::Empty, CapRef::SELF).value();
    assert_eq!(descriptors(system, thread), []);
    system.settle();
    assert_eq!(told(&world), (100..108).map(|badge| (GONE, badge)).collect::<Vec<_>>());
}

#[test]
fn a_copy_is_what_a_child_would_get_and_is_its_own() {
    let world = World::new();
    let (system, thread) = (&world.system, world.parent.thread);
    let spec = CloneSpec { descriptors: Inherit::Share, ..world.spec() };
    let (child, _) = world.fork(&spec);
    let before = system.usage();
    let flagged = Destination::exactly(CapRef::descriptor(2)).with_flags(SlotFlags::CLOFORK);
    let words = [flagged.bits(), u64::from(Rights::ALL.bits()), 0];
    system.call(thread, Call::CapMove, CapRef::descriptor(2), &words).value();
    exchange(system, thread, CapRef::SELF, Inherit::Copy, CapRef::SELF).value();
    assert_eq!(descriptors(system, thread), [0, 1, 3, 4, 5, 6, 7]);
    assert_eq!(descriptors(system, child), [0, 1, 2, 3, 4, 5, 6, 7]);
    system.call(thread, Call::CapClose, CapRef::descriptor(0), &[]).value();
    assert!(system.capability(child, CapRef::descriptor(0)).is_some(), "they are two tables");
    let after = system.usage();
    assert_eq!((after.0, after.1, after.2), (before.0, before.1, before.2 + 1));
}

#[test]
fn tables_of_other_domains_are_shared_with_control_of_both() {
    let world = World::new();
    let system = &world.system;
    let root = system.root;
    let (server, parent) = (world.server, world.parent);
    system.client(server.thread, world.port, 9, server.thread, CapRef::descriptor(300));
    for _ in 0..2 {
        exchange(system, root, server.domain_slot, Inherit::Share, parent.domain_slot).value();
        assert_eq!(descriptors(system, server.thread), descriptors(system, parent.thread));
    }
    system.settle();
    assert_eq!(told(&world), [(GONE, 9)]);
    let call = system.message(parent.thread, Call::Call, SERVER, 0, WORDS, None);
    assert_eq!(call, Outcome::Blocked);
    system.call(server.thread, Call::CapClose, CapRef::descriptor(3), &[]).value();
    assert!(system.capability(parent.thread, CapRef::descriptor(3)).is_none());

    let (read, event) = (system.slot(), system.slot());
    system.give(root, parent.domain_slot, root, read, Rights::READ);
    let made = system.create(root, Kind::Event, &[0]).expect("an Event");
    system.give(root, made, root, event, Rights::ALL);
    let before = system.usage();
    let domain = server.domain_slot;
    for inherit in [Inherit::Copy, Inherit::Share] {
        for (domain, source, error) in [
            (domain, read, Error::MissingRight),
            (read, domain, Error::MissingRight),
            (domain, event, Error::WrongKind),
            (domain, CapRef::private(999), Error::BadCapability),
        ] {
            let outcome = exchange(system, root, domain, inherit, source);
            assert_eq!(outcome.error(), error, "{inherit:?}");
        }
    }
    assert_eq!(system.usage(), before);
}

#[test]
fn a_large_table_is_emptied_in_steps_and_before_the_exit() {
    let world = World::new();
    let (system, thread) = (&world.system, world.parent.thread);
    let (child, _) = world.fork(&CloneSpec { descriptors: Inherit::Empty, ..world.spec() });
    // The server is called, so that it does not wait.
    let call = system.message(thread, Call::Call, SERVER, 0, WORDS, None);
    assert_eq!(call, Outcome::Blocked);
    for slot in 0..200 {
        let place = CapRef::descriptor(slot);
        system.client(world.server.thread, world.port, 1000 + u64::from(slot), child, place);
    }
    let before = system.with(|state| state.tables.len());
    exchange(system, child, CapRef::SELF, Inherit::Empty, CapRef::SELF).value();
    assert_eq!(system.with(|state| state.tables.len()), before + 1, "the reaper has the rest");
    system.call(child, Call::ThreadExit, CapRef::SELF, &[3]);
    system.settle();
    let mut expected: Vec<_> = (1000..1200).map(|badge| (GONE, badge)).collect();
    expected.push((Notification::Exit as u64, 55));
    assert_eq!(told(&world), expected);
    assert_eq!(system.with(|state| state.tables.len()), before - 3);
    assert_eq!(descriptors(system, thread).len(), 8);
}

#[test]
fn slots_that_calls_have_reserved_in_the_old_table_are_released() {
    for inherit in [Inherit::Empty, Inherit::Copy] {
        let world = World::new();
        let (system, parent) = (&world.system, world.parent);
        let (child, _) = world.fork(&CloneSpec { descriptors: Inherit::Share, ..world.spec() });
        let (slot, other) = (CapRef::descriptor(20), CapRef::private(20));
        let mut extras = Extras::NONE;
        extras.receive[0] = Some(Destination::exactly(slot));
        extras.receive[1] = Some(Destination::exactly(other));
        let call = system.message(parent.thread, Call::Call, SERVER, 0, WORDS, Some(&extras));
        assert_eq!(call, Outcome::Blocked);
        let server = world.server.thread;
        let token = system.registers(server).rdi;
        let source = parent.domain_slot;
        let source = if inherit == Inherit::Empty { CapRef::SELF } else { source };
        exchange(system, system.root, parent.domain_slot, inherit, source).value();
        // The child, whose table it still is, can use the slot.
        let words = [Destination::exactly(slot).bits(), u64::from(Rights::ALL.bits())];
        system.call(child, Call::CapMove, CapRef::descriptor(1), &words).value();
        let mut extras = Extras::NONE;
        for (badge, send) in (7..).zip(&mut extras.capabilities[..2]) {
            let (source, mode, rights) = (world.port, SendMode::Mint, Rights::SEND);
            *send = Some(SendCapability { source, mode, rights, badge });
        }
        system.message(server, Call::Reply, world.port, token, WORDS, Some(&extras)).value();
        let arrived = ArrivedSlots(system.registers(parent.thread).rdi);
        assert_eq!((arrived.slot(0), arrived.slot(1)), (None, Some(20)));
        assert!(system.capability(parent.thread, slot).is_none());
        assert!(told(&world).contains(&(GONE, 7)), "what had no slot was closed");
    }
}

#[test]
fn a_failure_at_any_allocation_changes_nothing() {
    let world = World::new();
    let (system, thread) = (&world.system, world.parent.thread);
    // A copy of it needs pages.
    system.client(world.server.thread, world.port, 9, thread, CapRef::descriptor(300));
    let all = descriptors(system, thread);
    let before = system.usage();
    for inherit in [Inherit::Copy, Inherit::Empty] {
        let mut failures = 0;
        while failures < 8 {
            system.with(|state| state.frames.fail_after(failures));
            let outcome = exchange(system, thread, CapRef::SELF, inherit, CapRef::SELF);
            if system.with(|state| state.frames.heal()) {
                outcome.value();
                break;
            }
            assert_eq!(outcome.error(), Error::NoMemory, "{inherit:?}, failure {failures}");
            assert_eq!((system.usage(), descriptors(system, thread)), (before, all.clone()));
            failures += 1;
        }
        if inherit == Inherit::Copy {
            assert!(failures >= 1, "{failures} allocations");
            assert_eq!((system.usage(), descriptors(system, thread)), (before, all.clone()));
        }
    }
    // The account's frames.
    let world = World::new();
    let (system, thread) = (&world.system, world.parent.thread);
    system.client(world.server.thread, world.port, 9, thread, CapRef::descriptor(300));
    system.with(|state| {
        let account = state.domains.get(world.parent.domain).expect("it lives").account;
        let frames = &mut state.accounts.get_mut(account).expect("it pays").frames;
        frames.set_limit(frames.used());
    });
    let before = system.usage();
    let outcome = exchange(system, thread, CapRef::SELF, Inherit::Copy, CapRef::SELF);
    assert_eq!(outcome.error(), Error::NoMemory);
    assert_eq!((system.usage(), descriptors(system, thread)), (before, all));
}

#[test]
fn the_user_word_goes_with_the_table_of_paths() {
    let world = World::new();
    let (system, parent) = (&world.system, world.parent.thread);
    let word = |thread| {
        let words = [DomainOperation::UserWord as u64];
        system.call(thread, Call::DomainControl, CapRef::SELF, &words).value()
    };
    let set = |thread, word| {
        let words = [DomainOperation::SetUserWord as u64, word];
        system.call(thread, Call::DomainControl, CapRef::SELF, &words).value()
    };
    assert_eq!((set(parent, u64::MAX), set(parent, 0o22), word(parent)), (0, u64::MAX, 0o22));
    let fork = |paths| world.fork(&CloneSpec { paths, ..world.spec() }).0;
    let [copy, share, empty] = [Inherit::Copy, Inherit::Share, Inherit::Empty].map(fork);
    assert_eq!([copy, share, empty].map(word), [0o22, 0o22, 0]);
    set(copy, 1);
    set(share, 2);
    set(empty, 3);
    assert_eq!([parent, copy, share, empty].map(word), [2, 1, 2, 3]);
    let exchange = |inherit| {
        let (operation, table) = (DomainOperation::SetTable as u64, Table::Paths as u64);
        let words = [operation, table, inherit as u64];
        system.call(share, Call::DomainControl, CapRef::SELF, &words).value();
    };
    exchange(Inherit::Copy);
    set(share, 4);
    assert_eq!([parent, share].map(word), [2, 4], "not shared any more");
    exchange(Inherit::Empty);
    assert_eq!(word(share), 0);
}

#[test]
fn tables_of_what_has_ended_are_gone() {
    let world = World::new();
    let system = &world.system;
    let (root, parent) = (system.root, world.parent.domain_slot);
    system.call(root, Call::DomainControl, parent, &[DomainOperation::Kill as u64, 9]).value();
    let server = world.server.domain_slot;
    for _ in 0..2 {
        for (domain, source) in [(parent, server), (server, parent)] {
            let outcome = exchange(system, root, domain, Inherit::Share, source);
            assert_eq!(outcome.error(), Error::Gone);
        }
        system.settle();
    }
}
