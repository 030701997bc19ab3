//! What the tool says about itself while it works.
//!
//! Owns: the form of its lines, on standard error, so that a command's output stays alone on
//! standard output. Called by: every long step, and by runs for what the guest's log says.

use std::io::{IsTerminal as _, stderr};
use std::time::Instant;

use tine_abi::results::Line;

/// Says one line.
pub(crate) fn say(text: &str) {
    eprintln!("tine: {text}");
}

/// Says a line of the guest's log when it comes: a server has died, or a program has panicked whose
/// own words went nowhere. On a terminal the guest's line may be open, so it begins with a new one.
pub(crate) fn say_log(line: &Line<'_>) {
    if let Line::Log(text) = line {
        let open = if stderr().is_terminal() { "\n" } else { "" };
        eprintln!("{open}tine: the guest's log: {text}");
    }
}

/// Runs a step that can take a while: says what before it, and how long after it.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> T) -> T {
    say(&format!("{what} ..."));
    let start = Instant::now();
    let value = work();
    say(&format!("{what}: {:.1} s", start.elapsed().as_secs_f64()));
    value
}
