//! Whole boots, judged from outside: what a person sees who runs a command.
//!
//! Owns: the table [`SCENARIOS`], as data, and its judge. Each row names its machine, what is
//! done to the boot, the command, its input, and what must come out.

use std::io::Cursor;

use tine_abi::results::{Mode, Outcome};
use tine_harness::{Console, End, Report, Symbols};

use super::{Bed, options, tally::Tally};
use crate::exec::watch;
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
    /// What the guest is to suffer: a value of the command line's key `trial`.
    trial: Option<&'static str>,
    /// What must come of it.
    expect: Expect,
    /// What the last lines of console and kernel log must say.
    says: &'static [&'static str],
}

/// The machine of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Machine {
    /// Direct boot with this many CPUs and MiB.
    Direct(u32, u32),
    /// Limine under BIOS with this many MiB.
    Limine(u32),
    /// Limine under UEFI with this many MiB.
    Uefi(u32),
    /// Direct boot on a CPU without this feature.
    Without(&'static str),
    /// Limine under BIOS on one.
    LimineWithout(&'static str),
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
    /// This member of the boot archive is a text.
    Text(&'static str),
    /// The kernel is no ELF file.
    Kernel,
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
    /// Loader, kernel or root says on the serial port why it stops: this line.
    Refusal(&'static str),
    /// The kernel panics.
    Panic,
    /// The machine stops, because nothing can go on.
    Stop,
}

/// The default machine.
const USUAL: Machine = Machine::Direct(1, 512);

/// A row without a trial, whose last lines do not matter.
const fn row(
    name: &'static str,
    machine: Machine,
    damage: Damage,
    command: &'static str,
    expect: Expect,
) -> Scenario {
    Scenario { name, machine, damage, command, input: b"", trial: None, expect, says: &[] }
}

/// A command on the default machine.
const fn command(
    name: &'static str,
    command: &'static str,
    input: &'static [u8],
    code: u8,
    output: &'static [u8],
) -> Scenario {
    let expect = Expect::Output(code, output);
    Scenario { input, ..row(name, USUAL, Damage::None, command, expect) }
}

/// `echo up` on another machine.
const fn machine(name: &'static str, machine: Machine) -> Scenario {
    row(name, machine, Damage::None, "echo up", Expect::Output(0, b"up\n"))
}

/// A boot that must be refused.
const fn refusal(
    name: &'static str,
    machine: Machine,
    damage: Damage,
    line: &'static str,
) -> Scenario {
    row(name, machine, damage, "true", Expect::Refusal(line))
}

/// A server's death, by the value of `trial`; the command, and what must come of it.
const fn death(
    name: &'static str,
    trial: &'static str,
    command: &'static str,
    expect: Expect,
    says: &'static [&'static str],
) -> Scenario {
    Scenario { trial: Some(trial), says, ..row(name, USUAL, Damage::None, command, expect) }
}

/// What root says of a server that jumped to address 0.
macro_rules! faulted {
    ($server:literal) => {
        concat!(
            "server/",
            $server,
            " faulted executing address 0x0 at 0x0: nothing is mapped there"
        )
    };
}

/// What root says of a server without which nothing can go on.
macro_rules! fatal {
    ($server:literal) => {
        concat!("fatal: server/", $server, " has ended, and nothing can go on without it")
    };
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

/// What `tests fault.panic` prints.
const TESTED: &[u8] = b"case fault.panic\ntest fault.panic ok\ndone 1\n";

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
    command("input-ends-for-good", "cat; cat; echo end", b"one", 0, b"oneend\n"),
    row(
        "full-files",
        Machine::Direct(1, 64),
        Damage::None,
        "while cat /bin/sh >>/tmp/a 2>/dev/null; do true; done; echo full; \
         ps >/dev/null && echo ran; echo >/tmp/a; echo again >/tmp/b && cat /tmp/b",
        Expect::Output(0, b"full\nran\nagain\n"),
    ),
    machine("memory-64", Machine::Direct(1, 64)),
    machine("memory-4096", Machine::Direct(1, 4096)),
    machine("cpus-8", Machine::Direct(8, 512)),
    machine("limine", Machine::Limine(512)),
    machine("limine-uefi", Machine::Uefi(128)),
    Scenario {
        trial: Some("panic"),
        says: &["kernel panic: a trial was asked for", "cr3", "backtrace:", "tine_kernel::main"],
        ..row("panic", USUAL, Damage::None, "true", Expect::Panic)
    },
    death(
        "death-process",
        "fault:process",
        "sleep 1000",
        Expect::Stop,
        &[faulted!("process"), fatal!("process")],
    ),
    death(
        "death-console",
        "fault:console",
        "sleep 1000",
        Expect::Stop,
        &[faulted!("console"), fatal!("console")],
    ),
    // Who calls it is told of an input/output error, and the system goes on.
    death(
        "death-pipe",
        "fault:pipe",
        "echo one | cat; echo $?; echo two >/tmp/a; cat /tmp/a; poweroff",
        Expect::Output(0, b"sh: pipe: Input/output error\n1\ntwo\n"),
        &[faulted!("pipe")],
    ),
    // Nothing but init is left, which can neither read a program nor needs one to power off.
    death(
        "death-initrd",
        "fault:initrd",
        "true",
        Expect::Output(127, b"init: sh: Input/output error\n"),
        &[faulted!("initrd")],
    ),
    // A panic without anybody to tell it to, as in a server, goes to the kernel's log.
    Scenario {
        says: &["panicked at user/tests/src/cases/fault.rs", "on purpose"],
        ..command("panic-log", "tests fault.panic", b"", 0, TESTED)
    },
    // Its first line, from before there was a console, and its last one, from after.
    command(
        "dmesg",
        "tests fault.panic >/dev/null; dmesg | { read name rest; echo $name; \
         while read line; do last=$line; done; echo $last; }",
        b"",
        0,
        b"tine\non purpose\n",
    ),
    refusal(
        "too-little-memory",
        Machine::Direct(1, 48),
        Damage::None,
        "directboot: 47 MiB of memory where 64 are needed",
    ),
    refusal(
        "without-nx",
        Machine::Without("nx"),
        Damage::None,
        "directboot: this CPU has no NX bit",
    ),
    refusal(
        "limine-too-little-memory",
        Machine::Limine(48),
        Damage::None,
        "tine: cannot start: 47 MiB of memory, but Tine needs 64",
    ),
    refusal(
        "limine-without-nx",
        Machine::LimineWithout("nx"),
        Damage::None,
        "tine: cannot start: this processor cannot keep pages from being executed (no NX)",
    ),
    refusal(
        "damaged-archive",
        USUAL,
        Damage::Archive,
        "tine: cannot start: the boot module `archive` is damaged: it is not a ustar archive",
    ),
    refusal(
        "cut-archive",
        USUAL,
        Damage::ArchiveEnd,
        "fatal: the boot archive is damaged: it ends inside a file",
    ),
    refusal(
        "missing-init",
        USUAL,
        Damage::Missing("bin/init"),
        "fatal: the boot archive holds no bin/init",
    ),
    refusal(
        "missing-server",
        USUAL,
        Damage::Missing("server/process"),
        "fatal: the boot archive holds no server/process",
    ),
    refusal(
        "damaged-init",
        USUAL,
        Damage::Text("bin/init"),
        "fatal: bin/init in the boot archive is damaged: it is no ELF file",
    ),
    refusal(
        "damaged-server",
        USUAL,
        Damage::Text("server/pipe"),
        "fatal: server/pipe in the boot archive is damaged: it is no ELF file",
    ),
    refusal(
        "damaged-kernel",
        USUAL,
        Damage::Kernel,
        "directboot: the kernel is not a 64-bit x86 ELF executable",
    ),
    refusal(
        "damaged-root",
        USUAL,
        Damage::Root,
        "tine: cannot start: the root server: it is no ELF file",
    ),
    refusal(
        "cut-root",
        USUAL,
        Damage::RootEnd,
        "tine: cannot start: the root server: it is cut off",
    ),
];

/// The README's example, and the block of text that it says this prints.
fn readme() -> Scenario {
    let text = include_str!("../../../../README.md");
    let block = text.split_once("```text\n").and_then(|(_, rest)| rest.split_once("```"));
    let output = block.map_or("", |(block, _)| block).as_bytes();
    command("readme", "forkdemo && ps && echo ok | cat", b"", 0, output)
}

/// Runs the rows.
pub(super) fn run(bed: &Bed, parts: &Parts, tally: &mut Tally) -> Result<(), Failure> {
    for scenario in SCENARIOS.iter().chain([&readme()]) {
        let name = format!("boot/{}", scenario.name);
        if !tally.wants(&name) {
            continue;
        }
        let limine = !matches!(scenario.machine, Machine::Direct(..) | Machine::Without(_));
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
        (Ok(route), Machine::Limine(memory)) => (route, Options { memory, ..options() }),
        (Ok(route), Machine::LimineWithout(_)) => (route, options()),
        (Ok(route), Machine::Uefi(memory)) => {
            (route, Options { memory, firmware: FirmwareKind::Uefi, ..options() })
        }
        _ => (&Route::Direct, options()),
    };
    let parts = damaged(bed, parts, scenario.damage)?;
    let task = Task { mode: Mode::Exec, command: scenario.command.to_owned(), ..Task::default() };
    let mut line = task.command_line(options.slide);
    if let Some(trial) = scenario.trial {
        line.push_str(" trial=");
        line.push_str(trial);
    }
    let mut machine =
        medium::machine(route, &options, &parts, &line, &bed.guest.loader()?, &bed.folder)?;
    if let Machine::Without(feature) | Machine::LimineWithout(feature) = scenario.machine {
        machine.without.push(feature);
    }
    let (mut seen, folder) = (Vec::new(), &bed.folder);
    let console = match scenario.expect {
        // From the firmware's first byte on.
        Expect::Refusal(_) => Console::Recorded { sink: &mut seen },
        _ => Console::Piped { input: Box::new(Cursor::new(scenario.input)), output: &mut seen },
    };
    let report = tine_harness::run(&machine, console, watch(), folder.path(), &mut |_| {});
    let ended = match (scenario.expect, &report.end) {
        (Expect::Output(code, output), _) => compare(&report, &seen, code, output),
        (Expect::Refusal(line), End::Halted(_)) => refused(&String::from_utf8_lossy(&seen), line),
        (Expect::Panic, End::Panic(_)) | (Expect::Stop, End::Halted(_)) => Ok(()),
        (expect, end) => Err(format!("{expect:?} was expected: {end}")),
    };
    Ok(ended.and_then(|()| said(&report, &parts.kernel, scenario.says)))
}

/// The parts of the boot, damaged.
fn damaged(bed: &Bed, parts: &Parts, damage: Damage) -> Result<Parts, Failure> {
    let mut parts = parts.clone();
    match damage {
        Damage::None => {}
        Damage::Archive => parts.archive[..512].fill(b'?'),
        Damage::ArchiveEnd => parts.archive.truncate(parts.archive.len() / 2),
        Damage::Missing(name) | Damage::Text(name) => {
            let mut archive = medium::archive(&bed.guest)?;
            if !archive.remove(name) {
                return Err(Failure::setup(format!("the boot archive has no {name} to damage")));
            }
            if matches!(damage, Damage::Text(_)) {
                let added = archive.program(name, b"a text\n".to_vec());
                added.map_err(|error| Failure::setup(error.to_string()))?;
            }
            parts.archive = archive.bytes();
        }
        Damage::Kernel => parts.kernel[..4].fill(b'?'),
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

/// Whether the last lines, with names for the kernel's addresses, hold all of these words.
fn said(report: &Report, kernel: &[u8], words: &[&str]) -> Result<(), String> {
    let symbols = Symbols::of(kernel);
    let text: String =
        report.last_lines.iter().map(|line| symbols.annotated(line) + "\n").collect();
    match words.iter().find(|word| !text.contains(*word)) {
        Some(word) => Err(format!("the last lines do not say {word:?}:\n{text}")),
        None => Ok(()),
    }
}

/// Bytes for a person, cut.
fn shown(bytes: &[u8]) -> String {
    let text: String = bytes.escape_ascii().take(200).map(char::from).collect();
    format!("\"{text}\"")
}

fn refused(serial: &str, line: &str) -> Result<(), String> {
    if serial.lines().any(|said| said.trim_end() == line) {
        return Ok(());
    }
    let last = serial.lines().rfind(|said| !said.trim().is_empty()).unwrap_or("nothing");
    Err(format!("the serial port does not say {line:?} but {last:?}"))
}
