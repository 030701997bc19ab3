//! Process descriptors: a capability on one process (2.1).
//!
//! Owns: the object behind the badge, its watches, and what the last close does. References are
//! the kernel's: copies, inheritance and messages need nothing here, and *no-senders* stands in
//! one queue with EXIT, so close and exit are totally ordered (2.1/14).
//!
//! Invariants: a process has at most one open descriptor, and both name each other until the
//! process is reaped or the last copy closed. Watches exist only while the process has not ended.

use tine_abi::Errno;
use tine_abi::protocol::file::WatchMask;
use tine_abi::protocol::process::DescriptorRights;

use crate::links;
use crate::model::{Model, OutOfMemory};
use crate::process::SIGCHLD;
use crate::signal::valid_signal;
use crate::slab::Id;
use crate::{Answer, DescriptorId, Effect, Effects, ProcessId, Request, WatchHandle};

/// Watches that one descriptor can have; more is EAGAIN.
pub const WATCHES_PER_DESCRIPTOR: u32 = 16;

const SIGKILL: u32 = 9;

/// The object behind a descriptor badge; opaque outside the model.
#[derive(Debug)]
pub struct Descriptor {
    /// Until it is reaped.
    pub(crate) process: Option<ProcessId>,
    /// Told even after that (2.1/3).
    pub(crate) pid: u32,
    /// PD_DAEMON: the last close does not kill.
    pub(crate) daemon: bool,
    pub(crate) first_watch: Option<Id<Watch>>,
    pub(crate) watches: u32,
}

/// One event that waits for the end of a process.
pub(crate) struct Watch {
    pub(crate) descriptor: DescriptorId,
    key: u64,
    handle: WatchHandle,
    previous: Option<Id<Watch>>,
    pub(crate) next: Option<Id<Watch>>,
}

impl Model {
    pub(crate) fn new_descriptor(
        &mut self,
        process: ProcessId,
        pid: u32,
        daemon: bool,
    ) -> Result<DescriptorId, OutOfMemory> {
        self.descriptors.insert(Descriptor {
            process: Some(process),
            pid,
            daemon,
            first_watch: None,
            watches: 0,
        })
    }

    /// A request on a descriptor: rights first, then the credential rules. Who kills and is no
    /// process has no credentials that would allow it.
    pub(crate) fn of_holder(
        &mut self,
        id: DescriptorId,
        rights: DescriptorRights,
        request: Request,
        effects: &mut dyn Effects,
    ) -> Result<Option<Answer>, Errno> {
        if let Request::DescriptorKill { signal, caller } = request {
            // 2.1/4: the number is judged before the descriptor.
            let caller = caller.and_then(|caller| self.processes.get(caller));
            valid_signal(caller.map_or(self.config.profile, |caller| caller.profile), signal)?;
        }
        let descriptor = self.descriptors.get(id).ok_or(Errno::BADF)?;
        let (pid, process) = (descriptor.pid, descriptor.process);
        let needed = match request {
            Request::DescriptorPid => DescriptorRights::PID,
            Request::DescriptorKill { .. } => DescriptorRights::KILL,
            Request::DescriptorWatch { .. } | Request::DescriptorUnwatch { .. } => {
                DescriptorRights::WAIT
            }
            _ => return Err(Errno::OPNOTSUPP),
        };
        if !rights.contains(needed) {
            return Err(Errno::NOTCAPABLE);
        }
        let values = match request {
            Request::DescriptorKill { signal, caller } => {
                let target = process.ok_or(Errno::SRCH)?;
                let caller = caller.filter(|caller| self.processes.get(*caller).is_some());
                let caller = caller.ok_or(Errno::PERM)?;
                self.deliver_as(caller, target, signal, effects)?;
                [0; 4]
            }
            Request::DescriptorWatch { key, watch } => {
                [self.watch(id, key, watch, effects)?.bits(), 0, 0, 0]
            }
            Request::DescriptorUnwatch { key } => {
                self.unwatch(id, key, effects);
                [0; 4]
            }
            _ => [u64::from(pid), 0, 0, 0],
        };
        Ok(Some(Answer { values, mint: None }))
    }

    /// Registers a watch, or fires at once if the process has ended: which is reported whatever
    /// was asked for, and is all there is to report (2.1/7).
    fn watch(
        &mut self,
        id: DescriptorId,
        key: u64,
        handle: WatchHandle,
        effects: &mut dyn Effects,
    ) -> Result<WatchMask, Errno> {
        let descriptor = &self.descriptors[id];
        let running = descriptor.process.is_some_and(|process| self.processes[process].is_live());
        if !running {
            effects.emit(Effect::SignalWatch(handle));
            return Ok(WatchMask::HANGUP);
        }
        if let Some(known) = self.find_watch(id, key) {
            let replaced = core::mem::replace(&mut self.watches[known].handle, handle);
            effects.emit(Effect::ForgetWatch(replaced));
            return Ok(WatchMask::empty());
        }
        if descriptor.watches >= WATCHES_PER_DESCRIPTOR {
            return Err(Errno::AGAIN);
        }
        let next = descriptor.first_watch;
        let watch = Watch { descriptor: id, key, handle, previous: None, next };
        let watch = self.watches.insert(watch)?;
        if let Some(next) = next {
            self.watches[next].previous = Some(watch);
        }
        let descriptor = &mut self.descriptors[id];
        descriptor.first_watch = Some(watch);
        descriptor.watches += 1;
        Ok(WatchMask::empty())
    }

    /// Ends the watch with this key. One that has fired is gone already.
    fn unwatch(&mut self, id: DescriptorId, key: u64, effects: &mut dyn Effects) {
        let ended = self.find_watch(id, key).and_then(|watch| self.remove_watch(watch));
        if let Some(Watch { handle, .. }) = ended {
            effects.emit(Effect::ForgetWatch(handle));
        }
    }

    fn find_watch(&self, id: DescriptorId, key: u64) -> Option<Id<Watch>> {
        let first = self.descriptors[id].first_watch;
        core::iter::successors(first, |watch| self.watches[*watch].next)
            .find(|watch| self.watches[*watch].key == key)
    }

    fn remove_watch(&mut self, id: Id<Watch>) -> Option<Watch> {
        let watch = self.watches.remove(id)?;
        if let Some(next) = watch.next {
            self.watches[next].previous = watch.previous;
        }
        match watch.previous {
            Some(previous) => self.watches[previous].next = watch.next,
            None => self.descriptors[watch.descriptor].first_watch = watch.next,
        }
        self.descriptors[watch.descriptor].watches -= 1;
        Some(watch)
    }

    /// Tells every watcher, in every process (2.1/7).
    pub(crate) fn fire_watches(&mut self, id: DescriptorId, effects: &mut dyn Effects) {
        while let Some(watch) = self.descriptors[id].first_watch {
            if let Some(Watch { handle, .. }) = self.remove_watch(watch) {
                effects.emit(Effect::SignalWatch(handle));
            }
        }
    }

    /// The process is reaped; the descriptor stays valid without it (2.1/10).
    pub(crate) fn detach(&mut self, id: DescriptorId) {
        self.descriptors[id].process = None;
    }

    /// The last copy is closed (2.1/11 to 13). Whoever still polls is told.
    pub(crate) fn last_close(&mut self, id: DescriptorId, effects: &mut dyn Effects) {
        if self.descriptors.get(id).is_none() {
            return;
        }
        self.fire_watches(id, effects);
        let Some(Descriptor { process: Some(process), daemon, .. }) = self.descriptors.remove(id)
        else {
            return;
        };
        let record = &mut self.processes[process];
        record.descriptor = None;
        if record.status().is_some() {
            return self.collect(process, effects);
        }
        record.exit_signal = SIGCHLD;
        let reaper = self.next_reaper(process);
        let links = &self.processes[process].links;
        let parent = links.parent();
        if links.tracer().is_some() {
            links::change_original(&mut self.processes, process, reaper);
        } else {
            links::reparent(&mut self.processes, process, reaper);
        }
        if let Some(parent) = parent {
            self.children_changed(parent, None);
        }
        if !daemon {
            self.terminate(process, SIGKILL, effects);
        }
    }
}
