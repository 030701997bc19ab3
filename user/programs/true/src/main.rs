//! `true`: ends with success.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine::{Arguments, println};

fn run(mut arguments: Arguments) -> i32 {
    if arguments.nth(1) == Some(b"--help") {
        println!("usage: true\nEnds with exit code 0.");
    }
    0
}

tine::entry!(run);
