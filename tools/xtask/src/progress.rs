//! What the tool says about itself while it works.
//!
//! Owns: the form of its lines, on standard error, so that a command's output stays alone on
//! standard output. Called by: every long step.

use std::time::Instant;

/// Says one line.
pub(crate) fn say(text: &str) {
    eprintln!("tine: {text}");
}

/// Runs a step that can take a while: says what before it, and how long after it.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> T) -> T {
    say(&format!("{what} ..."));
    let start = Instant::now();
    let value = work();
    say(&format!("{what}: {:.1} s", start.elapsed().as_secs_f64()));
    value
}
