//! Every refusal of every system call, row by row.
//!
//! Owns: the objects that the rows are about. Each row is tried in a process of its own, which ends
//! with the error's number.

use tine::abi::capability::{Destination, Rights, slot};
use tine::abi::domain::rank;
use tine::abi::memory::PAGE;
use tine::abi::{CapRef, Error, Kind};
use tine::memory::mmap;
use tine::sys::capability::{Placement, close, create, duplicate, mint, revoke};
use tine::sys::domain::{FirstRegisters, RemoteThread, inspect, kill, set_supervisor};
use tine::sys::memory::{READ_WRITE, SharedMapping, map, seal};
use tine::sys::message::recv;
use tine::sys::trial;
use tine_tests_table::refusals::subject::{
    DOMAIN, DOMAIN_ENDED, DOMAIN_READ, EVENT, EVENT_BOUND, EVENT_SIGNAL, EVENT_WAIT, MEMORY,
    MEMORY_MAPPED, MEMORY_READ, MEMORY_SEALED, PORT, PORT_DEAD, PORT_RECEIVE, PORT_REVOKED,
    PORT_SEND, SPACE, SPACE_GONE, SPACE_READ, THREAD, THREAD_ENDED, THREAD_FAULTED, THREAD_READ,
};
use tine_tests_table::refusals::{By, ELSEWHERE, GOOD, NOWHERE, ROWS, Row, UNKNOWN, Value};

use super::{Case, case};
use crate::process::trial as try_in_child;
use crate::verdict::{Failure, Present, Verdict, check, equal};

pub(super) const CASES: &[Case] = &[
    case("call.unknown", unknown),
    case("call.message", || rows(0)),
    case("call.capability", || rows(1)),
    case("call.memory", || rows(2)),
    case("call.domain", || rows(3)),
    case("call.system", || rows(4)),
    case("call.completeness", completeness),
];

/// Tries a call; what it answered.
fn attempt(selector: u64, registers: &[u64; 10]) -> Verdict<Option<Error>> {
    let status = try_in_child(|| trial::call(selector, registers))?;
    match status.exit_code() {
        Some(0) => Ok(None),
        Some(number) => Ok(Some(Error::from_number(u64::from(number)).present("such error")?)),
        None => Err(Failure::new(tine::process::wait::Words(status))),
    }
}

fn unknown() -> Verdict {
    for number in UNKNOWN {
        let found = attempt(u64::from(number), &[0; 10])?;
        equal(found, Some(Error::UnknownCall), format_args!("call {number}"))?;
    }
    // Garbage in the bits of the capability is no capability.
    let bits = u64::from(tine::abi::Call::CapClose.number()) | 0xffff_ffff << 32;
    equal(attempt(bits, &[0; 10])?, Some(Error::BadCapability), "an undefined reference")
}

fn rows(group: usize) -> Verdict {
    let objects = Objects::make()?;
    let result = ROWS[group].iter().try_for_each(|row| {
        let what = format_args!("{}, {}", row.call.info().name, row.about);
        let found = objects.attempt(row).map_err(|failure| failure.within(what))?;
        let label = |error: Option<Error>| error.map_or("success", Error::label);
        equal(label(found), label(row.error), what)
    });
    objects.end()?;
    result
}

fn completeness() -> Verdict {
    let known = |name: &str| super::all().any(|case| case.name == name);
    for entry in ELSEWHERE {
        if let By::Case(name) = entry.by {
            check(known(name), format_args!("there is a case {name}"))?;
        }
    }
    for (call, name) in GOOD {
        check(known(name), format_args!("there is a case {name} for {}", call.info().name))?;
    }
    Ok(())
}

/// What the rows are about.
struct Objects {
    room: tine::memory::Mapping,
    /// Keeps a Memory mapped for writing.
    writer: SharedMapping,
}

const TEMPORARY: CapRef = CapRef::descriptor(60);
const SUPERVISOR: CapRef = CapRef::descriptor(61);
const FAULTING: CapRef = CapRef::descriptor(62);

fn exactly(slot: CapRef) -> Destination {
    Destination::exactly(slot)
}

/// A copy with only these rights.
fn narrowed(from: CapRef, to: CapRef, rights: Rights) -> Verdict {
    duplicate(from, Placement::new(exactly(to)).with_rights(rights))?;
    Ok(())
}

fn make(kind: Kind, to: CapRef, arguments: [u64; 3]) -> Verdict {
    create(CapRef::SELF, kind, exactly(to), arguments)?;
    Ok(())
}

/// The argument for a capability.
fn bits(capability: CapRef) -> u64 {
    u64::from(capability.bits())
}

impl Objects {
    fn make() -> Verdict<Self> {
        make(Kind::Event, EVENT, [0; 3])?;
        narrowed(EVENT, EVENT_WAIT, Rights::WAIT)?;
        narrowed(EVENT, EVENT_SIGNAL, Rights::SIGNAL)?;
        make(Kind::Port, PORT, [rank::PROGRAM, 0, 0])?;
        make(Kind::Event, EVENT_BOUND, [bits(PORT), 5, 0])?;
        mint(PORT, 9, Placement::new(exactly(PORT_SEND)).with_rights(Rights::SEND))?;
        narrowed(PORT, PORT_RECEIVE, Rights::RECEIVE)?;
        let revocable = Rights::SEND | Rights::MINT;
        mint(PORT, 10, Placement::new(exactly(PORT_REVOKED)).with_rights(revocable))?;
        revoke(PORT_REVOKED)?;
        make(Kind::Port, TEMPORARY, [rank::PROGRAM, 0, 0])?;
        mint(TEMPORARY, 1, Placement::new(exactly(PORT_DEAD)).with_rights(Rights::SEND))?;
        close(TEMPORARY)?;

        make(Kind::Memory, MEMORY, [2 * PAGE, 0, 0])?;
        narrowed(MEMORY, MEMORY_READ, Rights::READ)?;
        make(Kind::Memory, MEMORY_SEALED, [PAGE, 0, 0])?;
        seal(MEMORY_SEALED)?;
        make(Kind::Memory, MEMORY_MAPPED, [PAGE, 0, 0])?;
        let writer = SharedMapping::memory(MEMORY_MAPPED, 0, PAGE as usize, true)?;

        make(Kind::AddressSpace, SPACE, [0; 3])?;
        narrowed(SPACE, SPACE_READ, Rights::READ)?;
        make(Kind::Domain, DOMAIN, [bits(SPACE), rank::PROGRAM, 0])?;
        narrowed(DOMAIN, DOMAIN_READ, Rights::READ)?;
        RemoteThread::create(CapRef::SELF, DOMAIN, exactly(THREAD))?;
        narrowed(THREAD, THREAD_READ, Rights::READ)?;

        make(Kind::AddressSpace, SPACE_GONE, [0; 3])?;
        make(Kind::Domain, DOMAIN_ENDED, [bits(SPACE_GONE), rank::PROGRAM, 0])?;
        RemoteThread::create(CapRef::SELF, DOMAIN_ENDED, exactly(THREAD_ENDED))?;
        kill(DOMAIN_ENDED, 9)?;
        wait_until_gone(SPACE_GONE)?;

        make(Kind::Port, SUPERVISOR, [rank::PROGRAM, 0, 0])?;
        make(Kind::Domain, FAULTING, [bits(SPACE), rank::PROGRAM, 0])?;
        set_supervisor(FAULTING, Some(SUPERVISOR), 3)?;
        let thread = RemoteThread::create(CapRef::SELF, FAULTING, exactly(THREAD_FAULTED))?;
        thread.start(&FirstRegisters { instruction: NOWHERE, ..FirstRegisters::default() })?;
        recv(SUPERVISOR)?;
        Ok(Self { room: mmap(PAGE as usize)?, writer })
    }

    fn attempt(&self, row: &Row) -> Verdict<Option<Error>> {
        let registers = row.registers.map(|value| match value {
            Value::Word(word) => word,
            Value::Words(words) => words.as_ptr().expose_provenance() as u64,
            Value::Room => self.room.address(),
        });
        let selector = u64::from(row.call.number()) | bits(row.capability) << 32;
        attempt(selector, &registers)
    }

    /// Ends the Domains, which would outlive this process.
    fn end(self) -> Verdict {
        kill(DOMAIN, 9)?;
        kill(FAULTING, 9)?;
        wait_until_gone(SPACE)?;
        equal(inspect(DOMAIN)?.threads, 0, "threads of a Domain that has ended")?;
        drop(self.writer);
        // The counters are there for every process.
        tine::sys::hardware::statistics(CapRef::private(slot::STATISTICS))?;
        Ok(())
    }
}

/// Waits until a space was torn down.
fn wait_until_gone(space: CapRef) -> Verdict {
    let request = tine::abi::memory::MapRequest {
        address: 0,
        length: PAGE,
        protection: READ_WRITE,
        inheritance: tine::abi::memory::Inheritance::Copy,
        source: tine::abi::memory::Source::Anonymous,
        offset: 0,
    };
    loop {
        match map(space, &request) {
            Err(Error::Gone) => return Ok(()),
            Ok(_) => tine::sys::domain::yield_now(),
            Err(error) => return Err(error.into()),
        }
    }
}
