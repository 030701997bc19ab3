//! Reading a bundle: every check a loader needs before it trusts a byte.
//!
//! Owned here: `Bundle` and its errors. Never here: copying, and the inside of a member.
//! Called by: `tools/directboot`, the image tool's own check. Invariants: after `parse`, the order
//! `kernel`, `cmdline`, modules holds, names are unique, every member lies inside the bytes.

use core::fmt;

use crate::header::{self, BLOCK, Block};
use crate::{COMMAND_LINE, CommandLines, KERNEL};

/// How many modules a bundle may have.
pub const MAXIMUM_MODULES: usize = 16;

/// How long `cmdline` may be, in bytes.
pub const MAXIMUM_COMMAND_LINE: usize = 4096;

/// Why the bytes are not a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The archive ends inside a header or a member, or before the closing zero blocks.
    Truncated,
    /// A header does not say `ustar`.
    NotUstar,
    /// A header's checksum does not match its bytes.
    Checksum,
    /// A size field is not an octal number.
    Size,
    /// A member is not a regular file.
    NotAFile,
    /// A member's name is empty, too long, or has other bytes than `a-z 0-9 . _ -`.
    Name,
    /// The first member is not `kernel`.
    NoKernel,
    /// The second member is not `cmdline`.
    NoCommandLine,
    /// `cmdline` is longer than [`MAXIMUM_COMMAND_LINE`], not UTF-8, or contains a NUL.
    CommandLine,
    /// Two members have one name.
    Duplicate,
    /// More than [`MAXIMUM_MODULES`] modules.
    TooManyModules,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Error::Truncated => "the bundle is cut short",
            Error::NotUstar => "the bundle is not a ustar archive",
            Error::Checksum => "a bundle header has a wrong checksum",
            Error::Size => "a bundle member's size is not an octal number",
            Error::NotAFile => "a bundle member is not a regular file",
            Error::Name => "a bundle member has a bad name",
            Error::NoKernel => "the bundle's first member is not `kernel`",
            Error::NoCommandLine => "the bundle's second member is not `cmdline`",
            Error::CommandLine => "the bundle's `cmdline` is too long or not text",
            Error::Duplicate => "two bundle members have one name",
            Error::TooManyModules => "the bundle has too many modules",
        })
    }
}

impl core::error::Error for Error {}

/// A boot module: a name and its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Module<'a> {
    /// The member's name.
    pub name: &'a str,
    /// The member's content.
    pub data: &'a [u8],
}

/// A checked bundle. Everything in it borrows from the archive's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bundle<'a> {
    kernel: &'a [u8],
    command_lines: &'a str,
    modules: [Module<'a>; MAXIMUM_MODULES],
    module_count: usize,
}

impl<'a> Bundle<'a> {
    /// Reads and checks an archive. Bytes after the closing zero blocks are ignored.
    ///
    /// # Errors
    /// The first thing found wrong, in the order of the bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Bundle<'a>, Error> {
        let mut rest = bytes;
        let kernel = next(&mut rest)?.filter(|it| it.name == KERNEL).ok_or(Error::NoKernel)?.data;
        let text =
            next(&mut rest)?.filter(|it| it.name == COMMAND_LINE).ok_or(Error::NoCommandLine)?.data;
        if text.len() > MAXIMUM_COMMAND_LINE || text.contains(&0) {
            return Err(Error::CommandLine);
        }
        let command_lines = core::str::from_utf8(text).map_err(|_| Error::CommandLine)?;

        let mut modules = [Module::default(); MAXIMUM_MODULES];
        let mut module_count = 0;
        while let Some(module) = next(&mut rest)? {
            let known = &modules[..module_count];
            let taken = known.iter().map(|it| it.name).chain([KERNEL, COMMAND_LINE]);
            if taken.into_iter().any(|name| name == module.name) {
                return Err(Error::Duplicate);
            }
            *modules.get_mut(module_count).ok_or(Error::TooManyModules)? = module;
            module_count += 1;
        }
        Ok(Bundle { kernel, command_lines, modules, module_count })
    }

    /// The kernel's ELF file, unchecked.
    #[must_use]
    pub fn kernel(&self) -> &'a [u8] {
        self.kernel
    }

    /// The command lines.
    #[must_use]
    pub fn command_lines(&self) -> CommandLines<'a> {
        CommandLines::new(self.command_lines)
    }

    /// The modules in the order of the archive.
    #[must_use]
    pub fn modules(&self) -> &[Module<'a>] {
        &self.modules[..self.module_count]
    }
}

/// Takes the next member off `rest`, or `None` at the closing zero blocks.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<Module<'a>>, Error> {
    let (block, after): (&'a Block, &'a [u8]) = rest.split_first_chunk().ok_or(Error::Truncated)?;
    if block.iter().all(|&byte| byte == 0) {
        let second: &Block = after.first_chunk().ok_or(Error::Truncated)?;
        return if second.iter().all(|&byte| byte == 0) { Ok(None) } else { Err(Error::NotUstar) };
    }
    if &block[header::MAGIC] != header::MAGIC_VALUE {
        return Err(Error::NotUstar);
    }
    let stated = header::octal(&block[header::CHECKSUM]).ok_or(Error::Checksum)?;
    if stated != u64::from(header::checksum(block)) {
        return Err(Error::Checksum);
    }
    if !matches!(block[header::TYPE], b'0' | 0) {
        return Err(Error::NotAFile);
    }
    let name = header::text(&block[header::NAME]).ok_or(Error::Name)?;
    if !header::is_name(name) || block[header::PREFIX][0] != 0 {
        return Err(Error::Name);
    }
    let size = header::octal(&block[header::SIZE]).ok_or(Error::Size)?;
    let size = usize::try_from(size).map_err(|_| Error::Truncated)?;
    let padded = size.checked_next_multiple_of(BLOCK).ok_or(Error::Truncated)?;
    let data = after.get(..size).ok_or(Error::Truncated)?;
    *rest = after.get(padded..).ok_or(Error::Truncated)?;
    Ok(Some(Module { name, data }))
}
