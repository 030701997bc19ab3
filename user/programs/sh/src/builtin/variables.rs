//! Builtins for variables and positional parameters.

use alloc::string::String;
use alloc::vec::Vec;

use tine::{Errno, Fd, println};
use tine_sh_model::split_line;
use tine_sh_model::variables::is_name;

use super::{DONE, Outcome, complain, misuse, number};
use crate::execute::Flow;
use crate::pipeline::INTERRUPTED;
use crate::shell::Shell;

/// A value between quotes, so that the shell reads it back as it is.
fn quoted(value: &str) -> String {
    alloc::format!("'{}'", value.replace('\'', "'\\''"))
}

pub(super) fn export(shell: &mut Shell, fields: &[String]) -> Outcome {
    let variables = &mut shell.parameters.variables;
    if fields.len() == 1 {
        for (name, variable) in variables.iter().filter(|(_, variable)| variable.exported) {
            match &variable.value {
                Some(value) => println!("export {name}={}", quoted(value)),
                None => println!("export {name}"),
            }
        }
        return DONE;
    }
    let mut outcome = DONE;
    for field in &fields[1..] {
        let (name, value) = match field.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (field.as_str(), None),
        };
        if !is_name(name) {
            outcome = complain("export", format_args!("{name}: not a name"));
            continue;
        }
        if let Some(value) = value {
            variables.set(name, value);
        }
        variables.export(name);
    }
    outcome
}

pub(super) fn unset(shell: &mut Shell, fields: &[String]) -> Outcome {
    for name in &fields[1..] {
        shell.parameters.variables.unset(name);
    }
    DONE
}

pub(super) fn set(shell: &mut Shell, fields: &[String]) -> Outcome {
    let arguments = match &fields[1..] {
        [] => {
            for (name, variable) in shell.parameters.variables.iter() {
                if let Some(value) = &variable.value {
                    println!("{name}={}", quoted(value));
                }
            }
            return DONE;
        }
        [dashes, rest @ ..] if dashes == "--" => rest,
        [option, ..] if option.starts_with('-') => return misuse("set"),
        arguments => arguments,
    };
    shell.parameters.positional = arguments.to_vec();
    DONE
}

pub(super) fn shift(shell: &mut Shell, fields: &[String]) -> Outcome {
    let positional = &mut shell.parameters.positional;
    match number(fields, 1).map(usize::try_from) {
        Some(Ok(count)) if count <= positional.len() => {
            positional.drain(..count);
            DONE
        }
        Some(Ok(_)) => complain("shift", "there are not that many"),
        _ => misuse("shift"),
    }
}

pub(super) fn read(shell: &mut Shell, fields: &[String]) -> Outcome {
    let (raw, names) = match &fields[1..] {
        [option, names @ ..] if option == "-r" => (true, names),
        names => (false, names),
    };
    if names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return misuse("read");
    }
    let mut line = Vec::new();
    let ended = loop {
        match next_byte() {
            Ok(None) => break true,
            Ok(Some(b'\n')) => match line.last() {
                // A backslash before the newline joins two lines.
                Some(b'\\') if !raw => drop(line.pop()),
                _ => break false,
            },
            Ok(Some(byte)) => line.push(byte),
            Err(Errno::INTR) if shell.is_interrupted() => return (INTERRUPTED, Flow::Interrupt),
            Err(error) => return complain("read", error),
        }
    };
    let line = String::from_utf8_lossy(&line);
    for (name, value) in names.iter().zip(split_line(&line, names.len(), raw)) {
        shell.parameters.variables.set(name, value);
    }
    (i32::from(ended), Flow::Next)
}

/// One byte of standard input: what follows belongs to other readers.
fn next_byte() -> Result<Option<u8>, Errno> {
    let mut byte = [0];
    Ok((tine::read(Fd::STDIN, &mut byte)? > 0).then_some(byte[0]))
}
