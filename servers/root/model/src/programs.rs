//! The programs of a boot: found in the archive and planned, or refused in one line.

use core::fmt;
use core::ops::Range;

use tine_abi::memory::PAGE;
use tine_archive::{EntryKind, entries};
use tine_elf::{Damage, HEAD, Plan};

use crate::table::SERVERS;

/// The first process.
pub const INIT: &str = "bin/init";

/// Frames that a machine must have: below that some service would be short of memory soon.
pub const FRAMES_LEAST: u64 = 28 * FRAMES_A_MIB;

const FRAMES_A_MIB: u64 = (1 << 20) / PAGE;

/// Why this boot cannot go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The kernel was given no archive.
    NoArchive,
    /// The archive cannot be read to its end.
    Archive(tine_archive::Damage),
    /// A program is not in it.
    Missing(&'static str),
    /// A program is there, but is none.
    Program(&'static str, Damage),
    /// So many frames of memory are too few.
    Memory(u64),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoArchive => formatter.write_str("there is no boot archive"),
            Self::Archive(damage) => write!(formatter, "the boot archive is damaged: {damage}"),
            Self::Missing(path) => write!(formatter, "the boot archive holds no {path}"),
            Self::Program(path, damage) => {
                write!(formatter, "{path} in the boot archive is damaged: {damage}")
            }
            Self::Memory(frames) => write!(
                formatter,
                "not enough memory: {} MiB, and {} are needed",
                frames / FRAMES_A_MIB,
                FRAMES_LEAST / FRAMES_A_MIB
            ),
        }
    }
}

/// One program: where its file lies in the archive, and how it is loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Its bytes.
    pub content: Range<usize>,
    /// Its plan.
    pub plan: Plan,
}

/// All programs that a boot needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Programs {
    /// Those of [`SERVERS`], in that order.
    pub servers: [Program; SERVERS.len()],
    /// [`INIT`]; the process server makes a plan of it again.
    pub init: Range<usize>,
}

impl Programs {
    /// Reads the whole archive, finds every program and plans it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn find(archive: &[u8]) -> Result<Self, Refusal> {
        if archive.is_empty() {
            return Err(Refusal::NoArchive);
        }
        for entry in entries(archive) {
            entry.map_err(Refusal::Archive)?;
        }
        let [first, second, third, fourth] = SERVERS.map(|server| program(archive, server.path));
        Ok(Self {
            servers: [first?, second?, third?, fourth?],
            init: program(archive, INIT)?.content,
        })
    }
}

/// The program at `path`.
fn program(archive: &[u8], path: &'static str) -> Result<Program, Refusal> {
    let entry = entries(archive)
        .flatten()
        .find(|entry| entry.kind == EntryKind::File && entry.path == path.as_bytes())
        .ok_or(Refusal::Missing(path))?;
    let file = &archive[entry.content.clone()];
    let plan = tine_elf::plan(&file[..file.len().min(HEAD)], file.len() as u64)
        .map_err(|damage| Refusal::Program(path, damage))?;
    Ok(Program { content: entry.content, plan })
}

#[cfg(test)]
mod tests;
