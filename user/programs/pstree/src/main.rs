//! `pstree`: draws the tree of processes.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::vec::Vec;

use tine::process::list::name;
use tine::process::processes;
use tine::text::{Lossy, number};
use tine::{Arguments, Errno, eprintln, print};
use tine_programs::tree::{Node, draw};
use tine_programs::{message, options};

const USAGE: &str = "usage: pstree [pid]
Draws the processes below one of them, or below process 1, by original parents.";

fn run(arguments: Arguments) -> i32 {
    let options = match options::read("pstree", USAGE, "", arguments) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let root = match options.operands[..] {
        [] => 1,
        [word] => match number::<u32>(word) {
            Some(pid) => pid,
            None => {
                eprintln!("pstree: illegal process id: {}", Lossy(word));
                return options::misuse(USAGE);
            }
        },
        _ => return options::misuse(USAGE),
    };
    let records = match processes() {
        Ok(records) => records,
        Err(error) => return message::complain("pstree", b"process list", error),
    };
    let nodes: Vec<_> = records
        .iter()
        .map(|record| Node {
            pid: record.pid,
            parent: record.parent,
            name: format!("{}", Lossy(name(record))),
        })
        .collect();
    match draw(&nodes, root) {
        Some(text) => {
            print!("{text}");
            0
        }
        None => message::complain("pstree", format!("{root}").as_bytes(), Errno::SRCH),
    }
}

tine::entry!(run);
