//! What every descriptor answers: files, directories, pipes, the console.
//!
//! A descriptor is a capability to its server's port, badged with an open file description. A
//! server answers what makes no sense for a description with the errno POSIX names (ESPIPE,
//! ENOTDIR, EBADF for a wrong mode). Every descriptor server answers [`Operation::Watch`].

use bitflags::bitflags;

use super::operations;

operations! {
    /// Operations of a descriptor.
    Operation {
        1 Read "Reads at the position and moves it.", request: "2: bytes at most; range 0 writable", reply: "1: bytes read, 0 at the end";
        2 Write "Writes at the position and moves it.", request: "2: bytes; range 0", reply: "1: bytes written";
        3 Seek "Moves the position.", request: "2: signed offset, 3: 0 from the start, 1 from the position, 2 from the end", reply: "1: new position";
        4 Status "Tells what the descriptor is.", request: "-", reply: "1: FileKind, 2: bytes, 3: serial number";
        5 Watch "Has an Event's bit set whenever one of the masked conditions begins to hold. The key names the watch among those of the description: the same key replaces it, mask 0 ends it.", request: "2: bit, 3: mask (WatchMask), 4: key; capability 0 (mask not 0): the Event, SIGNAL", reply: "1: mask that holds already";
        6 Truncate "Sets the length.", request: "2: bytes", reply: "-";
        7 List "Directory: reads entries from a position on.", request: "2: position, 0 first, 3: bytes at most; range 0 writable: entries as FileKind word, name length word, name padded to 8 bytes", reply: "1: bytes written, 2: next position, 0 at the end";
        8 Open "Directory: opens a path below it.", request: "flags: OpenFlags, 2: bytes of path; range 0: path; receive slot 0", reply: "1: FileKind, 2: bytes (with EXECUTE: of the Memory)";
        9 Unlink "Directory: removes a file or empty directory.", request: "2: bytes of path; range 0: path", reply: "-";
        10 MakeDirectory "Directory: makes a directory.", request: "2: bytes of path; range 0: path", reply: "-";
        11 Rename "Directory: gives a file another name below the same directory.", request: "2: bytes of old path, 3: bytes of new path; range 0: old, then new", reply: "-";
    }
}

bitflags! {
    /// Flags of [`Operation::Open`].
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct OpenFlags: u64 {
        /// For reading.
        const READ = 1;
        /// For writing.
        const WRITE = 2;
        /// Every write goes to the end.
        const APPEND = 4;
        /// Make the file when it does not exist.
        const CREATE = 8;
        /// With CREATE: fail with EEXIST when it does.
        const EXCLUSIVE = 16;
        /// Cut it to zero bytes.
        const TRUNCATE = 32;
        /// Only a directory will do.
        const DIRECTORY = 64;
        /// The reply carries a sealed Memory of the content, with READ and EXECUTE, instead of a
        /// descriptor; alone.
        const EXECUTE = 128;
    }
}

bitflags! {
    /// Conditions of `Watch`, with poll(2)'s meaning.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct WatchMask: u64 {
        /// A read would not wait.
        const READABLE = 1;
        /// A write would not wait.
        const WRITABLE = 4;
        /// The other side is gone; reported whether asked for or not.
        const HANGUP = 16;
    }
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum FileKind {
    /// A file.
    Regular = 1,
    /// A directory.
    Directory = 2,
    /// An end of a pipe.
    Pipe = 3,
    /// A character device.
    Device = 4,
    /// A process descriptor.
    Process = 5,
}

impl FileKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Regular),
            2 => Some(Self::Directory),
            3 => Some(Self::Pipe),
            4 => Some(Self::Device),
            5 => Some(Self::Process),
            _ => None,
        }
    }
}

/// Bytes of a path at most, the NUL that C adds not counted.
pub const PATH_MAX: usize = 1023;
/// Bytes of one name at most.
pub const NAME_MAX: usize = 255;
