//! `kill`: sends signals.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine::{Arguments, kill};

fn run(arguments: Arguments) -> i32 {
    tine_programs::kill::run(arguments.skip(1), kill)
}

tine::entry!(run);
