//! What `cargo run` is: builds the system, boots it, runs commands, tests and benchmarks in it.
//!
//! Owns: the verbs. Each verb is a file with its arguments, its help and its run. Never enters it:
//! formats of images (`tools/image`), the life of a QEMU (`tools/harness`).
//!
//! Called by: a person, `cargo test` (`tests/qemu.rs`), `.ci/run`. Invariant: standard output
//! carries only what was asked for; everything the tool says about itself goes to standard error.
#![forbid(unsafe_code)]

mod bench;
mod boot;
mod compiler;
mod exec;
mod failure;
mod guest;
mod lint;
mod medium;
mod options;
mod packages;
mod progress;
mod suite;
mod workspace;

use std::process::ExitCode;

use failure::Failure;
use lexopt::Parser;
use options::Asked;

/// The help text of the tool.
const HELP: &str = "\
Usage: cargo run [-- VERB [OPTIONS]]

Builds Tine, boots it in QEMU and works with it. Without a verb: boot.

  boot    a shell in the guest, on this terminal
  exec    one command in the guest: its output here, its status as the exit code
  test    the tests inside the guest, and of whole boots
  bench   counted instructions of every operation against the targets, as a table
  lint    clippy over the guest, for the guest's target

cargo run -- VERB --help tells about each. What the host lacks (QEMU, xorriso, the compiler's
target) is installed where the tool may, else the commands are printed.

Exit codes: 2 usage, 3 set-up, 4 kernel panic, 5 hang, 6 QEMU; else the verb's own.
";

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("tine: {}", failure.text);
            if failure.code == failure::USAGE {
                eprintln!("tine: `cargo run -- --help` and `cargo run -- VERB --help` tell more");
            }
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch() -> Result<ExitCode, Failure> {
    let mut parser = Parser::from_env();
    let words: Vec<_> =
        parser.raw_args().map_err(|error| Failure::usage(error.to_string()))?.collect();
    let (verb, rest) = match words.split_first() {
        Some((first, rest)) if !first.to_string_lossy().starts_with("--") => {
            (first.to_string_lossy().into_owned(), rest)
        }
        // `cargo run -- --direct` is `boot --direct`.
        Some((first, _)) if first != "--help" => ("boot".to_owned(), words.as_slice()),
        None => ("boot".to_owned(), words.as_slice()),
        Some(_) => ("help".to_owned(), [].as_slice()),
    };
    let parser = Parser::from_args(rest);
    match verb.as_str() {
        "boot" => verb_of(options::parse(parser)?, &boot::help(), boot::run),
        "exec" => verb_of(exec::parse(parser)?, &exec::help(), exec::run),
        "test" => verb_of(suite::parse(parser)?, suite::HELP, suite::run),
        "bench" => verb_of(bench::parse(parser)?, bench::HELP, bench::run),
        "lint" => verb_of(lint::parse(parser)?, lint::HELP, |()| lint::run()),
        "help" | "-h" => Ok(print(HELP)),
        other if other.starts_with('-') => Err(Failure::usage(format!("unknown option {other}"))),
        other => Err(Failure::usage(format!(
            "unknown verb {other:?}; the verbs are boot, exec, test, bench and lint"
        ))),
    }
}

/// Prints a verb's help or runs it.
fn verb_of<T>(
    asked: Asked<T>,
    help: &str,
    run: impl FnOnce(&T) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    match asked {
        Asked::Help => Ok(print(help)),
        Asked::Run(request) => run(&request),
    }
}

/// Prints a help text.
fn print(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}
