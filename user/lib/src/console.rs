//! The console: its mode, and the results channel behind it.
//!
//! Any descriptor may be asked; whoever is no console answers ENOTTY.

use tine_abi::protocol::console::Operation;
use tine_sys::capability::LOWEST_DESCRIPTOR;
use tine_sys::message::Message;

pub use tine_abi::protocol::console::Mode;

use crate::descriptor::{Fd, ask, is_process};
use crate::error::{Errno, Result, answer, request};

/// What servers without the operation say, in the words of terminals.
const fn no_terminal(error: Errno) -> Errno {
    match error {
        Errno::NOSYS | Errno::OPNOTSUPP => Errno::NOTTY,
        error => error,
    }
}

/// tcgetattr(3): the mode.
///
/// # Errors
/// ENOTTY, EBADF.
pub fn mode(fd: Fd) -> Result<Mode> {
    if is_process(fd)? {
        return Err(Errno::NOTTY);
    }
    let words = ask(fd, &request(Operation::GetMode as u64, 0, [])).map_err(no_terminal)?;
    Ok(Mode::from_bits_truncate(words[1]))
}

/// tcsetattr(3): sets the mode; tells the one before.
///
/// # Errors
/// ENOTTY, EBADF.
pub fn set_mode(fd: Fd, mode: Mode) -> Result<Mode> {
    if is_process(fd)? {
        return Err(Errno::NOTTY);
    }
    let words = request(Operation::SetMode as u64, 0, [mode.bits()]);
    Ok(Mode::from_bits_truncate(ask(fd, &words).map_err(no_terminal)?[1]))
}

/// isatty(3).
#[must_use]
pub fn isatty(fd: Fd) -> bool {
    mode(fd).is_ok()
}

/// Opens the results channel to the host; the descriptor is the lowest free one.
///
/// # Errors
/// ENOTTY, EBADF, EMFILE.
pub fn open_results(console: Fd) -> Result<Fd> {
    let message = Message::new(request(Operation::OpenResults as u64, 0, []));
    let reply = answer(message.receive(LOWEST_DESCRIPTOR).call(console.capability()));
    Fd::arrived(&reply.map_err(no_terminal)?, 0)
}

/// Whether an interrupt is pending: the interrupt character was typed, and nobody has taken it yet.
///
/// # Errors
/// ENOTTY, EBADF.
pub fn is_interrupted(fd: Fd) -> Result<bool> {
    pending_interrupt(fd, false)
}

/// Takes the pending interrupt, if there is one; until then every read answers EINTR.
///
/// # Errors
/// ENOTTY, EBADF.
pub fn take_interrupt(fd: Fd) -> Result<bool> {
    pending_interrupt(fd, true)
}

fn pending_interrupt(fd: Fd, takes: bool) -> Result<bool> {
    if is_process(fd)? {
        return Err(Errno::NOTTY);
    }
    let words = request(Operation::PendingInterrupt as u64, 0, [takes.into()]);
    Ok(ask(fd, &words).map_err(no_terminal)?[1] != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_no_console() {
        assert!(!isatty(Fd::STDIN));
        assert_eq!(no_terminal(Errno::NOSYS), Errno::NOTTY);
        assert_eq!(no_terminal(Errno::BADF), Errno::BADF);
    }
}
