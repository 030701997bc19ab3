//! The verb `bench`: counted instructions of every operation, against the targets.
//!
//! Owns: its arguments and help, the run of `user/bench` in a counted machine, the exit code.
//! Called by: `main`, `.ci/run`. The rows are `bench/rows.rs`, the rules `bench/judge.rs`.
//!
//! Invariants: one CPU, 2 GiB, direct boot without a slide, QEMU's `-icount`: the same system
//! gives the same figures. A row that the guest does not write, or that the table does not know,
//! is a failure.

mod best;
mod judge;
mod report;
mod rows;

use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use tine_abi::results::{Figure, Line, Mode};
use tine_harness::{Console, End, Watch};

use crate::exec::explain;
use crate::failure::{Failure, code_of};
use crate::guest::Guest;
use crate::medium::{self, Parts, Route, Task};
use crate::options::{Asked, FirmwareKind, Loader, Options, unexpected};
use crate::progress;
use crate::workspace::{self, RunFolder};

use best::Best;
use judge::{Figures, Measured};
use rows::{Gate, Origin, ROWS, Row};

/// The help text.
pub(crate) const HELP: &str = "\
Usage: cargo run -- bench [--json FILE] [--update-best] [NAME...]

Runs every operation of the benchmark in a machine whose time-stamp counter counts instructions, and
prints value (the gate: instructions per operation), median, kernel entries and CR3 loads per operation
beside what Linux 6.1 needs on the same emulator, what it needs at its toughest (lean), and what Tine
must reach. The same system gives the same figures. With names, only rows whose name contains one.

A row fails when it does not beat lean Linux, breaks its limit of entries or CR3 loads, is missing, or
is more than 3 % worse than the best figure in tools/xtask/best.json; fork fails when 1 GiB costs more
than 1.1 times 1 MiB.

Options:
  --json FILE     Also write the rows as a JSON array; `-` is standard output, instead of the table.
  --update-best   Write rows that became better to tools/xtask/best.json.

Exit code: 0 if no row fails, 1 if one does; 2 usage, 3 set-up, 4 kernel panic, 5 hang, 6 QEMU.
";

/// What was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Request {
    json: Option<String>,
    update: bool,
    names: Vec<String>,
}

/// Reads the arguments.
pub(crate) fn parse(mut parser: Parser) -> Result<Asked<Request>, Failure> {
    let usage = |error: lexopt::Error| Failure::usage(error.to_string());
    let mut request = Request::default();
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Asked::Help),
            Arg::Long("json") => {
                let file = parser.value().and_then(|value| value.string()).map_err(usage)?;
                request.json = Some(file);
            }
            Arg::Long("update-best") => request.update = true,
            Arg::Value(name) => {
                let name = name.to_string_lossy().into_owned();
                if !ROWS.iter().any(|row| row.name.contains(&name)) {
                    return Err(Failure::usage(format!("no row's name contains {name:?}")));
                }
                request.names.push(name);
            }
            other => return Err(unexpected(&other)),
        }
    }
    Ok(Asked::Run(request))
}

/// The rows that were asked for, with those that they are compared with, in the table's order.
fn chosen(names: &[String]) -> Vec<&'static Row> {
    let asked =
        |row: &Row| names.is_empty() || names.iter().any(|name| row.name.contains(name.as_str()));
    let compared = |row: &Row| {
        ROWS.iter().filter(|other| asked(other)).any(|other| {
            let gate = matches!(other.gate, Gate::Percent(_, base) if base == row.name);
            gate || other.percent.is_some_and(|(_, base)| base == row.name)
        })
    };
    ROWS.iter().filter(|row| asked(row) || compared(row)).collect()
}

/// Measures, prints, judges.
pub(crate) fn run(request: &Request) -> Result<ExitCode, Failure> {
    let rows = chosen(&request.names);
    let mut best = Best::load()?;
    Route::Direct.prepare(FirmwareKind::Bios)?;
    let guest = Guest::build()?;
    let parts = Parts::of(&guest)?;
    let mut figures = Figures::new();
    let mut unknown = Vec::new();
    if let Some(code) = measure(&guest, &parts, &rows, request, &mut figures, &mut unknown)? {
        return Ok(code);
    }
    for (origin, bytes) in
        [(Origin::KernelFile, parts.kernel.len()), (Origin::ArchiveFile, parts.archive.len())]
    {
        for row in rows.iter().filter(|row| row.origin == origin) {
            let value = Figure::whole(bytes as u64);
            let (entries, cr3_loads) = (Figure::default(), Figure::default());
            let unit = "bytes".to_owned();
            let measured = Measured { value, median: value, entries, cr3_loads, unit };
            figures.insert(row.name.to_owned(), measured);
        }
    }
    let (table, failed) = report::table(&rows, &figures, &best, guest.gates);
    let json = report::json(&rows, &figures);
    match request.json.as_deref() {
        Some("-") => print!("{json}"),
        Some(file) => {
            print!("{table}");
            workspace::write(file.as_ref(), json.as_bytes())?;
        }
        None => print!("{table}"),
    }
    for name in &unknown {
        progress::say(&format!("the guest measured {name}, which the table does not have"));
    }
    if !guest.gates {
        progress::say("the compiler is not the pinned one with its built library: nothing gated");
        return Ok(ExitCode::SUCCESS);
    }
    if request.update {
        let names = best.improve(&figures);
        best.store()?;
        progress::say(&format!(
            "best.json: {} rows became better: {}",
            names.len(),
            names.join(" ")
        ));
    }
    progress::say(&format!("{} rows, {} failed", rows.len(), failed + unknown.len()));
    Ok(ExitCode::from(u8::from(failed + unknown.len() > 0)))
}

/// Runs `user/bench`; the exit code if the run itself went wrong.
fn measure(
    guest: &Guest,
    parts: &Parts,
    rows: &[&Row],
    request: &Request,
    figures: &mut Figures,
    unknown: &mut Vec<String>,
) -> Result<Option<ExitCode>, Failure> {
    let inside: Vec<_> = rows.iter().filter(|row| row.origin == Origin::Guest).collect();
    if inside.is_empty() {
        return Ok(None);
    }
    let mut task = Task { mode: Mode::Bench, ..Task::default() };
    if !request.names.is_empty() {
        task.filter = inside.iter().map(|row| row.name.to_owned()).collect();
    }
    let options =
        Options { loader: Loader::Direct, memory: 2048, counted: true, ..Options::default() };
    let folder = RunFolder::new()?;
    let line = task.command_line(0);
    let machine =
        medium::machine(&Route::Direct, &options, parts, &line, &guest.loader()?, &folder)?;
    // There are no heartbeats: they would be counted. A row takes seconds, the largest a minute.
    let watch = Watch {
        start: Some(Duration::from_secs(120)),
        progress: Some(Duration::from_secs(600)),
        ..Watch::default()
    };
    let mut sink = std::io::sink();
    let console = Console::Recorded { sink: &mut sink };
    let report = progress::step(&format!("measuring {} rows", inside.len()), || {
        tine_harness::run(&machine, console, watch, folder.path(), &mut |line| {
            if let Line::Bench(row) = line {
                match rows::find(row.name) {
                    Some(_) => drop(figures.insert(row.name.to_owned(), Measured::from(row))),
                    None => unknown.push(row.name.to_owned()),
                }
            }
        })
    });
    if matches!(report.end, End::Done(_)) {
        return Ok(None);
    }
    explain(&report, &parts.kernel);
    let code = code_of(&report.end);
    Ok(Some(ExitCode::from(if code == 0 { 1 } else { code })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_rows_and_what_they_are_compared_with() {
        let names = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            chosen(&words).iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["cow_fault"]), ["cow_fault"]);
        assert_eq!(names(&["fork_call_1024MiB"]), ["fork_call_1MiB", "fork_call_1024MiB"]);
        assert_eq!(names(&[]).len(), ROWS.len());
    }

    #[test]
    fn arguments() {
        let read = |words: &[&str]| parse(Parser::from_args(words));
        assert_eq!(
            read(&["--json", "f", "cow_fault", "--update-best"]),
            Ok(Asked::Run(Request {
                json: Some("f".into()),
                update: true,
                names: vec!["cow_fault".into()]
            }))
        );
        assert_eq!(read(&["-h"]), Ok(Asked::Help));
        for words in [&["nothing"][..], &["--json"], &["--fast"], &["-x"]] {
            assert_eq!(read(words).expect_err("usage").code, crate::failure::USAGE);
        }
    }

    #[test]
    fn the_tracked_file_has_only_rows_of_the_table() {
        let text = include_str!("../best.json");
        let best = Best::parse(text).unwrap();
        assert_eq!(best.text(), text, "rows in the order of their names, a row a line");
        let rows: serde_json::Value = serde_json::from_str(text).unwrap();
        for name in rows.as_object().unwrap().keys() {
            assert!(rows::find(name).is_some(), "{name}");
        }
    }
}
