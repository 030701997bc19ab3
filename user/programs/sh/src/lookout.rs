//! Interrupts between the jobs of one command line.
//!
//! The interrupt character ends the foreground group. A shell that runs a loop of builtins, or is
//! about to start the next job, must live through it and yet learn of it. So while a command line
//! of several commands runs, a child of the shell, the lookout, stands in the foreground whenever
//! no job does. It answers calls and does nothing else; when a call finds it dead, the line was
//! interrupted.
//!
//! Invariants: there is a lookout only with job control, and none while the shell reads a command.
//! The process server handles interrupts and moves of the foreground one after the other, and a
//! process that was ended answers no more: so an answer *after* a job was put into the foreground
//! proves that no interrupt came before. The lookout ends by itself when the shell's identity on
//! its port, which no child inherits, is gone.

use tine::abi::capability::{Rights, SlotFlags};
use tine::abi::domain::rank;
use tine::abi::message::{MessageKind, NO_TOKEN};
use tine::abi::{CapRef, Kind};
use tine::ipc::Owned;
use tine::process::{Fork, WaitFlags, fork};
use tine::sys::capability::{ANYWHERE, LOWEST_DESCRIPTOR, Placement, create, mint};
use tine::sys::message::{call, reply_recv};
use tine::{_exit, Fd, Pid, Result, close, kill, setpgid, signal, tcsetpgrp, waitpid};
use tine_sh_language::syntax::{CommandKind, List};

use crate::pipeline::INTERRUPTED;
use crate::shell::Shell;

/// The lookout.
#[derive(Debug)]
pub(crate) struct Lookout {
    pid: Pid,
    /// The shell's identity on its port.
    identity: Owned,
}

/// Answers until nobody can ask any more.
fn answer(port: CapRef) -> ! {
    let mut token = NO_TOKEN;
    while let Ok(received) = reply_recv(port, token, &[0; 8], None) {
        if received.kind != MessageKind::Call {
            break;
        }
        token = received.token;
    }
    _exit(0)
}

impl Lookout {
    fn start() -> Result<Self> {
        let place = LOWEST_DESCRIPTOR.with_flags(SlotFlags::CLOEXEC);
        let port = create(CapRef::SELF, Kind::Port, place, [rank::PROGRAM, 0, 0])?;
        let own = ANYWHERE.with_flags(SlotFlags::CLOEXEC);
        let identity = mint(port, 0, Placement::new(own).with_rights(Rights::SEND));
        let forked = if identity.is_ok() { fork().ok() } else { None };
        if forked == Some(Fork::Child) {
            answer(port);
        }
        let identity = identity.map(Owned::new);
        close(Fd(port.slot() as u16))?;
        let Some(Fork::Parent(pid)) = forked else { return Err(tine::Errno::AGAIN) };
        setpgid(pid, pid)?;
        Ok(Self { pid, identity: identity? })
    }

    fn is_alive(&self) -> bool {
        self.identity.capability().is_ok_and(|identity| call(identity, &[0; 8]).is_ok())
    }
}

/// Whether a command line runs more than one job, or none.
pub(crate) fn has_gaps(list: &List) -> bool {
    let [and_or] = &*list.0 else { return true };
    let [(_, pipeline)] = and_or.pipelines.as_slice() else { return true };
    pipeline.commands.len() == 1
        && !matches!(
            pipeline.commands[0].kind,
            CommandKind::Simple { .. } | CommandKind::Subshell(_)
        )
}

impl Shell {
    /// Posts a lookout for the command line that begins. Without one, interrupts between jobs are
    /// not noticed, and that is all.
    pub(crate) fn post_lookout(&mut self) {
        if self.resting.is_some() && self.lookout.is_none() {
            self.lookout = Lookout::start().ok();
            self.rest();
        }
    }

    /// The command line is over.
    pub(crate) fn dismiss_lookout(&mut self) {
        if let Some(Lookout { pid, identity }) = self.lookout.take() {
            drop(identity);
            waitpid(pid, WaitFlags::empty()).ok();
            self.rest();
        }
    }

    /// Whether the command line was interrupted while no job was in the foreground. To be asked now
    /// and then while the shell itself is busy.
    pub(crate) fn is_interrupted(&mut self) -> bool {
        let is_over = self.lookout.as_ref().is_some_and(|lookout| !lookout.is_alive());
        if is_over {
            self.parameters.status = INTERRUPTED;
        }
        is_over
    }

    /// A job was put into the foreground; an interrupt that came just before is meant for it.
    pub(crate) fn catch_up(&mut self, group: Pid) {
        if self.is_interrupted() {
            kill(-group, signal::SIGINT).ok();
        }
    }

    /// Takes the terminal back from a job.
    pub(crate) fn rest(&self) {
        let lookout = self.lookout.as_ref().map(|lookout| lookout.pid);
        if let Some(group) = self.resting {
            tcsetpgrp(lookout.unwrap_or(group)).ok();
        }
    }
}
