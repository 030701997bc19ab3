//! What messages carry beside words: capabilities, receive slots, memory ranges.

use tine::abi::capability::{Destination, Rights};
use tine::abi::domain::rank;
use tine::abi::message::{Extras, SendCapability, SendMode};
use tine::abi::{CapRef, Error, Kind};
use tine::sys::capability::{
    ANYWHERE, LOWEST_DESCRIPTOR, Placement, close, create, duplicate, information,
};
use tine::sys::domain::set_arrivals;
use tine::sys::event::{AT_ONCE, FOREVER, signal, wait};
use tine::sys::memory::{Remote, copy_in, copy_out};
use tine::sys::message::{Message, call, recv, reply};

use super::{BADGE, FIRST, SECOND, Server, called, is_no_senders, send};
use crate::process::exits;
use crate::verdict::{Present, Verdict, equal, refused};

/// Where capabilities of calls arrive.
const ARRIVALS: u16 = 40;

const fn arrival(index: u16) -> CapRef {
    CapRef::private(ARRIVALS + index)
}

pub(super) fn capabilities() -> Verdict {
    let server = Server::new()?;
    set_arrivals(ARRIVALS)?;
    let pid = server.client(|port| {
        let event = create(CapRef::SELF, Kind::Event, ANYWHERE, [0; 3])?;
        let moved = duplicate(event, Placement::new(ANYWHERE))?;
        let own = create(CapRef::SELF, Kind::Port, ANYWHERE, [rank::PROGRAM, 0, 0])?;
        let minted =
            SendCapability { source: own, mode: SendMode::Mint, rights: Rights::SEND, badge: 77 };
        let narrow = SendCapability { rights: Rights::SIGNAL, ..send(event, SendMode::Copy) };
        let message = Message::new(FIRST);
        let message = message.send(narrow).send(send(moved, SendMode::Move)).send(minted);
        message.call(port)?;
        refused(information(moved), Error::BadCapability, "a slot that was moved away")?;
        equal(wait(event, !0, FOREVER)?, 0b11, "what the server has set")?;
        let asked = recv(own)?;
        equal((asked.badge, asked.words[0]), (77, 5), "a call on the minted identity")?;
        reply(own, asked.token, &SECOND, None)?;
        is_no_senders(&recv(own)?, 77)?;
        Ok(0)
    })?;
    let received = recv(server.port)?;
    called(&received, FIRST)?;
    equal(received.arrived, 0b111, "what arrived")?;
    signal(arrival(0), 0b01)?;
    refused(wait(arrival(0), 1, AT_ONCE), Error::MissingRight, "waiting with SIGNAL alone")?;
    refused(
        duplicate(arrival(0), Placement::new(ANYWHERE)),
        Error::MissingRight,
        "a copy without DUPLICATE",
    )?;
    signal(arrival(1), 0b10)?;
    reply(server.port, received.token, &[0; 8], None)?;
    equal(call(arrival(2), &[5; 8])?.words, SECOND, "the client as server")?;
    for index in 0..3 {
        close(arrival(index))?;
    }
    exits(pid, 0)?;
    is_no_senders(&recv(server.port)?, BADGE)
}

pub(super) fn rights_shrink() -> Verdict {
    let event = create(CapRef::SELF, Kind::Event, ANYWHERE, [0; 3])?;
    let mut rights = Rights::ALL;
    let mut current = event;
    for lost in [Rights::READ, Rights::SIGNAL, Rights::PROTOCOL, Rights::WAIT, Rights::DUPLICATE] {
        rights -= lost;
        current = duplicate(current, Placement::new(ANYWHERE).with_rights(rights))?;
        equal(information(current)?.rights, rights, "rights of a copy")?;
        let back = Placement::new(Destination::exactly(current)).with_rights(Rights::ALL);
        let same = tine::sys::capability::move_to(current, back)?;
        equal(information(same)?.rights, rights, "rights never come back")?;
    }
    refused(signal(current, 1), Error::MissingRight, "what was lost is lost")
}

pub(super) fn reply_capabilities() -> Verdict {
    let server = Server::new()?;
    let event = create(CapRef::SELF, Kind::Event, ANYWHERE, [0; 3])?;
    let exact = CapRef::descriptor(50);
    let pid = server.client(|port| {
        let message = Message::new(FIRST);
        let message = message.receive(Destination::exactly(exact)).receive(LOWEST_DESCRIPTOR);
        let arrived = message.receive(ANYWHERE).call(port)?;
        equal(arrived.arrived.slot(0), Some(50), "the exact slot")?;
        let second = CapRef::descriptor(arrived.arrived.slot(1).present("second slot")?);
        equal(arrived.arrived.slot(2), None, "a slot that nothing came for")?;
        signal(exact, 0b100)?;
        refused(wait(exact, 1, AT_ONCE), Error::MissingRight, "waiting with SIGNAL alone")?;
        call(second, &[6; 8])?;
        Ok(0)
    })?;
    let received = recv(server.port)?;
    called(&received, FIRST)?;
    equal(received.missing, 0b1000, "slots that were not named")?;
    let mut extras = Extras::NONE;
    extras.capabilities[0] =
        Some(SendCapability { rights: Rights::SIGNAL, ..send(event, SendMode::Copy) });
    extras.capabilities[1] = Some(SendCapability {
        source: server.port,
        mode: SendMode::Mint,
        rights: Rights::SEND,
        badge: 88,
    });
    reply(server.port, received.token, &SECOND, Some(&extras))?;
    let second = recv(server.port)?;
    equal((second.badge, second.words[0]), (88, 6), "a call on the identity of the reply")?;
    equal(wait(event, !0, FOREVER)?, 0b100, "what the client has set")?;
    reply(server.port, second.token, &SECOND, None)?;
    exits(pid, 0)
}

pub(super) fn missing_slots() -> Verdict {
    let server = Server::new()?;
    let event = create(CapRef::SELF, Kind::Event, ANYWHERE, [0; 3])?;
    let pid = server.client(|port| {
        // Slot 0 is in use; slot 1 is free; the same slot cannot be reserved twice.
        let free = CapRef::descriptor(51);
        let message = Message::new(FIRST)
            .receive(Destination::exactly(CapRef::descriptor(0)))
            .receive(Destination::exactly(free))
            .receive(Destination::exactly(free));
        let arrived = message.call(port)?.arrived;
        equal(
            (arrived.slot(0), arrived.slot(1), arrived.slot(2)),
            (None, Some(51), None),
            "slots",
        )?;
        // What was reserved and not filled is free again.
        let message = Message::new(FIRST).receive(Destination::exactly(CapRef::descriptor(52)));
        equal(message.call(port)?.arrived.slot(0), None, "nothing came")?;
        refused(information(CapRef::descriptor(52)), Error::BadCapability, "an unused slot")?;
        duplicate(free, Placement::new(Destination::exactly(CapRef::descriptor(52))))?;
        Ok(0)
    })?;
    let received = recv(server.port)?;
    equal(received.missing, 0b1101, "slots that could not be reserved")?;
    let mut extras = Extras::NONE;
    for index in 0..3 {
        extras.capabilities[index] = Some(send(event, SendMode::Copy));
    }
    reply(server.port, received.token, &SECOND, Some(&extras))?;
    let received = recv(server.port)?;
    equal(received.missing, 0b1110, "one slot")?;
    reply(server.port, received.token, &SECOND, None)?;
    exits(pid, 0)
}

pub(super) fn ranges() -> Verdict {
    let server = Server::new()?;
    let pid = server.client(|port| {
        let given = *b"to the server";
        let mut taken = [b'.'; 16];
        let message = Message::new(FIRST).readable(&given).writable(&mut taken);
        message.call(port)?;
        equal(&taken, b"..from it.......", "what the server wrote")?;
        Ok(0)
    })?;
    let token = recv(server.port)?.token;
    let at = |range, offset| Remote::CallerRange { token, range, offset };
    let mut bytes = [0; 13];
    equal(copy_in(&mut bytes, at(0, 0))?, 13, "bytes copied")?;
    equal(&bytes, b"to the server", "what the client lent")?;
    copy_out(at(1, 2), b"from it")?;
    let error = |result: Result<u64, tine::sys::memory::CopyError>| result.map_err(|e| e.error);
    refused(error(copy_out(at(0, 0), b"x")), Error::MissingRight, "writing what is for reading")?;
    refused(error(copy_in(&mut bytes, at(0, 1))), Error::BadArgument, "beyond the range")?;
    refused(error(copy_in(&mut bytes, at(1, 17))), Error::BadArgument, "far beyond the range")?;
    refused(error(copy_in(&mut bytes, at(0, u64::MAX))), Error::BadArgument, "wrapping around")?;
    reply(server.port, token, &SECOND, None)?;
    refused(error(copy_in(&mut bytes, at(0, 0))), Error::BadToken, "after the reply")?;
    exits(pid, 0)
}

pub(super) fn long_copy() -> Verdict {
    /// More than any step of the kernel's, in pages that nobody has touched.
    const BYTES: usize = 3 << 20;
    let server = Server::new()?;
    let pid = server.client(|port| {
        let mut taken = tine::memory::mmap(BYTES)?;
        Message::new(FIRST).writable(taken.bytes_mut()).call(port)?;
        let wrong = taken.bytes().iter().zip(0_u64..).find(|(byte, at)| **byte != (at % 251) as u8);
        equal(wrong, None, "the first wrong byte")?;
        Ok(0)
    })?;
    let token = recv(server.port)?.token;
    let mut given = tine::memory::mmap(BYTES)?;
    for (byte, at) in given.bytes_mut().iter_mut().zip(0_u64..) {
        *byte = (at % 251) as u8;
    }
    let to = Remote::CallerRange { token, range: 0, offset: 0 };
    equal(copy_out(to, given.bytes())?, BYTES as u64, "bytes copied")?;
    reply(server.port, token, &SECOND, None)?;
    exits(pid, 0)
}
