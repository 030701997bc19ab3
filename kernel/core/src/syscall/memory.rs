//! `map`, `unmap`, `protect`.
//!
//! Owns: their capabilities, and who finishes a change that takes several steps. Never here: mappings
//! and tables (`memory`). A change of up to [`SMALL`] bytes is finished at once; the thread's future
//! finishes larger ones, and a call that meets somebody else's unfinished change finishes that first
//! and is then executed again.

use tine_abi::{
    CapRef, Error,
    capability::Rights,
    memory::{MapRequest, PAGE, Protection, Source},
};

use crate::{
    errand::Work,
    machine::Machine,
    memory::{self, CHUNK, MapSource},
    object::{SpaceId, ThreadId, capability::Held},
    state::State,
    syscall::{Answer, Arguments, Done},
};

/// Bytes of a change that is finished without a future.
const SMALL: u64 = CHUNK as u64 * PAGE;

/// What a capability to a Memory lets mappings do.
fn protection_of(rights: Rights) -> Protection {
    let pairs = [
        (Rights::READ, Protection::READ),
        (Rights::WRITE, Protection::WRITE),
        (Rights::EXECUTE, Protection::EXECUTE),
    ];
    let mut protection = Protection::empty();
    for (right, part) in pairs {
        if rights.contains(right) {
            protection |= part;
        }
    }
    protection
}

impl<M: Machine> State<M> {
    /// The space of a capability with CONTROL, or the caller's own.
    pub(crate) fn space_argument(&self, me: ThreadId, reference: u32) -> Result<SpaceId, Error> {
        if reference == CapRef::SELF.bits() {
            return Ok(self.thread(me)?.space);
        }
        let capability = self.capability(me, reference)?;
        let space = capability.space()?;
        capability.require(Rights::CONTROL)?;
        Ok(space)
    }

    pub(super) fn map(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let space_id = self.space_argument(me, arguments.main)?;
        let request: MapRequest = self.read_structure(me, arguments.words[0])?;
        let offset = request.offset;
        let source = match request.source {
            Source::Anonymous => MapSource::Anonymous,
            Source::Shared(reference) => {
                let capability = self.capability(me, reference.bits())?;
                let (memory, rights) = (capability.memory()?, protection_of(capability.rights()));
                MapSource::Shared { memory, offset, rights }
            }
            Source::Private(reference) => {
                let capability = self.capability(me, reference.bits())?;
                let (memory, rights) = (capability.memory()?, protection_of(capability.rights()));
                MapSource::Private { memory, offset, rights }
            }
        };
        let request = memory::MapRequest {
            address: (request.address != 0).then_some(request.address),
            length: request.length,
            protection: request.protection,
            inheritance: request.inheritance,
            source,
        };
        let mapped = self.with_space(space_id, |cx, space| {
            let address = space.map(cx, &request)?;
            // Entries for pages that exist are filled in advance.
            let _is_filled = space.advance(cx);
            Ok((address, space.is_filling()))
        });
        match mapped {
            Ok((address, false)) => Ok(Done::Values(address, 0)),
            Ok((address, true)) => {
                // Faults fill what this thread cannot, for want of a future.
                let work = Work::Change { space: space_id, result: Some(address) };
                Ok(self.begin_work(me, work).unwrap_or(Done::Values(address, 0)))
            }
            Err(error) => self.after_busy(me, space_id, error),
        }
    }

    pub(super) fn unmap(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [address, length, ..] = arguments.words;
        let space_id = self.space_argument(me, arguments.main)?;
        self.change(me, space_id, length, |state| {
            state.with_space(space_id, |cx, space| space.unmap(cx, address, length))
        })
    }

    pub(super) fn protect(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [address, length, protection, ..] = arguments.words;
        let is_self = arguments.main == CapRef::SELF.bits();
        if !is_self {
            let capability = self.capability(me, arguments.main)?;
            if capability.held() == Held::Memory {
                capability.require(Rights::WRITE)?;
                let memory = self.memories.get_mut(capability.memory()?);
                memory.ok_or(Error::BadCapability)?.seal()?;
                return Ok(Done::NOTHING);
            }
        }
        let space_id = self.space_argument(me, arguments.main)?;
        let protection = u8::try_from(protection).ok().and_then(Protection::from_bits);
        let protection = protection.ok_or(Error::BadArgument)?;
        self.change(me, space_id, length, |state| {
            state.with_space(space_id, |cx, space| space.protect(cx, address, length, protection))
        })
    }

    /// Begins a change of a space and finishes it, now or in the thread's future.
    fn change(
        &mut self,
        me: ThreadId,
        space_id: SpaceId,
        length: u64,
        begin: impl FnOnce(&mut State<M>) -> Result<memory::Progress, Error>,
    ) -> Answer {
        let is_small = length <= SMALL;
        if !is_small {
            self.prepare_errand(me)?;
        }
        if let Err(error) = begin(self) {
            return self.after_busy(me, space_id, error);
        }
        while self.spaces.get(space_id).is_some_and(|space| space.space.is_changing()) {
            if !is_small {
                return self.begin_work(me, Work::Change { space: space_id, result: Some(0) });
            }
            let _is_finished = self.with_space(space_id, |cx, space| Ok(space.advance(cx)))?;
        }
        Ok(Done::NOTHING)
    }

    /// An error is returned, except that what is in the way of a change is finished and the call
    /// executed again.
    pub(crate) fn after_busy(&mut self, me: ThreadId, space: SpaceId, error: Error) -> Answer {
        if error == Error::Busy {
            return self.begin_work(me, Work::Change { space, result: None });
        }
        Err(error)
    }
}
