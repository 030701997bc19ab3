//! `forkdemo`: shows what fork, vfork and pdfork do, told line by line by those who do it.
//!
//! Owns: the story. Each act checks what it tells: whatever is not as told ends the program with a
//! line on standard error and exit code 1. Called by: people; the README quotes the output.
//!
//! Never enters it: pids and times in the output, so that it is the same each time.
//!
//! Invariants: at each moment one process speaks. Who has to wait waits for a byte in a pipe, for
//! the end of a pipe, or for the end of a child; never for a time.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod copies;
mod descriptors;
mod orphans;
mod stage;

use alloc::string::String;
use alloc::vec::Vec;

use tine::{Arguments, eprintln, println};

use stage::Scene;

const USAGE: &str = "usage: forkdemo [ACT...]
Shows what fork, copy-on-write, vfork, pdfork, its last close and orphans are: every
line is told by the process that did it, and checked. Exit code 0 if all was as told.
The acts, all of them if none is named:";

/// One act: name, title, what happens.
type Act = (&'static str, &'static str, fn() -> Scene);

/// The acts, in order.
const ACTS: &[Act] = &[
    ("fork", "one process becomes two", copies::fork),
    ("copy-on-write", "both write, both keep their own", copies::copy_on_write),
    ("vfork", "the child borrows its parent's memory, and the parent waits", copies::vfork),
    ("pdfork", "a child is a descriptor", descriptors::pdfork),
    ("last-close", "a child dies with the last copy of its descriptor", descriptors::last_close),
    ("daemon", "unless it was made a daemon", descriptors::daemon),
    ("orphan", "who loses its parent gets init", orphans::orphan),
];

fn run(arguments: Arguments) -> i32 {
    let names: Vec<_> =
        arguments.skip(1).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if names.iter().any(|name| name == "--help") {
        println!("{USAGE}");
        for (act, title, _) in ACTS {
            println!("  {act:<14}{title}");
        }
        return 0;
    }
    let known = |name: &String| ACTS.iter().any(|(act, ..)| act == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        eprintln!("forkdemo: there is no act {unknown}; `forkdemo --help' names them");
        return 2;
    }
    for (act, title, play) in ACTS {
        if !names.is_empty() && names.iter().all(|name| name != act) {
            continue;
        }
        println!("{act}: {title}");
        if let Err(wrong) = play() {
            eprintln!("forkdemo: {act}: {wrong}");
            return 1;
        }
    }
    println!("all as told");
    0
}

tine::entry!(run);
