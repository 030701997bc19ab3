//! The kernel's log: what is written there is read again, by position and by `dmesg`.

use alloc::format;

use tine::abi::CapRef;
use tine::abi::capability::slot;
use tine::sys::domain::{LOG_MAX, debug_log};
use tine::sys::hardware::{LogPart, log_read};
use tine::unlink;

use super::shell::shell;
use super::{Case, case};
use crate::verdict::{Verdict, equal};

pub(super) const CASES: &[Case] = &[case("log.read", read), case("log.dmesg", dmesg)];

/// Bytes that the kernel keeps.
const KEPT: u64 = 16 << 10;

/// What is read from `position` on into a buffer.
fn part(position: u64, buffer: &mut [u8]) -> Verdict<LogPart<'_>> {
    Ok(log_read(CapRef::private(slot::STATISTICS), position, buffer)?)
}

/// The position of what is logged next.
fn end() -> Verdict<u64> {
    Ok(part(u64::MAX, &mut [])?.position)
}

/// What is read from `position` on, at most `most` bytes, must be this, and be there.
#[track_caller]
fn holds(position: u64, most: usize, bytes: &[u8]) -> Verdict {
    let mut buffer = [0; 2 * LOG_MAX];
    let found = part(position, &mut buffer[..most])?;
    equal(found, LogPart { position, bytes }, format_args!("{most} bytes from {position}"))
}

fn read() -> Verdict {
    let start = end()?;
    debug_log(b"log.read: one\n")?;
    holds(start, 2 * LOG_MAX, b"log.read: one\n")?;
    // The reader goes on where it stopped, and nothing that a terminal acts on gets through.
    debug_log(b"two\x1b[2J\xff")?;
    debug_log(b"\n")?;
    holds(start + 14, 5, b"two?[")?;
    holds(start + 19, 2 * LOG_MAX, b"2J?\n")?;
    holds(start + 23, 2 * LOG_MAX, b"")?;
    equal(end()?, start + 23, "the end")
}

fn dmesg() -> Verdict {
    // The results channel leaves out empty lines, and so does not see this.
    for _ in 0..KEPT / LOG_MAX as u64 {
        debug_log(&[b'\n'; LOG_MAX])?;
    }
    debug_log(b"log.dmesg\n")?;
    let oldest = end()? - KEPT;
    let mut buffer = [0; 2 * LOG_MAX];
    let first = LogPart { position: oldest, bytes: &[b'\n'; LOG_MAX] };
    equal(part(0, &mut buffer)?, first, "the oldest bytes, and no more than a call copies")?;
    let (output, code) = shell(&["-c", "dmesg 2>/tmp/log.e | wc; cat /tmp/log.e"], b"")?;
    unlink("/tmp/log.e")?;
    let lines = KEPT - 9;
    let expected =
        format!(" {lines:>7} {:>7} {KEPT:>7}\ndmesg: {oldest} bytes of the log are lost\n", 1);
    equal((output, code), (expected, 0), "dmesg")
}
