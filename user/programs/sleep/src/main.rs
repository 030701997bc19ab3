//! `sleep`: waits.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use core::time::Duration;

use tine::text::Lossy;
use tine::{Arguments, eprintln, nanosleep};
use tine_programs::{duration, message, options};

const USAGE: &str = "usage: sleep number[unit] ...
Waits for so many seconds, or minutes (m), hours (h) or days (d); fractions are allowed, several
times are added.";

fn run(arguments: Arguments) -> i32 {
    let options = match options::read("sleep", USAGE, "", arguments) {
        Ok(options) => options,
        Err(code) => return code,
    };
    if options.operands.is_empty() {
        return options::misuse(USAGE);
    }
    let mut total = Duration::ZERO;
    for text in options.operands {
        let Some(time) = duration::parse(text) else {
            eprintln!("sleep: invalid time: {}", Lossy(text));
            return options::misuse(USAGE);
        };
        total = total.saturating_add(time);
    }
    match nanosleep(total) {
        Ok(()) => 0,
        Err(error) => message::complain("sleep", b"event", error),
    }
}

tine::entry!(run);
