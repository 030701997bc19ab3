//! Builtins that say where the shell goes on: `exit`, `break`, `continue`, `exec`, `.`, `wait`.

use alloc::string::String;

use tine::Errno;
use tine::process::wait::shell_code;

use super::{DONE, Outcome, complain, misuse, number};
use crate::execute::Flow;
use crate::input::{Input, contents};
use crate::launch::tell_failure;
use crate::shell::{Background, Shell};

pub(super) fn colon(_: &mut Shell, _: &[String]) -> Outcome {
    DONE
}

pub(super) fn exit(shell: &mut Shell, fields: &[String]) -> Outcome {
    match number(fields, shell.parameters.status) {
        Some(status) => (status & 0xff, Flow::Exit),
        None => misuse("exit"),
    }
}

/// How many loops `break` and `continue` mean; never more than there are.
fn levels(shell: &Shell, fields: &[String]) -> Option<usize> {
    let levels = usize::try_from(number(fields, 1)?).ok().filter(|levels| *levels > 0)?;
    Some(levels.min(shell.loops))
}

pub(super) fn leave(shell: &mut Shell, fields: &[String]) -> Outcome {
    match levels(shell, fields) {
        Some(0) => complain("break", "there is no loop to leave"),
        Some(levels) => (0, Flow::Break(levels)),
        None => misuse("break"),
    }
}

pub(super) fn proceed(shell: &mut Shell, fields: &[String]) -> Outcome {
    match levels(shell, fields) {
        Some(0) => complain("continue", "there is no loop to continue"),
        Some(levels) => (0, Flow::Continue(levels)),
        None => misuse("continue"),
    }
}

pub(super) fn exec(shell: &mut Shell, fields: &[String]) -> Outcome {
    let fields = &fields[1..];
    let Some(name) = fields.first() else { return DONE };
    let error = match shell.program(fields, &[]) {
        Err(error) => error,
        Ok(program) => match program.exec() {
            Errno::NOEXEC => match shell.script(&program, fields, &[]) {
                Err(error) => error,
                Ok(script) => script.exec(),
            },
            error => error,
        },
    };
    let flow = if shell.interactive { Flow::Next } else { Flow::Exit };
    (tell_failure(name, error), flow)
}

/// Files that source each other at most so deep.
const DEPTH_MAX: usize = 16;

pub(super) fn source(shell: &mut Shell, fields: &[String]) -> Outcome {
    let [name, path] = fields else { return misuse(&fields[0]) };
    if shell.sources == DEPTH_MAX {
        return complain(name, "files source each other too deeply");
    }
    let text = match contents(path) {
        Ok(text) => text,
        Err(error) => return complain(path, error),
    };
    let interactive = core::mem::replace(&mut shell.interactive, false);
    shell.sources += 1;
    shell.parameters.status = 0;
    let flow = shell.run(&mut Input::text(text));
    shell.sources -= 1;
    shell.interactive = interactive;
    // What is wrong with the text ends its reading, not an interactive shell.
    let flow = if interactive && shell.parameters.status == 2 { Flow::Next } else { flow };
    (shell.parameters.status, flow)
}

pub(super) fn wait(shell: &mut Shell, fields: &[String]) -> Outcome {
    if fields.len() == 1 {
        for job in core::mem::take(&mut shell.background) {
            finish(shell, job);
        }
        return DONE;
    }
    let mut status = 0;
    for field in &fields[1..] {
        let Ok(process) = field.parse::<i32>() else { return misuse("wait") };
        let place = shell.background.iter().position(|job| job.process == process);
        status = match place.map(|place| shell.background.remove(place)) {
            Some(job) => finish(shell, job),
            None => 127,
        };
    }
    (status, Flow::Next)
}

/// Waits for a background command that has been taken from the list; `$?`.
fn finish(shell: &Shell, job: Background) -> i32 {
    match job.status {
        Some(status) => shell_code(status),
        None => shell.wait_for(job.process),
    }
}
