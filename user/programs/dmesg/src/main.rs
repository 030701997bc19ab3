//! `dmesg`: prints the kernel's log.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine::abi::CapRef;
use tine::abi::capability::slot;
use tine::io::print_bytes;
use tine::sys::hardware::log_read;
use tine::{Arguments, Result, eprintln};
use tine_programs::{message, options};

const USAGE: &str = "usage: dmesg
Prints what the kernel, the servers and programs have logged: the last 16 KiB are kept.";

/// Prints what is there now. What is logged meanwhile is left for the next time, so this ends.
fn show() -> Result<()> {
    let kernel = CapRef::private(slot::STATISTICS);
    let end = log_read(kernel, u64::MAX, &mut [])?.position;
    let mut position = 0;
    let mut buffer = [0; 256];
    while position < end {
        let part = log_read(kernel, position, &mut buffer)?;
        if part.position != position {
            eprintln!("dmesg: {} bytes of the log are lost", part.position - position);
        }
        print_bytes(part.bytes);
        position = part.end();
    }
    Ok(())
}

fn run(arguments: Arguments) -> i32 {
    match options::read("dmesg", USAGE, "", arguments) {
        Ok(options) if options.operands.is_empty() => {}
        Ok(_) => return options::misuse(USAGE),
        Err(code) => return code,
    }
    match show() {
        Ok(()) => 0,
        Err(error) => message::complain("dmesg", b"the log", error),
    }
}

tine::entry!(run);
