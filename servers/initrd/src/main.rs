//! The file server of the boot archive: maps it, then serves descriptors of its files.
//!
//! Owns: the way between messages and [`tine_initrd_model::Files`] ([`server`]), sealed Memories of
//! programs ([`program`]). Never enters it: what a path means, what may be written; that is the
//! model's.
//!
//! Started by the root server with the archive in the private slot ARCHIVE and its length in the
//! start block. The port itself and identities with badge 0 are the root directory, open for
//! reading: root gives one to the first process.
//!
//! Invariants: it calls nobody; every request is answered before the next one is received.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

mod program;
mod server;

use tine_abi::CapRef;
use tine_abi::capability::slot;
use tine_initrd_model::Files;
use tine_rt::{Arguments, start};
use tine_server::{Service, log, serve};
use tine_sys::memory::Mapping;

use server::Initrd;

fn run(_: Arguments) -> i32 {
    let bytes = start::block().archive as usize;
    let archive = match Mapping::sealed(CapRef::private(slot::ARCHIVE), bytes) {
        Ok(archive) => archive,
        Err(error) => return refuse(format_args!("the boot archive cannot be mapped: {error}")),
    };
    let content = archive.bytes().get(..bytes).unwrap_or_default();
    let initrd = Files::new(content)
        .map_err(|unusable| refuse(format_args!("{unusable}")))
        .and_then(|files| {
            Initrd::new(files).map_err(|errno| refuse(format_args!("no root directory: {errno}")))
        });
    let mut initrd = match initrd {
        Ok(initrd) => initrd,
        Err(code) => return code,
    };
    match Service::start() {
        Ok(mut service) => {
            let error = serve(&mut initrd, &mut service);
            refuse(format_args!("{error}"))
        }
        Err(error) => refuse(format_args!("{error}")),
    }
}

/// Says why it ends; the exit code.
fn refuse(reason: core::fmt::Arguments<'_>) -> i32 {
    log!("initrd: {reason}");
    1
}

tine_rt::entry!(run);
