//! The command line of `sh`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What the shell was asked to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Invocation {
    /// `sh`: commands from standard input.
    Input {
        /// `-i`: prompt, whatever standard input is.
        interactive: bool,
    },
    /// `sh -c TEXT [NAME [ARGUMENT...]]`.
    Text {
        /// The commands.
        text: String,
        /// `$0`.
        name: Option<String>,
        /// `$1` and on.
        arguments: Vec<String>,
    },
    /// `sh FILE [ARGUMENT...]`.
    File {
        /// The script, also `$0`.
        path: String,
        /// `$1` and on.
        arguments: Vec<String>,
    },
    /// `--help`.
    Help,
}

impl Invocation {
    /// Reads the arguments, the program's own name left out.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut rest = arguments;
        let mut interactive = false;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "--help" => return Ok(Self::Help),
                "-i" => interactive = true,
                "--" => {
                    rest = after;
                    break;
                }
                "-c" => {
                    let Some((text, after)) = after.split_first() else {
                        return Err("-c needs the text of a command".to_string());
                    };
                    return Ok(Self::Text {
                        text: text.clone(),
                        name: after.first().cloned(),
                        arguments: after.get(1..).unwrap_or_default().to_vec(),
                    });
                }
                option if option.starts_with('-') && option.len() > 1 => {
                    return Err(alloc::format!("unknown option {option}; try `sh --help'"));
                }
                _ => break,
            }
            rest = after;
        }
        Ok(match rest.split_first() {
            Some((path, arguments)) => {
                Self::File { path: path.clone(), arguments: arguments.to_vec() }
            }
            None => Self::Input { interactive },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Invocation, String> {
        Invocation::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn the_three_ways_to_run_it() {
        assert_eq!(parsed(&[]), Ok(Invocation::Input { interactive: false }));
        assert_eq!(parsed(&["-i"]), Ok(Invocation::Input { interactive: true }));
        let text = |name: Option<&str>, arguments: &[&str]| Invocation::Text {
            text: "echo".into(),
            name: name.map(Into::into),
            arguments: arguments.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(parsed(&["-c", "echo"]), Ok(text(None, &[])));
        assert_eq!(parsed(&["-c", "echo", "n", "-a"]), Ok(text(Some("n"), &["-a"])));
        let file = |path: &str, arguments: &[&str]| Invocation::File {
            path: path.into(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(parsed(&["f", "-c", "x"]), Ok(file("f", &["-c", "x"])));
        assert_eq!(parsed(&["--", "-f"]), Ok(file("-f", &[])));
    }

    #[test]
    fn help_and_what_is_wrong() {
        assert_eq!(parsed(&["--help"]), Ok(Invocation::Help));
        assert!(parsed(&["-c"]).is_err());
        assert!(parsed(&["-x"]).is_err());
    }
}
