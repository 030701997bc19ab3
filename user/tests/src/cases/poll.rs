//! poll over pipes, files, the console, and several at once.

use alloc::vec::Vec;

use core::time::Duration;

use tine::descriptor::OpenFlags;
use tine::pipe::CAPACITY;
use tine::poll::DESCRIPTORS;
use tine::{Fd, PollFd, PollFlags, clock_gettime, close, open, pipe, poll, read, unlink, write};

use super::{Case, case};
use crate::process::{Line, child, exits};
use crate::verdict::{Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("poll.pipe", poll_pipe),
    case("poll.waits", waits),
    case("poll.several", several),
    case("poll.file", file),
    case("poll.invalid", invalid),
    case("poll.timeout", timeout),
];

const NOW: Option<Duration> = Some(Duration::ZERO);

fn asked(fd: Fd, events: PollFlags, timeout: Option<Duration>) -> Verdict<PollFlags> {
    let mut list = [PollFd::new(fd, events)];
    let count = poll(&mut list, timeout)?;
    equal(count, usize::from(!list[0].revents.is_empty()), "what poll counts")?;
    Ok(list[0].revents)
}

fn poll_pipe() -> Verdict {
    let (from, to) = pipe()?;
    let both = PollFlags::POLLIN | PollFlags::POLLOUT;
    equal(asked(from, both, NOW)?, PollFlags::empty(), "an empty pipe's read end")?;
    equal(asked(to, both, NOW)?, PollFlags::POLLOUT, "its write end")?;
    write(to, b"x")?;
    equal(asked(from, both, NOW)?, PollFlags::POLLIN, "a read end with a byte")?;
    equal(asked(from, PollFlags::POLLOUT, NOW)?, PollFlags::empty(), "what was not asked for")?;
    let full = alloc::vec![0; CAPACITY - 1];
    write(to, &full)?;
    equal(asked(to, both, NOW)?, PollFlags::empty(), "a full pipe's write end")?;
    close(to)?;
    let told = asked(from, both, NOW)?;
    equal(told, PollFlags::POLLIN | PollFlags::POLLHUP, "bytes, and no writer")?;
    let mut rest = alloc::vec![0; CAPACITY];
    let mut length = 0;
    while length < CAPACITY {
        length += read(from, &mut rest)?;
    }
    check(asked(from, both, NOW)?.contains(PollFlags::POLLHUP), "no bytes and no writer")?;
    close(from)?;
    let (from, to) = pipe()?;
    close(from)?;
    check(asked(to, both, NOW)?.contains(PollFlags::POLLHUP), "no reader")?;
    close(to)?;
    Ok(())
}

/// A condition that begins later wakes the poll.
fn waits() -> Verdict {
    let (go, line) = (Line::new()?, Line::new()?);
    let pid = child(|| {
        let (go, line) = (go.listen()?, line.speak()?);
        go.hear()?;
        for _ in 0..10 {
            tine::sys::domain::yield_now();
        }
        line.say(9)?;
        go.hear_end()?;
        Ok(0)
    })?;
    let (go, line) = (go.speak()?, line.listen()?);
    go.say(0)?;
    equal(asked(line.0, PollFlags::POLLIN, None)?, PollFlags::POLLIN, "a byte that comes")?;
    equal(line.hear()?, Some(9), "which it is")?;
    go.leave()?;
    let told = asked(line.0, PollFlags::POLLIN, None)?;
    check(told.contains(PollFlags::POLLHUP), "an end that comes")?;
    exits(pid, 0)?;
    line.leave()
}

fn several() -> Verdict {
    const COUNT: usize = 20;
    let mut lines = Vec::new();
    for _ in 0..COUNT {
        lines.push(Line::new()?);
    }
    let pid = child(|| {
        for index in [13, 4, 19] {
            write(lines[index].write, &[index as u8])?;
        }
        Ok(0)
    })?;
    exits(pid, 0)?;
    let list = |lines: &[Line]| -> Vec<PollFd> {
        lines.iter().map(|line| PollFd::new(line.read, PollFlags::POLLIN)).collect()
    };
    let mut fds = list(&lines);
    equal(poll(&mut fds, None)?, 3, "descriptors that are ready")?;
    for (index, fd) in fds.iter().enumerate() {
        let expected =
            if [13, 4, 19].contains(&index) { PollFlags::POLLIN } else { PollFlags::empty() };
        equal(fd.revents, expected, format_args!("descriptor {index}"))?;
    }
    // One that is left out is not told.
    fds[13].fd = None;
    equal(poll(&mut fds, NOW)?, 2, "without the one left out")?;
    let mut many = alloc::vec![fds[0]; DESCRIPTORS + 1];
    refused(poll(&mut many, NOW), tine::Errno::INVAL, "more than poll takes")
}

fn file() -> Verdict {
    let path = "/tmp/poll.file";
    let fd = open(path, OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE)?;
    let both = PollFlags::POLLIN | PollFlags::POLLOUT;
    equal(asked(fd, both, None)?, both, "a file is always ready")?;
    close(fd)?;
    unlink(path)?;
    Ok(())
}

fn invalid() -> Verdict {
    equal(asked(Fd(60), PollFlags::POLLIN, None)?, PollFlags::POLLNVAL, "no descriptor")
}

fn timeout() -> Verdict {
    let (from, to) = pipe()?;
    let time = Duration::from_millis(5);
    let begin = clock_gettime();
    equal(asked(from, PollFlags::POLLIN, Some(time))?, PollFlags::empty(), "nothing comes")?;
    check(clock_gettime() >= begin + time, "the time has passed")?;
    equal(poll(&mut [], Some(time))?, 0, "a sleep")?;
    check(clock_gettime() >= begin + 2 * time, "the time has passed again")?;
    close(from)?;
    close(to)?;
    Ok(())
}
