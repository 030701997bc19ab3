//! `cd` and `pwd`.

use alloc::string::String;

use tine::text::Lossy;
use tine::{Errno, chdir, getcwd, println};

use super::{DONE, Outcome, complain, misuse};
use crate::shell::Shell;

/// The name of the working directory, as far as it is known.
fn working() -> Option<String> {
    getcwd().ok().map(|path| String::from_utf8_lossy(&path).into_owned())
}

pub(super) fn cd(shell: &mut Shell, fields: &[String]) -> Outcome {
    let variables = &mut shell.parameters.variables;
    let target = match fields {
        [_] => Ok(String::from(variables.get("HOME").unwrap_or("/"))),
        [_, back] if back == "-" => {
            variables.get("OLDPWD").map(String::from).ok_or("there is no directory to go back to")
        }
        [_, path] => Ok(path.clone()),
        _ => return misuse("cd"),
    };
    let target = match target {
        Ok(target) => target,
        Err(trouble) => return complain("cd", trouble),
    };
    let before = working();
    if let Err(error) = chdir(&target) {
        return complain("cd", format_args!("{target}: {error}"));
    }
    if let Some(before) = before {
        variables.set("OLDPWD", before);
    }
    if let Some(now) = working() {
        if fields.get(1).is_some_and(|back| back == "-") {
            println!("{now}");
        }
        variables.set("PWD", now);
    }
    DONE
}

pub(super) fn pwd(_: &mut Shell, fields: &[String]) -> Outcome {
    if fields.len() > 1 {
        return misuse("pwd");
    }
    match getcwd() {
        Ok(path) => {
            println!("{}", Lossy(&path));
            DONE
        }
        Err(Errno::NOENT) => complain("pwd", "the working directory has no known name"),
        Err(error) => complain("pwd", error),
    }
}
