//! Writing a bundle, on the host only.
//!
//! Owned here: the constant fields that make the bytes depend on nothing but the inputs (owner 0,
//! mode 0644, time 0). Never here: reading files. Called by: the image tool.
//! Invariant: the result passes `Bundle::parse` and gives the inputs back.

use core::fmt;
use std::vec::Vec;

use crate::header::{self, BLOCK, Block};
use crate::{Bundle, COMMAND_LINE, Error, KERNEL, Module};

/// Why the inputs cannot be written as a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A member is longer than the 8 GiB that a ustar size field can say.
    TooLarge,
    /// Reading the result back would fail with this error.
    Unreadable(Error),
}

impl fmt::Display for WriteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::TooLarge => formatter.write_str("a bundle member is too large"),
            WriteError::Unreadable(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for WriteError {}

/// Writes a bundle. `command_lines` is the text described at [`crate::CommandLines`].
///
/// # Errors
/// [`WriteError`]: a size, name, number of modules or text outside the format's limits.
pub fn write(
    kernel: &[u8],
    command_lines: &str,
    modules: &[Module<'_>],
) -> Result<Vec<u8>, WriteError> {
    let fixed = [
        Module { name: KERNEL, data: kernel },
        Module { name: COMMAND_LINE, data: command_lines.as_bytes() },
    ];
    let mut archive = Vec::new();
    for member in fixed.iter().chain(modules) {
        archive.extend_from_slice(&header(member)?);
        archive.extend_from_slice(member.data);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    match Bundle::parse(&archive) {
        Ok(_) => Ok(archive),
        Err(error) => Err(WriteError::Unreadable(error)),
    }
}

fn header(member: &Module<'_>) -> Result<Block, WriteError> {
    if !header::is_name(member.name) {
        return Err(WriteError::Unreadable(Error::Name));
    }
    let mut block = [0; BLOCK];
    block[..member.name.len()].copy_from_slice(member.name.as_bytes());
    block[header::MAGIC].copy_from_slice(header::MAGIC_VALUE);
    block[header::TYPE] = b'0';
    // Mode, owner, group and time: the same for every member of every bundle.
    for (field, value) in [(100..108, 0o644), (108..116, 0), (116..124, 0), (136..148, 0)] {
        header::put_octal(&mut block[field], value);
    }
    if !header::put_octal(&mut block[header::SIZE], member.data.len() as u64) {
        return Err(WriteError::TooLarge);
    }
    let sum = u64::from(header::checksum(&block));
    // Six digits, a NUL and a space, as the format says for this one field.
    header::put_octal(&mut block[148..155], sum);
    block[155] = b' ';
    Ok(block)
}
