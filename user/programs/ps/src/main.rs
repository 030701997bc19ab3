//! `ps`: lists processes.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use tine::process::list::name;
use tine::process::{Record, State, processes};
use tine::text::{Lossy, number};
use tine::{Arguments, eprintln, print};
use tine_programs::columns::{Align, table};
use tine_programs::{message, options};

const USAGE: &str = "usage: ps [-aex] [pid ...]
Lists the processes with these numbers, or all of them; -a, -e and -x ask for all as well.
STAT is N new, R alive, V waits for its vfork child, T stopped, Z ended and not waited for.";

fn state(state: State) -> &'static str {
    match state {
        State::New => "N",
        State::Running => "R",
        State::VforkWait => "V",
        State::Stopped => "T",
        State::Zombie => "Z",
    }
}

fn run(arguments: Arguments) -> i32 {
    let options = match options::read("ps", USAGE, "aex", arguments) {
        Ok(options) => options,
        Err(code) => return code,
    };
    let mut wanted = Vec::new();
    for word in &options.operands {
        let Some(pid) = number::<u32>(word) else {
            eprintln!("ps: illegal process id: {}", Lossy(word));
            return options::misuse(USAGE);
        };
        wanted.push(pid);
    }
    let records = match processes() {
        Ok(records) => records,
        Err(error) => return message::complain("ps", b"process list", error),
    };
    let shown = |record: &&Record| wanted.is_empty() || wanted.contains(&record.pid);
    let rows: Vec<_> = records
        .iter()
        .filter(shown)
        .map(|record| {
            Vec::from([
                record.pid.to_string(),
                record.parent.to_string(),
                record.group.to_string(),
                record.session.to_string(),
                record.user.to_string(),
                state(record.state).to_string(),
                format!("{}", Lossy(name(record))),
            ])
        })
        .collect();
    let headings = [
        ("PID", Align::Right),
        ("PPID", Align::Right),
        ("PGID", Align::Right),
        ("SID", Align::Right),
        ("UID", Align::Right),
        ("STAT", Align::Left),
        ("COMMAND", Align::Left),
    ];
    print!("{}", table(&headings, &rows));
    i32::from(rows.is_empty())
}

tine::entry!(run);
