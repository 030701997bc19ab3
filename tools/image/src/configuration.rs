//! Limine's configuration, in both of its languages.
//!
//! Owns: the change of the kernel's command line and slide in `limine.cfg`, and the translation to
//! `limine.conf`. Never enters it: files. Called by: `disc`, `tools/xtask`.
//!
//! `limine.cfg` (Limine up to 7) is the source, a file at the top of the tree; `limine.conf` (from
//! 8 on) says the same. Invariant: every line of the source is understood or refused by number.
//! Source: Limine's CONFIG.md, versions 7 and 8.

use std::fmt::{self, Display, Formatter};

/// The key whose value the tool replaces.
const COMMAND_LINE: &str = "KERNEL_CMDLINE";

/// Why a configuration cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// This line, counted from 1, is none that the translation knows.
    Line(usize, String),
    /// No line, or more than one, sets the kernel's command line.
    CommandLine,
    /// The command line holds a newline or `${`, which Limine would act on.
    Forbidden,
}

impl Display for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number, text) => {
                write!(formatter, "limine.cfg, line {number}: cannot be translated: {text}")
            }
            Self::CommandLine => {
                write!(formatter, "limine.cfg must set {COMMAND_LINE} exactly once")
            }
            Self::Forbidden => {
                formatter.write_str("a kernel command line cannot hold a newline or `${`")
            }
        }
    }
}

impl std::error::Error for Error {}

/// The configuration with this command line for the kernel, which Limine puts at a random address
/// or (`slide` false) at the one it was linked for.
///
/// # Errors
/// See [`Error`].
pub fn with_command_line(source: &str, command_line: &str, slide: bool) -> Result<String, Error> {
    if command_line.contains('\n') || command_line.contains("${") {
        return Err(Error::Forbidden);
    }
    let mut changed = 0;
    let mut text = String::new();
    for line in source.lines() {
        if line.split_once('=').is_some_and(|(key, _)| key.trim() == COMMAND_LINE) {
            changed += 1;
            text.push_str(&format!("{COMMAND_LINE}={command_line}\n"));
            if !slide {
                text.push_str("KASLR=no\n");
            }
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    if changed == 1 { Ok(text) } else { Err(Error::CommandLine) }
}

/// The same configuration in the language of Limine 8.
///
/// # Errors
/// [`Error::Line`]: a line that is neither empty, a comment, an entry nor an assignment.
pub fn translated(source: &str) -> Result<String, Error> {
    let mut text = String::new();
    let mut inside_entry = false;
    for (index, line) in source.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            text.push_str(line);
        } else if let Some(title) = line.strip_prefix(':').filter(|title| !title.starts_with(':')) {
            inside_entry = true;
            text.push('/');
            text.push_str(title);
        } else if let Some((key, value)) = line.split_once('=').filter(|(key, _)| is_key(key)) {
            let indent = if inside_entry { "    " } else { "" };
            text.push_str(&format!("{indent}{}: {}", key.to_ascii_lowercase(), path(value)));
        } else {
            return Err(Error::Line(index + 1, line.to_owned()));
        }
        text.push('\n');
    }
    Ok(text)
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// `boot:///file` is `boot():/file` from version 8 on.
fn path(value: &str) -> String {
    match value.strip_prefix("boot:///") {
        Some(file) => format!("boot():/{file}"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "# A comment\nTIMEOUT=0\n\n:Tine\nPROTOCOL=limine\n\
        KERNEL_PATH=boot:///boot/tine\nKERNEL_CMDLINE=mode=shell\nMODULE_PATH=boot:///boot/root\n";

    #[test]
    fn both_languages_say_the_same() {
        assert_eq!(
            translated(SOURCE).unwrap(),
            "# A comment\ntimeout: 0\n\n/Tine\n    protocol: limine\n    kernel_path: \
             boot():/boot/tine\n    kernel_cmdline: mode=shell\n    module_path: boot():/boot/root\n"
        );
    }

    #[test]
    fn the_command_line_is_replaced_once() {
        let changed = with_command_line(SOURCE, "mode=exec exec=6c", true).unwrap();
        assert!(changed.contains("\nKERNEL_CMDLINE=mode=exec exec=6c\nMODULE_PATH"));
        assert!(!changed.contains("shell") && !changed.contains("KASLR"));
        assert!(with_command_line(SOURCE, "a", false).unwrap().contains("=a\nKASLR=no\n"));
        assert_eq!(with_command_line("A=b\n", "x", true), Err(Error::CommandLine));
        assert_eq!(with_command_line(&SOURCE.repeat(2), "x", true), Err(Error::CommandLine));
        assert_eq!(with_command_line(SOURCE, "a\nb", true), Err(Error::Forbidden));
        assert_eq!(with_command_line(SOURCE, "${ARCH}", true), Err(Error::Forbidden));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_line() {
        for line in ["::Folder", "lower=1", "WORD", "=x", "${MACRO}=x"] {
            let source = format!("TIMEOUT=0\n{line}\n");
            assert_eq!(translated(&source), Err(Error::Line(2, line.to_owned())));
        }
    }
}
