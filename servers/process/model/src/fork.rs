//! fork, vfork and pdfork: one transaction in one turn (section 5.2 of the reference).
//!
//! Owns: the order of errors (rule 40) and the undo. First half: validity, the system's limit, the
//! descriptor's slot, records and number; then the kernel clones. Second half, which cannot fail
//! once the user's limit is passed: links, descriptor, statistics, answer, start.
//!
//! Invariants: a failure at any point leaves counts, numbers, the last number, statistics and ids
//! as they were (rule 41, subtle 6). The answer is fixed before the child may run (rule 105).
//!
//! Deliberately absent: what the kernel copies. That is the clone's specification, in the shell.

use tine_abi::Errno;
use tine_abi::protocol::process::ForkFlags;

use crate::links;
use crate::model::{Model, Open};
use crate::pid::Allocation;
use crate::process::{Process, State, VforkWait};
use crate::{
    Answer, Badge, CloneFailure, DescriptorId, Effect, Effects, Instant, Memory, ProcessId,
    Reservation, Token,
};

/// Which fork.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ForkKind {
    /// `fork()`: copied memory, copied descriptors (rule 1).
    Copy,
    /// `vfork()`: shared memory, copied descriptors, the caller waits (rule 2).
    Share,
    /// `pdfork()`: `fork` and a process descriptor (rule 6).
    Descriptor { daemon: bool },
}

/// A fork between its halves.
#[derive(Clone, Copy)]
pub(crate) struct Forking {
    token: Token,
    caller: ProcessId,
    kind: ForkKind,
    pub(crate) child: ProcessId,
    allocation: Allocation,
    descriptor: Option<DescriptorId>,
}

impl Model {
    /// First half: reserve, then ask the kernel.
    pub(crate) fn fork(
        &mut self,
        now: Instant,
        token: Token,
        caller: ProcessId,
        flags: u64,
        slot: Reservation,
        effects: &mut dyn Effects,
    ) -> Result<Option<Answer>, Errno> {
        let kind = self.valid(caller, flags)?;
        if let Err(errno) = self.admit(now, caller, effects) {
            self.fail_later(now, token, caller, errno, effects);
            return Ok(None);
        }
        if matches!((kind, slot), (ForkKind::Descriptor { .. }, Reservation::NoSlot)) {
            return Err(Errno::MFILE);
        }
        match self.reserve(token, caller, kind) {
            Ok(fork) => {
                let memory = match kind {
                    ForkKind::Share => Memory::Share,
                    ForkKind::Copy | ForkKind::Descriptor { .. } => Memory::Copy,
                };
                let pid = fork.allocation.value;
                effects.emit(Effect::CloneCaller { token, child: fork.child, pid, memory });
                self.open = Some(Open::Fork(fork));
            }
            Err(errno) => self.fail_later(now, token, caller, errno, effects),
        }
        Ok(None)
    }

    /// Second half: undo, or commit.
    pub(crate) fn cloned(
        &mut self,
        now: Instant,
        fork: Forking,
        result: Result<(), CloneFailure>,
        effects: &mut dyn Effects,
    ) {
        let errno = match result {
            Ok(()) => match self.admit_user(now, fork.caller, effects) {
                Ok(()) => return self.commit(fork, effects),
                Err(errno) => {
                    effects.emit(Effect::Abandon { child: fork.child });
                    Some(errno)
                }
            },
            Err(CloneFailure::CallerGone) => None,
            Err(CloneFailure::NoMemory | CloneFailure::NoSlots) => Some(Errno::NOMEM),
        };
        self.undo(fork);
        if let Some(errno) = errno {
            self.fail_later(now, fork.token, fork.caller, errno, effects);
        }
    }

    /// What is wrong with the call itself; costs the caller no delay (rules 17, 19).
    fn valid(&self, caller: ProcessId, flags: u64) -> Result<ForkKind, Errno> {
        let flags = ForkFlags::from_bits(flags).ok_or(Errno::INVAL)?;
        let daemon = flags.contains(ForkFlags::DAEMON);
        let rest = flags - (ForkFlags::DAEMON | ForkFlags::CLOEXEC);
        if rest == ForkFlags::DESCRIPTOR {
            let exists = self.processes[caller].profile.has_descriptors;
            return if exists { Ok(ForkKind::Descriptor { daemon }) } else { Err(Errno::NOSYS) };
        }
        match flags {
            ForkFlags::VFORK => Ok(ForkKind::Share),
            _ if flags.is_empty() => Ok(ForkKind::Copy),
            _ => Err(Errno::INVAL),
        }
    }

    /// Makes the records that the child needs, in an order that `undo` reverses.
    fn reserve(
        &mut self,
        token: Token,
        caller: ProcessId,
        kind: ForkKind,
    ) -> Result<Forking, Errno> {
        let parent = &self.processes[caller];
        let (profile, credentials, name) = (parent.profile, parent.credentials, parent.name);
        let ignored = parent.ignored;
        let child = self.processes.reserve_id()?;
        let allocation = self.numbers.allocate(child)?;
        let mut embryo = Process::embryo(&allocation, profile, credentials, name);
        embryo.ignored = ignored;
        // Its place was reserved above.
        self.processes.insert(embryo)?;
        let mut fork = Forking { token, caller, kind, child, allocation, descriptor: None };
        if let ForkKind::Descriptor { daemon } = kind {
            match self.new_descriptor(child, allocation.value, daemon) {
                Ok(descriptor) => fork.descriptor = Some(descriptor),
                Err(error) => {
                    self.undo(fork);
                    return Err(error.into());
                }
            }
        }
        Ok(fork)
    }

    /// Undoes `reserve`, last thing first (rule 41).
    fn undo(&mut self, fork: Forking) {
        if let Some(descriptor) = fork.descriptor {
            self.descriptors.remove(descriptor);
        }
        self.processes.discard(fork.child);
        self.numbers.undo(fork.allocation);
    }

    /// Makes the child a process. Nothing here can fail.
    fn commit(&mut self, fork: Forking, effects: &mut dyn Effects) {
        let Forking { token, caller, kind, child, descriptor, .. } = fork;
        let parent = &mut self.processes[caller];
        let reaper = if parent.is_reaper { Some(caller) } else { parent.links.reaper() };
        let reaper = reaper.unwrap_or(caller);
        // Rule 93.
        let inherited = parent.subtree;
        let inherits = reaper != caller || self.init == Some(caller);
        parent.vfork_children += u32::from(kind == ForkKind::Share);

        let record = &mut self.processes[child];
        record.state = State::Live;
        record.descriptor = descriptor;
        if inherits {
            record.subtree = inherited;
        }
        if kind == ForkKind::Share {
            record.vfork = Some(VforkWait { parent: caller, token });
        }
        let (pid, subtree) = (record.pid, record.subtree);

        links::join(&mut self.processes, &mut self.groups, child, caller, reaper);
        self.numbers.update(subtree, |number| number.subtree += 1);
        self.statistics.count(self.config.profile.statistics, kind);

        effects.emit(match kind {
            ForkKind::Share => Effect::Start { child },
            ForkKind::Copy | ForkKind::Descriptor { .. } => {
                let mint = descriptor.map(Badge::Descriptor);
                let answer = Answer { mint, ..Answer::word(pid.into()) };
                Effect::ReplyAndStart { token, answer, child }
            }
        });
    }

    /// Lets the parent of a vfork child go on, because the child no longer uses the shared memory
    /// (subtle 13, 14). A signal that the wait held up takes effect now (2.10).
    pub(crate) fn release_vfork(&mut self, child: ProcessId, effects: &mut dyn Effects) {
        let record = &mut self.processes[child];
        let Some(VforkWait { parent, token }) = record.vfork.take() else { return };
        let pid = record.pid;
        let Some(waiting) = self.processes.get_mut(parent) else { return };
        waiting.vfork_children = waiting.vfork_children.saturating_sub(1);
        if !waiting.is_live() {
            return;
        }
        match waiting.killed {
            None => effects.emit(Effect::Reply { token, outcome: Ok(Answer::word(pid.into())) }),
            Some(signal) if waiting.vfork_children == 0 => {
                effects.emit(Effect::Kill { process: parent, signal });
            }
            Some(_) => {}
        }
    }
}
