//! The verb `boot`: a shell in the guest, on this terminal.
//!
//! Owns: its help, its report. Called by: `main`, also when no verb is given.

use std::process::ExitCode;

use tine_harness::{Console, End, Watch};

use crate::exec::explain;
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

Options:
{}
Examples:
  cargo run                                     a shell, by whatever boot is at hand
  cargo run -- boot --direct --memory 64        the smallest machine
  cargo run -- boot --firmware uefi --cpus 4    as a PC of today boots

Exit code: 0 after a power-off, 2 usage, 3 set-up, 4 kernel panic, 6 QEMU.
",
        options::HELP
    )
}

/// Boots, and stays until the guest or the user ends it.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let route = Route::choose(options)?;
    let guest = Guest::build()?;
    let folder = RunFolder::new()?;
    let line = Task::default().command_line(options.slide);
    let parts = Parts::of(&guest)?;
    let machine = medium::machine(&route, options, &parts, &line, &guest.loader()?, &folder)?;
    progress::say("leave with `poweroff` or Ctrl-A X");
    let watch = Watch::default();
    let report = tine_harness::run(&machine, Console::Terminal, watch, folder.path(), &mut |_| {});
    match &report.end {
        End::PoweredOff | End::Left | End::Interrupted => progress::say(&report.end.to_string()),
        // The terminal has shown it, but without the names of functions.
        _ => explain(&report, &parts.kernel),
    }
    Ok(ExitCode::from(code_of(&report.end)))
}
