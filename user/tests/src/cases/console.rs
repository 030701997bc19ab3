//! The console: its modes, and who is none. What is typed is tested from outside.

use tine::abi::protocol::console::Mode;
use tine::console::{is_interrupted, isatty, mode, set_mode, take_interrupt};
use tine::descriptor::OpenFlags;
use tine::{Errno, Fd, PollFd, PollFlags, close, fstat, open, pipe, poll};

use super::{Case, case};
use crate::verdict::{Verdict, check, equal, refused};

pub(super) const CASES: &[Case] =
    &[case("console.modes", modes), case("console.others", others), case("console.device", device)];

fn modes() -> Verdict {
    let before = mode(Fd::STDIN)?;
    for wanted in [Mode::empty(), Mode::CANONICAL, Mode::ECHO | Mode::NEWLINE, Mode::COOKED] {
        set_mode(Fd::STDIN, wanted)?;
        equal(mode(Fd::STDOUT)?, wanted, "a mode that was set")?;
    }
    equal(set_mode(Fd::STDIN, before)?, Mode::COOKED, "the mode before")?;
    let odd = set_mode(Fd::STDIN, Mode::from_bits_retain(1 << 30));
    refused(odd, Errno::INVAL, "an undefined mode")?;
    equal(mode(Fd::STDIN)?, before, "the mode as it was")
}

fn others() -> Verdict {
    let (from, to) = pipe()?;
    let file = open("/bin/sh", OpenFlags::READ)?;
    for fd in [from, to, file] {
        refused(mode(fd), Errno::NOTTY, "what is no terminal")?;
        refused(set_mode(fd, Mode::COOKED), Errno::NOTTY, "what is no terminal")?;
        refused(is_interrupted(fd), Errno::NOTTY, "what is no terminal")?;
        check(!isatty(fd), "isatty")?;
        close(fd)?;
    }
    refused(mode(Fd(60)), Errno::BADF, "no descriptor")
}

fn device() -> Verdict {
    equal(fstat(Fd::STDIN)?.kind, tine::descriptor::FileKind::Device, "what it is")?;
    let mut asked = [PollFd::new(Fd::STDOUT, PollFlags::POLLOUT)];
    equal(poll(&mut asked, None)?, 1, "it can be written")?;
    equal(tine::write(Fd::STDOUT, b"")?, 0, "writing nothing")?;
    equal(is_interrupted(Fd::STDIN)?, false, "a pending interrupt")?;
    equal(take_interrupt(Fd::STDIN)?, false, "an interrupt to take")?;
    let seek = tine::lseek(Fd::STDIN, 0, tine::descriptor::Whence::Start);
    refused(seek, Errno::SPIPE, "a position")
}
