//! The emulator's bed under `cargo test`: runs `xtask test`, whose last line is the counts.
//!
//! Without a test framework of its own, so that each case is a line of the same report. Names
//! given to `cargo test` choose among these cases only if they begin with one of their groups;
//! a name of a host test runs nothing here.
#![forbid(unsafe_code)]

use std::process::{Command, ExitCode};

/// The groups of `xtask test`.
const GROUPS: [&str; 6] = ["told", "compiler", "direct", "limine", "uefi", "boot"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let names: Vec<_> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let ours = |name: &&&String| GROUPS.contains(&name.split('/').next().unwrap_or(""));
    if !names.is_empty() && !names.iter().any(|name| ours(&name)) {
        println!("0 passed, 0 failed, 0 skipped");
        return ExitCode::SUCCESS;
    }
    match Command::new(env!("CARGO_BIN_EXE_xtask")).args(["test", "--if-any"]).args(names).status()
    {
        Ok(status) => ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("xtask cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
