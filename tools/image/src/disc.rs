//! The bootable disc: a tree of files, and `xorriso` over it.
//!
//! Owns: the layout of the tree and xorriso's options. Never enters it: Limine's search, QEMU.
//! Called by: `tools/xtask`. Invariants: the disc starts under BIOS and under UEFI; all times in
//! it are [`TIME`], so the same tree gives the same bytes.
//! Source: Limine's USAGE.md, "Creating a hybrid ISO with xorriso".

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::limine::Files;
use crate::{Payload, configuration, names};

/// Seconds since 1970 that every file of the disc carries: 2026-01-01.
pub const TIME: u64 = 1_767_225_600;

/// Why there is no disc.
#[derive(Debug)]
pub enum Error {
    /// The configuration cannot be used.
    Configuration(configuration::Error),
    /// A file of the tree cannot be written.
    Tree(io::Error),
    /// xorriso cannot be started or failed; its words.
    Xorriso(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Configuration(error) => error.fmt(formatter),
            Self::Tree(error) => write!(formatter, "the disc's files cannot be written: {error}"),
            Self::Xorriso(text) => write!(formatter, "xorriso: {text}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<configuration::Error> for Error {
    fn from(error: configuration::Error) -> Self {
        Self::Configuration(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Tree(error)
    }
}

/// Writes the disc `image`. `tree` is a folder of its own that is made anew; `source` is the text
/// of `limine.cfg`.
///
/// # Errors
/// See [`Error`].
pub fn write(
    payload: &Payload<'_>,
    files: &Files,
    source: &str,
    tree: &Path,
    image: &Path,
) -> Result<(), Error> {
    lay_out(payload, files, source, tree)?;
    drop(fs::remove_file(image));
    let output = Command::new("xorriso")
        .args(options(tree, image))
        .env("SOURCE_DATE_EPOCH", TIME.to_string())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::Xorriso(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let failures = text.lines().filter(|line| line.contains("FAILURE") || line.contains("FATAL"));
    let lines: Vec<_> = failures.map(str::trim).collect();
    Err(Error::Xorriso(if lines.is_empty() { output.status.to_string() } else { lines.join("; ") }))
}

/// Puts the files in their places.
fn lay_out(payload: &Payload<'_>, files: &Files, source: &str, tree: &Path) -> Result<(), Error> {
    let configuration =
        configuration::with_command_line(source, payload.command_line, payload.slide)?;
    let translated = configuration::translated(&configuration)?;
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    for folder in ["boot/limine", "EFI/BOOT"] {
        fs::create_dir_all(tree.join(folder))?;
    }
    fs::write(tree.join("limine.cfg"), configuration)?;
    fs::write(tree.join("limine.conf"), translated)?;
    let boot = tree.join("boot");
    fs::write(boot.join(names::KERNEL), payload.kernel)?;
    fs::write(boot.join(names::ROOT), payload.root)?;
    fs::write(boot.join(names::ARCHIVE), payload.archive)?;
    for name in ["limine-bios.sys", "limine-bios-cd.bin", "limine-uefi-cd.bin"] {
        fs::copy(files.folder().join(name), boot.join("limine").join(name))?;
    }
    fs::copy(files.folder().join("BOOTX64.EFI"), tree.join("EFI/BOOT/BOOTX64.EFI"))?;
    Ok(())
}

/// xorriso's options.
fn options(tree: &Path, image: &Path) -> Vec<OsString> {
    // Times of the volume and of every file; the identifiers would otherwise follow the clock.
    let date = "2026010100000000";
    let mut words: Vec<OsString> = [
        "-as",
        "mkisofs",
        "-quiet",
        "-R",
        "-J",
        "-V",
        "TINE",
        &format!("--modification-date={date}"),
        "--set_all_file_dates",
        date,
        "-b",
        "boot/limine/limine-bios-cd.bin",
        "-no-emul-boot",
        "-boot-load-size",
        "4",
        "-boot-info-table",
        "--efi-boot",
        "boot/limine/limine-uefi-cd.bin",
        "-efi-boot-part",
        "--efi-boot-image",
        "--protective-msdos-label",
        "--gpt_disk_guid",
        "74696e65-0000-4000-8000-000000000001",
    ]
    .into_iter()
    .map(OsString::from)
    .collect();
    words.extend([tree.into(), "-o".into(), image.into()]);
    words
}
