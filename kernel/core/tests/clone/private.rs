//! The private table of the child: what each kind of entry puts there, and its refusals.

use tine_abi::{
    Call, CapRef, Error,
    capability::{Rights, slot},
    domain::{CloneSpec, DomainOperation, PRIVATE_ENTRIES, PrivateEntry, PrivateSource},
    message::Status,
    notification::Notification,
};
use tine_kcore::{
    object::{ThreadId, capability::Capability},
    testing::system::{Outcome, System},
};

use super::world::{SERVER, WORDS, World};

/// A specification with these entries.
fn with(world: &World, entries: &[(u16, PrivateSource)]) -> CloneSpec {
    let mut private = [None; PRIVATE_ENTRIES];
    for (place, (slot, source)) in private.iter_mut().zip(entries) {
        *place = Some(PrivateEntry { slot: *slot, source: *source });
    }
    CloneSpec { private, ..world.spec() }
}

const fn mint(port: CapRef, badge: u64) -> PrivateSource {
    PrivateSource::Mint { port, badge, protocol: 3 }
}

fn private(system: &System, thread: ThreadId, slot: u16) -> Option<Capability> {
    system.capability(thread, CapRef::private(slot))
}

#[test]
fn a_slot_may_come_from_another_one() {
    let world = World::new();
    let caller = |slot| PrivateSource::Caller { slot };
    let (child, _) = world.fork(&with(&world, &[(5, caller(1)), (300, caller(1)), (6, caller(9))]));
    let grant = |slot| private(&world.system, child, slot).map(|it| it.grant());
    let parents = private(&world.system, world.parent.thread, 1).map(|it| it.grant());
    assert!(parents.is_some());
    assert_eq!([grant(5), grant(300)], [parents; 2]);
    assert_eq!([grant(1), grant(6), grant(9)], [None; 3], "empty stays empty");
}

#[test]
fn an_identity_on_another_port_ends_with_no_senders_there() {
    let world = World::new();
    let system = &world.system;
    let other = system.port(system.root);
    let held = system.slot();
    let rights = (Rights::MINT | Rights::SEND).with_protocol(6);
    system.give(system.root, other, world.server.thread, held, rights);
    let before = system.usage();
    let (child, domain) = world.fork(&with(&world, &[(4, mint(held, 70))]));
    let identity = private(system, child, 4).map(|it| it.rights());
    assert_eq!(identity, Some(Rights::SEND.with_protocol(2)), "rights do not grow");
    assert_eq!(
        system.message(child, Call::Call, CapRef::private(4), 0, WORDS, None),
        Outcome::Blocked
    );
    let Outcome::Returned(got) = system.receive(system.root, other) else { panic!("the call") };
    assert_eq!((got.r15, Status(got.rax).protocol_rights()), (70, 2));
    system.message(system.root, Call::Reply, other, got.rdi, WORDS, None).result().expect("sent");

    system.call(child, Call::ThreadExit, CapRef::SELF, &[0]);
    system.settle();
    let Outcome::Returned(got) = system.receive(system.root, other) else {
        panic!("a notification")
    };
    assert_eq!((got.rsi, got.r15), (Notification::NoSenders as u64, 70));
    assert_eq!(world.told()[0], Notification::Exit as u64);
    system.call(world.server.thread, Call::CapClose, domain, &[]).value();
    assert_eq!(system.usage(), before);
}

#[test]
fn the_own_domain_can_be_shown_but_not_controlled() {
    let world = World::new();
    let system = &world.system;
    let before = system.usage();
    let own = CapRef::private(slot::FREE - 1);
    let (child, domain) = world.fork(&with(&world, &[(slot::FREE - 1, PrivateSource::Own)]));
    let capability = system.capability(child, own).expect("its own Domain");
    assert_eq!(capability.rights(), Rights::READ | Rights::DUPLICATE);
    let servers = system.capability(world.server.thread, domain).expect("the same");
    assert_eq!(capability.object(), servers.object());
    let control = |operation: DomainOperation| {
        system.call(child, Call::DomainControl, own, &[operation as u64, 0])
    };
    assert_eq!(control(DomainOperation::Inspect).result().map(|(threads, _)| threads), Ok(1));
    for operation in [DomainOperation::Kill, DomainOperation::SetSupervisor] {
        assert_eq!(control(operation).error(), Error::MissingRight);
    }
    system.call(child, Call::ThreadExit, CapRef::SELF, &[0]);
    system.settle();
    system.call(world.server.thread, Call::CapClose, domain, &[]).value();
    assert_eq!(system.usage(), before);
}

#[test]
fn a_child_that_only_itself_names_and_nobody_started_goes() {
    let world = World::new();
    let system = &world.system;
    let token = world.fork_request();
    let before = system.usage();
    let spec = with(&world, &[(3, PrivateSource::Own), (4, PrivateSource::Own)]);
    let domain = CapRef::private(world.clone(token, &spec).value() as u16);
    let second = system.slot();
    let server = world.server.thread;
    system.give(server, domain, server, second, Rights::READ);
    system.call(server, Call::CapClose, domain, &[]).value();
    system.settle();
    assert_eq!(world.child(second), world.child(second), "somebody names it still");
    system.call(server, Call::CapClose, second, &[]).value();
    system.settle();
    let exit = system.receive(server, world.port).result();
    assert_eq!(exit.map(|(what, _)| what), Ok(Notification::Exit as u64));
    assert_eq!(system.usage(), before);
}

#[test]
fn ports_without_mint_and_slots_used_twice_are_refused() {
    let world = World::new();
    let system = &world.system;
    let server = world.server.thread;
    let (event, identity) = (system.slot(), system.slot());
    let made = system.create(server, tine_abi::Kind::Event, &[0]).expect("an Event");
    system.give(server, made, server, event, Rights::ALL);
    system.give(world.parent.thread, SERVER, server, identity, Rights::ALL);
    let received = system.slot();
    system.give(server, world.port, server, received, Rights::RECEIVE);
    let token = world.fork_request();
    let before = system.usage();
    let own = PrivateSource::Own;
    let caller = PrivateSource::Caller { slot: 1 };
    for (entries, error) in [
        (&[(4, own), (5, mint(CapRef::private(999), 7))][..], Error::BadCapability),
        (&[(4, own), (5, mint(event, 7))], Error::WrongKind),
        (&[(4, caller), (5, mint(identity, 7))], Error::MissingRight),
        (&[(4, mint(CapRef::SELF, 7)), (5, mint(received, 7))], Error::MissingRight),
        (&[(4, own), (4, own)], Error::BadArgument),
        (&[(4, own), (4, mint(world.port, 7))], Error::BadArgument),
        (&[(4, caller), (4, caller)], Error::BadArgument),
    ] {
        let outcome = world.clone(token, &with(&world, entries));
        assert_eq!(outcome.error(), error, "{entries:?}");
        assert_eq!(system.usage(), before, "{entries:?}");
    }
    let told = system.receive(server, world.port);
    assert_eq!(told, Outcome::Blocked, "nobody is told of what was undone");
}

#[test]
fn a_failure_at_any_entry_leaves_nothing_behind() {
    let world = World::new();
    let system = &world.system;
    let token = world.fork_request();
    let entries = [
        (1, mint(CapRef::SELF, 2 << 32)),
        (2, PrivateSource::Caller { slot: 1 }),
        (3, PrivateSource::Own),
        (700, mint(world.port, 8)),
        (4, PrivateSource::Own),
        (1300, mint(world.port, 9)),
    ];
    let spec = with(&world, &entries);
    let before = system.usage();
    let account = system.with(|state| state.domains.get(world.parent.domain).map(|it| it.account));
    let account = account.expect("the parent lives");
    let limit = |room: u32| {
        system.with(|state| {
            let objects = &mut state.accounts.get_mut(account).expect("it pays").objects;
            objects.set_limit(objects.used().saturating_add(room));
        });
    };
    for room in 0..6 {
        limit(room);
        assert_eq!(world.clone(token, &spec).error(), Error::NoObjects, "room for {room}");
        assert_eq!(system.usage(), before, "room for {room}");
    }
    limit(6);
    let mut failures = 0;
    loop {
        system.with(|state| state.frames.fail_after(failures));
        let outcome = world.clone(token, &spec);
        if system.with(|state| state.frames.heal()) {
            outcome.value();
            break;
        }
        assert_eq!(outcome.error(), Error::NoMemory, "failure {failures}");
        assert_eq!(system.usage(), before, "failure {failures}");
        failures += 1;
    }
    assert!(failures >= 6, "{failures} allocations");
    let child = world.child(CapRef::private(40));
    for (slot, _) in entries {
        assert!(private(system, child, slot).is_some(), "slot {slot}");
    }
}
