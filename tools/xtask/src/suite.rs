//! The verb `test`: the emulator's bed.
//!
//! Owns: the order of the groups, the form of the report. Called by: `main`; `cargo test` runs it
//! through `tests/qemu.rs` as the last of all tests.
//!
//! Groups: `told` compares what a kernel is told by direct boot and by Limine; `compiler` builds
//! with the library from source; `direct` and
//! `limine` run the tests of `user/tests` inside the guest, booted either way; `boot` are whole
//! boots, judged from outside. Limine is used where its files are and never downloaded here; what
//! is left out is a skip with its reason. Invariant: each case is one line, and the last line is
//! `N passed, N failed, N skipped`.

mod inside;
mod interactive;
mod outside;
mod tally;
mod told;

use std::process::ExitCode;

use lexopt::{Arg, Parser};

use crate::compiler::Compiler;
use crate::failure::Failure;
use crate::guest::Guest;
use crate::medium::{Parts, Route};
use crate::options::{Asked, FirmwareKind, Options, unexpected};
use crate::workspace::RunFolder;

use tally::Tally;

/// The help text.
pub(crate) const HELP: &str = "\
Usage: cargo run -- test [--if-any] [NAME...]

Runs the tests that need a booted system, one line each, and ends with their counts. With names, only
cases whose name contains one of them, such as `told`, `direct/fork` or `boot/memory`. A name that no
case has is an error, unless --if-any is given, as `cargo test` does.

  told/...     what a kernel is told by direct boot equals what Limine tells it
  compiler/... the loader, built by a toolchain that builds the library from source
  direct/...   the programs of user/tests inside the guest, booted directly
  limine/...   the same, booted by Limine
  boot/...     whole boots, judged from outside: status, signals, input, small machines, damage

Limine's files are used where they are ($TINE_LIMINE, ~/.cache/tine/limine) and never downloaded here.
`cargo test` runs the host's tests and then these.

Exit code: 0 if nothing failed, 1 if something did; 2 usage, 3 set-up.
";

/// Which cases to run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Request {
    /// Names or parts of names; none are all.
    names: Vec<String>,
    /// Whether a name may be that of no case.
    if_any: bool,
}

/// Reads the arguments.
pub(crate) fn parse(mut parser: Parser) -> Result<Asked<Request>, Failure> {
    let mut request = Request::default();
    while let Some(argument) = parser.next().map_err(|error| Failure::usage(error.to_string()))? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Asked::Help),
            Arg::Long("if-any") => request.if_any = true,
            Arg::Value(name) => request.names.push(name.to_string_lossy().into_owned()),
            other => return Err(unexpected(&other)),
        }
    }
    Ok(Asked::Run(request))
}

/// What every group works with.
#[derive(Debug)]
struct Bed {
    /// Direct boot's loader and the rest of the built guest.
    guest: Guest,
    /// Limine, or why not.
    limine: Result<Route, String>,
    folder: RunFolder,
}

/// Options of a test: as the defaults, but with a slide that is the same every time.
fn options() -> Options {
    Options { slide: 1, ..Options::default() }
}

/// Runs the groups.
pub(crate) fn run(request: &Request) -> Result<ExitCode, Failure> {
    let names = &request.names;
    let mut tally = Tally::new(names);
    let limine = Route::limine_at_hand()?;
    Route::Direct.prepare(FirmwareKind::Bios)?;
    if let Ok(route) = &limine {
        route.prepare(FirmwareKind::Uefi)?;
    }
    // The loader and its probe do not need the rest of the tree to build.
    let loader_only = |name: &String| ["told", "compiler"].iter().any(|it| name.starts_with(it));
    let only_told = !names.is_empty() && names.iter().all(loader_only);
    let guest = if only_told { Guest::build_loader(&Compiler::find()?)? } else { Guest::build()? };
    let bed = Bed { guest, limine, folder: RunFolder::new()? };
    told::run(&bed, &mut tally)?;
    told::from_source(&bed, &mut tally)?;
    if !only_told {
        let parts = Parts::of(&bed.guest)?;
        inside::run(&bed, &parts, &mut tally)?;
        outside::run(&bed, &parts, &mut tally)?;
        interactive::run(&mut tally);
    }
    tally.finish(request.if_any)
}
