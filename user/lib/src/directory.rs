//! Directories: reading, making, removing, renaming; the working directory.
//!
//! Owns: [`readdir`], mkdir, unlink, rename, chdir, getcwd.
//!
//! The working directory is a capability in the path table; its name is what this program keeps in
//! the environment variable `PWD`, for a capability has no name. Who renames a directory above it
//! makes the name wrong, as with shells elsewhere.

use alloc::vec::Vec;

use tine_abi::CapRef;
use tine_abi::capability::{Destination, path as slot};
use tine_abi::protocol::file::{FileKind, OpenFlags, Operation};
use tine_sys::capability::{self, ANYWHERE, Placement};
use tine_sys::message::Message;

use crate::descriptor::{Fd, close, open, open_message};
use crate::environment::{getenv, setenv};
use crate::error::{Errno, Result, answer, request};
use crate::path;

/// One entry of a directory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry {
    /// Its name.
    pub name: Vec<u8>,
    /// The number of its [`FileKind`].
    kind: u64,
}

impl Entry {
    /// What it is; `None` for a kind that this version does not know.
    #[must_use]
    pub const fn kind(&self) -> Option<FileKind> {
        FileKind::from_number(self.kind)
    }
}

/// Bytes asked for at once: room for a few dozen entries, and for the longest name.
const CHUNK: usize = 2048;

/// The entries of a directory, sorted by name.
///
/// # Errors
/// As open(2) and readdir(3).
pub fn readdir(path: impl AsRef<[u8]>) -> Result<Vec<Entry>> {
    let directory = open(path, OpenFlags::READ | OpenFlags::DIRECTORY)?;
    let result = entries(directory);
    close(directory)?;
    result
}

/// The entries of an open directory, sorted by name.
///
/// # Errors
/// As readdir(3).
pub fn entries(directory: Fd) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut buffer = [0; CHUNK];
    let mut position = 0;
    loop {
        let words = request(Operation::List as u64, 0, [position, CHUNK as u64]);
        let message = Message::new(words).writable(&mut buffer);
        let reply = answer(message.call(directory.capability()))?;
        let written = buffer.get(..reply.words[1] as usize).ok_or(Errno::IO)?;
        parse(written, &mut entries).ok_or(Errno::IO)?;
        if reply.words[2] == 0 {
            break;
        }
        // A server that gives nothing and says "go on" would go on for ever.
        if written.is_empty() {
            return Err(Errno::IO);
        }
        position = reply.words[2];
    }
    entries.sort();
    Ok(entries)
}

/// Reads entries as [`Operation::List`] writes them; `None` when they are cut.
fn parse(mut bytes: &[u8], entries: &mut Vec<Entry>) -> Option<()> {
    while !bytes.is_empty() {
        let (kind, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let name = rest.get(..length)?;
        bytes = rest.get(length.next_multiple_of(8)..)?;
        entries.push(Entry { kind: u64::from_le_bytes(*kind), name: name.to_vec() });
    }
    Some(())
}

fn with_path(operation: Operation, path: &[u8]) -> Result<()> {
    let words = request(operation as u64, 0, [path.len() as u64]);
    answer(Message::new(words).readable(path).call(path::base(path))).map(drop)
}

/// Makes a directory.
///
/// # Errors
/// As mkdir(2).
pub fn mkdir(path: impl AsRef<[u8]>) -> Result<()> {
    with_path(Operation::MakeDirectory, path.as_ref())
}

/// Removes a file or an empty directory.
///
/// # Errors
/// As unlink(2) and rmdir(2).
pub fn unlink(path: impl AsRef<[u8]>) -> Result<()> {
    with_path(Operation::Unlink, path.as_ref())
}

/// Removes an empty directory.
///
/// # Errors
/// As rmdir(2).
pub fn rmdir(path: impl AsRef<[u8]>) -> Result<()> {
    let path = path.as_ref();
    close(open(path, OpenFlags::READ | OpenFlags::DIRECTORY)?)?;
    unlink(path)
}

/// Gives a file another name.
///
/// # Errors
/// As rename(2).
pub fn rename(old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Result<()> {
    let (old, new) = (old.as_ref(), new.as_ref());
    // Both paths start at one directory. If they do not by themselves, both start at the root.
    if path::base(old) != path::base(new) {
        let working = getcwd()?;
        return rename(path::absolute(&working, old), path::absolute(&working, new));
    }
    let both = [old, new].concat();
    let lengths = [old.len() as u64, new.len() as u64];
    let words = request(Operation::Rename as u64, 0, lengths);
    answer(Message::new(words).readable(&both).call(path::base(old))).map(drop)
}

/// Changes the working directory.
///
/// # Errors
/// As chdir(2).
pub fn chdir(path: impl AsRef<[u8]>) -> Result<()> {
    let path = path.as_ref();
    let flags = OpenFlags::READ | OpenFlags::DIRECTORY;
    let reply = open_message(path::base(path), path, flags, ANYWHERE)?;
    let opened = CapRef::private(reply.arrived.slot(0).ok_or(Errno::MFILE)?);
    let working = Destination::exactly(CapRef::path(slot::WORKING));
    capability::move_to(opened, Placement::new(working).replacing())?;
    if let Ok(before) = getcwd() {
        setenv(b"PWD", path::absolute(&before, path));
    } else if path.starts_with(b"/") {
        setenv(b"PWD", path::absolute(b"/", path));
    }
    Ok(())
}

/// The name of the working directory, as this program knows it.
///
/// # Errors
/// ENOENT if nobody said it: the environment has no absolute `PWD`.
pub fn getcwd() -> Result<Vec<u8>> {
    getenv(b"PWD").filter(|path| path.starts_with(b"/")).ok_or(Errno::NOENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[(u64, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, name) in names {
            bytes.extend(kind.to_le_bytes());
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        bytes
    }

    #[test]
    fn entries_are_read_as_they_are_written() {
        let mut entries = Vec::new();
        let bytes = listed(&[(2, "bin"), (1, "motdmotd"), (99, "x")]);
        assert_eq!(parse(&bytes, &mut entries), Some(()));
        let names: Vec<_> = entries.iter().map(|entry| &entry.name[..]).collect();
        assert_eq!(names, [&b"bin"[..], b"motdmotd", b"x"]);
        let kinds: Vec<_> = entries.iter().map(Entry::kind).collect();
        assert_eq!(kinds, [Some(FileKind::Directory), Some(FileKind::Regular), None]);
    }

    #[test]
    fn cut_entries_are_refused() {
        let bytes = listed(&[(1, "motd")]);
        for length in 1..bytes.len() {
            assert_eq!(parse(&bytes[..length], &mut Vec::new()), None, "{length} bytes");
        }
        let mut lying = bytes.clone();
        lying[8..16].fill(0xff);
        assert_eq!(parse(&lying, &mut Vec::new()), None);
    }
}
