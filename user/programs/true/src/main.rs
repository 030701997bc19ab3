//! `true`: ends with success.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine_rt::Arguments;

fn run(_: Arguments) -> i32 {
    tine_rt::sys::domain::debug_log(b"hello\n").ok();
    0
}

tine_rt::entry!(run);
