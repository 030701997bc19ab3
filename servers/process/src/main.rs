//! The process server: everything Unix calls a process, over the kernel's Domains.
//!
//! Owns: one Domain capability per process, the accounts that pay for them, the timer of the
//! model. Never enters it: rules of Unix; those are the model's ([`tine_process_model`]).
//!
//! ```text
//!   message or notification --decode--> Input --model.step--> Effects --perform--> kernel calls
//!                                         ^                                            |
//!                                         +----- completion of clone, exec, init ------+
//! ```
//!
//! It calls nobody: what an exec needs travels with the request. Its only waits are `reply_recv`.
//!
//! Started by root with the slots SERVICE, ACCOUNT, PROGRAMS, FIRST and HARDWARE (POWER, STATISTICS);
//! supervises every process on its own port. What the first process has is not others' to use up.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod clone;
mod decode;
mod domains;
mod exec;
mod init;
mod perform;
mod server;

use tine_abi::capability::{CapRef, Kind, slot};
use tine_abi::error::Result;
use tine_process_model::{Config, Model};
use tine_rt::Arguments;
use tine_server::{Service, serve};
use tine_sys::capability::{ANYWHERE, create};
use tine_sys::domain::debug_log;

use domains::Domains;
use server::Processes;

/// Badge of the timer's Event on the own port.
const TIMER: u64 = 3;

/// The port that clients and the kernel reach this server by.
const SERVICE: CapRef = CapRef::private(slot::SERVICE);

/// Pays for processes.
const PROGRAMS: CapRef = CapRef::private(slot::PROGRAMS);

/// Pays for the first one.
const FIRST: CapRef = CapRef::private(slot::FIRST);

/// Sets the server up.
fn start() -> Result<(Processes, Service<tine_server::Tine>)> {
    let service = Service::start()?;
    let arguments = [u64::from(SERVICE.bits()), TIMER, 0];
    let timer = create(CapRef::SELF, Kind::Event, ANYWHERE, arguments)?;
    let model = Model::new(Config::DEFAULT).map_err(|_| tine_abi::Error::NoMemory)?;
    Ok((Processes::new(model, Domains::new(), timer), service))
}

fn run(_: Arguments) -> i32 {
    let reason = match start() {
        Ok((mut processes, mut service)) => serve(&mut processes, &mut service),
        Err(error) => error,
    };
    debug_log(b"process: ").ok();
    debug_log(reason.sentence().as_bytes()).ok();
    debug_log(b"\n").ok();
    1
}

tine_rt::entry!(run);
