//! `echo`: prints its arguments.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine::io::print_bytes;
use tine::{Arguments, println};

const USAGE: &str = "usage: echo [-n] [word ...]
Prints the words with blanks between them, and a newline unless -n is given.";

fn run(mut arguments: Arguments) -> i32 {
    arguments.next();
    let mut words = arguments.peekable();
    if words.peek() == Some(&&b"--help"[..]) {
        println!("{USAGE}");
        return 0;
    }
    let newline = words.next_if_eq(&&b"-n"[..]).is_none();
    while let Some(word) = words.next() {
        print_bytes(word);
        if words.peek().is_some() {
            print_bytes(b" ");
        }
    }
    if newline {
        print_bytes(b"\n");
    }
    0
}

tine::entry!(run);
