//! Clones: what a child has of its original and what the specification gives it.

use tine::abi::capability::{Destination, Rights, slot};
use tine::abi::domain::{CloneSpec, Inherit, PrivateEntry, PrivateSource, Suspend, rank};
use tine::abi::message::MessageKind;
use tine::abi::notification::{ExitKind, Notification};
use tine::abi::{CapRef, Error, Kind};
use tine::sys::capability::{
    ANYWHERE, LOWEST_DESCRIPTOR, Placement, close, create, duplicate, information, mint,
};
use tine::sys::domain::{clone_caller, inspect, kill, resume, set_supervisor, yield_now};
use tine::sys::message::{call, recv, reply};

use super::program::is_exit;
use crate::process::{child, exits};
use crate::verdict::{Verdict, equal, refused};

/// A specification of a clone that copies memory and nothing else, supervised by `port`.
pub(in crate::cases) fn specification(port: CapRef) -> CloneSpec {
    CloneSpec {
        descriptors: Inherit::Empty,
        paths: Inherit::Empty,
        child_result: 99,
        ..CloneSpec::fork(ANYWHERE, port, 6)
    }
}

pub(super) fn copy() -> Verdict {
    let port = create(CapRef::SELF, Kind::Port, LOWEST_DESCRIPTOR, [rank::PROGRAM, 0, 0])?;
    let placement = Placement::new(LOWEST_DESCRIPTOR);
    let client = mint(port, 4, placement.with_rights(Rights::SEND))?;
    let pid = child(|| {
        close(port)?;
        let words = call(client, &[1; 8])?.words;
        // The clone returns here as well, with word 2 as told and the process id of its original;
        // it has no descriptors to say anything on.
        if words[2] == 99 {
            let nothing = information(client) == Err(Error::BadCapability);
            return Ok(if nothing && words[0] == 0 && words[1] == 0 { 33 } else { 34 });
        }
        equal(words[1], 55, "the original's answer")?;
        Ok(0)
    })?;
    close(client)?;
    let token = recv(port)?.token;
    let in_use = Destination::exactly(port);
    let full = CloneSpec { domain: in_use, ..specification(port) };
    refused(clone_caller(port, token, &full), Error::NoSlots, "a slot in use")?;
    let domain = clone_caller(port, token, &specification(port))?;
    // It does not run before it is started, whatever else happens.
    for _ in 0..20 {
        yield_now();
    }
    equal(inspect(domain)?.threads, 1, "threads of the clone")?;
    duplicate(domain, Placement::new(ANYWHERE))?;
    resume(domain, Suspend::NEW)?;
    is_exit(&recv(port)?, 6, ExitKind::Exited, 33)?;
    reply(port, token, &[0, 55, 0, 0, 0, 0, 0, 0], None)?;
    exits(pid, 0)
}

/// What the clone finds in its private table: another slot of its original, its own Domain, an
/// identity on a port that the call did not come by.
pub(super) fn private_table() -> Verdict {
    let make = || create(CapRef::SELF, Kind::Port, LOWEST_DESCRIPTOR, [rank::PROGRAM, 0, 0]);
    let (port, other) = (make()?, make()?);
    let placement = Placement::new(LOWEST_DESCRIPTOR).with_rights(Rights::SEND);
    let client = mint(port, 4, placement)?;
    let [elsewhere, own, identity] = [14, 15, 16];
    let pid = child(|| {
        close(port)?;
        close(other)?;
        if call(client, &[1; 8])?.words[2] != 99 {
            return Ok(0);
        }
        // From here on it is the clone.
        let found = information(CapRef::private(elsewhere))?;
        equal(found, information(CapRef::private(slot::PROCESS))?, "the slot from elsewhere")?;
        let own = CapRef::private(own);
        equal(inspect(own)?.threads, 1, "threads of the own Domain")?;
        refused(kill(own, 1), Error::MissingRight, "the own Domain without CONTROL")?;
        refused(set_supervisor(own, None, 0), Error::MissingRight, "choosing the supervisor")?;
        equal(call(CapRef::private(identity), &[2; 8])?.words[1], 56, "the answer")?;
        Ok(33)
    })?;
    close(client)?;
    let token = recv(port)?.token;
    let entry = |slot, source| Some(PrivateEntry { slot, source });
    let mut specification = CloneSpec { descriptors: Inherit::Copy, ..specification(port) };
    specification.private[..4].copy_from_slice(&[
        Some(PrivateEntry::inherited(slot::PROCESS)),
        entry(elsewhere, PrivateSource::Caller { slot: slot::PROCESS }),
        entry(own, PrivateSource::Own),
        entry(identity, PrivateSource::Mint { port: other, badge: 8, protocol: 5 }),
    ]);
    let mut bad = specification;
    for (source, error) in [
        (
            PrivateSource::Mint { port: CapRef::private(99), badge: 8, protocol: 0 },
            Error::BadCapability,
        ),
        (
            PrivateSource::Mint { port: CapRef::private(slot::PROCESS), badge: 8, protocol: 0 },
            Error::MissingRight,
        ),
    ] {
        bad.private[3] = entry(identity, source);
        refused(clone_caller(port, token, &bad), error, "a port to mint on")?;
    }
    bad.private[3] = entry(own, PrivateSource::Own);
    refused(clone_caller(port, token, &bad), Error::BadArgument, "a slot filled twice")?;
    let domain = clone_caller(port, token, &specification)?;
    resume(domain, Suspend::NEW)?;
    let asked = recv(other)?;
    equal((asked.badge, asked.rights), (8, 5), "the identity on the other port")?;
    reply(other, asked.token, &[0, 56, 0, 0, 0, 0, 0, 0], None)?;
    let gone = recv(other)?;
    equal(gone.kind, MessageKind::Notification, "kind of message")?;
    equal((gone.words[0], gone.badge), (Notification::NoSenders as u64, 8), "no senders")?;
    is_exit(&recv(port)?, 6, ExitKind::Exited, 33)?;
    close(domain)?;
    reply(port, token, &[0; 8], None)?;
    exits(pid, 0)
}
