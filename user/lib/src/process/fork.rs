//! fork, pdfork, vfork.

use tine_abi::capability::SlotFlags;
use tine_abi::protocol::process::{ForkFlags, Operation};
use tine_sys::capability::LOWEST_DESCRIPTOR;
use tine_sys::message::Message;

pub use tine_rt::fork::Stack;

use super::Pid;
use crate::descriptor::Fd;
use crate::error::{Result, answer, refusal, request};
use crate::io;

/// Which of the two returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fork {
    /// The child. Its own pid is [`super::getpid`].
    Child,
    /// The parent, and the child's pid.
    Parent(Pid),
}

impl Fork {
    const fn of(word: u64) -> Self {
        match word {
            0 => Self::Child,
            pid => Self::Parent(pid as Pid),
        }
    }
}

fn words(flags: ForkFlags) -> tine_abi::message::Words {
    request(Operation::Fork as u64, flags.bits(), [])
}

/// Makes a copy of this process. Printed text is written first, so that it appears once.
///
/// # Errors
/// EAGAIN, ENOMEM.
pub fn fork() -> Result<Fork> {
    // A failure to write is told by the flush at the end, in the parent and in the child.
    io::before_fork();
    let reply = answer(tine_rt::fork::fork(Message::new(words(ForkFlags::empty()))))?;
    Ok(Fork::of(reply.words[1]))
}

/// Makes a copy of this process, and a descriptor of it for the parent. When its last copy is
/// closed the child is killed, unless `DAEMON` is among the flags.
///
/// # Errors
/// EAGAIN, ENOMEM, EMFILE.
pub fn pdfork(flags: ForkFlags) -> Result<(Fork, Option<Fd>)> {
    io::before_fork();
    let slot =
        if flags.contains(ForkFlags::CLOEXEC) { SlotFlags::CLOEXEC } else { SlotFlags::empty() };
    let words = words(flags.difference(ForkFlags::VFORK) | ForkFlags::DESCRIPTOR);
    let message = Message::new(words).receive(LOWEST_DESCRIPTOR.with_flags(slot));
    let reply = answer(tine_rt::fork::fork(message))?;
    let fork = Fork::of(reply.words[1]);
    match fork {
        Fork::Child => Ok((fork, None)),
        Fork::Parent(_) => Ok((fork, Some(Fd::arrived(&reply, 0)?))),
    }
}

/// Makes a child that borrows this process's memory: it runs `child(argument)` on `stack`, while
/// the caller waits until it has executed another program or has ended. Tells its pid.
///
/// What the child writes to memory stays written; its descriptors are a copy of its own.
///
/// # Errors
/// EAGAIN, ENOMEM.
pub fn vfork<T>(stack: &mut Stack, argument: &mut T, child: fn(&mut T) -> !) -> Result<Pid> {
    io::before_fork();
    let answer = tine_rt::fork::vfork(&words(ForkFlags::VFORK), stack, argument, child);
    // The child may have changed its descriptor 1, and with it what the library remembers of ours.
    io::descriptor_changed(Fd::STDOUT);
    let words = answer?;
    match words[0] {
        0 => Ok(words[1] as Pid),
        number => Err(refusal(number)),
    }
}
