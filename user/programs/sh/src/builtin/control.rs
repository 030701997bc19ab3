//! Builtins that say where the shell goes on: `exit`, `break`, `continue`, `exec`, `.`, `wait`.

use alloc::string::String;
use core::time::Duration;

use tine::process::WaitFlags;
use tine::process::wait::shell_code;
use tine::{Errno, nanosleep, waitpid};

use super::{DONE, Outcome, complain, misuse, number};
use crate::execute::Flow;
use crate::input::{Input, contents};
use crate::launch::tell_failure;
use crate::pipeline::{INTERRUPTED, wait_for};
use crate::shell::{Background, Shell};

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
    shell.stand_in_foreground();
    if shell.is_interrupted() {
        shell.rest();
        return (INTERRUPTED, Flow::Interrupt);
    }
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
    shell.rest();
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
    let mut status = 0;
    if fields.len() == 1 {
        while let Some(job) = shell.background.first().copied() {
            if finish(shell, job).is_none() {
                return (INTERRUPTED, Flow::Interrupt);
            }
        }
    }
    for field in &fields[1..] {
        let Ok(process) = field.parse::<i32>() else { return misuse("wait") };
        let job = shell.background.iter().copied().find(|job| job.process == process);
        status = match job.map(|job| finish(shell, job)) {
            Some(Some(status)) => status,
            Some(None) => return (INTERRUPTED, Flow::Interrupt),
            None => 127,
        };
    }
    (status, Flow::Next)
}

/// Waits for a background command and forgets it; `$?`, or `None` if a person interrupts the wait.
fn finish(shell: &mut Shell, job: Background) -> Option<i32> {
    let status = match job.status {
        Some(status) => shell_code(status),
        None if shell.terminal.is_none() => wait_for(job.process),
        // The process server ends no wait for a shell, so the shell looks now and then.
        None => look_for(shell, job)?,
    };
    shell.background.retain(|other| other.process != job.process);
    Some(status)
}

/// Looks until a background command has ended; `$?`.
fn look_for(shell: &mut Shell, job: Background) -> Option<i32> {
    loop {
        match waitpid(job.process, WaitFlags::NOHANG) {
            Ok(None) => {}
            Ok(Some((_, status))) => return Some(shell_code(status)),
            Err(_) => return Some(127),
        }
        if shell.is_interrupted() {
            return None;
        }
        nanosleep(LOOK).ok();
    }
}

/// How often a shell with a person before it looks whether a command has ended.
const LOOK: Duration = Duration::from_millis(10);
