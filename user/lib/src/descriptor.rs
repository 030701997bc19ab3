//! File descriptors: slots of the descriptor table, answered by whichever server is behind them.
//!
//! Owns: open, close, dup, read, write, lseek, fstat, ftruncate, fcntl.
//!
//! Never enters it: buffering ([`crate::io`]), directories ([`crate::directory`]).

use tine_abi::capability::{Destination, Rights, SlotFlags};
use tine_abi::message::Words;
use tine_abi::protocol::file::Operation;
use tine_abi::{CapRef, Kind};
use tine_sys::capability::{self, LOWEST_DESCRIPTOR, Placement};
use tine_sys::message::{self, Message};

pub use tine_abi::protocol::file::{FileKind, OpenFlags};

use crate::error::{Errno, Result, answer, request};
use crate::{io, path, process, signal};

/// A file descriptor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Fd(pub u16);

impl Fd {
    /// Standard input.
    pub const STDIN: Self = Self(0);
    /// Standard output.
    pub const STDOUT: Self = Self(1);
    /// Standard error.
    pub const STDERR: Self = Self(2);

    /// The capability: descriptor *n* is slot *n* of the descriptor table.
    #[inline]
    #[must_use]
    pub const fn capability(self) -> CapRef {
        CapRef::descriptor(self.0)
    }

    /// The descriptor at which a capability of a reply arrived.
    pub(crate) fn arrived(reply: &message::Reply, index: usize) -> Result<Self> {
        reply.arrived.slot(index).map(Self).ok_or(Errno::MFILE)
    }
}

impl core::fmt::Display for Fd {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Opens a path; the descriptor is the lowest free one.
///
/// # Errors
/// As open(2).
pub fn open(path: impl AsRef<[u8]>, flags: OpenFlags) -> Result<Fd> {
    open_to(path.as_ref(), flags, LOWEST_DESCRIPTOR)
}

/// Opens a path; exec closes the descriptor (`O_CLOEXEC`).
///
/// # Errors
/// As open(2).
pub fn open_cloexec(path: impl AsRef<[u8]>, flags: OpenFlags) -> Result<Fd> {
    open_to(path.as_ref(), flags, LOWEST_DESCRIPTOR.with_flags(SlotFlags::CLOEXEC))
}

fn open_to(path: &[u8], flags: OpenFlags, destination: Destination) -> Result<Fd> {
    let reply = open_message(path::base(path), path, flags, destination)?;
    Fd::arrived(&reply, 0)
}

/// Opens a path below a directory, into any slot.
pub(crate) fn open_message(
    directory: CapRef,
    path: &[u8],
    flags: OpenFlags,
    destination: Destination,
) -> Result<message::Reply> {
    let words = request(Operation::Open as u64, flags.bits(), [path.len() as u64]);
    answer(Message::new(words).readable(path).receive(destination).call(directory))
}

/// Opens a path below the directory `directory` (openat without `AT_FDCWD`).
///
/// # Errors
/// As openat(2).
pub fn openat(directory: Fd, path: impl AsRef<[u8]>, flags: OpenFlags) -> Result<Fd> {
    let path = path.as_ref();
    let base = if path.starts_with(b"/") { path::base(path) } else { directory.capability() };
    let reply = open_message(base, path, flags, LOWEST_DESCRIPTOR)?;
    Fd::arrived(&reply, 0)
}

/// Closes a descriptor.
///
/// # Errors
/// EBADF.
pub fn close(fd: Fd) -> Result<()> {
    io::descriptor_changed(fd);
    Ok(capability::close(fd.capability())?)
}

/// Another name for the same description: the lowest free descriptor.
///
/// # Errors
/// EBADF, EMFILE.
pub fn dup(fd: Fd) -> Result<Fd> {
    dup_from(fd, Fd(0), SlotFlags::empty())
}

/// `fcntl(F_DUPFD)` and `fcntl(F_DUPFD_CLOEXEC)`: the lowest free descriptor from `least` on.
///
/// # Errors
/// EBADF, EMFILE.
pub fn dup_from(fd: Fd, least: Fd, flags: SlotFlags) -> Result<Fd> {
    let destination = Destination::lowest_from(least.capability()).with_flags(flags);
    let slot = capability::duplicate(fd.capability(), Placement::new(destination))?;
    Ok(Fd(slot.slot() as u16))
}

/// Makes `to` another name for the description of `fd`, closing what it was. CLOEXEC is clear,
/// unless both are the same, when nothing happens.
///
/// # Errors
/// EBADF.
pub fn dup2(fd: Fd, to: Fd) -> Result<Fd> {
    if fd == to {
        capability::information(fd.capability())?;
        return Ok(to);
    }
    io::descriptor_changed(to);
    let placement = Placement::new(Destination::exactly(to.capability())).replacing();
    capability::duplicate(fd.capability(), placement)?;
    Ok(to)
}

/// Reads at the position and moves it; 0 at the end.
///
/// # Errors
/// As read(2).
#[inline]
pub fn read(fd: Fd, buffer: &mut [u8]) -> Result<usize> {
    let words = request(Operation::Read as u64, 0, [buffer.len() as u64]);
    let length = buffer.len();
    let reply = answer(Message::new(words).writable(buffer).call(fd.capability()))?;
    Ok((reply.words[1] as usize).min(length))
}

/// Writes at the position and moves it; may write less than everything.
///
/// A pipe without readers also raises SIGPIPE in the caller; only who survives it sees EPIPE.
///
/// # Errors
/// As write(2).
#[inline]
pub fn write(fd: Fd, bytes: &[u8]) -> Result<usize> {
    let words = request(Operation::Write as u64, 0, [bytes.len() as u64]);
    match answer(Message::new(words).readable(bytes).call(fd.capability())) {
        Ok(reply) => Ok((reply.words[1] as usize).min(bytes.len())),
        Err(Errno::PIPE) => {
            process::raise(signal::SIGPIPE).ok();
            Err(Errno::PIPE)
        }
        Err(error) => Err(error),
    }
}

/// Writes everything, in as many pieces as it takes.
///
/// # Errors
/// As write(2); EIO when nothing more is accepted.
pub fn write_all(fd: Fd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let written = write(fd, bytes)?;
        if written == 0 {
            return Err(Errno::IO);
        }
        bytes = &bytes[written..];
    }
    Ok(())
}

/// Where an offset counts from; the numbers are those of the protocol and of `SEEK_*`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Whence {
    /// `SEEK_SET`
    Start = 0,
    /// `SEEK_CUR`
    Position = 1,
    /// `SEEK_END`
    End = 2,
}

/// Moves the position; tells the new one.
///
/// # Errors
/// As lseek(2).
pub fn lseek(fd: Fd, offset: i64, whence: Whence) -> Result<u64> {
    let words = request(Operation::Seek as u64, 0, [offset as u64, whence as u64]);
    Ok(ask(fd, &words)?[1])
}

/// What a descriptor is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// File, directory, pipe, device, process.
    pub kind: FileKind,
    /// Length in bytes.
    pub bytes: u64,
    /// Serial number of the file.
    pub serial: u64,
}

/// Tells what a descriptor is.
///
/// # Errors
/// EBADF.
pub fn fstat(fd: Fd) -> Result<Status> {
    if is_process(fd)? {
        return Ok(Status { kind: FileKind::Process, bytes: 0, serial: 0 });
    }
    let words = ask(fd, &request(Operation::Status as u64, 0, []))?;
    let kind = FileKind::from_number(words[1]).ok_or(Errno::IO)?;
    Ok(Status { kind, bytes: words[2], serial: words[3] })
}

/// Tells what a path is.
///
/// # Errors
/// As stat(2); the file must be readable, for it is opened.
pub fn stat(path: impl AsRef<[u8]>) -> Result<Status> {
    let fd = open(path, OpenFlags::READ)?;
    let status = fstat(fd);
    close(fd)?;
    status
}

/// Sets the length of a file.
///
/// # Errors
/// As ftruncate(2).
pub fn ftruncate(fd: Fd, bytes: u64) -> Result<()> {
    ask(fd, &request(Operation::Truncate as u64, 0, [bytes])).map(drop)
}

/// `fcntl(F_GETFD)`: the flags of a descriptor.
///
/// # Errors
/// EBADF.
pub fn descriptor_flags(fd: Fd) -> Result<SlotFlags> {
    Ok(capability::information(fd.capability())?.flags)
}

/// `fcntl(F_SETFD)`: sets the flags of a descriptor.
///
/// # Errors
/// EBADF.
pub fn set_descriptor_flags(fd: Fd, flags: SlotFlags) -> Result<()> {
    let destination = Destination::exactly(fd.capability()).with_flags(flags);
    capability::move_to(fd.capability(), Placement::new(destination))?;
    Ok(())
}

/// Narrows the protocol rights of a descriptor (cap_rights_limit).
///
/// # Errors
/// EBADF.
pub fn limit_rights(fd: Fd, protocol: u16) -> Result<()> {
    let information = capability::information(fd.capability())?;
    let rights = (Rights::ALL & !Rights::PROTOCOL).with_protocol(protocol);
    let destination = Destination::exactly(fd.capability()).with_flags(information.flags);
    capability::move_to(fd.capability(), Placement::new(destination).with_rights(rights))?;
    Ok(())
}

/// Whether a descriptor is one of a process. Only those carry protocol rights: the process server
/// distinguishes its holders by them, all other servers by the open description.
///
/// # Errors
/// EBADF.
pub(crate) fn is_process(fd: Fd) -> Result<bool> {
    let information = capability::information(fd.capability())?;
    Ok(information.kind == Kind::Port && information.rights.protocol() != 0)
}

/// Sends words and waits for words.
#[inline]
pub(crate) fn ask(fd: Fd, words: &Words) -> Result<Words> {
    Ok(answer(message::call(fd.capability(), words))?.words)
}
