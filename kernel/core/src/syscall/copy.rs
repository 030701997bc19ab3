//! `space_copy`: bytes between own memory, a caller's range, a space and a Memory.
//!
//! Owns: who may copy from and to where, and the chunks of a long copy. Never here: the copying of
//! pages (`memory/copy.rs`). The places are looked up again for each chunk: a caller may be killed, a
//! space torn down between two of them.

use tine_abi::{
    Error,
    capability::Rights,
    memory::{CopyRequest, Place},
    notification::FaultKind,
};

use crate::{
    errand::Work,
    machine::Machine,
    memory::{Access, CopyFault, CopyPlace, MemoryId, copy_across, copy_within},
    object::{
        SpaceId, ThreadId,
        thread::{RecordState, ThreadState, Token},
    },
    state::State,
    syscall::{Answer, Arguments, Done},
};

/// Bytes that are certainly copied in one step.
const STEP: u64 = 32 * tine_abi::memory::PAGE;

/// One side of a copy, checked.
#[derive(Clone, Copy, Debug)]
enum Side {
    /// A space at an address; with `is_forced` a store may pass over a missing WRITE.
    Space { space: SpaceId, address: u64, is_forced: bool },
    /// The memory of a caller at an address, while its call is in service.
    Caller { token: Token, address: u64 },
    /// A Memory at a byte.
    Memory { memory: MemoryId, offset: u64 },
}

/// What is left of a copy.
#[derive(Clone, Copy, Debug)]
pub struct CopyWork {
    to: Side,
    from: Side,
    length: u64,
    copied: u64,
}

impl<M: Machine> State<M> {
    pub(super) fn space_copy(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let request: CopyRequest = self.read_structure(me, arguments.words[0])?;
        let length = request.length;
        let to = self.side(me, request.to, length, true)?;
        let from = self.side(me, request.from, length, false)?;
        let mut work = CopyWork { to, from, length, copied: 0 };
        if length > STEP {
            self.prepare_errand(me)?;
        }
        match self.copy_step(me, &mut work) {
            Some(answer) => answer,
            None => self.begin_work(me, Work::Copy(work)),
        }
    }

    /// Checks one side of a copy of `length` bytes.
    fn side(
        &self,
        me: ThreadId,
        place: Place,
        length: u64,
        is_target: bool,
    ) -> Result<Side, Error> {
        let right = if is_target { Rights::WRITE } else { Rights::READ };
        match place {
            Place::Own(address) => {
                let space = self.thread(me)?.space;
                Ok(Side::Space { space, address, is_forced: false })
            }
            Place::CallerRange { token, range, offset } => {
                let token = Token(token);
                let caller = self.received_call(me, token)?.ok_or(Error::CallerGone)?;
                let record = &self.thread(caller)?.record;
                let (address, bits) = if record.has_extras {
                    *record.ranges.get(usize::from(range)).ok_or(Error::BadArgument)?
                } else {
                    (0, 0)
                };
                let (limit, is_writable) = (bits & ((1 << 63) - 1), bits >> 63 == 1);
                let end = offset.checked_add(length).ok_or(Error::BadArgument)?;
                if end > limit {
                    return Err(Error::BadArgument);
                }
                if is_target && !is_writable {
                    return Err(Error::MissingRight);
                }
                Ok(Side::Caller { token, address: address.wrapping_add(offset) })
            }
            Place::Space(reference, address) => {
                let capability = self.capability(me, reference.bits())?;
                let space = capability.space()?;
                capability.require(right)?;
                let is_forced = capability.rights().contains(Rights::CONTROL);
                Ok(Side::Space { space, address, is_forced })
            }
            Place::Memory(reference, offset) => {
                let capability = self.capability(me, reference.bits())?;
                let memory = capability.memory()?;
                capability.require(right)?;
                let size = self.memories.get(memory).ok_or(Error::BadCapability)?.length();
                let end = offset.checked_add(length).ok_or(Error::BadArgument)?;
                if end > size {
                    return Err(Error::BadArgument);
                }
                Ok(Side::Memory { memory, offset })
            }
        }
    }

    /// The caller of a call that the Domain of `me` has received and not yet answered.
    fn received_call(&self, me: ThreadId, token: Token) -> Result<Option<ThreadId>, Error> {
        let domain = self.thread(me)?.domain;
        if let Some((id, caller)) = self.threads.get_index(token.index()) {
            let record = &caller.record;
            if record.token == token && record.state == RecordState::InService {
                let is_mine = record.server == Some(domain);
                return if is_mine { Ok(Some(id)) } else { Err(Error::BadToken) };
            }
            if caller.birth < token.number() && caller.state != ThreadState::Ended {
                return Err(Error::BadToken);
            }
        }
        self.was_served(token)
    }

    /// Copies a chunk; the call's answer, unless there is more to do.
    pub(crate) fn copy_step(&mut self, me: ThreadId, work: &mut CopyWork) -> Option<Answer> {
        loop {
            match self.copy_chunk(me, work) {
                Ok(0) if work.copied < work.length => {
                    return Some(Err(Error::BadArgument));
                }
                Ok(copied) => work.copied += copied,
                Err(Ok(fault)) => {
                    work.copied += fault.copied;
                    return Some(Err(self.report_copy(me, work.copied, &fault)));
                }
                Err(Err(error)) => return Some(Err(error)),
            }
            if work.copied == work.length {
                return Some(Ok(Done::Values(work.copied, 0)));
            }
            if work.length > STEP {
                return None;
            }
        }
    }

    /// Leaves what a failed copy has to say in the registers.
    fn report_copy(&mut self, me: ThreadId, copied: u64, fault: &CopyFault) -> Error {
        if let Some(thread) = self.threads.get_mut(me) {
            thread.registers.rsi = copied;
            thread.registers.rdx = fault.address;
        }
        if fault.kind == FaultKind::NoMemory { Error::NoMemory } else { Error::BadAddress }
    }

    fn copy_chunk(
        &mut self,
        me: ThreadId,
        work: &CopyWork,
    ) -> Result<u64, Result<CopyFault, Error>> {
        let length = work.length - work.copied;
        let (to, stores) = self.place_now(me, work.to, work.copied).map_err(Err)?;
        let (from, _) = self.place_now(me, work.from, work.copied).map_err(Err)?;
        let (mut cx, spaces) = self.memory();
        match (to, from) {
            (Now::Space(to, to_address), Now::Space(from, from_address)) if to == from => {
                let space = &mut spaces.get_mut(to).ok_or(Err(Error::Gone))?.space;
                copy_within(space, &mut cx, to_address, from_address, length)
            }
            (Now::Space(to, to_address), Now::Space(from, from_address)) => {
                let (to, from) = spaces.pair_mut(to, from).ok_or(Err(Error::Gone))?;
                let to = CopyPlace::Space(&mut to.space, to_address);
                let from = CopyPlace::Space(&mut from.space, from_address);
                copy_across(&mut cx, to, from, length, stores)
            }
            (Now::Space(to, address), Now::Memory(memory, offset)) => {
                let space = &mut spaces.get_mut(to).ok_or(Err(Error::Gone))?.space;
                let to = CopyPlace::Space(space, address);
                copy_across(&mut cx, to, CopyPlace::Memory(memory, offset), length, stores)
            }
            (Now::Memory(memory, offset), Now::Space(from, address)) => {
                let space = &mut spaces.get_mut(from).ok_or(Err(Error::Gone))?.space;
                let from = CopyPlace::Space(space, address);
                copy_across(&mut cx, CopyPlace::Memory(memory, offset), from, length, stores)
            }
            (Now::Memory(to, to_offset), Now::Memory(from, from_offset)) => {
                let to = CopyPlace::Memory(to, to_offset);
                let from = CopyPlace::Memory(from, from_offset);
                copy_across(&mut cx, to, from, length, stores)
            }
        }
        .map_err(Ok)
    }

    /// Where a side is at this moment, and how it is stored to.
    fn place_now(&self, me: ThreadId, side: Side, copied: u64) -> Result<(Now, Access), Error> {
        match side {
            Side::Space { space, address, is_forced } => {
                if self.spaces.get(space).is_none_or(|space| space.space.root().is_none()) {
                    return Err(Error::Gone);
                }
                let stores = if is_forced { Access::Force } else { Access::Write };
                Ok((Now::Space(space, address.wrapping_add(copied)), stores))
            }
            Side::Caller { token, address } => {
                let caller = self.received_call(me, token)?.ok_or(Error::CallerGone)?;
                let space = self.thread(caller)?.space;
                Ok((Now::Space(space, address.wrapping_add(copied)), Access::Write))
            }
            Side::Memory { memory, offset } => {
                Ok((Now::Memory(memory, offset + copied), Access::Write))
            }
        }
    }
}

/// A place to copy from or to, for one chunk.
#[derive(Clone, Copy)]
enum Now {
    Space(SpaceId, u64),
    Memory(MemoryId, u64),
}
