//! What `kill` does, for the program and for the shell: who must end something when no other process
//! can be made needs it without one.

use tine::signal::{SIGNALS, SIGTERM, name, parse};
use tine::text::{Lossy, number};
use tine::{Pid, Result, eprintln, print, println};

use crate::{message, options};

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

/// Does what the words after the name say; `send` sends a signal. The exit code.
#[expect(single_use_lifetimes, reason = "an item's lifetime must have a name")]
pub fn run<'a>(
    words: impl Iterator<Item = &'a [u8]>,
    mut send: impl FnMut(Pid, u32) -> Result<()>,
) -> i32 {
    let mut words = words.peekable();
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
        if let Err(error) = send(pid, signal) {
            code = message::complain("kill", word, error);
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use tine::Errno;
    use tine::signal::{SIGINT, SIGKILL};

    use super::*;

    /// What is sent, and the exit code.
    fn sent(line: &str) -> (Vec<(Pid, u32)>, i32) {
        let mut sent = Vec::new();
        let words = line.split_whitespace().map(str::as_bytes);
        let code = run(words, |pid, signal| {
            sent.push((pid, signal));
            if pid == 404 { Err(Errno::SRCH) } else { Ok(()) }
        });
        (sent, code)
    }

    #[test]
    fn signals_go_to_processes_and_groups() {
        assert_eq!(sent("7 8"), ([(7, SIGTERM), (8, SIGTERM)].to_vec(), 0));
        assert_eq!(sent("-9 7"), ([(7, SIGKILL)].to_vec(), 0));
        assert_eq!(sent("-s INT -- -7"), ([(-7, SIGINT)].to_vec(), 0));
        assert_eq!(sent("-KILL -1"), ([(-1, SIGKILL)].to_vec(), 0));
    }

    #[test]
    fn a_failure_does_not_spare_the_others() {
        assert_eq!(sent("404 no 7"), ([(404, SIGTERM), (7, SIGTERM)].to_vec(), 1));
        for nothing in ["", "-s", "-s NONE 7", "-NONE 7", "--"] {
            let (none, code) = sent(nothing);
            assert!(none.is_empty() && code != 0, "{nothing}");
        }
    }
}
