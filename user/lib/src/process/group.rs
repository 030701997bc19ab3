//! Process groups, sessions, and the terminal's foreground.

use tine_abi::protocol::process::Operation;

use super::{Pid, server, signed};
use crate::error::{Result, request};

/// Puts a process (0: the caller) into a group (0: one of its own).
///
/// # Errors
/// As setpgid(2).
pub fn setpgid(pid: Pid, group: Pid) -> Result<()> {
    server(&request(Operation::SetGroup as u64, 0, [signed(pid), signed(group)])).map(drop)
}

/// The group of a process (0: the caller).
///
/// # Errors
/// ESRCH.
pub fn getpgid(pid: Pid) -> Result<Pid> {
    Ok(server(&request(Operation::GetGroup as u64, 0, [signed(pid)]))?[1] as Pid)
}

/// The group of the caller.
///
/// # Errors
/// EBADF without a process server.
pub fn getpgrp() -> Result<Pid> {
    getpgid(0)
}

/// Makes a new session with the caller as its leader; tells its number.
///
/// # Errors
/// EPERM.
pub fn setsid() -> Result<Pid> {
    Ok(server(&request(Operation::NewSession as u64, 0, []))?[1] as Pid)
}

/// The session of a process (0: the caller).
///
/// # Errors
/// ESRCH.
pub fn getsid(pid: Pid) -> Result<Pid> {
    Ok(server(&request(Operation::GetSession as u64, 0, [signed(pid)]))?[1] as Pid)
}

/// Makes a group of the caller's session the foreground group of its terminal.
///
/// # Errors
/// As tcsetpgrp(3).
pub fn tcsetpgrp(group: Pid) -> Result<()> {
    server(&request(Operation::SetForeground as u64, 0, [signed(group)])).map(drop)
}

/// The foreground group of the caller's terminal.
///
/// # Errors
/// ENOTTY.
pub fn tcgetpgrp() -> Result<Pid> {
    Ok(server(&request(Operation::GetForeground as u64, 0, []))?[1] as Pid)
}

/// Makes the console the terminal of the caller's session, which the caller must lead
/// (TIOCSCTTY).
///
/// # Errors
/// EPERM if the caller leads no session, or another session has the terminal.
pub fn tcacquire() -> Result<()> {
    server(&request(Operation::AcquireConsole as u64, 0, [])).map(drop)
}
