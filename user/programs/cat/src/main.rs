//! `cat`: copies files to standard output.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine::abi::protocol::file::OpenFlags;
use tine::descriptor::write_all;
use tine::{Arguments, Errno, Fd, Result, close, open, read};
use tine_programs::{message, options};

const USAGE: &str = "usage: cat [-u] [file ...]
Copies the files one after the other to standard output; - or no file is standard input.
Nothing is ever buffered, which is what -u asks for.";

/// Bytes read at once: what a pipe holds.
const CHUNK: usize = tine::pipe::CAPACITY;

/// Where a copy failed: only the side that failed is complained about.
enum Failure {
    Input(Errno),
    Output(Errno),
}

fn copy(from: Fd) -> core::result::Result<(), Failure> {
    let mut chunk = [0; CHUNK];
    loop {
        match read(from, &mut chunk).map_err(Failure::Input)? {
            0 => return Ok(()),
            length => write_all(Fd::STDOUT, &chunk[..length]).map_err(Failure::Output)?,
        }
    }
}

fn input(name: &[u8]) -> Result<Fd> {
    if name == b"-" { Ok(Fd::STDIN) } else { open(name, OpenFlags::READ) }
}

fn run(arguments: Arguments) -> i32 {
    let mut options = match options::read("cat", USAGE, "u", arguments) {
        Ok(options) => options,
        Err(code) => return code,
    };
    if options.operands.is_empty() {
        options.operands.push(b"-");
    }
    let mut code = 0;
    for name in options.operands {
        let fd = match input(name) {
            Ok(fd) => fd,
            Err(error) => {
                code = message::complain("cat", name, error);
                continue;
            }
        };
        match copy(fd) {
            Ok(()) => {}
            Err(Failure::Input(error)) => code = message::complain("cat", name, error),
            Err(Failure::Output(error)) => return message::complain("cat", b"stdout", error),
        }
        if fd != Fd::STDIN {
            close(fd).ok();
        }
    }
    code
}

tine::entry!(run);
