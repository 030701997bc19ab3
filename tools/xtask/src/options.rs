//! The options that every verb that boots has, and their limits.
//!
//! Owns: `--limine --direct --firmware --cpus --memory --icount`: reading, ranges, what excludes
//! what, and their part of the help texts. Called by: `boot`, `exec`.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};

use crate::failure::Failure;

/// The part of a help text that describes these options.
pub(crate) const HELP: &str = "  --direct           Boot by tools/directboot: QEMU loads the kernel itself. Fast, needs nothing
                     else, but exists under BIOS only and gives no framebuffer.
  --limine DIR       Boot from a disc by the Limine whose files (limine-bios.sys, limine-bios-cd.bin,
                     limine-uefi-cd.bin, BOOTX64.EFI) are in DIR. Without either option the tool
                     looks in $TINE_LIMINE and in ~/.cache/tine/limine, downloads Limine there if it
                     can, and falls back to direct boot; one line says which boot is used.
  --firmware WHICH   bios (default) or uefi. UEFI needs Limine and 128 MiB.
  --cpus N           1 to 8, default 1. Further CPUs are parked in the kernel.
  --memory MIB       64 (UEFI: 128) to 4096, default 512.
  --icount           Count instructions instead of time: the same run every time, on one CPU,
                     slower. The time-stamp counter then advances by one per instruction.
";

/// What starts the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum FirmwareKind {
    #[default]
    Bios,
    Uefi,
}

/// How the kernel is brought into memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Loader {
    /// Limine where its files are, else direct.
    #[default]
    Any,
    /// tools/directboot.
    Direct,
    /// Limine: from this folder, or with `None` wherever its files are found.
    Limine(Option<PathBuf>),
}

/// The options, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Options {
    /// How the kernel is brought into memory.
    pub(crate) loader: Loader,
    /// What starts the machine.
    pub(crate) firmware: FirmwareKind,
    /// CPUs.
    pub(crate) cpus: u32,
    /// Memory in MiB.
    pub(crate) memory: u32,
    /// Whether instructions are counted.
    pub(crate) counted: bool,
    /// The seed of direct boot's slide; 0 is none.
    pub(crate) slide: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            loader: Loader::Any,
            firmware: FirmwareKind::Bios,
            cpus: 1,
            memory: 512,
            counted: false,
            slide: 0,
        }
    }
}

/// The options while they are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    direct: bool,
    limine: Option<PathBuf>,
    firmware: FirmwareKind,
    cpus: Option<u32>,
    memory: Option<u32>,
    icount: bool,
}

impl Reader {
    /// Takes one of these options; `false` if the argument is none of them.
    pub(crate) fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool, Failure> {
        match name {
            "direct" => self.direct = true,
            "icount" => self.icount = true,
            "limine" => self.limine = Some(PathBuf::from(value(parser)?)),
            "cpus" => self.cpus = Some(number("--cpus", &value(parser)?)?),
            "memory" => self.memory = Some(number("--memory", &value(parser)?)?),
            "firmware" => {
                self.firmware = match value(parser)?.to_str() {
                    Some("bios") => FirmwareKind::Bios,
                    Some("uefi") => FirmwareKind::Uefi,
                    _ => return Err(Failure::usage("--firmware is bios or uefi")),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks ranges and what excludes what.
    pub(crate) fn check(self) -> Result<Options, Failure> {
        let uefi = self.firmware == FirmwareKind::Uefi;
        let loader = match (self.direct, self.limine) {
            (true, Some(_)) => {
                return Err(Failure::usage("--direct and --limine exclude each other"));
            }
            (true, None) if uefi => {
                return Err(Failure::usage(
                    "--direct exists under BIOS only: leave out --firmware uefi, or boot by Limine",
                ));
            }
            (true, None) => Loader::Direct,
            (false, Some(folder)) => Loader::Limine(Some(folder)),
            (false, None) if uefi => Loader::Limine(None),
            (false, None) => Loader::Any,
        };
        let least = if uefi { 128 } else { 64 };
        let memory = self.memory.unwrap_or(512);
        if !(least..=4096).contains(&memory) {
            let firmware = if uefi { " under UEFI" } else { "" };
            return Err(Failure::usage(format!("--memory is {least} to 4096 MiB{firmware}")));
        }
        let cpus = self.cpus.unwrap_or(1);
        if !(1..=8).contains(&cpus) {
            return Err(Failure::usage("--cpus is 1 to 8"));
        }
        if self.icount && cpus > 1 {
            return Err(Failure::usage("--icount counts on one CPU: leave out --cpus"));
        }
        let slide = if self.icount { 0 } else { seed() };
        let (firmware, counted) = (self.firmware, self.icount);
        Ok(Options { loader, firmware, cpus, memory, counted, slide })
    }
}

/// A seed that differs from run to run, never 0.
fn seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0) >> 1 | 1
}

fn value(parser: &mut Parser) -> Result<std::ffi::OsString, Failure> {
    parser.value().map_err(|error| Failure::usage(error.to_string()))
}

fn number(option: &str, value: &std::ffi::OsString) -> Result<u32, Failure> {
    value.parse().map_err(|_| Failure::usage(format!("{option} takes a whole number")))
}

/// What a verb's arguments come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Asked<T> {
    /// Print the help text.
    Help,
    /// Do it.
    Run(T),
}

/// What an argument that is none of a verb's own is.
pub(crate) fn unexpected(argument: &Arg<'_>) -> Failure {
    match argument {
        Arg::Value(value) => {
            Failure::usage(format!("unexpected argument {:?}", value.to_string_lossy()))
        }
        Arg::Short(letter) => Failure::usage(format!("unknown option -{letter}")),
        Arg::Long(name) => Failure::usage(format!("unknown option --{name}")),
    }
}

/// Reads the options of a verb that has no others.
pub(crate) fn parse(mut parser: Parser) -> Result<Asked<Options>, Failure> {
    let mut reader = Reader::default();
    while let Some(name) = next_option(&mut parser)? {
        if name == "help" {
            return Ok(Asked::Help);
        }
        if !reader.take(&name, &mut parser)? {
            return Err(Failure::usage(format!("unknown option --{name}")));
        }
    }
    reader.check().map(Asked::Run)
}

/// The name of the next option; `-h` is `help`; anything else is a usage error.
fn next_option(parser: &mut Parser) -> Result<Option<String>, Failure> {
    match parser.next().map_err(|error| Failure::usage(error.to_string()))? {
        None => Ok(None),
        Some(Arg::Short('h')) => Ok(Some("help".to_owned())),
        Some(Arg::Long(name)) => Ok(Some(name.to_owned())),
        Some(other) => Err(unexpected(&other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Asked<Options>, Failure> {
        parse(Parser::from_args(words))
    }

    fn options(words: &[&str]) -> Options {
        match read(words) {
            Ok(Asked::Run(options)) => options,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn defaults_and_every_option() {
        assert_eq!(Options { slide: 0, ..options(&[]) }, Options::default());
        assert_ne!(options(&[]).slide, 0);
        assert_eq!(options(&["--direct"]).loader, Loader::Direct);
        assert_eq!(options(&["--limine", "d"]).loader, Loader::Limine(Some("d".into())));
        let uefi = options(&["--firmware=uefi", "--memory", "128", "--cpus", "8"]);
        assert_eq!((uefi.firmware, uefi.loader), (FirmwareKind::Uefi, Loader::Limine(None)));
        assert_eq!((uefi.memory, uefi.cpus), (128, 8));
        let counted = options(&["--icount"]);
        assert!(counted.counted && counted.slide == 0);
        assert_eq!(read(&["--cpus", "2", "--help"]), Ok(Asked::Help));
        assert_eq!(read(&["-h"]), Ok(Asked::Help));
    }

    #[test]
    fn what_cannot_be_followed_is_usage() {
        for words in [
            &["--direct", "--firmware", "uefi"][..],
            &["--direct", "--limine", "d"],
            &["--firmware", "coreboot"],
            &["--memory", "63"],
            &["--memory", "127", "--firmware", "uefi"],
            &["--memory", "4097"],
            &["--memory", "much"],
            &["--memory"],
            &["--cpus", "0"],
            &["--cpus", "9"],
            &["--cpus", "2", "--icount"],
            &["--unknown"],
            &["-x"],
            &["word"],
        ] {
            let failure = read(words).expect_err("a usage error");
            assert_eq!(failure.code, crate::failure::USAGE, "{words:?}: {}", failure.text);
        }
    }
}
