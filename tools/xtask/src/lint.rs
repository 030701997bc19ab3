//! The verb `lint`: clippy over the guest, for the guest's target.
//!
//! Owns: nothing but the call. Called by: `.ci/run`, a developer. The host's crates, and the bare
//! ones as the host sees them, are `cargo clippy --workspace`'s.

use std::process::ExitCode;

use lexopt::Parser;

use crate::compiler::Compiler;
use crate::failure::Failure;
use crate::guest;
use crate::options::Asked;

/// The help text.
pub(crate) const HELP: &str = "\
Usage: cargo run -- lint

Runs clippy over every program of the guest and what it is made of, for the guest's own target; warnings
are errors. `cargo clippy --workspace --all-targets` covers the same files as the host sees them.

Exit code: 0 if there is nothing to say, 1 if there is; 3 set-up.
";

/// Reads the arguments, of which there are none.
pub(crate) fn parse(mut parser: Parser) -> Result<Asked<()>, Failure> {
    match parser.next().map_err(|error| Failure::usage(error.to_string()))? {
        None => Ok(Asked::Run(())),
        Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help")) => Ok(Asked::Help),
        Some(other) => Err(crate::options::unexpected(&other)),
    }
}

/// Runs clippy.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let compiler = Compiler::find()?;
    let packages = guest::packages(&compiler)?;
    let mut cargo = compiler.cargo();
    cargo.args(["clippy", "--release", "--bins"]).args(compiler.words());
    cargo.args(packages.iter().flat_map(|package| ["-p", package]));
    cargo.args(["--", "-D", "warnings"]);
    let status = cargo
        .status()
        .map_err(|error| Failure::setup(format!("cargo cannot be started: {error}")))?;
    Ok(ExitCode::from(u8::from(!status.success())))
}
