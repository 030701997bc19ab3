//! Lines put together until they are commands.
//!
//! Owns: the text of a command that has begun and not ended. Each line is parsed with all that
//! stands before it, so a script runs up to its first error, and an interactive shell knows when
//! to ask for more.

use alloc::string::String;

use tine_sh_language::syntax::List;
use tine_sh_language::{ParseError, parse};

/// What a line brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// These commands, complete.
    Complete(List),
    /// The command goes on in the next line.
    More,
}

/// Bytes of one command at most; longer ones are refused, because each of its lines is parsed
/// anew.
pub const COMMAND_MAX: usize = 64 << 10;

/// The text so far.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    text: String,
    open: bool,
}

impl Assembler {
    /// Adds a line, given without its newline.
    ///
    /// # Errors
    /// What is wrong with the command; it is forgotten then.
    pub fn push(&mut self, line: &str) -> Result<Progress, ParseError> {
        if self.open {
            self.text.push('\n');
        }
        self.text.push_str(line);
        let parsed = match parse(&self.text) {
            Err(ParseError::Incomplete) if self.text.len() <= COMMAND_MAX => {
                self.open = true;
                return Ok(Progress::More);
            }
            Err(ParseError::Incomplete) => Err(ParseError::NotOffered("commands this long")),
            parsed => parsed,
        };
        self.forget();
        parsed.map(Progress::Complete)
    }

    /// Whether a command has begun and not ended.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// Forgets what has begun.
    pub fn forget(&mut self) {
        self.text.clear();
        self.open = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn complete(progress: Result<Progress, ParseError>) -> usize {
        match progress {
            Ok(Progress::Complete(list)) => list.0.len(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_ends_where_its_last_line_ends() {
        let mut lines = Assembler::default();
        for line in ["if true", "then echo 'a", "b'"] {
            assert_eq!(lines.push(line), Ok(Progress::More), "{line}");
            assert!(lines.is_open());
        }
        assert_eq!(complete(lines.push("fi; echo")), 2);
        assert!(!lines.is_open());
        assert_eq!(complete(lines.push("")), 0);
        assert_eq!(lines.push("echo a \\"), Ok(Progress::More));
        assert_eq!(complete(lines.push("b")), 1);
        assert_eq!(lines.push("true &&"), Ok(Progress::More));
        assert_eq!(complete(lines.push("false")), 1);
    }

    #[test]
    fn a_wrong_command_is_forgotten() {
        let mut lines = Assembler::default();
        assert_eq!(lines.push("echo 'open"), Ok(Progress::More));
        assert!(lines.push("' fi; )").is_err());
        assert_eq!(complete(lines.push("echo next")), 1);
        assert_eq!(lines.push("echo 'open"), Ok(Progress::More));
        lines.forget();
        assert_eq!(complete(lines.push("echo next")), 1);
    }

    #[test]
    fn endless_commands_are_refused() {
        let mut lines = Assembler::default();
        assert_eq!(lines.push("'"), Ok(Progress::More));
        let error = lines.push(&"x".repeat(COMMAND_MAX)).unwrap_err();
        assert_eq!(error.to_string(), "this shell does not offer commands this long");
    }
}
