//! Processes: making, ending, awaiting, signalling, grouping, listing.
//!
//! Owns: the fork family and everything else that the process server answers.
//!
//! Never enters it: pids remembered in statics (see the crate's invariants); signal handlers.

pub mod exec;
pub mod fork;
pub mod group;
pub mod limit;
pub mod list;
pub mod spawn;
pub mod wait;

use tine_abi::message::Words;
use tine_abi::protocol::process::Operation;
use tine_rt::control;
use tine_rt::fork::PROCESS;
use tine_sys::message;

use crate::descriptor::{Fd, ask};
use crate::error::{Result, answer, request};
use crate::io;

pub use exec::{Program, execve, execvp};
pub use fork::{Fork, fork, pdfork, vfork};
pub use group::{getpgid, getsid, setpgid, setsid, tcgetpgrp, tcsetpgrp};
pub use list::{Record, State, processes};
pub use spawn::{Action, posix_spawn};
pub use wait::{WaitFlags, WaitStatus, wait4, waitpid};

/// A process id, as the calls of Unix take it: negative numbers stand for groups.
pub type Pid = i32;

/// A signed number in a word.
#[inline]
pub(crate) const fn signed(pid: Pid) -> u64 {
    pid as i64 as u64
}

/// Asks the process server.
#[inline]
pub(crate) fn server(words: &Words) -> Result<Words> {
    Ok(answer(message::call(PROCESS, words))?.words)
}

/// The process id of the caller, without a message.
#[inline]
#[must_use]
pub fn getpid() -> Pid {
    control::process() as Pid
}

/// The process id of the caller, by asking the server: what a null request costs.
///
/// # Errors
/// EBADF without a process server.
#[inline]
pub fn getpid_by_message() -> Result<Pid> {
    Ok(server(&request(Operation::GetPid as u64, 0, []))?[1] as Pid)
}

/// The process id of the parent.
///
/// # Errors
/// EBADF without a process server.
pub fn getppid() -> Result<Pid> {
    Ok(server(&request(Operation::GetParentPid as u64, 0, []))?[1] as Pid)
}

/// Ends the process; printed text that was not flushed is lost.
pub fn _exit(code: i32) -> ! {
    tine_sys::domain::exit(code as u32)
}

/// Ends the process after writing what was printed.
pub fn exit(code: i32) -> ! {
    _exit(io::finish(code))
}

/// Sends a signal: to a process, to the own group (0), to all (-1), to a group (less).
///
/// # Errors
/// As kill(2).
pub fn kill(pid: Pid, signal: u32) -> Result<()> {
    server(&request(Operation::Kill as u64, 0, [signed(pid), u64::from(signal)])).map(drop)
}

/// Sends a signal to the caller.
///
/// # Errors
/// As kill(2).
pub fn raise(signal: u32) -> Result<()> {
    kill(getpid(), signal)
}

/// The process id of a process descriptor, also after it has ended.
///
/// # Errors
/// EBADF, ENOTCAPABLE.
pub fn pdgetpid(fd: Fd) -> Result<Pid> {
    Ok(ask(fd, &request(Operation::DescriptorPid as u64, 0, []))?[1] as Pid)
}

/// Sends a signal to the process of a descriptor.
///
/// # Errors
/// EBADF, ENOTCAPABLE, and as kill(2).
pub fn pdkill(fd: Fd, signal: u32) -> Result<()> {
    ask(fd, &request(Operation::DescriptorKill as u64, 0, [u64::from(signal)])).map(drop)
}

/// The real user of the caller.
///
/// # Errors
/// EBADF without a process server.
pub fn getuid() -> Result<u32> {
    Ok(server(&request(Operation::GetUser as u64, 0, []))?[1] as u32)
}

/// Becomes another user; the superuser's.
///
/// # Errors
/// EPERM.
pub fn setuid(user: u32) -> Result<()> {
    server(&request(Operation::SetUser as u64, 0, [u64::from(user)])).map(drop)
}

/// Ignores a signal (SIG_IGN), or gives it back its default action. A fork inherits this, and an
/// exec keeps it.
///
/// # Errors
/// EINVAL for a signal that is none or cannot be ignored.
pub fn set_ignored(signal: u32, ignored: bool) -> Result<()> {
    let arguments = [u64::from(signal), u64::from(ignored)];
    server(&request(Operation::SetIgnored as u64, 0, arguments)).map(drop)
}

/// Becomes the reaper of the processes below (procctl, PROC_REAP_ACQUIRE).
///
/// # Errors
/// EBUSY if the caller is one already.
pub fn acquire_reaper() -> Result<()> {
    server(&request(Operation::AcquireReaper as u64, 0, [])).map(drop)
}

/// Ceases to be one (PROC_REAP_RELEASE).
///
/// # Errors
/// EINVAL if the caller is none, or init.
pub fn release_reaper() -> Result<()> {
    server(&request(Operation::ReleaseReaper as u64, 0, [])).map(drop)
}

/// What the last fork of any process cost the process server itself, in ticks.
///
/// # Errors
/// Those of a message.
pub fn fork_share() -> Result<u64> {
    Ok(server(&request(Operation::ForkShare as u64, 0, []))?[1])
}

/// Switches the machine off; the superuser's. Returns only on failure.
///
/// # Errors
/// EPERM.
pub fn power_off() -> Result<()> {
    server(&request(Operation::PowerOff as u64, 0, [])).map(drop)
}
