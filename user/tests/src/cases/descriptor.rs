//! Descriptors as slots: lowest free, dup2, flags, closing.

use tine::abi::capability::SlotFlags;
use tine::descriptor::{OpenFlags, descriptor_flags, dup_from, set_descriptor_flags};
use tine::{Errno, Fd, close, dup, dup2, fstat, open, pipe, read, write};

use super::{Case, case};
use crate::process::{child, exits};
use crate::verdict::{Verdict, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("descriptor.lowest", lowest),
    case("descriptor.dup2", dup2_descriptor),
    case("descriptor.flags", flags),
    case("descriptor.bad", bad),
    case("descriptor.many", many),
];

fn opened() -> Verdict<Fd> {
    Ok(open("/bin/sh", OpenFlags::READ)?)
}

fn lowest() -> Verdict {
    let fds = [opened()?, opened()?, opened()?];
    equal(fds, [Fd(3), Fd(4), Fd(5)], "numbers in order")?;
    close(fds[1])?;
    equal(dup(fds[0])?, Fd(4), "the lowest free number")?;
    close(Fd(0))?;
    equal(opened()?, Fd(0), "also a standard one")?;
    equal(dup_from(fds[0], Fd(9), SlotFlags::empty())?, Fd(9), "the lowest from a number on")?;
    equal(dup_from(fds[0], Fd(9), SlotFlags::empty())?, Fd(10), "and the next")
}

fn dup2_descriptor() -> Verdict {
    let (from, to) = pipe()?;
    let file = opened()?;
    equal(dup2(to, Fd(20))?, Fd(20), "a free number")?;
    equal(dup2(file, to)?, to, "a number in use")?;
    // The pipe's write end lives on in its copy only.
    equal(write(Fd(20), b"x")?, 1, "the copy")?;
    equal(dup2(Fd(20), Fd(20))?, Fd(20), "onto itself")?;
    close(Fd(20))?;
    let mut bytes = [0; 4];
    equal(read(from, &mut bytes)?, 1, "what was written")?;
    equal(read(from, &mut bytes)?, 0, "the end, for what was replaced is closed")?;
    refused(dup2(Fd(40), Fd(41)), Errno::BADF, "nothing to copy")?;
    refused(dup2(Fd(40), Fd(40)), Errno::BADF, "nothing, onto itself")?;
    refused(fstat(Fd(41)), Errno::BADF, "nothing has come of it")
}

fn flags() -> Verdict {
    let fd = opened()?;
    equal(descriptor_flags(fd)?, SlotFlags::empty(), "of a new descriptor")?;
    set_descriptor_flags(fd, SlotFlags::CLOEXEC | SlotFlags::CLOFORK)?;
    equal(descriptor_flags(fd)?, SlotFlags::all(), "when set")?;
    let copy = dup(fd)?;
    equal(descriptor_flags(copy)?, SlotFlags::empty(), "of a copy")?;
    let pid = child(|| {
        refused(fstat(fd), Errno::BADF, "CLOFORK: the child does not have it")?;
        equal(fstat(copy).is_ok(), true, "the copy")?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    equal(fstat(fd).is_ok(), true, "the parent's")
}

fn bad() -> Verdict {
    let mut byte = [0];
    for fd in [Fd(3), Fd(63), Fd(1000), Fd(u16::MAX)] {
        refused(read(fd, &mut byte), Errno::BADF, format_args!("reading {fd}"))?;
        refused(write(fd, &byte), Errno::BADF, format_args!("writing {fd}"))?;
        refused(close(fd), Errno::BADF, format_args!("closing {fd}"))?;
        refused(dup(fd), Errno::BADF, format_args!("copying {fd}"))?;
        refused(fstat(fd), Errno::BADF, format_args!("status of {fd}"))?;
    }
    let write_only = open("/tmp/descriptor.bad", OpenFlags::WRITE | OpenFlags::CREATE)?;
    refused(read(write_only, &mut byte), Errno::BADF, "reading what is for writing")?;
    let read_only = open("/tmp/descriptor.bad", OpenFlags::READ)?;
    refused(write(read_only, &byte), Errno::BADF, "writing what is for reading")?;
    tine::unlink("/tmp/descriptor.bad")?;
    Ok(())
}

/// More descriptors than a table holds in itself, and a fork of all of them.
fn many() -> Verdict {
    const COUNT: u16 = 600;
    let fd = opened()?;
    for number in 4..COUNT {
        equal(dup(fd)?, Fd(number), "numbers in order")?;
    }
    let pid = child(|| {
        for number in 3..COUNT {
            equal(fstat(Fd(number)).is_ok(), true, format_args!("descriptor {number}"))?;
        }
        close(Fd(300))?;
        equal(dup(fd)?, Fd(300), "the lowest free number")?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    equal(dup(fd)?, Fd(COUNT), "the next number")
}
