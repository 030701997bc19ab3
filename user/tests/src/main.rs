//! `tests`: the suite that runs in the guest, one process for each case.
//!
//! Owns: the command line, the table of all cases ([`cases`]), their running and judging
//! ([`runner`]), the check of what they leave behind. Called by: init in mode `test`, with the
//! results channel at descriptor 3; by hand, with the results on standard output.
//!
//! Never enters it: `unsafe`; what must not be done safely is a trial of `tine_sys::trial`, in a
//! process of its own. Times in verdicts: a case that waits, waits for somebody.
//!
//! Invariants: a case that crashes, hangs or leaves something behind fails alone.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod cases;
mod helper;
mod process;
mod report;
mod runner;
mod verdict;

use alloc::string::String;
use alloc::vec::Vec;

use tine::{Arguments, println};

const USAGE: &str = "usage: tests [FILTER...]
Runs the cases whose name contains one of the filters, which can also be separated by
commas; all without a filter. Results go to descriptor 3, the results channel, or to
standard output if there is none. `tests --list' tells the names.";

fn run(arguments: Arguments) -> i32 {
    let arguments: Vec<_> =
        arguments.skip(1).map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    match arguments.first().map(String::as_str) {
        Some("--help") => {
            println!("{USAGE}");
            0
        }
        Some("--list") => {
            for case in cases::all() {
                println!("{}", case.name);
            }
            0
        }
        Some(helper::OPTION) => helper::run(&arguments[1..]),
        _ => runner::run(&arguments.join(",")),
    }
}

tine::entry!(run);
