//! wait: the end of children.

use tine_abi::protocol::process::Operation;

pub use tine_abi::protocol::process::{WaitFlags, WaitStatus};

use super::{Pid, server, signed};
use crate::error::{Result, request};
use crate::signal;

/// Waits for a child: this one, any of the own group (0), any (-1), any of a group (less). Tells
/// which and how it ended; `None` with `NOHANG` when none has.
///
/// # Errors
/// ECHILD.
pub fn wait4(pid: Pid, flags: WaitFlags) -> Result<Option<(Pid, WaitStatus)>> {
    let words = server(&request(Operation::Wait as u64, flags.bits(), [signed(pid)]))?;
    Ok(match words[1] {
        0 => None,
        pid => Some((pid as Pid, WaitStatus(words[2] as u32))),
    })
}

/// As [`wait4`].
///
/// # Errors
/// ECHILD.
pub fn waitpid(pid: Pid, flags: WaitFlags) -> Result<Option<(Pid, WaitStatus)>> {
    wait4(pid, flags)
}

/// The number that a shell makes of a status: the exit code, or 128 and the signal.
#[must_use]
pub fn shell_code(status: WaitStatus) -> i32 {
    match (status.exit_code(), status.signal()) {
        (Some(code), _) => i32::from(code),
        (None, Some(signal)) => 128 + i32::from(signal),
        (None, None) => 128 + i32::from((status.0 >> 8) as u8),
    }
}

/// Shows a status in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(pub WaitStatus);

impl core::fmt::Display for Words {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match (self.0.exit_code(), self.0.signal()) {
            (Some(code), _) => write!(formatter, "exit code {code}"),
            (None, Some(number)) => formatter.write_str(signal::sentence(u32::from(number))),
            (None, None) => formatter.write_str(signal::sentence(self.0.0 >> 8 & 0xff)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn statuses_in_numbers_and_words() {
        for (status, code, words) in [
            (WaitStatus::exited(0), 0, "exit code 0"),
            (WaitStatus::exited(255), 255, "exit code 255"),
            (WaitStatus::signaled(11), 139, "Segmentation fault"),
            (WaitStatus(17 << 8 | 0x7f), 145, "Suspended (signal)"),
        ] {
            assert_eq!((shell_code(status), format!("{}", Words(status))), (code, words.into()));
        }
    }
}
