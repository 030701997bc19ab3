//! The process server: everything Unix calls a process, over the kernel's Domains.
//!
//! Owns: one Domain capability per process, the account that pays for programs, the timer of the
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
//! Started by root with the slots SERVICE, ACCOUNT and HARDWARE (POWER, STATISTICS); supervises
//! every process on its own port.
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
use tine_abi::domain::OBJECT_BYTES;
use tine_abi::error::Result;
use tine_abi::memory::PAGE;
use tine_process_model::{Config, Model};
use tine_rt::Arguments;
use tine_server::{Service, serve};
use tine_sys::capability::{ANYWHERE, create};
use tine_sys::domain::debug_log;
use tine_sys::hardware::statistics;

use domains::Domains;
use server::Processes;

/// Badge of the timer's Event on the own port.
const TIMER: u64 = 3;

/// The port that clients and the kernel reach this server by.
const SERVICE: CapRef = CapRef::private(slot::SERVICE);

/// Sets the server up.
fn start() -> Result<(Processes, Service<tine_server::Tine>)> {
    let service = Service::start()?;
    let hardware = CapRef::private(slot::HARDWARE);
    // Programs may use what is free now but a part for the kernel objects that they make, whose frames
    // are not charged, and a part for the servers' own needs. A process takes about six objects.
    let free = statistics(hardware)?.frames_free;
    let (for_objects, for_servers) = (free / 8, free / 16);
    let limits = [free - for_objects - for_servers, for_objects * PAGE / OBJECT_BYTES, 0];
    let account = create(CapRef::private(slot::ACCOUNT), Kind::Account, ANYWHERE, limits)?;
    let arguments = [u64::from(SERVICE.bits()), TIMER, 0];
    let timer = create(CapRef::SELF, Kind::Event, ANYWHERE, arguments)?;
    let model = Model::new(Config::DEFAULT).map_err(|_| tine_abi::Error::NoMemory)?;
    Ok((Processes::new(model, Domains::new(), account, timer), service))
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
