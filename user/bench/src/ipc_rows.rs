//! System calls, messages, faults and switches.

use tine::abi::CapRef;
use tine::abi::Kind;
use tine::abi::domain::rank;
use tine::abi::memory::{Inheritance, MapRequest, Protection, Source};
use tine::abi::message::{MessageKind, NO_TOKEN};
use tine::abi::notification::FaultReply;
use tine::process::{Fork, fork, getpid_by_message, kill, waitpid};
use tine::signal::SIGKILL;
use tine::sys::capability::{ANYWHERE, LOWEST_DESCRIPTOR, close, create};
use tine::sys::domain::{self, FirstRegisters, RemoteThread, yield_now};
use tine::sys::memory::{Remote, copy_out, map, seal};
use tine::sys::message::{call, reply_recv};
use tine::{_exit, Errno, Result};

use crate::measure::{Measured, OPERATIONS, drained, whole};

/// Waits for a child and wants it to have been killed by the bench.
fn reap(pid: tine::Pid) -> Result<()> {
    kill(pid, SIGKILL)?;
    waitpid(pid, tine::abi::protocol::process::WaitFlags::empty())?;
    Ok(())
}

/// A call that does not exist.
pub(crate) fn null_syscall() -> Result<Measured> {
    whole(|| match tine::sys::raw::unknown().result() {
        Err(tine::abi::Error::UnknownCall) => Ok(()),
        _ => Err(Errno::IO),
    })
}

/// A call and its reply between two processes, eight words each way.
pub(crate) fn ipc_round_trip() -> Result<Measured> {
    let port = create(CapRef::SELF, Kind::Port, LOWEST_DESCRIPTOR, [rank::PROGRAM, 0, 0])?;
    let echo = match fork()? {
        Fork::Parent(pid) => pid,
        Fork::Child => {
            let (mut token, mut words) = (NO_TOKEN, [0; 8]);
            while let Ok(received) = reply_recv(port, token, &words, None) {
                (token, words) = (received.token, received.words);
            }
            _exit(1)
        }
    };
    let message = [1, 2, 3, 4, 5, 6, 7, 8];
    let measured = whole(|| match call(port, &message)? {
        reply if reply.words == message => Ok(()),
        _ => Err(Errno::IO),
    });
    reap(echo)?;
    close(port)?;
    measured
}

/// getpid as a message to the process server.
pub(crate) fn null_process_request() -> Result<Measured> {
    whole(|| getpid_by_message().map(drop))
}

/// `l: ud2; jmp l`
const FAULTING: [u8; 4] = [0x0f, 0x0b, 0xeb, 0xfc];

/// A fault that a handler in another address space resolves.
pub(crate) fn fault_round_trip() -> Result<Measured> {
    const ADDRESS: u64 = tine::abi::layout::TEXT;
    let port = create(CapRef::SELF, Kind::Port, ANYWHERE, [rank::PROGRAM, 0, 0])?;
    let code = create(CapRef::SELF, Kind::Memory, ANYWHERE, [tine::abi::memory::PAGE, 0, 0])?;
    copy_out(Remote::Memory(code, 0), &FAULTING).map_err(|failed| Errno::from(failed.error))?;
    seal(code)?;
    let space = create(CapRef::SELF, Kind::AddressSpace, ANYWHERE, [0; 3])?;
    let request = MapRequest {
        address: ADDRESS,
        length: tine::abi::memory::PAGE,
        protection: Protection::READ | Protection::EXECUTE,
        inheritance: Inheritance::Share,
        source: Source::Shared(code),
        offset: 0,
    };
    map(space, &request)?;
    let arguments = [u64::from(space.bits()), rank::PROGRAM, 0];
    let faulter = create(CapRef::SELF, Kind::Domain, ANYWHERE, arguments)?;
    domain::set_supervisor(faulter, Some(port), 1)?;
    let thread = RemoteThread::create(CapRef::SELF, faulter, ANYWHERE)?;
    let first = FirstRegisters { instruction: ADDRESS, ..FirstRegisters::default() };
    thread.start(&first)?;
    let mut token = NO_TOKEN;
    let skip = [FaultReply::Skip as u64, 2, 0, 0, 0, 0, 0, 0];
    let measured = whole(|| {
        let received = reply_recv(port, token, &skip, None)?;
        token = received.token;
        if received.kind == MessageKind::Fault { Ok(()) } else { Err(Errno::IO) }
    });
    domain::kill(faulter, u64::from(SIGKILL))?;
    for capability in [thread.capability(), faulter, space, code, port] {
        close(capability)?;
    }
    drained()?;
    measured
}

/// From one process to another and back is two switches.
pub(crate) fn context_switch() -> Result<Measured> {
    let other = match fork()? {
        Fork::Parent(pid) => pid,
        Fork::Child => loop {
            yield_now();
        },
    };
    let measured = whole(|| {
        yield_now();
        Ok(())
    });
    reap(other)?;
    measured.map(|row| {
        let half = |figure: tine::abi::results::Figure| {
            tine::abi::results::Figure::from_thousandths(figure.thousandths() / 2)
        };
        Measured {
            value: half(row.value),
            median: half(row.median),
            entries: half(row.entries),
            cr3_loads: half(row.cr3_loads),
            ..row
        }
    })
}

const _: () = assert!(OPERATIONS >= 1000, "the gate's definition");
