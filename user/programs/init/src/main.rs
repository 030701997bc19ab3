//! `init`: process 1. Runs what the boot asked for, reaps orphans, and ends the system.
//!
//! Owns: the meaning of the command line's words `mode`, `exec`, `input` and `filter`
//! ([`tine::abi::results`]), the environment that every process inherits, descriptor 3 of tests
//! and benchmarks. Never enters it: services; root has started them before.
//!
//! Started by the process server with the console at descriptors 0 to 2 and the command line in
//! the variable `TINE_COMMAND_LINE`. In mode `shell` a shell that ends is followed by another, unless
//! its input comes from a pipe; room is made for it if others have used everything up. Everything
//! else ends with the machine switched off.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use tine::abi::protocol::process::WaitFlags;
use tine::abi::results::{Line, MAX, Mode, bytes_of_hex, encode, is_piped, value};
use tine::process::{Fork, WaitStatus, fork, power_off, set_ignored};
use tine::signal::{SIGINT, SIGKILL};
use tine::time::clock_gettime;
use tine::{
    Arguments, Errno, Fd, Result, console, eprintln, execvp, getpid, kill, println, setenv,
    setpgid, tcsetpgrp, unsetenv, waitpid, write,
};

/// Where tests and benchmarks find the results channel.
const RESULTS: Fd = Fd(3);

fn run(_: Arguments) -> i32 {
    if getpid() != 1 {
        eprintln!("init: the system starts it, as process 1");
        return 1;
    }
    let line = tine::getenv("TINE_COMMAND_LINE").unwrap_or_default();
    let line = String::from_utf8_lossy(&line).into_owned();
    unsetenv("TINE_COMMAND_LINE");
    for (name, value) in [("PATH", "/bin"), ("HOME", "/"), ("PWD", "/"), ("TERM", "vt100")] {
        setenv(name, value);
    }
    // The interrupt character ends what runs in the foreground, not process 1.
    if let Err(error) = set_ignored(SIGINT, true) {
        eprintln!("init: cannot ignore SIGINT: {error}");
    }
    match Mode::of(&line) {
        Mode::Shell => shells(is_piped(&line)),
        Mode::Exec => exec(&line),
        Mode::Test => measure("tests", &line),
        Mode::Bench => measure("bench", &line),
    }
    let Err(error) = power_off() else { return 0 };
    eprintln!("init: cannot power off: {error}");
    1
}

/// Shells in a row that may fail before all other processes are ended, and as many after it.
const TRIES: u32 = 3;
/// A shell that lives so long has not failed, however it ends.
const LIFE: Duration = Duration::from_secs(1);

/// One shell after the other, until the machine is switched off. Of `piped` input, which has an end,
/// the first one that is not killed is the last.
fn shells(piped: bool) {
    println!(
        "Tine {}. `help` tells what the shell can do, `poweroff` leaves.",
        env!("CARGO_PKG_VERSION")
    );
    let mut failures = 0;
    while failures < 2 * TRIES {
        let start = clock_gettime();
        let has_failed = match supervise(&["sh"]) {
            // Killed, as who finds no memory is.
            Ok(status) => {
                if piped && status.signal().is_none() {
                    return;
                }
                let is_failure = status.signal() == Some(SIGKILL as u8)
                    || status.exit_code() == Some(NOT_EXECUTED);
                is_failure && clock_gettime().saturating_sub(start) < LIFE
            }
            Err(error) => {
                eprintln!("init: no shell can be started: {error}");
                true
            }
        };
        failures = if has_failed { failures + 1 } else { 0 };
        if failures == TRIES {
            eprintln!("init: no shell lives, so all other processes are ended");
            end_all();
        }
    }
}

/// Ends all other processes: they have used up what a shell needs, and nobody else could do it.
fn end_all() {
    if let Err(error) = kill(-1, SIGKILL) {
        eprintln!("init: cannot end the other processes: {error}");
    }
    // Whoever loses its parent becomes this process's child, until none is left.
    while waitpid(-1, WaitFlags::empty()).is_ok() {}
}

/// The one command of the host's tool; its end is told on the results channel.
fn exec(line: &str) {
    let text: Option<Vec<u8>> = bytes_of_hex(value(line, "exec").unwrap_or_default()).collect();
    let outcome = match text {
        Some(text) => supervise(&[&b"sh"[..], b"-c", &text]),
        None => Err(Errno::INVAL),
    };
    let told = match outcome {
        Ok(status) => match (status.signal(), status.exit_code()) {
            (Some(signal), _) => Line::Signal(signal),
            (None, code) => Line::Status(code.unwrap_or(u8::MAX)),
        },
        Err(error) => {
            eprintln!("init: the command cannot be started: {error}");
            Line::Status(126)
        }
    };
    let mut buffer = [0; MAX];
    let channel = console::open_results(Fd::STDIN);
    if let Err(error) = channel.and_then(|fd| write(fd, encode(&told, &mut buffer))) {
        eprintln!("init: the results channel cannot be written: {error}");
    }
}

/// A program that writes to the results channel itself.
fn measure(program: &str, line: &str) {
    let filter = value(line, "filter");
    let arguments: Vec<&str> = [program].into_iter().chain(filter).collect();
    let outcome = match console::open_results(Fd::STDIN) {
        Ok(RESULTS) => supervise(&arguments),
        Ok(_) => Err(Errno::BADF),
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        eprintln!("init: {program} cannot be started: {error}");
    }
}

/// What a program ends with that could not be executed.
const NOT_EXECUTED: u8 = 127;

/// Runs a program in the foreground and waits for its end; reaps whatever else ends meanwhile.
fn supervise(arguments: &[impl AsRef<[u8]>]) -> Result<WaitStatus> {
    let program = match fork()? {
        Fork::Child => {
            let error = match foreground() {
                Ok(()) => execvp(arguments[0].as_ref(), arguments),
                Err(error) => error,
            };
            eprintln!("init: {}: {error}", String::from_utf8_lossy(arguments[0].as_ref()));
            tine::exit(i32::from(NOT_EXECUTED))
        }
        Fork::Parent(pid) => pid,
    };
    loop {
        match waitpid(-1, WaitFlags::empty())? {
            Some((pid, status)) if pid == program => return Ok(status),
            _ => {}
        }
    }
}

/// Puts the calling process into a group of its own, in the foreground of the console.
fn foreground() -> Result<()> {
    setpgid(0, 0)?;
    tcsetpgrp(getpid())?;
    set_ignored(SIGINT, false)
}

tine::entry!(run);
