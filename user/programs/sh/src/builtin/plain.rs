//! Builtins that only spare a process: `:`, `true`, `false`, `echo`, `kill`.

use alloc::string::String;

use tine::{print, println};

use super::{DONE, Outcome};
use crate::execute::Flow;
use crate::shell::Shell;

pub(super) fn succeed(_: &mut Shell, _: &[String]) -> Outcome {
    DONE
}

pub(super) fn fail(_: &mut Shell, _: &[String]) -> Outcome {
    (1, Flow::Next)
}

/// There may be no memory for a process that would send the signal.
pub(super) fn kill(_: &mut Shell, fields: &[String]) -> Outcome {
    let words = fields.iter().skip(1).map(String::as_bytes);
    (tine_programs::kill::run(words, tine::kill), Flow::Next)
}

pub(super) fn echo(_: &mut Shell, fields: &[String]) -> Outcome {
    match &fields[1..] {
        [option, words @ ..] if option == "-n" => print!("{}", words.join(" ")),
        words => println!("{}", words.join(" ")),
    }
    DONE
}
