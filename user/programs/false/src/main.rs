//! `false`: ends with failure.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine::{Arguments, println};

fn run(mut arguments: Arguments) -> i32 {
    if arguments.nth(1) == Some(b"--help") {
        println!("usage: false\nEnds with exit code 1.");
    }
    1
}

tine::entry!(run);
