//! The results channel: what the guest tells the harness, and the command line, the other way.
//!
//! QEMU's `isa-debugcon` at I/O port [`PORT`] carries lines of ASCII text, each at most [`MAX`]
//! bytes with its newline. [`Line`] is one line: `Display` writes it, [`Line::parse`] reads it,
//! [`encode`] makes the exact bytes. The byte [`BEAT`] may stand anywhere, also inside a line: the
//! kernel sends it from its timer, so it can cut into what a program writes; it is not part of
//! the text.
//!
//! Owns: the words of the channel. Those of the kernel's command line ([`Mode`], [`KEYS`]) are in
//! `results/command_line.rs`. Never enters it: ports, clocks, time limits, exit codes of the host's
//! tool.
//!
//! Who writes what: the kernel writes [`BEAT`], `log`, `off`, `panic` and `halt`, each beginning with a
//! newline of its own so that a line that was cut is ended; the root server writes `tine` first;
//! in mode `exec` whoever runs the command writes `status` or `signal` and then powers off;
//! `tests` and `bench` in user space write `case`, `test`, `bench`, `dump` and at last `done`.
//!
//! Invariants: `parse(encode(line)) == line` for every line whose texts are printable ASCII
//! without surrounding blanks and that fits; nothing here allocates or can panic.

mod command_line;

use core::fmt::{self, Display, Formatter, Write};

pub use command_line::{KEYS, Mode, bytes_of_hex, is_piped, value};

/// I/O port of the channel.
pub const PORT: u16 = 0xe9;

/// Bytes of a line at most, newline included. Longer text is cut.
pub const MAX: usize = 256;

/// Version of the channel, said in [`Line::Hello`].
pub const VERSION: u32 = 1;

/// The heartbeat: "the kernel's timer still runs". Sent about once a second, except in mode
/// `bench`, where it would be counted. ASCII SYN.
pub const BEAT: u8 = 0x16;

/// What the console server writes to COM1, once, when it has taken the line and its input is piped
/// ([`is_piped`]): what stands before it is firmware and boot loader, and what is typed before it
/// is lost. Terminals ignore it.
///
/// Of what is typed after it nothing is lost: a server that has no room leaves the bytes in the
/// device. Lines of more than 200 bytes are handed over in pieces by ^D, and [`INPUT_END`] stands
/// at the end. In mode `exec` the terminal begins without ECHO, and the harness types control
/// characters after ^V, so that the command's input arrives byte for byte; of its output it takes
/// out the carriage return before each newline. In mode `shell` control characters are keys.
pub const CONSOLE_START: &[u8] = b"\x1b]tine;start\x07";

/// What is typed where piped input ends, and what only the harness types: hands over what is left,
/// and every later read finds the end. ASCII EM, "end of medium"; as a byte of the input it is typed
/// after ^V.
pub const INPUT_END: u8 = 0x19;

/// A figure in thousandths, so that averages over many operations stay exact: `8`, `8.002`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Figure(u64);

impl Figure {
    /// A whole number; more than a 1,000th of `u64::MAX` is taken as that.
    #[must_use]
    pub const fn whole(value: u64) -> Self {
        Self(value.saturating_mul(1000))
    }

    /// `total / operations`, rounded to the nearest thousandth; 0 operations give 0.
    #[must_use]
    pub const fn ratio(total: u64, operations: u64) -> Self {
        if operations == 0 {
            return Self(0);
        }
        let scaled = (total as u128 * 1000 + operations as u128 / 2) / operations as u128;
        Self(if scaled > u64::MAX as u128 { u64::MAX } else { scaled as u64 })
    }

    /// The number of thousandths.
    #[must_use]
    pub const fn thousandths(self) -> u64 {
        self.0
    }

    /// The figure with this many thousandths.
    #[must_use]
    pub const fn from_thousandths(thousandths: u64) -> Self {
        Self(thousandths)
    }

    /// Reads what `Display` writes; at most three decimals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        if decimals.is_empty() || decimals.len() > 3 || !digits(decimals) || !digits(whole) {
            return None;
        }
        let unit = [100, 10, 1][decimals.len() - 1];
        let thousandths = decimals.parse::<u64>().ok()? * unit;
        whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(thousandths).map(Self)
    }
}

/// Whether `text` is one or more decimal digits.
fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Display for Figure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        if rest == 0 {
            write!(formatter, "{whole}")
        } else if rest % 100 == 0 {
            write!(formatter, "{whole}.{}", rest / 100)
        } else if rest % 10 == 0 {
            write!(formatter, "{whole}.{:02}", rest / 10)
        } else {
            write!(formatter, "{whole}.{rest:03}")
        }
    }
}

/// One row of the bench program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BenchRow<'a> {
    /// Name of the row, as in the tool's table.
    pub name: &'a str,
    /// The gate: (counter at the end - at the start) / operations.
    pub value: Figure,
    /// Median over single operations, or the value where there are none.
    pub median: Figure,
    /// Kernel entries an operation.
    pub entries: Figure,
    /// CR3 loads an operation.
    pub cr3_loads: Figure,
    /// Unit of value and median: `instructions`, `KiB`, `bytes`.
    pub unit: &'a str,
}

/// How a test case ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome<'a> {
    /// It passed.
    Passed,
    /// It failed: why.
    Failed(&'a str),
    /// It could not run here: why.
    Skipped(&'a str),
}

/// One line of the channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line<'a> {
    /// `tine 1`: the system is up; version of the channel.
    Hello(u32),
    /// `status N`: mode exec, the command ended with this status, 0 to 255.
    Status(u8),
    /// `signal N`: mode exec, the command was killed by this signal, 1 to 127.
    Signal(u8),
    /// `case NAME`: this test case or bench row begins; names what hung or panicked.
    Case(&'a str),
    /// `test NAME ok`, `test NAME FAIL why`, `test NAME skip why`.
    Test(&'a str, Outcome<'a>),
    /// `bench NAME value median entries cr3 unit`.
    Bench(BenchRow<'a>),
    /// `dump text`: one fact for the host to compare, such as a boot fact.
    Dump(&'a str),
    /// `log text`: a line of the kernel's log, in modes where COM1 is not for it.
    Log(&'a str),
    /// `done N`: N lines `test` or `bench` were written and no more follow.
    Done(u32),
    /// `off`: the kernel is about to power the machine off, because it was asked to.
    Off,
    /// `panic text`: the kernel found a bug of its own; the epitaph goes to COM1.
    Panic(&'a str),
    /// `halt text`: the kernel has stopped for good: after an epitaph, or because this machine or
    /// its boot archive cannot be used.
    Halt(&'a str),
}

impl<'a> Line<'a> {
    /// Reads one line, without its newline; `None` if it is none of these.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim_end();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim_start();
        Some(match word {
            "tine" => Self::Hello(rest.parse().ok()?),
            "status" => Self::Status(rest.parse().ok()?),
            "signal" => Self::Signal(rest.parse().ok().filter(|n| (1..128).contains(n))?),
            "case" => Self::Case(name(rest)?),
            "test" => {
                let (name_text, rest) = rest.split_once(' ')?;
                let (verdict, why) = rest.split_once(' ').unwrap_or((rest, ""));
                let outcome = match verdict {
                    "ok" => Outcome::Passed,
                    "FAIL" => Outcome::Failed(why.trim_start()),
                    "skip" => Outcome::Skipped(why.trim_start()),
                    _ => return None,
                };
                Self::Test(name(name_text)?, outcome)
            }
            "bench" => {
                let mut words = rest.split(' ');
                let row = BenchRow {
                    name: name(words.next()?)?,
                    value: Figure::parse(words.next()?)?,
                    median: Figure::parse(words.next()?)?,
                    entries: Figure::parse(words.next()?)?,
                    cr3_loads: Figure::parse(words.next()?)?,
                    unit: name(words.next()?)?,
                };
                if words.next().is_some() {
                    return None;
                }
                Self::Bench(row)
            }
            "dump" => Self::Dump(rest),
            "log" => Self::Log(rest),
            "done" => Self::Done(rest.parse().ok()?),
            "off" if rest.is_empty() => Self::Off,
            "panic" => Self::Panic(rest),
            "halt" => Self::Halt(rest),
            _ => return None,
        })
    }
}

/// A name is one word.
fn name(text: &str) -> Option<&str> {
    (!text.is_empty() && !text.contains(' ')).then_some(text)
}

impl Display for Line<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello(version) => write!(formatter, "tine {version}"),
            Self::Status(status) => write!(formatter, "status {status}"),
            Self::Signal(signal) => write!(formatter, "signal {signal}"),
            Self::Case(name) => write!(formatter, "case {name}"),
            Self::Test(name, Outcome::Passed) => write!(formatter, "test {name} ok"),
            Self::Test(name, Outcome::Failed(why)) => write!(formatter, "test {name} FAIL {why}"),
            Self::Test(name, Outcome::Skipped(why)) => write!(formatter, "test {name} skip {why}"),
            Self::Bench(row) => write!(
                formatter,
                "bench {} {} {} {} {} {}",
                row.name, row.value, row.median, row.entries, row.cr3_loads, row.unit
            ),
            Self::Dump(text) => write!(formatter, "dump {text}"),
            Self::Log(text) => write!(formatter, "log {text}"),
            Self::Done(lines) => write!(formatter, "done {lines}"),
            Self::Off => formatter.write_str("off"),
            Self::Panic(text) => write!(formatter, "panic {text}"),
            Self::Halt(text) => write!(formatter, "halt {text}"),
        }
    }
}

/// The bytes of one line, newline included, in `buffer`: bytes that are not printable ASCII become
/// `?`, what does not fit is cut.
pub fn encode<'a>(line: &Line<'_>, buffer: &'a mut [u8; MAX]) -> &'a [u8] {
    let mut writer = Bounded { buffer, length: 0 };
    // The writer never fails: it cuts.
    let written = write!(writer, "{line}");
    debug_assert!(written.is_ok(), "a bounded writer cuts instead of failing");
    let Bounded { buffer, length } = writer;
    buffer[length] = b'\n';
    &buffer[..=length]
}

/// Writes printable ASCII into all but the last byte of a line and drops the rest.
struct Bounded<'a> {
    buffer: &'a mut [u8; MAX],
    length: usize,
}

impl Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.length == MAX - 1 {
                break;
            }
            let printable = matches!(character, ' '..='~');
            self.buffer[self.length] = if printable { character as u8 } else { b'?' };
            self.length += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString as _;

    const ROW: BenchRow<'static> = BenchRow {
        name: "fork_call_small",
        value: Figure::from_thousandths(9_123_450),
        median: Figure::whole(9_100),
        entries: Figure::whole(3),
        cr3_loads: Figure::from_thousandths(2_001),
        unit: "instructions",
    };

    #[test]
    fn every_line_survives_encoding_and_parsing() {
        let lines = [
            (Line::Hello(VERSION), "tine 1\n"),
            (Line::Status(255), "status 255\n"),
            (Line::Signal(9), "signal 9\n"),
            (Line::Case("fork.chain"), "case fork.chain\n"),
            (Line::Test("a", Outcome::Passed), "test a ok\n"),
            (Line::Test("a", Outcome::Failed("b c")), "test a FAIL b c\n"),
            (Line::Test("a", Outcome::Skipped("no X")), "test a skip no X\n"),
            (Line::Bench(ROW), "bench fork_call_small 9123.45 9100 3 2.001 instructions\n"),
            (Line::Dump("map 0 9fc00 usable"), "dump map 0 9fc00 usable\n"),
            (Line::Log("hello"), "log hello\n"),
            (Line::Done(3), "done 3\n"),
            (Line::Off, "off\n"),
            (Line::Panic("why: 1"), "panic why: 1\n"),
            (Line::Halt("no NX"), "halt no NX\n"),
        ];
        for (line, bytes) in lines {
            let mut buffer = [0; MAX];
            assert_eq!(encode(&line, &mut buffer), bytes.as_bytes());
            assert_eq!(Line::parse(bytes), Some(line));
        }
    }

    #[test]
    fn other_lines_are_refused() {
        for text in [
            "",
            "tine",
            "tine x",
            "status 256",
            "status -1",
            "status",
            "signal 0",
            "signal 128",
            "case",
            "case a b",
            "test a",
            "test a good",
            "test  ok",
            "bench a 1 1 1 1",
            "bench a 1 1 1 x unit",
            "bench a 1 1 1 1 unit more",
            "bench a 1. 1 1 1 unit",
            "done x",
            "hello",
            "off now",
        ] {
            assert_eq!(Line::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn long_and_unprintable_text_is_cut_and_masked() {
        let text: std::string::String = "x".repeat(400);
        let mut buffer = [0; MAX];
        let bytes = encode(&Line::Log(&text), &mut buffer);
        assert_eq!((bytes.len(), bytes.last()), (MAX, Some(&b'\n')));
        assert_eq!(encode(&Line::Log("a\nb\u{e9}\x16"), &mut buffer), b"log a?b??\n");
    }

    #[test]
    fn figures_read_what_they_write() {
        for thousandths in [0, 1, 10, 100, 1000, 1001, 1010, 1100, 119_250, u64::MAX] {
            let figure = Figure::from_thousandths(thousandths);
            assert_eq!(Figure::parse(&figure.to_string()), Some(figure));
        }
        for text in ["", ".", "1.", ".5", "1.2345", "-1", "+1", "1e3", "99999999999999999999"] {
            assert_eq!(Figure::parse(text), None, "{text:?}");
        }
        assert_eq!(Figure::ratio(10, 3), Figure::from_thousandths(3333));
        assert_eq!(Figure::ratio(1, 0), Figure::default());
        assert_eq!(Figure::whole(u64::MAX).thousandths(), u64::MAX);
    }
}
