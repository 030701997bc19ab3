//! `test` and `[`.

use alloc::string::String;

use tine::eprintln;
use tine_sh_model::Condition;

use super::{Outcome, misuse};
use crate::execute::Flow;
use crate::shell::Shell;
use crate::system::System;

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
