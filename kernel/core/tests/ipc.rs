//! Calls, replies and notifications, one rule a test.

use tine_abi::{
    Call, CapRef, Error,
    capability::{Destination, Rights, SlotFlags},
    domain::{DomainOperation, ThreadOperation},
    memory::{CopyRequest, Place},
    message::{
        ArrivedSlots, Disposition, Extras, MessageKind, Range, SendCapability, SendMode, Status,
    },
    notification::Notification,
    registers::UserRegisters,
};
use tine_kcore::{
    object::thread::ThreadState,
    testing::system::{MEMORY, Outcome, Program, System},
};

const WORDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const REPLY: [u64; 8] = [11, 12, 13, 14, 15, 16, 17, 18];
const SERVER: CapRef = CapRef::private(1);

/// A server with a port, and a client with the badge 77.
struct Pair {
    system: System,
    server: Program,
    client: Program,
    port: CapRef,
}

impl Pair {
    fn new() -> Pair {
        let system = System::new(512);
        let server = system.spawn(1);
        let client = system.spawn(4);
        let port = system.port(server.thread);
        system.client(server.thread, port, 77, client.thread, SERVER);
        Pair { system, server, client, port }
    }

    fn call(&self, extras: Option<&Extras>) -> Outcome {
        self.system.message(self.client.thread, Call::Call, SERVER, 0, WORDS, extras)
    }

    /// What the server receives; it must be there.
    #[track_caller]
    fn receive(&self) -> UserRegisters {
        match self.system.receive(self.server.thread, self.port) {
            Outcome::Returned(registers) => registers,
            Outcome::Blocked => panic!("nothing to receive"),
        }
    }

    fn reply(&self, token: u64, extras: Option<&Extras>) -> Outcome {
        self.system.message(self.server.thread, Call::Reply, self.port, token, REPLY, extras)
    }

    fn reply_receive(&self, token: u64) -> Outcome {
        let server = self.server.thread;
        self.system.message(server, Call::ReplyReceive, self.port, token, REPLY, None)
    }

    fn arrivals(&self, first: u64) {
        let words = [ThreadOperation::SetArrivals as u64, first];
        self.system.call(self.server.thread, Call::ThreadControl, CapRef::SELF, &words).value();
    }
}

fn send(source: CapRef, mode: SendMode, rights: Rights) -> Option<SendCapability> {
    Some(SendCapability { source, mode, rights, badge: 5 })
}

#[test]
fn a_call_is_handed_to_a_waiting_receiver_and_its_reply_back() {
    let pair = Pair::new();
    let (server, client) = (pair.server.thread, pair.client.thread);
    assert_eq!(pair.system.receive(server, pair.port), Outcome::Blocked);
    assert_eq!(pair.system.state(server), ThreadState::Receiving);

    assert_eq!(pair.call(None), Outcome::Blocked);
    assert_eq!(pair.system.with(|state| state.run.current), Some(server), "handed over");
    let got = pair.system.registers(server);
    assert_eq!(got.words(), WORDS);
    assert_eq!(Status(got.rax).kind(), MessageKind::Call);
    assert_eq!(Status(got.rax).missing_slots(), 15);
    assert_eq!(Status(got.rax).protocol_rights(), 0xffff);
    assert_eq!(got.r15, 77);

    assert_eq!(pair.reply_receive(got.rdi), Outcome::Blocked);
    assert_eq!(pair.system.with(|state| state.run.current), Some(client), "and back");
    let answer = pair.system.registers(client);
    assert_eq!((answer.rax, answer.words()), (0, REPLY));
    assert_eq!(ArrivedSlots(answer.rdi), ArrivedSlots::NONE);
    assert_eq!((answer.rbx, answer.rbp), (0, 0));
}

#[test]
fn messages_are_received_in_the_order_in_which_they_were_sent() {
    let pair = Pair::new();
    let system = &pair.system;
    let clients: Vec<Program> = (0..5).map(|_| system.spawn(4)).collect();
    for (badge, client) in clients.iter().enumerate() {
        let server = pair.server.thread;
        system.client(server, pair.port, badge as u64, client.thread, SERVER);
        let call = system.message(client.thread, Call::Call, SERVER, 0, WORDS, None);
        assert_eq!(call, Outcome::Blocked);
    }
    let mut token = 0;
    for badge in 0..5 {
        let Outcome::Returned(got) = pair.reply_receive(token) else { panic!("queued before") };
        assert_eq!(got.r15, badge);
        token = got.rdi;
    }
    assert_eq!(pair.reply_receive(token), Outcome::Blocked);
    assert!(clients.iter().all(|client| system.state(client.thread) == ThreadState::Runnable));
}

#[test]
fn a_token_answers_once() {
    let pair = Pair::new();
    pair.call(None);
    let token = pair.receive().rdi;
    assert_eq!(pair.reply(token + (1 << 20), None).error(), Error::BadToken);
    assert_eq!(pair.reply(0, None).error(), Error::BadToken);
    assert_eq!(pair.reply(u64::MAX, None).error(), Error::BadToken);
    pair.reply(token, None).result().unwrap();
    assert_eq!(pair.reply(token, None).error(), Error::BadToken);
    let other = pair.system.port(pair.server.thread);
    pair.call(None);
    let token = pair.receive().rdi;
    let server = pair.server.thread;
    let wrong = pair.system.message(server, Call::Reply, other, token, REPLY, None);
    assert_eq!(wrong.error(), Error::BadToken, "in service on another port");
}

#[test]
fn capabilities_travel_with_a_call_and_rights_never_grow() {
    let pair = Pair::new();
    let system = &pair.system;
    pair.arrivals(12);
    let client = pair.client.thread;
    let event = system.create(client, tine_abi::Kind::Event, &[0, 0]).unwrap();
    let memory = system.create(client, tine_abi::Kind::Memory, &[4096]).unwrap();
    let mut extras = Extras::NONE;
    extras.capabilities[0] = send(event, SendMode::Copy, Rights::SIGNAL | Rights::DUPLICATE);
    extras.capabilities[1] = send(memory, SendMode::Move, Rights::ALL);
    pair.call(Some(&extras));
    assert!(system.capability(client, memory).is_none(), "moved when the message was accepted");
    let got = pair.receive();
    assert_eq!(Status(got.rax).arrived(), 3);
    let server = pair.server.thread;
    let arrived = system.capability(server, CapRef::private(12)).unwrap();
    assert_eq!(arrived.rights(), Rights::SIGNAL | Rights::DUPLICATE);
    assert!(arrived.event().is_ok());
    assert!(system.capability(server, CapRef::private(13)).unwrap().memory().is_ok());
    pair.reply(got.rdi, None).result().unwrap();

    // What finds its slot in use is closed.
    pair.call(Some(&Extras { capabilities: [extras.capabilities[0], None, None, None], ..extras }));
    let got = pair.receive();
    assert_eq!(Status(got.rax).arrived(), 0);
    pair.reply(got.rdi, None).result().unwrap();

    // A narrowed copy cannot be widened again.
    let mut more = Extras::NONE;
    more.receive[0] = Some(Destination::lowest_from(CapRef::descriptor(0)));
    pair.call(Some(&more));
    let mut back = Extras::NONE;
    back.capabilities[0] = send(CapRef::private(12), SendMode::Copy, Rights::ALL);
    let token = pair.receive().rdi;
    pair.reply(token, Some(&back)).result().unwrap();
    let returned = system.capability(client, CapRef::descriptor(0)).unwrap();
    assert_eq!(returned.rights(), Rights::SIGNAL | Rights::DUPLICATE);
}

#[test]
fn receive_slots_are_reserved_with_the_call_and_freed_when_unused() {
    let pair = Pair::new();
    let (system, client) = (&pair.system, pair.client.thread);
    let mut extras = Extras::NONE;
    extras.receive[0] =
        Some(Destination::lowest_from(CapRef::descriptor(3)).with_flags(SlotFlags::CLOEXEC));
    extras.receive[1] = Some(Destination::exactly(SERVER));
    extras.receive[2] = Some(Destination::lowest_from(CapRef::descriptor(3)));
    pair.call(Some(&extras));
    let got = pair.receive();
    assert_eq!(Status(got.rax).missing_slots(), 0b1010, "slot 1 is in use, slot 3 was not named");
    assert!(
        system.capability(client, CapRef::descriptor(3)).is_none(),
        "reserved is no capability"
    );
    let mut answer = Extras::NONE;
    answer.capabilities[0] = send(pair.port, SendMode::Mint, Rights::SEND);
    answer.capabilities[1] = send(pair.port, SendMode::Mint, Rights::SEND);
    pair.reply(got.rdi, Some(&answer)).result().unwrap();

    let registers = system.registers(client);
    let slots = ArrivedSlots(registers.rdi);
    assert_eq!((slots.slot(0), slots.slot(1), slots.slot(2)), (Some(3), None, None));
    let minted = system.capability(client, CapRef::descriptor(3)).unwrap();
    assert_eq!((minted.rights(), minted.flags()), (Rights::SEND, SlotFlags::CLOEXEC));
    // The second identity had no slot: it is closed, and the port hears so.
    let got = pair.receive();
    assert_eq!(Status(got.rax).kind(), MessageKind::Notification);
    assert_eq!((got.rsi, got.r15, got.rdi), (Notification::NoSenders as u64, 5, 0));
    // Slot 4 was reserved by the third destination and not used.
    let info = system.call(client, Call::CapClose, CapRef::descriptor(4), &[]);
    assert_eq!(info.error(), Error::BadCapability);
}

#[test]
fn a_reserved_slot_that_was_closed_meanwhile_closes_what_arrives() {
    let pair = Pair::new();
    let system = &pair.system;
    // Two threads share a descriptor table: of one Domain.
    let thread = system.create(pair.client.thread, tine_abi::Kind::Thread, &[0]).unwrap();
    let sibling = system.capability(pair.client.thread, thread).unwrap().thread().unwrap();
    let start = [0x20_0000, MEMORY, 0, MEMORY, 0];
    system.call(pair.client.thread, Call::ThreadStart, thread, &start).value();

    let mut extras = Extras::NONE;
    extras.receive[0] = Some(Destination::exactly(CapRef::descriptor(7)));
    pair.call(Some(&extras));
    let got = pair.receive();
    system.call(sibling, Call::CapClose, CapRef::descriptor(7), &[]).value();
    let mut answer = Extras::NONE;
    answer.capabilities[0] = send(pair.port, SendMode::Mint, Rights::SEND);
    pair.reply(got.rdi, Some(&answer)).result().unwrap();
    let registers = system.registers(pair.client.thread);
    assert_eq!((registers.rax, ArrivedSlots(registers.rdi)), (0, ArrivedSlots::NONE));
    assert_eq!(pair.receive().r15, 5, "the identity is closed");
}

#[test]
fn a_dropped_call_gives_peer_died_and_a_restarted_one_is_executed_again() {
    let pair = Pair::new();
    let (system, client) = (&pair.system, pair.client.thread);
    pair.call(None);
    let token = pair.receive().rdi;
    let drop = Extras { disposition: Disposition::Drop, ..Extras::NONE };
    pair.reply(token, Some(&drop)).result().unwrap();
    assert_eq!(Status(system.registers(client).rax).result(), Err(Error::PeerDied));

    let before = system.registers(client).rip;
    pair.call(None);
    let token = pair.receive().rdi;
    let restart = Extras { disposition: Disposition::Restart, ..Extras::NONE };
    pair.reply(token, Some(&restart)).result().unwrap();
    let registers = system.registers(client);
    assert_eq!(registers.rip, before, "at the call again");
    assert_eq!(registers.words(), WORDS, "with its own registers");
    assert_eq!(registers.rax, u64::from(Call::Call.number()) | u64::from(SERVER.bits()) << 32);
}

#[test]
fn a_killed_caller_is_detached_and_a_late_reply_closes_its_capabilities() {
    let pair = Pair::new();
    let system = &pair.system;
    pair.call(None);
    let token = pair.receive().rdi;
    system.call(system.root, Call::DomainControl, pair.client.domain_slot, &[1, 9]).value();
    system.settle();
    // Its identity went with it.
    assert_eq!(pair.receive().r15, 77);

    let mut late = Extras::NONE;
    late.capabilities[0] = send(pair.port, SendMode::Mint, Rights::SEND);
    pair.reply(token, Some(&late)).result().expect("a late reply is a no-op");
    assert_eq!(pair.receive().r15, 5, "what it carried is closed");
    pair.reply(token, None).result().expect("still one");
    let copy = CopyRequest {
        to: Place::Own(MEMORY),
        from: Place::CallerRange { token, range: 0, offset: 0 },
        length: 8,
    };
    system.put(pair.server.thread, MEMORY, &copy);
    let copied = system.call(pair.server.thread, Call::SpaceCopy, CapRef::SELF, &[MEMORY]);
    assert_eq!(copied.error(), Error::CallerGone);
}

#[test]
fn a_receiver_learns_under_which_badge_its_port_supervises_a_caller() {
    let pair = Pair::new();
    let (system, server, root) = (&pair.system, pair.server.thread, pair.system.root);
    let control = |words: &[u64]| {
        system.call(root, Call::DomainControl, pair.client.domain_slot, words).value();
    };
    let supervise = |port: CapRef, badge: u64| {
        let name = system.slot();
        system.give(server, port, root, name, Rights::ALL);
        control(&[DomainOperation::SetSupervisor as u64, u64::from(name.bits()), badge]);
    };
    let ask = |port: CapRef, token: u64| system.call(server, Call::CapInfo, port, &[token]);
    let other = system.port(server);
    let (info, _) = ask(pair.port, 0).result().expect("a port");

    pair.call(None);
    let token = pair.receive().rdi;
    assert_eq!(ask(pair.port, token).result(), Ok((info, 0)), "nobody supervises it");
    supervise(other, 98);
    assert_eq!(ask(pair.port, token).result(), Ok((info, 0)), "another port does");
    supervise(pair.port, 99);
    assert_eq!(ask(pair.port, token).result(), Ok((info, 99)), "whatever it called with");
    assert_eq!(ask(other, token).error(), Error::BadToken, "in service elsewhere");

    pair.reply(token, None).result().expect("an answer");
    assert_eq!(ask(pair.port, token).error(), Error::BadToken, "answered");
    pair.call(None);
    let token = pair.receive().rdi;
    control(&[DomainOperation::Kill as u64, 9]);
    assert_eq!(ask(pair.port, token).error(), Error::CallerGone);
}

#[test]
fn callers_of_a_port_that_dies_get_peer_died() {
    let pair = Pair::new();
    let system = &pair.system;
    let other = system.spawn(4);
    system.client(pair.server.thread, pair.port, 78, other.thread, SERVER);
    pair.call(None);
    pair.receive();
    system.message(other.thread, Call::Call, SERVER, 0, WORDS, None);
    system.call(pair.server.thread, Call::CapClose, pair.port, &[]).value();
    system.settle();
    for client in [pair.client.thread, other.thread] {
        assert_eq!(Status(system.registers(client).rax).result(), Err(Error::PeerDied));
    }
    assert_eq!(pair.call(None).error(), Error::PeerDied);
    assert_eq!(system.with(|state| state.ports.len()), 1, "an identity keeps the shell");
    system.call(pair.client.thread, Call::CapClose, SERVER, &[]).value();
    system.call(other.thread, Call::CapClose, SERVER, &[]).value();
    assert_eq!(system.with(|state| (state.ports.len(), state.grants.len())), (0, 0));
}

#[test]
fn a_revoked_identity_fails_at_once_and_still_has_a_last_close() {
    let pair = Pair::new();
    let (system, server, client) = (&pair.system, pair.server.thread, pair.client.thread);
    let kept = system.slot();
    let words = [Destination::exactly(kept).bits(), u64::from(Rights::ALL.bits()), 9, 1];
    system.call(server, Call::CapDuplicate, pair.port, &words).value();
    let place = CapRef::descriptor(0);
    system.give(server, kept, client, place, Rights::SEND);
    system.call(server, Call::CapRevoke, kept, &[]).value();
    assert_eq!(system.call(server, Call::CapRevoke, kept, &[]).error(), Error::Revoked);
    let call = system.message(client, Call::Call, place, 0, WORDS, None);
    assert_eq!(call.error(), Error::Revoked);
    system.call(server, Call::CapClose, kept, &[]).value();
    assert_eq!(system.receive(server, pair.port), Outcome::Blocked);
    system.call(client, Call::CapClose, place, &[]).value();
    assert_eq!(system.registers(server).r15, 9);
}

#[test]
fn the_server_copies_from_and_to_the_ranges_of_a_caller_only_while_it_serves() {
    let pair = Pair::new();
    let (system, server, client) = (&pair.system, pair.server.thread, pair.client.thread);
    system.put_words(client, MEMORY + 0x800, &[0xfeed, 0]);
    let mut extras = Extras::NONE;
    extras.ranges[0] = Some(Range { address: MEMORY + 0x800, length: 8, writable: false });
    extras.ranges[1] = Some(Range { address: MEMORY + 0x808, length: 8, writable: true });
    pair.call(Some(&extras));
    let token = pair.receive().rdi;
    let copy = |to, from, length| {
        system.put(server, MEMORY, &CopyRequest { to, from, length });
        system.call(server, Call::SpaceCopy, CapRef::SELF, &[MEMORY])
    };
    let range = |range, offset| Place::CallerRange { token, range, offset };
    let own = Place::Own(MEMORY + 0x100);
    assert_eq!(copy(own, range(0, 0), 8).value(), 8);
    assert_eq!(system.get_words(server, MEMORY + 0x100, 1), [0xfeed]);
    assert_eq!(copy(range(1, 0), own, 8).value(), 8);
    assert_eq!(system.get_words(client, MEMORY + 0x808, 1), [0xfeed]);
    assert_eq!(copy(range(0, 0), own, 8).error(), Error::MissingRight, "not writable");
    assert_eq!(copy(own, range(0, 1), 8).error(), Error::BadArgument, "beyond the range");
    // Another Domain cannot use the token, although it guessed it.
    let thief = system.spawn(4).thread;
    system.put(thief, MEMORY, &CopyRequest { to: own, from: range(0, 0), length: 8 });
    let stolen = system.call(thief, Call::SpaceCopy, CapRef::SELF, &[MEMORY]);
    assert_eq!(stolen.error(), Error::BadToken);
    pair.reply(token, None).result().unwrap();
    assert_eq!(copy(own, range(0, 0), 8).error(), Error::BadToken);
}

#[test]
fn after_32_handoffs_the_run_queue_is_served() {
    let pair = Pair::new();
    let system = &pair.system;
    let waiting = system.spawn(4).thread;
    system.receive(pair.server.thread, pair.port);
    system.enter(pair.client.thread);
    let mut handoffs = 0;
    let mut token = 0;
    while system.with(|state| state.run.current) != Some(waiting) && handoffs < 100 {
        if handoffs % 2 == 0 {
            pair.call(None);
            token = system.registers(pair.server.thread).rdi;
        } else {
            pair.reply_receive(token);
        }
        handoffs += 1;
        // The root server is ready too; it does not count.
        if system.with(|state| state.run.current) == Some(system.root) {
            break;
        }
    }
    assert!((32..=40).contains(&handoffs), "{handoffs}");
}

#[test]
fn debug_kernels_refuse_calls_towards_a_higher_rank() {
    let system = System::new(512);
    let (high, low) = (system.spawn(1), system.spawn(2));
    let words = [tine_abi::Kind::Port as u64, Destination::exactly(CapRef::private(5)).bits(), 2];
    system.call(low.thread, Call::Create, CapRef::SELF, &words).value();
    system.client(low.thread, CapRef::private(5), 1, high.thread, SERVER);
    let call = system.message(high.thread, Call::Call, SERVER, 0, WORDS, None);
    assert_eq!(call.error(), Error::Rank);

    system.client(low.thread, CapRef::private(5), 2, system.root, SERVER);
    system.message(system.root, Call::Call, SERVER, 0, WORDS, None);
    let state = system.with(|state| state.threads.get(system.root).map(|root| root.state));
    assert_eq!(state, Some(ThreadState::Calling), "root is not refused");
}

#[test]
fn closes_and_exits_are_told_in_their_order_and_once() {
    let system = System::new(512);
    let server = system.spawn(1);
    let port = system.port(server.thread);
    let child = system.spawn(4);
    for (badge, place) in [(1, CapRef::descriptor(4)), (2, CapRef::descriptor(2)), (3, SERVER)] {
        system.client(server.thread, port, badge, child.thread, place);
    }
    // A second holder of 2: its last close is not the child's.
    system.give(child.thread, CapRef::descriptor(2), system.root, system.slot(), Rights::SEND);
    let name = system.slot();
    system.give(server.thread, port, system.root, name, Rights::ALL);
    let words = [5, u64::from(name.bits()), 99];
    system.call(system.root, Call::DomainControl, child.domain_slot, &words).value();
    system.call(child.thread, Call::ThreadExit, CapRef::SELF, &[42]);
    system.settle();
    let mut told = Vec::new();
    for _ in 0..3 {
        let Outcome::Returned(got) = system.receive(server.thread, port) else { panic!("told") };
        told.push((got.rsi, got.r15));
    }
    let (no_senders, exit) = (Notification::NoSenders as u64, Notification::Exit as u64);
    assert_eq!(told, [(no_senders, 1), (no_senders, 3), (exit, 99)]);
    assert_eq!(system.registers(server.thread).words()[1..4], [1, 42, 0]);
    assert_eq!(system.receive(server.thread, port), Outcome::Blocked);
}
