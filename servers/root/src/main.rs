//! The root server: the first Domain. Starts the other servers and the first process, hands out
//! capabilities, and tells of servers that end.
//!
//! Owns: the order of a boot in user space ([`boot`]), the making of a server's Domain ([`start`]),
//! the first process ([`init`]), supervision ([`supervisor`]). Never enters it: what there is to
//! start and what is said ([`tine_root_model`]); restarting.
//!
//! Started by the kernel with the account of the whole machine in ACCOUNT, the machine in HARDWARE,
//! the boot archive in ARCHIVE, and the words of the command line as its environment.
//!
//! ```text
//!   check archive, programs, memory     refused: "fatal: ..." while the serial line is the kernel's
//!     |
//!   process, initrd, pipe, console      each: account, address space, Domain, port, grants, thread
//!     |
//!   StartInit                           the only call that root ever makes
//!     |
//!   wait for faults and ends
//! ```
//!
//! Invariants: the port of a server is received from by that server alone, so its end is the end of
//! the port; nobody can call root; while root waits in its one call, the process server has no
//! supervisor, so that a fault of it ends it, and the call, instead of waiting for root.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod init;
mod start;
mod supervisor;

use core::fmt;

use tine_abi::capability::slot;
use tine_abi::domain::rank;
use tine_abi::results::{Line, MAX, PORT, VERSION, encode};
use tine_abi::{CapRef, Error, Kind};
use tine_root_model::programs::FRAMES_LEAST;
use tine_root_model::table::place;
use tine_root_model::{Programs, Refusal, SERVERS, command};
use tine_rt::{Arguments, start as told};
use tine_server::log;
use tine_sys::capability::{self, ANYWHERE};
use tine_sys::hardware::{Ports, statistics};
use tine_sys::memory::Mapping;

use start::Machine;
use supervisor::Supervisor;

/// The account of the whole machine.
const ACCOUNT: CapRef = CapRef::private(slot::ACCOUNT);
/// The machine.
const HARDWARE: CapRef = CapRef::private(slot::HARDWARE);

/// Why a boot cannot go on.
#[derive(Clone, Copy, Debug)]
enum Fatal {
    /// Something is wrong with what was brought.
    Refused(Refusal),
    /// The kernel refused something: to whom or what it was to be given.
    Kernel(&'static str, Error),
    /// The process server refused the first process.
    Init(tine_abi::Errno),
    /// A command line that no program can be told.
    CommandLine,
}

impl fmt::Display for Fatal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(formatter),
            Self::Kernel(what, error) => write!(formatter, "{what}: {error}"),
            Self::Init(errno) => write!(formatter, "init cannot be started: {errno}"),
            Self::CommandLine => formatter.write_str("the command line is too long"),
        }
    }
}

/// Names what failed.
trait OrFatal<T> {
    fn or_fatal(self, what: &'static str) -> Result<T, Fatal>;
}

impl<T> OrFatal<T> for Result<T, Error> {
    fn or_fatal(self, what: &'static str) -> Result<T, Fatal> {
        self.map_err(|error| Fatal::Kernel(what, error))
    }
}

/// Tells the host that user space runs.
fn hello() -> Result<(), Error> {
    let ports = Ports::make(HARDWARE, PORT, 1, ANYWHERE)?;
    let mut line = [0; MAX];
    ports.write_bytes(PORT, encode(&Line::Hello(VERSION), &mut line))?;
    capability::close(ports.capability())
}

/// Starts everything; who supervises it.
fn boot() -> Result<Supervisor, Fatal> {
    hello().or_fatal("the results channel")?;
    tine_rt::heap::commit().or_fatal("root's own memory")?;
    let machine = statistics(HARDWARE).or_fatal("the counters")?;
    if machine.frames_total < FRAMES_LEAST {
        return Err(Fatal::Refused(Refusal::Memory(machine.frames_total)));
    }
    let bytes = told::block().archive as usize;
    if bytes == 0 {
        return Err(Fatal::Refused(Refusal::NoArchive));
    }
    let memory = CapRef::private(slot::ARCHIVE);
    let mapping = Mapping::sealed(memory, bytes).or_fatal("the boot archive")?;
    let archive = mapping.bytes().get(..bytes).unwrap_or_default();
    let programs = Programs::find(archive).map_err(Fatal::Refused)?;
    let line = command::join(told::environment());

    let port = capability::create(ACCOUNT, Kind::Port, ANYWHERE, [rank::ROOT, 0, 0]);
    let port = port.or_fatal("the supervisor's port")?;
    let mut supervisor = Supervisor::new(port, command::trial(&line));
    let mut machine = Machine::new(machine.frames_free, archive, bytes as u64);
    for (index, (server, program)) in SERVERS.iter().zip(&programs.servers).enumerate() {
        let block = command::server(server.name, &line).ok_or(Fatal::CommandLine)?;
        let domain = machine.start(server, program, &block).or_fatal(server.path)?;
        if index != place::PROCESS {
            supervisor.watch(domain, index).or_fatal(server.path)?;
        }
    }
    if supervisor.is_over() {
        return Ok(supervisor);
    }
    let file = &archive[programs.init.clone()];
    init::start(&machine, file, &command::init(&line).ok_or(Fatal::CommandLine)?)?;
    let process = &SERVERS[place::PROCESS];
    let domain = machine.domain(place::PROCESS).or_fatal(process.path)?;
    supervisor.watch(domain, place::PROCESS).or_fatal(process.path)?;
    machine.release();
    Ok(supervisor)
}

fn run(_: Arguments) -> i32 {
    match boot() {
        Ok(mut supervisor) => {
            if let Err(error) = supervisor.serve() {
                log!("fatal: the supervisor's port: {error}");
            }
        }
        Err(fatal) => log!("fatal: {fatal}"),
    }
    1
}

tine_rt::entry!(run);
