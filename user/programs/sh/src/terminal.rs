//! The terminal of a shell with job control: who is in the foreground, and whose an interrupt is.
//!
//! The interrupt character does two things at once: it ends the foreground group, and it leaves an
//! interrupt *pending* at the console until that is taken. Ending the group is for those who do not
//! look; the pending interrupt is for those who do. One that is typed while
//!
//! ```text
//!   the shell                     foreground    is noticed by
//!   reads a command               group of init the read, which ends
//!   is about to read              group of init the read, which does not begin
//!   runs builtins, loops, wait    group of init the shell, before each command and turn
//!   starts a job                  group of init each process of the job, before its program
//!   waits for a job               the job's     the job, which ends, and the shell after it
//!   waits for a job that has
//!     ended, or just ends         the job's     the shell after it
//! ```
//!
//! Invariants, which together leave no moment out:
//! - Only [`Shell::run`] takes the interrupt, when it begins a prompt. Everybody else asks. So one
//!   interrupt drops one line, however many parts of the line notice it.
//! - A process of a job asks when it has entered the job's group, the first one when it has also
//!   put that into the foreground: an interrupt before is pending, one after finds it in the group.
//!   Only the first one does the latter, before it may do anything else: the shell, late, could
//!   take the terminal from a shell that the job runs.
//! - The first one may have come later than the others asked, so the shell asks before each wait
//!   and ends the rest of an interrupted job.
//!
//! The console does both things before it looks at the next message or key, so whoever was ended by
//! an interrupt finds it pending. At rest the foreground is the group of process 1, which no signal
//! ends. `servers/console/model/tests/interrupts.rs` tries the interleavings.

use tine::abi::capability::SlotFlags;
use tine::console::{is_interrupted, isatty, take_interrupt};
use tine::descriptor::dup_from;
use tine::{Fd, Pid, getpgid, getpid, kill, setpgid, signal, tcgetpgrp, tcsetpgrp};

use crate::pipeline::INTERRUPTED;
use crate::redirect::OWN;
use crate::shell::Shell;

/// A terminal that the shell may give away and take back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Terminal {
    /// The shell's own descriptor of it.
    console: Fd,
    /// What is in the foreground while no job is.
    resting: Pid,
}

impl Terminal {
    /// The controlling terminal, if a standard descriptor is one.
    fn find() -> Option<Self> {
        let resting = getpgid(1).ok()?;
        tcgetpgrp().ok()?;
        let standard = [Fd::STDIN, Fd::STDOUT, Fd::STDERR].into_iter().find(|fd| isatty(*fd))?;
        let console = dup_from(standard, OWN, SlotFlags::CLOEXEC).ok()?;
        Some(Self { console, resting })
    }

    fn is_interrupted(self) -> bool {
        is_interrupted(self.console).unwrap_or(false)
    }
}

/// Which process group a child enters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    /// The shell's own: there is no job control.
    Inherited,
    /// A job's.
    Job {
        /// Its first process; 0 for the child itself.
        leader: Pid,
        /// The terminal, if the job is to have it.
        terminal: Option<Terminal>,
    },
}

impl Group {
    /// Puts the calling child into it, and ends it if the job is interrupted already. Allocates
    /// nothing.
    pub(crate) fn enter(self) {
        let Self::Job { leader, terminal } = self else { return };
        setpgid(0, leader).ok();
        let Some(terminal) = terminal else { return };
        if leader == 0 {
            tcsetpgrp(getpid()).ok();
        }
        if terminal.is_interrupted() {
            kill(getpid(), signal::SIGINT).ok();
        }
    }

    /// Does the first of this for a child that may not have come to it, so that the next one finds
    /// the group; which one the next one enters.
    pub(crate) fn with(self, child: Pid) -> Self {
        let Self::Job { leader, terminal } = self else { return self };
        let leader = if leader == 0 { child } else { leader };
        setpgid(child, leader).ok();
        Self::Job { leader, terminal }
    }
}

impl Shell {
    /// Begins job control, if there is a terminal.
    pub(crate) fn find_terminal(&mut self) {
        self.terminal = Terminal::find();
        if self.terminal.is_some() {
            // Fails for the leader of a session, who needs no group of its own.
            setpgid(0, 0).ok();
            self.rest();
        }
    }

    /// The group of a job that begins.
    pub(crate) fn new_job(&self, foreground: bool) -> Group {
        match self.terminal {
            None => Group::Inherited,
            terminal => Group::Job { leader: 0, terminal: terminal.filter(|_| foreground) },
        }
    }

    /// Takes the terminal back.
    pub(crate) fn rest(&self) {
        if let Some(terminal) = self.terminal {
            tcsetpgrp(terminal.resting).ok();
        }
    }

    /// Gives the terminal to the shell's own group: the shell is about to become another program.
    pub(crate) fn stand_in_foreground(&self) {
        if self.terminal.is_some()
            && let Ok(own) = getpgid(0)
        {
            tcsetpgrp(own).ok();
        }
    }

    /// Whether the command line was interrupted; its status is set then. To be asked now and then
    /// while the shell itself is busy, and when a job has ended.
    pub(crate) fn is_interrupted(&mut self) -> bool {
        let is_over = self.terminal.is_some_and(Terminal::is_interrupted);
        if is_over {
            self.parameters.status = INTERRUPTED;
        }
        is_over
    }

    /// As [`Self::is_interrupted`], and the next line begins without it.
    pub(crate) fn take_interrupt(&mut self) -> bool {
        let interrupted = self.is_interrupted();
        if interrupted && let Some(terminal) = self.terminal {
            take_interrupt(terminal.console).ok();
        }
        interrupted
    }
}
