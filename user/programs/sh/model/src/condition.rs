//! The expressions of `test` and `[`.
//!
//! Owns: how arguments become a condition, by their number first, as POSIX says, so that
//! `test "$a" = "$b"` is right whatever the values are. Never enters it: files; they come through
//! [`Files`].

use alloc::format;
use alloc::string::{String, ToString};

/// What conditions ask about files and descriptors.
pub trait Files {
    /// Whether there is such a file, of whatever kind.
    fn exists(&self, path: &str) -> bool;
    /// Whether it is a directory.
    fn is_directory(&self, path: &str) -> bool;
    /// Whether it is a plain file.
    fn is_regular(&self, path: &str) -> bool;
    /// Its bytes; 0 without a file.
    fn bytes(&self, path: &str) -> u64;
    /// Whether this descriptor is a terminal.
    fn is_terminal(&self, descriptor: u16) -> bool;
}

/// A condition over the arguments of `test`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Condition<'a>(pub &'a [String]);

impl Condition<'_> {
    /// Whether it holds.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    pub fn holds(&self, files: &impl Files) -> Result<bool, String> {
        match self.0 {
            [] => Ok(false),
            [text] => Ok(!text.is_empty()),
            [not, text] if not == "!" => Ok(text.is_empty()),
            [operator, operand] => unary(operator, operand, files),
            [left, operator, right] => match binary(left, operator, right) {
                Some(verdict) => verdict,
                None if left == "!" => Ok(!Condition(&self.0[1..]).holds(files)?),
                None => Err(format!("{operator}: unknown operator")),
            },
            [not, rest @ ..] if not == "!" => Ok(!Condition(rest).holds(files)?),
            _ => self.joined(files),
        }
    }

    /// `-a` and `-o` between conditions; `-a` binds closer.
    fn joined(&self, files: &impl Files) -> Result<bool, String> {
        for join in ["-o", "-a"] {
            let place = self.0.iter().position(|word| word == join);
            if let Some(place) = place.filter(|place| *place > 0) {
                let left = Condition(&self.0[..place]).holds(files)?;
                let right = Condition(&self.0[place + 1..]).holds(files)?;
                return Ok(if join == "-o" { left || right } else { left && right });
            }
        }
        Err("too many arguments".to_string())
    }
}

fn unary(operator: &str, operand: &str, files: &impl Files) -> Result<bool, String> {
    Ok(match operator {
        "-n" => !operand.is_empty(),
        "-z" => operand.is_empty(),
        "-e" => files.exists(operand),
        "-d" => files.is_directory(operand),
        "-f" => files.is_regular(operand),
        "-s" => files.bytes(operand) > 0,
        "-t" => operand.parse().is_ok_and(|descriptor| files.is_terminal(descriptor)),
        _ => return Err(format!("{operator}: unknown operator")),
    })
}

/// `None` if there is no such operator.
fn binary(left: &str, operator: &str, right: &str) -> Option<Result<bool, String>> {
    let numbers = |compare: fn(&i64, &i64) -> bool| {
        let number =
            |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text}: not a number"));
        Ok(compare(&number(left)?, &number(right)?))
    };
    Some(match operator {
        "=" | "==" => Ok(left == right),
        "!=" => Ok(left != right),
        "-eq" => numbers(i64::eq),
        "-ne" => numbers(i64::ne),
        "-lt" => numbers(i64::lt),
        "-le" => numbers(i64::le),
        "-gt" => numbers(i64::gt),
        "-ge" => numbers(i64::ge),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    struct Two;

    impl Files for Two {
        fn exists(&self, path: &str) -> bool {
            self.is_directory(path) || self.is_regular(path)
        }
        fn is_directory(&self, path: &str) -> bool {
            path == "/tmp"
        }
        fn is_regular(&self, path: &str) -> bool {
            path == "/file"
        }
        fn bytes(&self, path: &str) -> u64 {
            if self.is_regular(path) { 3 } else { 0 }
        }
        fn is_terminal(&self, descriptor: u16) -> bool {
            descriptor == 0
        }
    }

    fn holds(text: &str) -> Result<bool, String> {
        let words: Vec<String> =
            text.split_whitespace().map(|word| word.replace('_', "")).collect();
        Condition(&words).holds(&Two)
    }

    #[test]
    fn conditions() {
        for text in [
            "x",
            "-n x",
            "-z _",
            "-e /tmp",
            "-d /tmp",
            "-f /file",
            "-s /file",
            "-t 0",
            "a = a",
            "a != b",
            "3 -lt 10",
            "-1 -ge -2",
            "! _",
            "! -f /tmp",
            "! a = b",
            "-z = -z",
            "! = !",
            "a = a -a b = b",
            "a = b -o b = b",
            "a = b -a x = x -o b = b",
            "! a = b -a c = c",
            "-n",
        ] {
            assert_eq!(holds(text), Ok(true), "{text}");
        }
        for text in
            ["", "_", "-f /none", "-s /tmp", "-t 7", "a = b", "2 -gt 10", "! x", "a = a -a a = b"]
        {
            assert_eq!(holds(text), Ok(false), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(holds("-q x"), Err("-q: unknown operator".to_string()));
        assert_eq!(holds("a ~ b"), Err("~: unknown operator".to_string()));
        assert_eq!(holds("a -eq 1"), Err("a: not a number".to_string()));
        assert_eq!(holds("a b c d"), Err("too many arguments".to_string()));
    }
}
