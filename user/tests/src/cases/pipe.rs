//! Pipes: order, capacity, ends, atomicity.

use alloc::vec;
use alloc::vec::Vec;

use tine::pipe::{CAPACITY, PIPE_BUF};
use tine::process::set_ignored;
use tine::signal::{SIGKILL, SIGPIPE};
use tine::{Errno, close, fstat, pipe, read, write};

use super::{Case, case};
use crate::process::{Line, child, exits, is_killed};
use crate::verdict::{Failure, Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("pipe.bytes", bytes),
    case("pipe.end-of-file", end_of_file),
    case("pipe.broken", broken),
    case("pipe.capacity", capacity),
    case("pipe.atomic-writes", atomic_writes),
    case("pipe.two-readers", two_readers),
    case("pipe.killed-ends", killed_ends),
    case("pipe.stream", stream),
];

fn bytes() -> Verdict {
    let (from, to) = pipe()?;
    equal(fstat(from)?.kind, tine::descriptor::FileKind::Pipe, "what it is")?;
    equal(write(to, b"abcdef")?, 6, "bytes written")?;
    let mut buffer = [0; 4];
    equal(read(from, &mut buffer)?, 4, "bytes read")?;
    equal(&buffer, b"abcd", "in order")?;
    equal(read(from, &mut buffer)?, 2, "the rest")?;
    equal(read(from, &mut [])?, 0, "reading nothing does not wait")?;
    equal(write(to, &[])?, 0, "writing nothing")?;
    refused(read(to, &mut buffer), Errno::BADF, "reading the write end")?;
    refused(write(from, &buffer), Errno::BADF, "writing the read end")?;
    let seek = tine::lseek(from, 0, tine::descriptor::Whence::Start);
    refused(seek, Errno::SPIPE, "a position")?;
    close(from)?;
    close(to)?;
    Ok(())
}

fn end_of_file() -> Verdict {
    let (from, to) = pipe()?;
    let copy = tine::dup(to)?;
    let writer = child(|| {
        close(from)?;
        close(to)?;
        write(copy, b"last")?;
        Ok(0)
    })?;
    close(to)?;
    let mut buffer = [0; 16];
    equal(read(from, &mut buffer)?, 4, "what the child wrote")?;
    exits(writer, 0)?;
    close(copy)?;
    for _ in 0..2 {
        equal(read(from, &mut buffer)?, 0, "the end")?;
    }
    close(from)?;
    Ok(())
}

fn broken() -> Verdict {
    let (from, to) = pipe()?;
    let pid = child(|| {
        close(from)?;
        write(to, b"x")?;
        Ok(0)
    })?;
    // Whoever is first: the child's own read end and this one are both closed soon.
    close(from)?;
    let status = crate::process::ended(pid)?;
    let is_known = status.exit_code() == Some(0) || status.signal() == Some(SIGPIPE as u8);
    check(is_known, "the child wrote before or after the close")?;
    let pid = child(|| {
        write(to, b"x")?;
        Ok(0)
    })?;
    is_killed(pid, SIGPIPE)?;
    let pid = child(|| {
        set_ignored(SIGPIPE, true)?;
        refused(write(to, b"x"), Errno::PIPE, "a survivor")?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    close(to)?;
    Ok(())
}

fn capacity() -> Verdict {
    let (from, to) = pipe()?;
    let full = vec![7; CAPACITY];
    equal(write(to, &full)?, CAPACITY, "a whole pipe")?;
    // The next byte waits until somebody reads.
    let done = Line::new()?;
    let writer = child(|| {
        close(from)?;
        equal(write(to, b"y")?, 1, "one byte more")?;
        done.speak()?.say(1)?;
        Ok(0)
    })?;
    let done = done.listen()?;
    for _ in 0..50 {
        tine::sys::domain::yield_now();
    }
    let mut asked = [tine::PollFd::new(done.0, tine::PollFlags::POLLIN)];
    equal(tine::poll(&mut asked, Some(core::time::Duration::ZERO))?, 0, "the writer waits")?;
    let mut buffer = vec![0; CAPACITY];
    let mut length = 0;
    while length < CAPACITY {
        length += read(from, &mut buffer[length..])?;
    }
    check(buffer.iter().all(|byte| *byte == 7), "what was written first")?;
    equal(done.hear()?, Some(1), "the writer goes on")?;
    equal(read(from, &mut buffer)?, 1, "the last byte")?;
    equal(buffer[0], b'y', "which it is")?;
    exits(writer, 0)?;
    for fd in [from, to, done.0] {
        close(fd)?;
    }
    Ok(())
}

/// Writes of PIPE_BUF bytes are never interleaved, with the pipe full all the time.
fn atomic_writes() -> Verdict {
    const WRITERS: u8 = 4;
    const WRITES: usize = 60;
    let (from, to) = pipe()?;
    for writer in 1..=WRITERS {
        child(|| {
            close(from)?;
            for _ in 0..WRITES {
                equal(write(to, &[writer; PIPE_BUF])?, PIPE_BUF, "an atomic write")?;
            }
            Ok(0)
        })?;
    }
    close(to)?;
    let mut counts = [0; WRITERS as usize + 1];
    let mut piece = [0; PIPE_BUF];
    loop {
        let mut length = 0;
        while length < PIPE_BUF {
            match read(from, &mut piece[length..])? {
                0 if length == 0 => break,
                0 => return Err(Failure::new("half a piece at the end")),
                more => length += more,
            }
        }
        if length == 0 {
            break;
        }
        let first = piece[0];
        check(piece.iter().all(|byte| *byte == first), "a piece of one writer")?;
        counts[usize::from(first)] += 1;
    }
    equal(&counts[1..], &[WRITES; WRITERS as usize][..], "pieces of each writer")?;
    close(from)?;
    equal(crate::process::reap_all()?, usize::from(WRITERS), "children")
}

fn two_readers() -> Verdict {
    let (from, to) = pipe()?;
    let sums = Line::new()?;
    for _ in 0..2 {
        child(|| {
            close(to)?;
            let mut sum = 0;
            let mut byte = [0];
            while read(from, &mut byte)? > 0 {
                sum += u64::from(byte[0]);
            }
            sums.speak()?.say_number(sum)?;
            Ok(0)
        })?;
    }
    close(from)?;
    for byte in 0..200 {
        write(to, &[byte])?;
    }
    close(to)?;
    let sums = sums.listen()?;
    let both = sums.hear_number()?.unwrap_or(0) + sums.hear_number()?.unwrap_or(0);
    equal(both, 199 * 200 / 2, "each byte was read once")?;
    equal(crate::process::reap_all()?, 2, "children")?;
    sums.leave()
}

fn killed_ends() -> Verdict {
    let (from, to) = pipe()?;
    let writer = child(|| {
        close(from)?;
        tine::poll(&mut [], None)?;
        Ok(0)
    })?;
    close(to)?;
    tine::kill(writer, SIGKILL)?;
    is_killed(writer, SIGKILL)?;
    equal(read(from, &mut [0])?, 0, "the end, when the writer was killed")?;
    close(from)?;
    // A reader that waits does not keep the pipe's other users from being served.
    let (from, to) = pipe()?;
    let reader = child(|| {
        close(to)?;
        read(from, &mut [0])?;
        Ok(0)
    })?;
    for _ in 0..20 {
        tine::sys::domain::yield_now();
    }
    tine::kill(reader, SIGKILL)?;
    is_killed(reader, SIGKILL)?;
    equal(write(to, b"k")?, 1, "a write after the reader was killed")?;
    let mut byte = [0];
    equal(read(from, &mut byte)?, 1, "nothing was lost with it")?;
    equal(byte[0], b'k', "the byte")?;
    close(from)?;
    close(to)?;
    Ok(())
}

/// A long stream with odd sizes on both sides.
fn stream() -> Verdict {
    const BYTES: usize = 200_000;
    let (from, to) = pipe()?;
    let pattern = |at: usize| (at * 31 % 251) as u8;
    let writer = child(|| {
        close(from)?;
        let text: Vec<u8> = (0..BYTES).map(pattern).collect();
        let mut at = 0;
        while at < BYTES {
            let end = (at + 1 + at % 7919).min(BYTES);
            tine::descriptor::write_all(to, &text[at..end])?;
            at = end;
        }
        Ok(0)
    })?;
    close(to)?;
    let mut at = 0;
    let mut buffer = [0; 5003];
    loop {
        let length = read(from, &mut buffer)?;
        if length == 0 {
            break;
        }
        for byte in &buffer[..length] {
            equal(*byte, pattern(at), format_args!("byte {at}"))?;
            at += 1;
        }
    }
    equal(at, BYTES, "bytes")?;
    exits(writer, 0)?;
    close(from)?;
    Ok(())
}
