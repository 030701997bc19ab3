//! Messages between processes: words, capabilities, ranges, slots, and every bad end.
//!
//! The server is the case, its clients are children: descriptors are what both have.

mod transfer;

use tine::abi::capability::{Destination, Rights};
use tine::abi::domain::rank;
use tine::abi::message::{
    Disposition, Extras, MessageKind, SendCapability, SendMode, Words, layout,
};
use tine::abi::notification::Notification;
use tine::abi::{Call, CapRef, Error, Kind};
use tine::signal::SIGKILL;
use tine::sys::capability::{
    ANYWHERE, LOWEST_DESCRIPTOR, Placement, close, create, duplicate, mint, revoke, supervised_as,
};
use tine::sys::domain::clone_caller;
use tine::sys::event::{AT_ONCE, signal, wait};
use tine::sys::memory::{Remote, copy_out};
use tine::sys::message::{Message, Received, call, recv, reply, reply_recv};
use tine::sys::trial;
use tine_tests_table::refusals::NOWHERE;

use super::domain::specification;
use super::{Case, case};
use crate::process::{Line, child, exits, is_killed};
use crate::verdict::{Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("ipc.round-trip", round_trip),
    case("ipc.order", order),
    case("ipc.capabilities", transfer::capabilities),
    case("ipc.rights-shrink", transfer::rights_shrink),
    case("ipc.reply-capabilities", transfer::reply_capabilities),
    case("ipc.missing-slots", transfer::missing_slots),
    case("ipc.ranges", transfer::ranges),
    case("ipc.long-copy", transfer::long_copy),
    case("ipc.peer-died", peer_died),
    case("ipc.peer-died-queued", peer_died_queued),
    case("ipc.dropped", dropped),
    case("ipc.restarted", restarted),
    case("ipc.revoked", revoked),
    case("ipc.bad-answers", bad_answers),
    case("ipc.caller-killed", caller_killed),
    case("ipc.no-senders", no_senders),
    case("ipc.bound-event", bound_event),
];

/// A port, and an identity on it that clients use. Both are inherited.
struct Server {
    port: CapRef,
    client: CapRef,
}

const BADGE: u64 = 0x1234_5678_9abc_def0;

impl Server {
    fn new() -> Verdict<Self> {
        let port = create(CapRef::SELF, Kind::Port, LOWEST_DESCRIPTOR, [rank::PROGRAM, 0, 0])?;
        let client = identity(port, BADGE, Rights::SEND | Rights::DUPLICATE)?;
        Ok(Self { port, client })
    }

    /// A child that has the identity only, while the case has the port only.
    fn client(&self, part: impl FnOnce(CapRef) -> Verdict<u8>) -> Verdict<tine::Pid> {
        let pid = child(|| {
            close(self.port)?;
            part(self.client)
        })?;
        close(self.client)?;
        Ok(pid)
    }
}

fn identity(port: CapRef, badge: u64, rights: Rights) -> Verdict<CapRef> {
    Ok(mint(port, badge, Placement::new(LOWEST_DESCRIPTOR).with_rights(rights))?)
}

/// A call with these words.
fn called(received: &Received, words: Words) -> Verdict {
    equal(received.kind, MessageKind::Call, "kind of message")?;
    equal(received.words, words, "words")
}

/// A notification that the last copy of an identity is gone.
fn is_no_senders(received: &Received, badge: u64) -> Verdict {
    equal(received.kind, MessageKind::Notification, "kind of message")?;
    equal(received.words[0], Notification::NoSenders as u64, "kind of notification")?;
    equal(received.badge, badge, "badge")
}

fn send(source: CapRef, mode: SendMode) -> SendCapability {
    SendCapability { source, mode, rights: Rights::ALL, badge: 0 }
}

const FIRST: Words = [1, 2, 3, 4, 5, 6, 7, u64::MAX];
const SECOND: Words = [0, 8, 7, 6, 5, 4, 3, 1 << 63];

fn round_trip() -> Verdict {
    let server = Server::new()?;
    let pid = server.client(|port| {
        equal(call(port, &FIRST)?.words, SECOND, "the first reply")?;
        equal(call(port, &SECOND)?.words, FIRST, "the second reply")?;
        Ok(0)
    })?;
    let first = recv(server.port)?;
    called(&first, FIRST)?;
    equal((first.badge, first.arrived, first.missing), (BADGE, 0, 15), "the caller")?;
    let second = reply_recv(server.port, first.token, &SECOND, None)?;
    called(&second, SECOND)?;
    check(first.token != second.token, "each call has a token of its own")?;
    refused(reply(server.port, first.token, &FIRST, None), Error::BadToken, "an old token")?;
    reply(server.port, second.token, &FIRST, None)?;
    refused(reply(server.port, second.token, &FIRST, None), Error::BadToken, "answering twice")?;
    is_no_senders(&recv(server.port)?, BADGE)?;
    exits(pid, 0)
}

fn order() -> Verdict {
    const CLIENTS: u64 = 5;
    let server = Server::new()?;
    for number in 0..CLIENTS {
        child(|| {
            close(server.port)?;
            let words = [number, 0, 0, 0, 0, 0, 0, 0];
            equal(call(server.client, &words)?.words[0], number, "the client's own reply")?;
            Ok(0)
        })?;
    }
    let mut seen = 0;
    let mut calls = [(0, 0); CLIENTS as usize];
    for (token, number) in &mut calls {
        let received = recv(server.port)?;
        (*token, *number) = (received.token, received.words[0]);
        seen |= 1 << *number;
    }
    equal(seen, (1 << CLIENTS) - 1, "every client was heard once")?;
    for (token, number) in calls.into_iter().rev() {
        reply(server.port, token, &[number; 8], None)?;
    }
    equal(crate::process::reap_all()?, CLIENTS as usize, "children")
}

fn peer_died() -> Verdict {
    let server = Server::new()?;
    let pid = child(|| {
        close(server.client)?;
        recv(server.port)?;
        Ok(3)
    })?;
    close(server.port)?;
    refused(call(server.client, &FIRST), Error::PeerDied, "a call in service")?;
    refused(call(server.client, &FIRST), Error::PeerDied, "a later call")?;
    exits(pid, 3)
}

fn peer_died_queued() -> Verdict {
    let server = Server::new()?;
    let clients = [(); 3].map(|()| {
        child(|| {
            close(server.port)?;
            refused(call(server.client, &FIRST), Error::PeerDied, "a queued call")?;
            Ok(0)
        })
    });
    for _ in 0..10 {
        tine::sys::domain::yield_now();
    }
    close(server.port)?;
    for client in clients {
        exits(client?, 0)?;
    }
    Ok(())
}

fn dropped() -> Verdict {
    let server = Server::new()?;
    let pid = server.client(|port| {
        refused(call(port, &FIRST), Error::PeerDied, "a call that is dropped")?;
        equal(call(port, &SECOND)?.words, FIRST, "the next one")?;
        Ok(0)
    })?;
    let token = recv(server.port)?.token;
    let extras = Extras { disposition: Disposition::Drop, ..Extras::NONE };
    reply(server.port, token, &FIRST, Some(&extras))?;
    let token = recv(server.port)?.token;
    reply(server.port, token, &FIRST, None)?;
    exits(pid, 0)
}

fn restarted() -> Verdict {
    let server = Server::new()?;
    let pid = server.client(|port| {
        equal(call(port, &FIRST)?.words, SECOND, "the reply")?;
        Ok(0)
    })?;
    let mut token = recv(server.port)?.token;
    for _ in 0..3 {
        let extras = Extras { disposition: Disposition::Restart, ..Extras::NONE };
        reply(server.port, token, &[9; 8], Some(&extras))?;
        let again = recv(server.port)?;
        called(&again, FIRST)?;
        check(again.token != token, "a call that is executed again is another call")?;
        token = again.token;
    }
    reply(server.port, token, &SECOND, None)?;
    exits(pid, 0)
}

fn revoked() -> Verdict {
    let server = Server::new()?;
    let revocable = identity(server.port, 5, Rights::ALL)?;
    let pid = server.client(|_| {
        let copy = duplicate(revocable, Placement::new(LOWEST_DESCRIPTOR))?;
        equal(call(copy, &FIRST)?.words, SECOND, "before")?;
        refused(call(copy, &FIRST), Error::Revoked, "a copy afterwards")?;
        refused(call(revocable, &FIRST), Error::Revoked, "the other copy")?;
        Ok(0)
    })?;
    let received = recv(server.port)?;
    equal(received.badge, 5, "badge")?;
    revoke(revocable)?;
    refused(revoke(revocable), Error::Revoked, "revoking twice")?;
    reply(server.port, received.token, &SECOND, None)?;
    exits(pid, 0)?;
    close(revocable)?;
    for badge in [BADGE, 5] {
        is_no_senders(&recv(server.port)?, badge)?;
    }
    Ok(())
}

fn bad_answers() -> Verdict {
    let server = Server::new()?;
    let event = create(CapRef::SELF, Kind::Event, ANYWHERE, [0; 3])?;
    let signal_only = duplicate(event, Placement::new(ANYWHERE).with_rights(Rights::SIGNAL))?;
    let pid = server.client(|port| {
        equal(call(port, &FIRST)?.words, SECOND, "the reply")?;
        Ok(0)
    })?;
    let token = recv(server.port)?.token;
    let nothing = CapRef::private(63);
    let all = u64::from(Rights::ALL.bits());
    let sending = |source: CapRef| [1, u64::from(source.bits()), all, 0];
    let mut starting = [0; layout::WORDS];
    starting[0] = 1 << layout::STARTS_SHIFT;
    for call in [Call::Reply, Call::ReplyReceive] {
        let attempt = |words: &[u64], error: Error, what: &str| {
            let address = words.as_ptr().expose_provenance() as u64;
            refused(trial::reply(call, server.port, token, address), error, what)
        };
        let nowhere = trial::reply(call, server.port, token, NOWHERE);
        refused(nowhere, Error::BadAddress, "extras nowhere")?;
        attempt(&[1 << 21], Error::BadArgument, "undefined extras")?;
        attempt(&[1 << 8; 19], Error::BadArgument, "ranges in an answer")?;
        attempt(&[1 << 4; 14], Error::BadArgument, "receive slots in an answer")?;
        attempt(&sending(nothing), Error::BadCapability, "sending nothing")?;
        attempt(&sending(signal_only), Error::MissingRight, "a copy without DUPLICATE")?;
        starting[layout::STARTS] = u64::from(event.bits());
        attempt(&starting, Error::WrongKind, "starting an Event")?;
        starting[layout::STARTS] = u64::from(nothing.bits());
        attempt(&starting, Error::BadCapability, "starting nothing")?;
    }
    // After all this the call is still in service.
    reply(server.port, token, &SECOND, None)?;
    exits(pid, 0)
}

fn caller_killed() -> Verdict {
    let server = Server::new()?;
    let pid = server.client(|port| {
        let mut room = [0; 64];
        Message::new(FIRST).writable(&mut room).receive(LOWEST_DESCRIPTOR).call(port)?;
        Ok(0)
    })?;
    let token = recv(server.port)?.token;
    tine::kill(pid, SIGKILL)?;
    is_killed(pid, SIGKILL)?;
    let to = Remote::CallerRange { token, range: 0, offset: 0 };
    let copied = copy_out(to, b"too late").map_err(|error| error.error);
    refused(copied, Error::CallerGone, "writing to the dead")?;
    let cloned = clone_caller(server.port, token, &specification(server.port));
    refused(cloned, Error::CallerGone, "cloning the dead")?;
    refused(supervised_as(server.port, token), Error::CallerGone, "asking for the dead")?;
    is_no_senders(&recv(server.port)?, BADGE)?;
    // A late reply does nothing, and what it carries is closed.
    let late = identity(server.port, 9, Rights::SEND)?;
    let mut extras = Extras::NONE;
    extras.capabilities[0] = Some(send(late, SendMode::Move));
    reply(server.port, token, &SECOND, Some(&extras))?;
    is_no_senders(&recv(server.port)?, 9)
}

fn no_senders() -> Verdict {
    let server = Server::new()?;
    let mut more = [CapRef::SELF; 3];
    for (slot, badge) in more.iter_mut().zip(1..) {
        *slot = identity(server.port, badge, Rights::SEND | Rights::DUPLICATE)?;
    }
    let line = Line::new()?;
    let pid = server.client(|_| {
        line.listen()?.hear_end()?;
        // The first one lives on in a copy at a higher slot: it goes last.
        duplicate(more[0], Placement::new(Destination::exactly(CapRef::descriptor(55))))?;
        close(more[0])?;
        Ok(0)
    })?;
    for slot in more {
        close(slot)?;
    }
    line.leave()?;
    exits(pid, 0)?;
    // The descriptors of a Domain that ends are closed in the order of their slots.
    for badge in [BADGE, 2, 3, 1] {
        is_no_senders(&recv(server.port)?, badge)?;
    }
    Ok(())
}

fn bound_event() -> Verdict {
    let server = Server::new()?;
    let arguments = [u64::from(server.port.bits()), 66, 0];
    let event = create(CapRef::SELF, Kind::Event, LOWEST_DESCRIPTOR, arguments)?;
    let pid = server.client(|port| {
        signal(event, 0b1)?;
        signal(event, 0b10)?;
        call(port, &FIRST)?;
        signal(event, 0b100)?;
        Ok(0)
    })?;
    refused(wait(event, 1, AT_ONCE), Error::Busy, "waiting for a bound Event")?;
    let mut bits = 0;
    let token = loop {
        let received = recv(server.port)?;
        if received.kind == MessageKind::Call {
            break received.token;
        }
        equal(received.words[0], Notification::Event as u64, "kind of notification")?;
        equal(received.badge, 66, "badge of the binding")?;
        bits |= received.words[1];
    };
    equal(bits, 0b11, "bits before the call")?;
    reply(server.port, token, &SECOND, None)?;
    let last = recv(server.port)?;
    equal((last.words[0], last.words[1]), (Notification::Event as u64, 0b100), "bits after it")?;
    exits(pid, 0)
}
