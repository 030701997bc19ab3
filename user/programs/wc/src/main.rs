//! `wc`: counts lines, words and bytes.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

use tine::abi::protocol::file::OpenFlags;
use tine::text::Lossy;
use tine::{Arguments, Fd, Result, close, open, print, println, read};
use tine_programs::counts::Counts;
use tine_programs::options::Options;
use tine_programs::{message, options};

const USAGE: &str = "usage: wc [-clw] [file ...]
Counts lines (-l), words (-w) and bytes (-c) of the files, or of standard input; all three if none
is asked for.";

fn count(from: Fd) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut chunk = [0; 4096];
    loop {
        match read(from, &mut chunk)? {
            0 => return Ok(counts),
            length => counts.add(&chunk[..length]),
        }
    }
}

fn count_file(name: &[u8]) -> Result<Counts> {
    let fd = open(name, OpenFlags::READ)?;
    let counts = count(fd);
    close(fd)?;
    counts
}

fn show(counts: &Counts, options: &Options<'_>, name: Option<&[u8]>) {
    let all = options.letters.is_empty();
    let shown = [(b'l', counts.lines), (b'w', counts.words), (b'c', counts.bytes)];
    for (letter, number) in shown {
        if all || options.has(letter) {
            print!(" {number:>7}");
        }
    }
    match name {
        Some(name) => println!(" {}", Lossy(name)),
        None => println!(),
    }
}

fn run(arguments: Arguments) -> i32 {
    let options = match options::read("wc", USAGE, "clw", arguments) {
        Ok(options) => options,
        Err(code) => return code,
    };
    if options.operands.is_empty() {
        return match count(Fd::STDIN) {
            Ok(counts) => {
                show(&counts, &options, None);
                0
            }
            Err(error) => message::complain("wc", b"stdin", error),
        };
    }
    let mut code = 0;
    let mut total = Counts::default();
    for &name in &options.operands {
        match count_file(name) {
            Ok(counts) => {
                show(&counts, &options, Some(name));
                total = total.plus(counts);
            }
            Err(error) => code = message::complain("wc", name, error),
        }
    }
    if options.operands.len() > 1 {
        show(&total, &options, Some(b"total"));
    }
    code
}

tine::entry!(run);
