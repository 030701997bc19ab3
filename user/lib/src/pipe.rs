//! Pipes, made by the pipe server. Their ends answer as every descriptor does.

use tine_abi::CapRef;
use tine_abi::capability::{SlotFlags, slot};
use tine_abi::protocol::pipe::Operation;
use tine_sys::capability::LOWEST_DESCRIPTOR;
use tine_sys::message::Message;

pub use tine_abi::protocol::pipe::{ATOMIC as PIPE_BUF, CAPACITY};

use crate::descriptor::Fd;
use crate::error::{Result, answer, request};

/// Makes a pipe: read end, write end.
///
/// # Errors
/// As pipe(2).
pub fn pipe() -> Result<(Fd, Fd)> {
    pipe2(SlotFlags::empty())
}

/// Makes a pipe whose descriptors have these flags.
///
/// # Errors
/// As pipe2(2).
pub fn pipe2(flags: SlotFlags) -> Result<(Fd, Fd)> {
    let destination = LOWEST_DESCRIPTOR.with_flags(flags);
    let message = Message::new(request(Operation::Create as u64, 0, []))
        .receive(destination)
        .receive(destination);
    let reply = answer(message.call(CapRef::private(slot::PIPE)))?;
    Ok((Fd::arrived(&reply, 0)?, Fd::arrived(&reply, 1)?))
}
