//! `kill`: sends signals.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine::signal::{SIGNALS, SIGTERM, name, parse};
use tine::text::{Lossy, number};
use tine::{Arguments, Pid, eprintln, kill, print, println};
use tine_programs::{message, options};

const USAGE: &str = "usage: kill [-s signal | -signal] pid ... | kill -l [code]
Sends a signal, TERM if none is named, to processes; a negative number means a process group.
  -l  lists the signals, or names the one of an exit code";

fn list(code: Option<&[u8]>) -> i32 {
    let Some(code) = code else {
        for (signal, name, _) in SIGNALS {
            print!("{name}{}", if *signal as usize == SIGNALS.len() { "\n" } else { " " });
        }
        return 0;
    };
    // A shell's exit code of a process that a signal ended is 128 and the signal.
    let signal = number::<u32>(code).map(|code| if code > 128 { code - 128 } else { code });
    match signal.and_then(name) {
        Some(name) => {
            println!("{name}");
            0
        }
        None => unknown(code),
    }
}

fn unknown(signal: &[u8]) -> i32 {
    eprintln!("kill: unknown signal: {}", Lossy(signal));
    options::misuse(USAGE)
}

fn run(mut arguments: Arguments) -> i32 {
    arguments.next();
    let mut words = arguments.peekable();
    let mut signal = SIGTERM;
    match words.peek().copied() {
        Some(b"--help") => {
            println!("{USAGE}");
            return 0;
        }
        Some(b"-l") => return list(words.nth(1)),
        Some(b"--") => drop(words.next()),
        Some(b"-s") => {
            let Some(named) = words.nth(1) else {
                return options::misuse(USAGE);
            };
            match parse(named) {
                Some(number) => signal = number,
                None => return unknown(named),
            }
        }
        Some([b'-', named @ ..]) => {
            words.next();
            match parse(named) {
                Some(number) => signal = number,
                None => return unknown(named),
            }
        }
        Some(_) | None => {}
    }
    words.next_if_eq(&&b"--"[..]);
    if words.peek().is_none() {
        return options::misuse(USAGE);
    }
    let mut code = 0;
    for word in words {
        let Some(pid) = number::<Pid>(word) else {
            eprintln!("kill: illegal process id: {}", Lossy(word));
            code = 1;
            continue;
        };
        if let Err(error) = kill(pid, signal) {
            code = message::complain("kill", word, error);
        }
    }
    code
}

tine::entry!(run);
