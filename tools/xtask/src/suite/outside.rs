//! Whole boots, judged from outside: what a person sees who runs a command.
//!
//! Owns: the table [`SCENARIOS`], as data, and its judge. Each row names its machine, what is
//! done to the boot, the command, its input, and what must come out.

use std::io::{self, Cursor};

use tine_abi::results::{Mode, Outcome};
use tine_harness::{Console, End, Report, Symbols};

use super::{Bed, options, tally::Tally};
use crate::exec::{run_command, watch};
use crate::failure::{Failure, code_of};
use crate::medium::{self, Parts, Route, Task};
use crate::options::{FirmwareKind, Options};

/// One row.
struct Scenario {
    /// Its name, after `boot/`.
    name: &'static str,
    /// The machine.
    machine: Machine,
    /// What is done to the boot before it starts.
    damage: Damage,
    /// The command for `sh -c`.
    command: &'static str,
    /// Its standard input.
    input: &'static [u8],
    /// What must come of it.
    expect: Expect,
}

/// The machine of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Machine {
    /// Direct boot with this many CPUs and MiB.
    Direct(u32, u32),
    /// Limine under BIOS.
    Limine,
    /// Limine under UEFI with this many MiB.
    Uefi(u32),
    /// Direct boot on a CPU without this feature.
    Without(&'static str),
}

/// What is done to the boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Damage {
    /// Nothing.
    None,
    /// The boot archive's first header is broken.
    Archive,
    /// The boot archive is cut in the middle.
    ArchiveEnd,
    /// This member of the boot archive is left out.
    Missing(&'static str),
    /// The root server is no ELF file.
    Root,
    /// The root server is cut in the middle.
    RootEnd,
}

/// What must come out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    /// This exit code and exactly this output.
    Output(u8, &'static [u8]),
    /// The kernel or root says on the serial line why it stops, with this word in the line.
    Refusal(&'static str),
    /// The kernel panics and leaves an epitaph.
    Epitaph,
}

/// The default machine.
const USUAL: Machine = Machine::Direct(1, 512);

/// A command on the default machine.
const fn command(
    name: &'static str,
    command: &'static str,
    input: &'static [u8],
    code: u8,
    output: &'static [u8],
) -> Scenario {
    let expect = Expect::Output(code, output);
    Scenario { name, machine: USUAL, damage: Damage::None, command, input, expect }
}

/// `echo up` on another machine.
const fn machine(name: &'static str, machine: Machine) -> Scenario {
    let expect = Expect::Output(0, b"up\n");
    Scenario { name, machine, damage: Damage::None, command: "echo up", input: b"", expect }
}

/// A boot that must be refused.
const fn refusal(
    name: &'static str,
    machine: Machine,
    damage: Damage,
    word: &'static str,
) -> Scenario {
    let expect = Expect::Refusal(word);
    Scenario { name, machine, damage, command: "true", input: b"", expect }
}

/// Bytes that a line discipline would act on, and all others but NUL.
const EVERY_BYTE: &[u8] = &{
    let mut bytes = [0; 256];
    let mut index = 0;
    while index < 255 {
        bytes[index] = (index + 1) as u8;
        index += 1;
    }
    bytes[255] = b'\n';
    bytes
};

const SCENARIOS: &[Scenario] = &[
    command("true", "true", b"", 0, b""),
    command("false", "false", b"", 1, b""),
    command("status", "exit 42", b"", 42, b""),
    command("not-found", "no-such-program 2>/tmp/error", b"", 127, b""),
    command("killed", "kill -9 $$", b"", 137, b""),
    command("power-off", "poweroff", b"", 0, b""),
    command("output", "echo one; echo two", b"", 0, b"one\ntwo\n"),
    command("pipeline", "echo ok | cat", b"", 0, b"ok\n"),
    command("input", "cat", b"one\ntwo", 0, b"one\ntwo"),
    command("input-bytes", "cat", EVERY_BYTE, 0, EVERY_BYTE),
    command("no-input", "cat; echo end", b"", 0, b"end\n"),
    machine("memory-64", Machine::Direct(1, 64)),
    machine("memory-4096", Machine::Direct(1, 4096)),
    machine("cpus-8", Machine::Direct(8, 512)),
    machine("limine", Machine::Limine),
    machine("limine-uefi", Machine::Uefi(128)),
    Scenario { expect: Expect::Epitaph, ..command("panic", "true", b"", 0, b"") },
    refusal("too-little-memory", Machine::Direct(1, 48), Damage::None, "memory"),
    refusal("without-nx", Machine::Without("nx"), Damage::None, "NX"),
    refusal("damaged-archive", USUAL, Damage::Archive, "archive"),
    refusal("cut-archive", USUAL, Damage::ArchiveEnd, "archive"),
    refusal("missing-init", USUAL, Damage::Missing("bin/init"), "init"),
    refusal("missing-server", USUAL, Damage::Missing("server/process"), "process"),
    refusal("damaged-root", USUAL, Damage::Root, "root"),
    refusal("cut-root", USUAL, Damage::RootEnd, "root"),
];

/// Runs the rows.
pub(super) fn run(bed: &Bed, parts: &Parts, tally: &mut Tally) -> Result<(), Failure> {
    for scenario in SCENARIOS {
        let name = format!("boot/{}", scenario.name);
        if !tally.wants(&name) {
            continue;
        }
        let limine = matches!(scenario.machine, Machine::Limine | Machine::Uefi(_));
        match &bed.limine {
            Err(why) if limine => tally.case(&name, Outcome::Skipped(why)),
            _ => {
                let judgement = judge(bed, parts, scenario)?;
                tally.judged(&name, &judgement);
            }
        }
    }
    Ok(())
}

fn judge(bed: &Bed, parts: &Parts, scenario: &Scenario) -> Result<Result<(), String>, Failure> {
    let (route, options) = match (&bed.limine, scenario.machine) {
        (_, Machine::Direct(cpus, memory)) => {
            (&Route::Direct, Options { cpus, memory, ..options() })
        }
        (Ok(route), Machine::Limine) => (route, options()),
        (Ok(route), Machine::Uefi(memory)) => {
            (route, Options { memory, firmware: FirmwareKind::Uefi, ..options() })
        }
        _ => (&Route::Direct, options()),
    };
    let parts = damaged(bed, parts, scenario.damage)?;
    let task = Task { mode: Mode::Exec, command: scenario.command.to_owned(), ..Task::default() };
    let mut line = task.command_line(options.slide);
    if matches!(scenario.expect, Expect::Epitaph) {
        line.push_str(" trial=panic");
    }
    let mut machine =
        medium::machine(route, &options, &parts, &line, &bed.guest.loader()?, &bed.folder)?;
    if let Machine::Without(feature) = scenario.machine {
        machine.without.push(feature);
    }
    Ok(match scenario.expect {
        Expect::Output(code, output) => {
            let mut seen = Vec::new();
            let input = Box::new(Cursor::new(scenario.input));
            let report = run_command(&machine, input, &mut seen, &bed.folder);
            compare(&report, &seen, code, output)
        }
        Expect::Refusal(word) => {
            let mut serial = Vec::new();
            let console = Console::Recorded { sink: &mut serial };
            let folder = bed.folder.path();
            let report = tine_harness::run(&machine, console, watch(), folder, &mut |_| {});
            refused(&report, &String::from_utf8_lossy(&serial), word)
        }
        Expect::Epitaph => {
            let report = run_command(&machine, Box::new(io::empty()), &mut Vec::new(), &bed.folder);
            epitaph(&report, &parts.kernel)
        }
    })
}

/// The parts of the boot, damaged.
fn damaged(bed: &Bed, parts: &Parts, damage: Damage) -> Result<Parts, Failure> {
    let mut parts = parts.clone();
    match damage {
        Damage::None => {}
        Damage::Archive => parts.archive[..512].fill(b'?'),
        Damage::ArchiveEnd => parts.archive.truncate(parts.archive.len() / 2),
        Damage::Missing(name) => {
            let mut archive = medium::archive(&bed.guest)?;
            if !archive.remove(name) {
                return Err(Failure::setup(format!("the boot archive has no {name} to leave out")));
            }
            parts.archive = archive.bytes();
        }
        Damage::Root => parts.root[..4].fill(b'?'),
        Damage::RootEnd => parts.root.truncate(parts.root.len() / 2),
    }
    Ok(parts)
}

fn compare(report: &Report, seen: &[u8], code: u8, output: &[u8]) -> Result<(), String> {
    let given = matches!(report.end, End::Status(_) | End::Signal(_) | End::PoweredOff);
    if !given || code_of(&report.end) != code {
        let last = report.last_lines.last().map_or("", String::as_str);
        return Err(format!("exit code {code} was expected: {}; last line: {last}", report.end));
    }
    if seen != output {
        return Err(format!("output {} instead of {}", shown(seen), shown(output)));
    }
    Ok(())
}

/// The kernel's epitaph: cause, registers, a backtrace with names.
fn epitaph(report: &Report, kernel: &[u8]) -> Result<(), String> {
    let symbols = Symbols::of(kernel);
    let text: String =
        report.last_lines.iter().map(|line| symbols.annotated(line) + "\n").collect();
    for word in ["kernel panic: a trial was asked for", "cr3", "backtrace:", "tine_kernel::main"] {
        if !text.contains(word) {
            return Err(format!("the epitaph lacks {word:?}:\n{text}"));
        }
    }
    match &report.end {
        End::Panic(_) => Ok(()),
        end => Err(format!("a kernel panic was expected: {end}")),
    }
}

/// Bytes for a person, cut.
fn shown(bytes: &[u8]) -> String {
    let text: String = bytes.escape_ascii().take(200).map(char::from).collect();
    format!("\"{text}\"")
}

fn refused(report: &Report, serial: &str, word: &str) -> Result<(), String> {
    let said = serial.lines().any(|line| line.to_lowercase().contains(&word.to_lowercase()));
    match (&report.end, said) {
        (End::Halted(_), true) => Ok(()),
        (End::Halted(_), false) => Err(format!("no line on the serial port names {word}")),
        (end, _) => Err(format!("the boot was to be refused: {end}")),
    }
}
