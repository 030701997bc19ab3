//! Redirections: files are opened first, then descriptors are moved, in the order they stand.
//!
//! Owns: the steps of a list of redirections ([`Steps`]), applying them for a while
//! ([`Redirected`]) or for good.
//!
//! Invariants: files opened here lie at [`OWN`] and above with CLOEXEC; applying steps allocates
//! nothing, so a vfork's child may do it.

use alloc::string::ToString;
use alloc::vec::Vec;

use tine::abi::capability::SlotFlags;
use tine::abi::protocol::file::OpenFlags;
use tine::descriptor::{dup_from, open_cloexec};
use tine::{Errno, Fd, Result, close, dup2};
use tine_sh_language::expand_field;
use tine_sh_language::syntax::{Redirection, Target};
use tine_sh_model::Parameters;

use crate::execute::Trouble;

/// First descriptor that the shell uses for itself.
pub(crate) const OWN: Fd = Fd(10);

/// One step: `to` becomes another name of `from`, or is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Step {
    from: Option<Fd>,
    to: Fd,
}

impl Step {
    fn apply(self) -> Result<()> {
        match self.from {
            Some(from) => dup2(from, self.to).map(drop),
            None => match close(self.to) {
                // Closing what is not open is no error.
                Ok(()) | Err(Errno::BADF) => Ok(()),
                Err(error) => Err(error),
            },
        }
    }
}

/// What redirections do, with their files open; those are closed when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    steps: Vec<Step>,
    opened: Vec<Fd>,
}

impl Steps {
    /// Opens the files of redirections.
    pub(crate) fn open(
        redirections: &[Redirection],
        parameters: &Parameters,
    ) -> core::result::Result<Self, Trouble> {
        let mut steps = Self::default();
        // Beyond every descriptor that the command names itself.
        let named = redirections.iter().map(|redirection| redirection.descriptor).max();
        let least = OWN.max(Fd(named.unwrap_or(0).saturating_add(1)));
        for redirection in redirections {
            let (word, flags) = match &redirection.target {
                Target::Read(word) => (word, OpenFlags::READ),
                Target::Write(word) => {
                    (word, OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE)
                }
                Target::Append(word) => {
                    (word, OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::APPEND)
                }
                Target::Duplicate(from) => {
                    let to = Fd(redirection.descriptor);
                    steps.steps.push(Step { from: from.map(Fd), to });
                    continue;
                }
            };
            let subject = expand_field(word, parameters);
            let opened = open_cloexec(&subject, flags).and_then(|fd| out_of_the_way(fd, least));
            let opened = opened.map_err(|error| Trouble { subject, error })?;
            steps.opened.push(opened);
            steps.steps.push(Step { from: Some(opened), to: Fd(redirection.descriptor) });
        }
        Ok(steps)
    }

    /// Applies them for good; for a process that will execute a program or end.
    ///
    /// # Errors
    /// The descriptor that is not open, and why.
    pub(crate) fn apply(&self) -> core::result::Result<(), (Fd, Errno)> {
        for step in &self.steps {
            step.apply().map_err(|error| (step.from.unwrap_or(step.to), error))?;
        }
        Ok(())
    }

    /// Applies them, keeping what was there.
    pub(crate) fn apply_for_now(self) -> core::result::Result<Redirected, Trouble> {
        let mut redirected = Redirected { saved: Vec::new() };
        for step in &self.steps {
            let result = redirected.save(step.to).and_then(|()| step.apply());
            if let Err(error) = result {
                redirected.undo();
                let subject = step.from.unwrap_or(step.to).to_string();
                return Err(Trouble { subject, error });
            }
        }
        Ok(redirected)
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        for opened in &self.opened {
            close(*opened).ok();
        }
    }
}

/// Moves a descriptor to `least` or beyond, where nobody looks for his own.
///
/// # Errors
/// EMFILE; the descriptor is closed then.
pub(crate) fn out_of_the_way(fd: Fd, least: Fd) -> Result<Fd> {
    if fd >= least {
        return Ok(fd);
    }
    let moved = dup_from(fd, least, SlotFlags::CLOEXEC);
    close(fd)?;
    moved
}

/// Redirections of the shell itself, with what stood there before.
#[derive(Debug)]
#[must_use]
pub(crate) struct Redirected {
    /// A descriptor and where its old meaning is kept; `None`: it was closed.
    saved: Vec<(Fd, Option<Fd>)>,
}

impl Redirected {
    fn save(&mut self, fd: Fd) -> Result<()> {
        if self.saved.iter().all(|(saved, _)| *saved != fd) {
            let copy = match dup_from(fd, OWN, SlotFlags::CLOEXEC) {
                Ok(copy) => Some(copy),
                Err(Errno::BADF) => None,
                Err(error) => return Err(error),
            };
            self.saved.push((fd, copy));
        }
        Ok(())
    }

    /// Puts everything back. What cannot be put back is left closed.
    pub(crate) fn undo(self) {
        for (fd, copy) in self.saved.into_iter().rev() {
            match copy {
                Some(copy) => {
                    dup2(copy, fd).ok();
                    close(copy).ok();
                }
                None => drop(close(fd)),
            }
        }
    }

    /// Lets everything stay as it is.
    pub(crate) fn keep(self) {
        for copy in self.saved.into_iter().filter_map(|(_, copy)| copy) {
            close(copy).ok();
        }
    }
}
