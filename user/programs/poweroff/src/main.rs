//! `poweroff`: switches the machine off.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine::process::power_off;
use tine::{Arguments, Errno, io};
use tine_programs::{message, options};

const USAGE: &str = "usage: poweroff
Switches the machine off at once; only the superuser may.";

fn run(arguments: Arguments) -> i32 {
    let options = match options::read("poweroff", USAGE, "", arguments) {
        Ok(options) => options,
        Err(code) => return code,
    };
    if !options.operands.is_empty() {
        return options::misuse(USAGE);
    }
    io::flush().ok();
    let error = power_off().err().unwrap_or(Errno::IO);
    message::complain("poweroff", b"machine", error)
}

tine::entry!(run);
