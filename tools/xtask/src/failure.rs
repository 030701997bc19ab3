//! Why a verb did not do what it was asked, and the exit code that says so.
//!
//! Owns: the tool's own exit codes. Called by: every verb and `main`.
//! Invariant: each failure carries a text a person can act on.

use tine_harness::End;

/// A usage error.
pub(crate) const USAGE: u8 = 2;
/// The host cannot be set up or take the output, or the guest cannot be built.
pub(crate) const SETUP: u8 = 3;
/// The kernel panicked, halted, or reset the machine.
pub(crate) const PANIC: u8 = 4;
/// The guest hangs.
pub(crate) const HANG: u8 = 5;
/// QEMU could not be started, or failed.
pub(crate) const QEMU: u8 = 6;
/// Nobody reads the output any more: 128 + SIGPIPE, as a shell would say.
pub(crate) const UNREAD: u8 = 141;
/// The user ended the run: 128 + SIGINT, as a shell would say.
pub(crate) const INTERRUPTED: u8 = 130;

/// A failure: exit code and text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    /// The process's exit code.
    pub(crate) code: u8,
    /// What to tell the user.
    pub(crate) text: String,
}

impl Failure {
    /// The words on the command line cannot be followed.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { code: USAGE, text: text.into() }
    }

    /// The host lacks something, or the guest cannot be built.
    pub(crate) fn setup(text: impl Into<String>) -> Self {
        Self { code: SETUP, text: text.into() }
    }
}

/// The exit code of a run that was to give a command's status.
pub(crate) fn code_of(end: &End) -> u8 {
    match end {
        End::Status(status) => *status,
        End::Signal(signal) => 128 | signal,
        End::Done(_) | End::PoweredOff | End::Left => 0,
        End::Vanished | End::Panic(_) | End::Halted(_) => PANIC,
        End::Hang(..) => HANG,
        End::Qemu(_) => QEMU,
        End::Output(_) => SETUP,
        End::Unread => UNREAD,
        End::Interrupted => INTERRUPTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_code() {
        let text = String::new;
        for (end, code) in [
            (End::Status(0), 0),
            (End::Status(255), 255),
            (End::Signal(9), 137),
            (End::PoweredOff, 0),
            (End::Left, 0),
            (End::Vanished, 4),
            (End::Panic(text()), 4),
            (End::Halted(text()), 4),
            (End::Hang(std::time::Duration::ZERO, None), 5),
            (End::Qemu(text()), 6),
            (End::Output(text()), 3),
            (End::Unread, 141),
            (End::Interrupted, 130),
        ] {
            assert_eq!(code_of(&end), code, "{end}");
        }
    }
}
