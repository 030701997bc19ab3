//! Builtins: what must run in the shell itself, and what is not worth a process.
//!
//! Owns: their table. A builtin gets all fields, its name first, and gives its status and where the
//! shell goes on.

mod condition;
mod control;
mod directory;
mod plain;
mod variables;

use alloc::string::String;

use tine::eprintln;

use crate::execute::Flow;
use crate::shell::Shell;

/// What a builtin gives.
pub(crate) type Outcome = (i32, Flow);

/// One builtin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Builtin {
    /// Its name.
    pub(crate) name: &'static str,
    /// POSIX calls it special: assignments before it stay, and a script ends when its redirection
    /// fails.
    pub(crate) special: bool,
    /// How it is called.
    pub(crate) usage: &'static str,
    /// What it does.
    pub(crate) summary: &'static str,
    /// Does it.
    pub(crate) run: fn(&mut Shell, &[String]) -> Outcome,
}

/// Makes the table shorter to read.
const fn builtin(
    name: &'static str,
    special: bool,
    usage: &'static str,
    summary: &'static str,
    run: fn(&mut Shell, &[String]) -> Outcome,
) -> Builtin {
    Builtin { name, special, usage, summary, run }
}

/// All of them, by name.
pub(crate) const BUILTINS: &[Builtin] = &[
    builtin(".", true, ". FILE", "Runs the commands of FILE in this shell.", control::source),
    builtin(":", true, ":", "Does nothing, with success.", plain::succeed),
    builtin("[", false, "[ EXPRESSION ]", "The same as test.", condition::bracket),
    builtin("break", true, "break [N]", "Leaves the loop, or N loops.", control::leave),
    builtin(
        "cd",
        false,
        "cd [DIRECTORY | -]",
        "Changes the working directory: to HOME, to DIRECTORY, or back.",
        directory::cd,
    ),
    builtin("continue", true, "continue [N]", "Begins the loop's next turn.", control::proceed),
    builtin(
        "echo",
        false,
        "echo [-n] [WORD...]",
        "Prints the words and, but for -n, a newline.",
        plain::echo,
    ),
    builtin(
        "exec",
        true,
        "exec [COMMAND [ARGUMENT...]]",
        "Becomes COMMAND; without one, its redirections stay.",
        control::exec,
    ),
    builtin("exit", true, "exit [N]", "Ends the shell with N, or with $?.", control::exit),
    builtin(
        "export",
        true,
        "export [NAME[=VALUE]...]",
        "Has programs see variables; without a name, lists them.",
        variables::export,
    ),
    builtin("false", false, "false", "Does nothing, with failure.", plain::fail),
    builtin("help", false, "help [NAME]", "Explains the shell, or a builtin.", crate::help::help),
    builtin(
        "kill",
        false,
        "kill [-s SIGNAL | -SIGNAL] PID... | kill -l [CODE]",
        "Sends a signal, also when no process can be made any more.",
        plain::kill,
    ),
    builtin("pwd", false, "pwd", "Prints the working directory.", directory::pwd),
    builtin(
        "read",
        false,
        "read [-r] NAME...",
        "Reads a line and shares its words among variables; fails at the end of input.",
        variables::read,
    ),
    builtin(
        "set",
        true,
        "set [-- [ARGUMENT...]]",
        "Sets $1, $2 and so on; without arguments, lists all variables.",
        variables::set,
    ),
    builtin("shift", true, "shift [N]", "Drops the first N of $1, $2 and so on.", variables::shift),
    builtin("source", true, "source FILE", "The same as `.'.", control::source),
    builtin(
        "test",
        false,
        "test EXPRESSION",
        "Compares: -n -z =  != -eq -ne -lt -le -gt -ge -e -f -d -s -t ! -a -o.",
        condition::test,
    ),
    builtin("true", false, "true", "Does nothing, with success.", plain::succeed),
    builtin("unset", true, "unset NAME...", "Removes variables.", variables::unset),
    builtin(
        "wait",
        false,
        "wait [PID...]",
        "Waits for background commands, all of them or these; $? is that of the last.",
        control::wait,
    ),
];

/// The builtin with this name.
pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// Success, and on with the next command.
pub(crate) const DONE: Outcome = (0, Flow::Next);

/// Complains; the outcome of a failure.
pub(crate) fn complain(name: &str, what: impl core::fmt::Display) -> Outcome {
    eprintln!("sh: {name}: {what}");
    (1, Flow::Next)
}

/// Complains about how a builtin was called.
pub(crate) fn misuse(name: &str) -> Outcome {
    let usage = find(name).map_or(name, |builtin| builtin.usage);
    eprintln!("usage: {usage}");
    (2, Flow::Next)
}

/// The number of an optional argument.
fn number(fields: &[String], default: i32) -> Option<i32> {
    match fields {
        [_] => Some(default),
        [_, text] => text.parse().ok(),
        _ => None,
    }
}
