//! The verb `exec`: one command in the guest, its output and its status.
//!
//! Owns: its arguments and help, the report of a bad end, what counts as a hang ([`watch`]). Called
//! by: `main`; report and watch also by `suite`.

use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser};
use tine_abi::results::Mode;
use tine_harness::{Console, End, Report, Symbols, Watch};

use crate::failure::{Failure, code_of};
use crate::guest::Guest;
use crate::medium::{self, Parts, Route, Task};
use crate::options::{Asked, Options, Reader, unexpected};
use crate::workspace::RunFolder;
use crate::{options, progress};

/// The longest command, in bytes: the command line of the kernel has 4,096, two for each.
const LONGEST: usize = 1900;

/// The help text.
pub(crate) fn help() -> String {
    format!(
        "\
Usage: cargo run -- exec [OPTIONS] -- COMMAND...

Boots the system, runs COMMAND there with `sh -c` (the words joined by blanks, as ssh does), prints
what it prints and exits with its status; a command killed by signal N gives 128 + N. Standard input
is the command's. What the tool itself says goes to standard error. Ctrl-C goes to the guest; three
of them end the run.

Options:
{}
Examples:
  cargo run -- exec -- 'forkdemo && ps && echo ok | cat'
  cargo run -- exec -- false; echo $?           1
  echo hello | cargo run -- exec --direct -- wc -c

Exit code: the command's; or 2 usage, 3 set-up, 4 kernel panic, 5 hang, 6 QEMU, 141 if nobody reads
what is printed.
",
        options::HELP
    )
}

/// A command and where to run it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    options: Options,
    command: String,
}

/// Reads the arguments.
pub(crate) fn parse(mut parser: Parser) -> Result<Asked<Request>, Failure> {
    let usage = |error: lexopt::Error| Failure::usage(error.to_string());
    let mut reader = Reader::default();
    let mut words: Vec<String> = Vec::new();
    let text = |word: std::ffi::OsString| {
        word.into_string().map_err(|_| Failure::usage("the command is not UTF-8"))
    };
    while let Some(argument) = parser.next().map_err(usage)? {
        match argument {
            Arg::Short('h') => return Ok(Asked::Help),
            Arg::Long("help") => return Ok(Asked::Help),
            Arg::Long(name) => {
                let name = name.to_owned();
                if !reader.take(&name, &mut parser)? {
                    return Err(Failure::usage(format!("unknown option --{name}")));
                }
            }
            // Everything from the first word on is the command's, also what looks like an option.
            Arg::Value(word) => {
                words.push(text(word)?);
                for word in parser.raw_args().map_err(usage)? {
                    words.push(text(word)?);
                }
            }
            other @ Arg::Short(_) => return Err(unexpected(&other)),
        }
    }
    let command = words.join(" ");
    if command.trim().is_empty() {
        return Err(Failure::usage("no command: exec [OPTIONS] -- COMMAND..."));
    }
    if command.len() > LONGEST {
        return Err(Failure::usage(format!("a command has at most {LONGEST} bytes")));
    }
    Ok(Asked::Run(Request { options: reader.check()?, command }))
}

/// Runs the command with this process's input and output.
pub(crate) fn run(request: &Request) -> Result<ExitCode, Failure> {
    let options = &request.options;
    let route = Route::choose(options)?;
    let guest = Guest::build()?;
    let folder = RunFolder::new()?;
    let task = Task { mode: Mode::Exec, command: request.command.clone(), ..Task::default() };
    let line = task.command_line(options.slide);
    let parts = Parts::of(&guest)?;
    let machine = medium::machine(&route, options, &parts, &line, &guest.loader()?, &folder)?;
    let mut output = std::io::stdout().lock();
    let console = Console::Piped { input: Box::new(std::io::stdin()), output: &mut output };
    let report =
        tine_harness::run(&machine, console, watch(), folder.path(), &mut progress::say_log);
    match &report.end {
        // A program that writes into a broken pipe says nothing either.
        End::Status(_) | End::Signal(_) | End::PoweredOff | End::Unread => {}
        _ => explain(&report, &parts.kernel),
    }
    Ok(ExitCode::from(code_of(&report.end)))
}

/// A guest is dead when its timer is: several beats of about a second each are missing. Firmware
/// and boot loader say nothing here and take seconds under TCG.
pub(crate) fn watch() -> Watch {
    Watch {
        start: Some(Duration::from_secs(90)),
        silence: Some(Duration::from_secs(30)),
        ..Watch::default()
    }
}

/// Prints how a run ended and its last lines.
pub(crate) fn explain(report: &Report, kernel: &[u8]) {
    if !report.last_lines.is_empty() {
        progress::say("the guest's last lines:");
        let symbols = Symbols::of(kernel);
        for line in &report.last_lines {
            eprintln!("    {}", symbols.annotated(line));
        }
    }
    progress::say(&report.end.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Asked<Request>, Failure> {
        parse(Parser::from_args(words))
    }

    fn command(words: &[&str]) -> String {
        match read(words) {
            Ok(Asked::Run(request)) => request.command,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn words_are_joined_and_options_end_at_the_command() {
        assert_eq!(command(&["--", "echo", "a  b", "|", "cat"]), "echo a  b | cat");
        assert_eq!(command(&["--direct", "--", "ls", "--help"]), "ls --help");
        assert_eq!(command(&["--cpus", "2", "kill", "-9", "--", "5"]), "kill -9 -- 5");
        assert_eq!(read(&["--direct", "--help", "--", "x"]), Ok(Asked::Help));
    }

    #[test]
    fn no_command_or_too_much_of_it_is_usage() {
        let long = "x".repeat(LONGEST + 1);
        for words in [&[][..], &["--"], &["--", " "], &["--nonsense", "--", "x"], &["--", &long]] {
            assert_eq!(read(words).expect_err("a usage error").code, crate::failure::USAGE);
        }
    }
}
