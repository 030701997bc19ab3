//! `free`: tells how memory is used.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::ToString;
use alloc::vec::Vec;

use tine::abi::CapRef;
use tine::abi::capability::slot;
use tine::abi::memory::PAGE;
use tine::sys::hardware::statistics;
use tine::{Arguments, Errno, print};
use tine_programs::columns::{Align, table};
use tine_programs::{message, options};

const USAGE: &str = "usage: free [-bkm]
Tells how much memory the machine has, uses, and has left, in KiB (-k), bytes (-b) or MiB (-m);
\"kernel\" is the part of the used memory that holds kernel objects.";

fn run(arguments: Arguments) -> i32 {
    let options = match options::read("free", USAGE, "bkm", arguments) {
        Ok(options) => options,
        Err(code) => return code,
    };
    // The last letter counts, as in other systems.
    let unit = match options.letters.last() {
        Some(b'b') => 1,
        Some(b'm') => 1 << 20,
        _ => 1 << 10,
    };
    let counters = match statistics(CapRef::private(slot::STATISTICS)) {
        Ok(counters) => counters,
        Err(error) => return message::complain("free", b"counters", Errno::from(error)),
    };
    let frames = [
        counters.frames_total,
        counters.frames_total.saturating_sub(counters.frames_free),
        counters.frames_free,
        counters.frames_kernel,
    ];
    let mut row: Vec<_> = frames.iter().map(|frames| (frames * PAGE / unit).to_string()).collect();
    row.push(counters.objects.to_string());
    row.push(counters.domains.to_string());
    let headings = ["total", "used", "free", "kernel", "objects", "domains"];
    let headings = headings.map(|heading| (heading, Align::Right));
    print!("{}", table(&headings, &[row]));
    0
}

tine::entry!(run);
