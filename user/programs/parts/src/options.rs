//! Options and operands of a command line, as getopt(3) reads them.
//!
//! Options are single letters without arguments and may stand together; `--` ends them; a lone `-`
//! is an operand. `--help` anywhere among the options prints the usage.

use alloc::vec::Vec;

use tine::text::Lossy;
use tine::{Arguments, eprintln, println};

/// What the command line said.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Options<'a> {
    /// Letters that were given, in order, each once.
    pub letters: Vec<u8>,
    /// What is no option.
    pub operands: Vec<&'a [u8]>,
}

impl Options<'_> {
    /// Whether this letter was given.
    #[must_use]
    pub fn has(&self, letter: u8) -> bool {
        self.letters.contains(&letter)
    }
}

/// Why there are no [`Options`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop<'a> {
    /// `--help` was given.
    Help,
    /// This option is not known.
    Unknown(&'a [u8]),
}

/// Reads what follows the program's name.
///
/// # Errors
/// [`Stop`].
pub fn parse<'a>(
    arguments: impl Iterator<Item = &'a [u8]>,
    allowed: &str,
) -> Result<Options<'a>, Stop<'a>> {
    let mut options = Options::default();
    let mut only_operands = false;
    for argument in arguments {
        match argument {
            operand if only_operands => options.operands.push(operand),
            b"--" => only_operands = true,
            b"--help" => return Err(Stop::Help),
            [b'-', b'-', ..] => return Err(Stop::Unknown(argument)),
            [b'-', letters @ ..] if !letters.is_empty() => {
                for (index, letter) in letters.iter().enumerate() {
                    if !allowed.as_bytes().contains(letter) {
                        return Err(Stop::Unknown(&letters[index..=index]));
                    }
                    if !options.has(*letter) {
                        options.letters.push(*letter);
                    }
                }
            }
            operand => {
                // As POSIX has it: the first operand ends the options.
                only_operands = true;
                options.operands.push(operand);
            }
        }
    }
    Ok(options)
}

/// Reads the arguments of a program, or says what there is to say.
///
/// # Errors
/// The exit code: 0 after `--help`, 1 after a wrong option.
pub fn read(
    program: &str,
    usage: &str,
    allowed: &str,
    mut arguments: Arguments,
) -> Result<Options<'static>, i32> {
    arguments.next();
    match parse(arguments, allowed) {
        Ok(options) => Ok(options),
        Err(Stop::Help) => {
            println!("{usage}");
            Err(0)
        }
        Err(Stop::Unknown(option)) => {
            eprintln!("{program}: illegal option -- {}", Lossy(option));
            Err(misuse(usage))
        }
    }
}

/// Prints the first line of a usage text to standard error; the exit code for misuse.
#[must_use]
pub fn misuse(usage: &str) -> i32 {
    eprintln!("{}", usage.lines().next().unwrap_or_default());
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<'a>(words: &[&'a str], allowed: &str) -> Result<(Vec<u8>, Vec<&'a [u8]>), Stop<'a>> {
        let options = parse(words.iter().map(|word| word.as_bytes()), allowed)?;
        Ok((options.letters, options.operands))
    }

    #[test]
    fn letters_stand_together_until_the_first_operand() {
        let expected = (b"la".to_vec(), [&b"x"[..], b"-a"].to_vec());
        assert_eq!(parsed(&["-la", "-l", "x", "-a"], "al"), Ok(expected));
        let expected = (Vec::new(), [&b"-l"[..]].to_vec());
        assert_eq!(parsed(&["--", "-l"], "l"), Ok(expected));
        assert_eq!(parsed(&["-"], ""), Ok((Vec::new(), [&b"-"[..]].to_vec())));
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert_eq!(parsed(&["-lx"], "l"), Err(Stop::Unknown(b"x")));
        assert_eq!(parsed(&["--long"], "l"), Err(Stop::Unknown(b"--long")));
        assert_eq!(parsed(&["-l", "--help"], "l"), Err(Stop::Help));
        assert_eq!(parsed(&["a", "--help"], ""), Ok((Vec::new(), [&b"a"[..], b"--help"].to_vec())));
    }
}
