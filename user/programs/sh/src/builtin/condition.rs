//! `test` and `[`.

use alloc::string::String;

use tine::abi::protocol::file::FileKind;
use tine::descriptor::stat;
use tine::{Fd, eprintln};
use tine_sh_model::{Condition, Files};

use super::{Outcome, misuse};
use crate::execute::Flow;
use crate::shell::Shell;

/// The files of the system.
struct System;

impl Files for System {
    fn exists(&self, path: &str) -> bool {
        stat(path).is_ok()
    }

    fn is_directory(&self, path: &str) -> bool {
        stat(path).is_ok_and(|status| status.kind == FileKind::Directory)
    }

    fn is_regular(&self, path: &str) -> bool {
        stat(path).is_ok_and(|status| status.kind == FileKind::Regular)
    }

    fn bytes(&self, path: &str) -> u64 {
        stat(path).map_or(0, |status| status.bytes)
    }

    fn is_terminal(&self, descriptor: u16) -> bool {
        tine::console::isatty(Fd(descriptor))
    }
}

fn judge(arguments: &[String]) -> Outcome {
    match Condition(arguments).holds(&System) {
        Ok(holds) => (i32::from(!holds), Flow::Next),
        Err(trouble) => {
            eprintln!("sh: test: {trouble}");
            (2, Flow::Next)
        }
    }
}

pub(super) fn test(_: &mut Shell, fields: &[String]) -> Outcome {
    judge(&fields[1..])
}

pub(super) fn bracket(_: &mut Shell, fields: &[String]) -> Outcome {
    match fields {
        [_, arguments @ .., close] if close == "]" => judge(arguments),
        _ => misuse("["),
    }
}
