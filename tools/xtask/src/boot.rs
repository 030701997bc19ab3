//! The verb `boot`: a shell in the guest, on this terminal.
//!
//! Owns: its help, its report. Called by: `main`, also when no verb is given.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use tine_harness::{Console, End, Watch};

use crate::exec::{self, explain};
use crate::failure::{Failure, code_of};
use crate::guest::Guest;
use crate::medium::{self, Parts, Route, Task};
use crate::options::Options;
use crate::workspace::RunFolder;
use crate::{options, progress};

/// The help text.
pub(crate) fn help() -> String {
    format!(
        "\
Usage: cargo run -- boot [--limine DIR | --direct] [--firmware bios|uefi] [--cpus N]
                         [--memory MIB] [--icount]

Builds the system, boots it in QEMU and gives a shell on this terminal. `cargo run` alone does the
same. What the host lacks is installed first where the tool may.

To leave: `poweroff` in the guest, or Ctrl-A X. Ctrl-A C switches to QEMU's monitor and back.

If standard input is no terminal, what it holds is typed when the guest is ready, control characters
are keys, and when it has ended and the shell with it, the guest powers off. Ctrl-C goes to the guest
then; three of them end the run.

Options:
{}
Examples:
  cargo run                                     a shell, by whatever boot is at hand
  cargo run -- boot --direct --memory 64        the smallest machine
  cargo run -- boot --firmware uefi --cpus 4    as a PC of today boots
  printf 'ls\nps\n' | cargo run                 what a person would see who types this

Exit code: 0 after a power-off, 2 usage, 3 set-up, 4 kernel panic, 5 hang (from a pipe), 6 QEMU.
",
        options::HELP
    )
}

/// Boots, and stays until the guest or the user ends it.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let route = Route::choose(options)?;
    let guest = Guest::build()?;
    let folder = RunFolder::new()?;
    let piped = !std::io::stdin().is_terminal();
    let line = Task { piped, ..Task::default() }.command_line(options.slide);
    let parts = Parts::of(&guest)?;
    let machine = medium::machine(&route, options, &parts, &line, &guest.loader()?, &folder)?;
    let mut output = std::io::stdout().lock();
    let (console, watch) = if piped {
        let console = Console::Keys { input: Box::new(std::io::stdin()), output: &mut output };
        (console, exec::watch())
    } else {
        progress::say("leave with `poweroff` or Ctrl-A X");
        (Console::Terminal, Watch::default())
    };
    let report = tine_harness::run(&machine, console, watch, folder.path(), &mut progress::say_log);
    match &report.end {
        End::PoweredOff | End::Left | End::Interrupted => progress::say(&report.end.to_string()),
        End::Unread => {}
        // The terminal has shown it, but without the names of functions.
        _ => explain(&report, &parts.kernel),
    }
    Ok(ExitCode::from(code_of(&report.end)))
}
