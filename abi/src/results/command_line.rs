//! The kernel's command line: what the host's tool asks the guest for.
//!
//! Owns: its words ([`Mode`], [`KEYS`]) and how they are read. Called by: the tool, which writes
//! them, and by whoever in the guest a word is for.
//!
//! Invariant: nothing here allocates or can panic.

/// Keys of the kernel's command line, `key=value` words separated by blanks. Unknown keys are
/// ignored.
pub const KEYS: &[(&str, &str)] = &[
    ("mode", "what init runs: shell (default), exec, test, bench"),
    ("exec", "mode exec: the text for `sh -c`, as pairs of hexadecimal digits"),
    (
        "input",
        "mode shell: `pipe` if nobody sits at the console: its input is then as in mode exec, but \
         for the echo and the keys, and the end of the first shell is that of the system",
    ),
    ("filter", "mode test and bench: names or parts of names, separated by commas"),
    ("slide", "direct boot: seed of the kernel's slide; 0 is none"),
    (
        "trial",
        "`panic`: the kernel panics before root starts, so that its epitaph can be seen; \
         `fault:NAME`: that server faults before the first process runs, `process` when it exists",
    ),
];

/// What the guest is to do, the value of the key `mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// A shell on the console.
    #[default]
    Shell,
    /// One command; its output alone on the console, no echo; its status on the channel.
    Exec,
    /// The tests of `user/tests`.
    Test,
    /// The rows of `user/bench`.
    Bench,
}

impl Mode {
    /// The word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Exec => "exec",
            Self::Test => "test",
            Self::Bench => "bench",
        }
    }

    /// The mode of a command line; [`Mode::Shell`] if it names none or an unknown one.
    #[must_use]
    pub fn of(command_line: &str) -> Self {
        match value(command_line, "mode") {
            Some("exec") => Self::Exec,
            Some("test") => Self::Test,
            Some("bench") => Self::Bench,
            _ => Self::Shell,
        }
    }
}

/// The value of `key` in a command line; the last one counts.
#[must_use]
pub fn value<'a>(command_line: &'a str, key: &str) -> Option<&'a str> {
    command_line
        .split_ascii_whitespace()
        .rev()
        .find_map(|word| word.split_once('=').filter(|(name, _)| *name == key).map(|(_, v)| v))
}

/// Whether the console's input comes from a pipe, which begins after [`CONSOLE_START`](super::CONSOLE_START) and has an
/// end.
#[must_use]
pub fn is_piped(command_line: &str) -> bool {
    match Mode::of(command_line) {
        Mode::Exec => true,
        Mode::Shell => value(command_line, "input") == Some("pipe"),
        Mode::Test | Mode::Bench => false,
    }
}

/// The bytes behind pairs of hexadecimal digits; an odd or foreign digit ends the iterator with
/// `None` as its last item.
pub fn bytes_of_hex(text: &str) -> impl Iterator<Item = Option<u8>> {
    let mut bad = false;
    text.as_bytes().chunks(2).map_while(move |pair| {
        if bad {
            return None;
        }
        let digit = |at: usize| pair.get(at).and_then(|byte| (*byte as char).to_digit(16));
        let byte = match (digit(0), digit(1)) {
            (Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        bad = byte.is_none();
        Some(byte)
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn command_lines_are_words_with_keys() {
        let line = "slide=7 mode=exec exec=6c73 quiet mode=test";
        assert_eq!(Mode::of(line), Mode::Test, "the last word counts");
        assert_eq!(value(line, "exec"), Some("6c73"));
        assert_eq!(value(line, "quiet"), None);
        for mode in [Mode::Shell, Mode::Exec, Mode::Test, Mode::Bench] {
            let mut text = std::string::String::from("mode=");
            text.push_str(mode.word());
            assert_eq!(Mode::of(&text), mode);
        }
        assert_eq!(Mode::of("mode=other"), Mode::Shell);
        for (line, piped) in [
            ("mode=exec", true),
            ("mode=shell input=pipe", true),
            ("mode=shell", false),
            ("mode=shell input=person", false),
            ("mode=test input=pipe", false),
        ] {
            assert_eq!(is_piped(line), piped, "{line}");
        }
    }

    #[test]
    fn hexadecimal_text_decodes_or_says_where_it_stops() {
        let all: Vec<_> = bytes_of_hex("6C73").collect();
        assert_eq!(all, [Some(b'l'), Some(b's')]);
        assert_eq!(bytes_of_hex("6cx3").last(), Some(None));
        assert_eq!(bytes_of_hex("6cxx6c6c").count(), 2);
        assert_eq!(bytes_of_hex("6").collect::<Vec<_>>(), [None]);
        assert_eq!(bytes_of_hex("").count(), 0);
    }
}
