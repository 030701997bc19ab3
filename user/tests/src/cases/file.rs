//! Files: the archive's, those of /tmp, and the null device.

use alloc::vec;
use alloc::vec::Vec;

use tine::descriptor::{FileKind, OpenFlags, Whence, openat, stat, write_all};
use tine::directory::rename;
use tine::{
    Errno, chdir, close, fstat, ftruncate, lseek, mkdir, open, read, readdir, rmdir, unlink, write,
};

use super::{Case, case};
use crate::process::{child, exits};
use crate::verdict::{Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("file.archive", archive),
    case("file.read-write", read_write),
    case("file.append", append),
    case("file.holes", holes),
    case("file.large", large),
    case("file.open-flags", open_flags),
    case("file.directories", directories),
    case("file.rename", rename_file),
    case("file.unlinked", unlinked),
    case("file.paths", paths),
    case("file.shared", shared),
    case("file.null", null),
];

const ALL: OpenFlags =
    OpenFlags::READ.union(OpenFlags::WRITE).union(OpenFlags::CREATE).union(OpenFlags::TRUNCATE);

fn archive() -> Verdict {
    let names = readdir("/bin")?;
    for name in ["sh", "ls", "tests", "forkdemo"] {
        let found = names.iter().find(|entry| entry.name == name.as_bytes());
        equal(found.and_then(|entry| entry.kind()), Some(FileKind::Regular), name)?;
    }
    let fd = open("/bin/true", OpenFlags::READ)?;
    let mut head = [0; 4];
    equal(read(fd, &mut head)?, 4, "bytes")?;
    equal(&head, b"\x7fELF", "a program")?;
    let status = fstat(fd)?;
    equal(status.kind, FileKind::Regular, "what it is")?;
    equal(lseek(fd, 0, Whence::End)?, status.bytes, "its length")?;
    equal(read(fd, &mut head)?, 0, "the end")?;
    refused(open("/bin/true", OpenFlags::WRITE), Errno::ROFS, "writing to the archive")?;
    refused(unlink("/bin/true"), Errno::ROFS, "removing from the archive")?;
    refused(mkdir("/bin/x"), Errno::ROFS, "a directory in the archive")?;
    close(fd)?;
    Ok(())
}

fn null() -> Verdict {
    let fd = open("/dev/null", ALL)?;
    equal(fstat(fd)?.kind, FileKind::Device, "what it is")?;
    let large = vec![1; 100_000];
    equal(write(fd, &large)?, large.len(), "all is taken")?;
    equal(read(fd, &mut [0; 8])?, 0, "nothing is given")?;
    equal(fstat(fd)?.bytes, 0, "nothing is kept")?;
    refused(unlink("/dev/null"), Errno::ROFS, "removing it")?;
    close(fd)?;
    Ok(())
}

fn read_write() -> Verdict {
    let path = "/tmp/file.read-write";
    let fd = open(path, ALL)?;
    equal(write(fd, b"hello, world")?, 12, "bytes written")?;
    equal(lseek(fd, 7, Whence::Start)?, 7, "a position")?;
    equal(write(fd, b"there")?, 5, "bytes written over")?;
    equal(lseek(fd, -5, Whence::Position)?, 7, "back")?;
    let mut text = [0; 20];
    equal(read(fd, &mut text)?, 5, "bytes read")?;
    equal(&text[..5], b"there", "what was written over")?;
    refused(lseek(fd, -1, Whence::Start), Errno::INVAL, "before the beginning")?;
    equal(fstat(fd)?.bytes, 12, "length")?;
    ftruncate(fd, 5)?;
    equal(lseek(fd, 0, Whence::Start)?, 0, "the beginning")?;
    equal(read(fd, &mut text)?, 5, "what is left")?;
    equal(&text[..5], b"hello", "which it is")?;
    equal(stat(path)?.bytes, 5, "length by path")?;
    close(fd)?;
    unlink(path)?;
    refused(stat(path), Errno::NOENT, "a removed file")
}

fn append() -> Verdict {
    let path = "/tmp/file.append";
    let first = open(path, OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::APPEND)?;
    let second = open(path, OpenFlags::WRITE | OpenFlags::APPEND)?;
    for (fd, text) in [(first, b"ab"), (second, b"cd"), (first, b"ef")] {
        write(fd, text)?;
    }
    lseek(second, 0, Whence::Start)?;
    write(second, b"gh")?;
    let fd = open(path, OpenFlags::READ)?;
    let mut text = [0; 16];
    let length = read(fd, &mut text)?;
    equal(&text[..length], b"abcdefgh", "everything at the end")?;
    for fd in [first, second, fd] {
        close(fd)?;
    }
    unlink(path)?;
    Ok(())
}

fn holes() -> Verdict {
    let path = "/tmp/file.holes";
    let fd = open(path, ALL)?;
    lseek(fd, 10_000, Whence::Start)?;
    write(fd, b"end")?;
    lseek(fd, 0, Whence::Start)?;
    let mut bytes = vec![1; 10_000];
    let mut length = 0;
    while length < bytes.len() {
        length += read(fd, &mut bytes[length..])?;
    }
    check(bytes.iter().all(|byte| *byte == 0), "a hole reads as zeros")?;
    ftruncate(fd, 4)?;
    ftruncate(fd, 12)?;
    lseek(fd, 0, Whence::Start)?;
    let mut text = [1; 16];
    equal(read(fd, &mut text)?, 12, "a longer file")?;
    equal(&text[..12], [0; 12], "what was cut does not come back")?;
    close(fd)?;
    unlink(path)?;
    Ok(())
}

fn large() -> Verdict {
    const PIECES: usize = 64;
    let path = "/tmp/file.large";
    let fd = open(path, ALL)?;
    let mut piece = vec![0; 16 << 10];
    for index in 0..PIECES {
        piece.fill(index as u8);
        write_all(fd, &piece)?;
    }
    equal(fstat(fd)?.bytes as usize, PIECES * piece.len(), "length")?;
    for index in (0..PIECES).rev() {
        lseek(fd, (index * piece.len()) as i64, Whence::Start)?;
        let mut byte = [0];
        read(fd, &mut byte)?;
        equal(byte[0], index as u8, "a byte of each piece")?;
    }
    close(fd)?;
    unlink(path)?;
    Ok(())
}

fn open_flags() -> Verdict {
    let path = "/tmp/file.flags";
    refused(open(path, OpenFlags::READ), Errno::NOENT, "no file")?;
    let new = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    let fd = open(path, new)?;
    write(fd, b"x")?;
    refused(open(path, new), Errno::EXIST, "an exclusive file twice")?;
    close(open(path, OpenFlags::WRITE | OpenFlags::CREATE)?)?;
    equal(stat(path)?.bytes, 1, "creating what exists changes nothing")?;
    close(open(path, OpenFlags::WRITE | OpenFlags::TRUNCATE)?)?;
    equal(stat(path)?.bytes, 0, "cutting it")?;
    let directory = OpenFlags::READ | OpenFlags::DIRECTORY;
    refused(open(path, directory), Errno::NOTDIR, "a file as directory")?;
    refused(open("/tmp", OpenFlags::WRITE), Errno::ISDIR, "writing a directory")?;
    refused(open(path, OpenFlags::empty()), Errno::INVAL, "neither reading nor writing")?;
    refused(
        open(path, OpenFlags::from_bits_retain(1 << 20) | OpenFlags::READ),
        Errno::INVAL,
        "an undefined flag",
    )?;
    close(fd)?;
    unlink(path)?;
    Ok(())
}

fn directories() -> Verdict {
    mkdir("/tmp/file.dir")?;
    refused(mkdir("/tmp/file.dir"), Errno::EXIST, "twice")?;
    mkdir("/tmp/file.dir/inner")?;
    for number in 0..100 {
        let path = alloc::format!("/tmp/file.dir/inner/{number:03}");
        close(open(&path, OpenFlags::WRITE | OpenFlags::CREATE)?)?;
    }
    let entries = readdir("/tmp/file.dir/inner")?;
    equal(entries.len(), 100, "entries")?;
    equal(&entries[42].name[..], b"042", "in order")?;
    refused(rmdir("/tmp/file.dir/inner"), Errno::NOTEMPTY, "a directory that is not empty")?;
    let inner = open("/tmp/file.dir", OpenFlags::READ | OpenFlags::DIRECTORY)?;
    let below = openat(inner, "inner/007", OpenFlags::READ)?;
    close(below)?;
    close(inner)?;
    chdir("/tmp/file.dir/inner")?;
    close(open("../inner/./099", OpenFlags::READ)?)?;
    equal(tine::getcwd()?, b"/tmp/file.dir/inner", "the working directory")?;
    for entry in &entries {
        unlink(&entry.name)?;
    }
    chdir("/")?;
    rmdir("/tmp/file.dir/inner")?;
    rmdir("/tmp/file.dir")?;
    refused(readdir("/tmp/file.dir"), Errno::NOENT, "a removed directory")?;
    refused(chdir("/bin/sh"), Errno::NOTDIR, "a file as working directory")
}

fn rename_file() -> Verdict {
    let fd = open("/tmp/file.old", ALL)?;
    write(fd, b"content")?;
    rename("/tmp/file.old", "/tmp/file.new")?;
    refused(stat("/tmp/file.old"), Errno::NOENT, "the old name")?;
    equal(stat("/tmp/file.new")?.bytes, 7, "the new name")?;
    equal(write(fd, b"!")?, 1, "the open description")?;
    equal(stat("/tmp/file.new")?.bytes, 8, "is the same file")?;
    refused(rename("/tmp/file.old", "/tmp/x"), Errno::NOENT, "renaming nothing")?;
    close(fd)?;
    unlink("/tmp/file.new")?;
    Ok(())
}

/// A file without name lives as long as a description of it.
fn unlinked() -> Verdict {
    let path = "/tmp/file.unlinked";
    let fd = open(path, ALL)?;
    unlink(path)?;
    refused(unlink(path), Errno::NOENT, "removing it again")?;
    write(fd, b"still here")?;
    lseek(fd, 0, Whence::Start)?;
    let mut text = [0; 16];
    equal(read(fd, &mut text)?, 10, "bytes")?;
    let other = open(path, ALL)?;
    equal(fstat(other)?.bytes, 0, "another file of the same name")?;
    check(fstat(other)?.serial != fstat(fd)?.serial, "two serial numbers")?;
    close(other)?;
    close(fd)?;
    unlink(path)?;
    Ok(())
}

fn paths() -> Verdict {
    for path in ["/bin/sh", "//bin//sh", "/bin/../bin/./sh", "/../bin/sh", "bin/sh", "./bin/sh"] {
        close(open(path, OpenFlags::READ)?)?;
    }
    for (path, error) in [
        ("", Errno::NOENT),
        ("/bin/sh/", Errno::NOTDIR),
        ("/bin/sh/x", Errno::NOTDIR),
        ("/nowhere/x", Errno::NOENT),
        ("/bin/SH", Errno::NOENT),
    ] {
        refused(open(path, OpenFlags::READ), error, format_args!("{path:?}"))?;
    }
    let long = alloc::format!("/{}", "x".repeat(300));
    refused(open(&long, OpenFlags::READ), Errno::NAMETOOLONG, "a long name")?;
    let deep = "/x".repeat(600);
    refused(open(&deep, OpenFlags::READ), Errno::NAMETOOLONG, "a long path")?;
    refused(open("/bin/s\0h", OpenFlags::READ), Errno::INVAL, "a NUL byte")
        .or_else(|_| refused(open("/bin/s\0h", OpenFlags::READ), Errno::NOENT, "a NUL byte"))
}

fn shared() -> Verdict {
    let path = "/tmp/file.shared";
    let fd = open(path, ALL)?;
    let children: Vec<_> = (0..5_u8)
        .map(|number| {
            child(|| {
                let own = open(path, OpenFlags::WRITE | OpenFlags::APPEND)?;
                for _ in 0..20 {
                    write(own, &[b'0' + number; 8])?;
                }
                Ok(0)
            })
        })
        .collect();
    for child in children {
        exits(child?, 0)?;
    }
    let mut text = vec![0; 1000];
    let mut length = 0;
    loop {
        match read(fd, &mut text[length..])? {
            0 => break,
            more => length += more,
        }
    }
    equal(length, 800, "bytes of five writers")?;
    let is_whole = text[..length].chunks(8).all(|piece| piece.iter().all(|it| *it == piece[0]));
    check(is_whole, "each write is whole")?;
    close(fd)?;
    unlink(path)?;
    Ok(())
}
