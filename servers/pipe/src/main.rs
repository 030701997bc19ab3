//! The pipe server: makes pipes and serves their ends.
//!
//! Owns: the way between messages and [`tine_pipe_model::Pipes`] ([`server`]). Never enters it: what
//! a reader or writer waits for; that is the model's.
//!
//! Badge 0 answers CREATE and is given to every process; the ends are other identities on the same
//! port.
//!
//! Invariants: it calls nobody and waits in one place; an end whose capability never reached its
//! client is closed (see [`tine_server::Server::no_senders`]), so no pipe outlives its users.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

mod server;

use tine_rt::Arguments;
use tine_server::{Service, log, serve};

use server::Pipe;

fn run(_: Arguments) -> i32 {
    let ended = match Service::start() {
        Ok(mut service) => serve(&mut Pipe::default(), &mut service),
        Err(error) => error,
    };
    log!("pipe: {ended}");
    1
}

tine_rt::entry!(run);
