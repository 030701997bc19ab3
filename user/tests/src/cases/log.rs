//! The kernel's log: what is written there is read again, by position.

use tine::abi::CapRef;
use tine::abi::capability::slot;
use tine::sys::domain::{LOG_MAX, debug_log};
use tine::sys::hardware::{LogPart, log_read};

use super::{Case, case};
use crate::verdict::{Verdict, equal};

pub(super) const CASES: &[Case] = &[case("log.read", read)];

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
