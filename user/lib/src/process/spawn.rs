//! posix_spawn: vfork and exec with a few things done in between.
//!
//! Invariants: the child allocates nothing; its failure reaches the parent through the memory that
//! both share.

use tine_rt::heap::Lock;

use super::exec::Program;
use super::fork::{Stack, vfork};
use super::{_exit, Pid, setpgid, wait::waitpid};
use crate::descriptor::{Fd, close, dup2};
use crate::error::{Errno, Result};

/// What the child does before it executes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// `dup2(from, to)`.
    Dup2(Fd, Fd),
    /// Closes a descriptor.
    Close(Fd),
    /// `setpgid(0, group)`; 0 makes a group of its own.
    SetGroup(Pid),
}

/// What parent and child share.
struct Shared<'a> {
    program: &'a Program,
    actions: &'a [Action],
    failure: Option<Errno>,
}

/// Bytes of the child's stack: messages and system calls, no formatting.
const STACK: usize = 16 << 10;

/// The stack of the last child, for the next one.
static SPARE: Lock<Option<Stack>> = Lock::new(None);

fn child(shared: &mut Shared<'_>) -> ! {
    shared.failure = Some(match prepare(shared.actions) {
        Ok(()) => shared.program.exec(),
        Err(error) => error,
    });
    _exit(127)
}

fn prepare(actions: &[Action]) -> Result<()> {
    for action in actions {
        match *action {
            Action::Dup2(from, to) => drop(dup2(from, to)?),
            Action::Close(fd) => close(fd)?,
            Action::SetGroup(group) => setpgid(0, group)?,
        }
    }
    Ok(())
}

/// Starts a program in a child process; tells its pid.
///
/// # Errors
/// As vfork(2), of the actions, and of execve(2): then there is no child.
pub fn posix_spawn(program: &Program, actions: &[Action]) -> Result<Pid> {
    let spare = SPARE.lock().take();
    let mut stack = match spare {
        Some(stack) => stack,
        None => Stack::new(STACK)?,
    };
    let mut shared = Shared { program, actions, failure: None };
    let result = vfork(&mut stack, &mut shared, child);
    *SPARE.lock() = Some(stack);
    let pid = result?;
    match shared.failure {
        None => Ok(pid),
        Some(error) => {
            waitpid(pid, super::WaitFlags::empty())?;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_spawns_nothing() {
        let program = Program::find("true", &["true"]).unwrap();
        assert_eq!(posix_spawn(&program, &[]), Err(Errno::NOSYS));
        assert_eq!(prepare(&[Action::Close(Fd(3))]), Err(Errno::NOSYS));
    }
}
