//! Map: promising a range of addresses.
//!
//! Owns: [`MapRequest`], the checks of a request, the choice of an address. Never here: rights of
//! capabilities beyond the mask passed in, and page tables: a map edits the tree, entries come with
//! faults; those for pages of a Memory that exist are filled in advance by a job.
//!
//! W^X: no mapping is writable and executable, none changes from one to the other, and
//! only a sealed Memory can be executed.

use core::ops::Range;

use tine_abi::{
    Error,
    memory::{Inheritance, Protection},
};

use super::{
    Backing, Mapping, MemoryContext, MemoryId, Space,
    address::{self, PAGE},
    mapping::{remaining, sound},
    space::Job,
};
use crate::machine::Translation;

/// How many mappings are looked at for a gap before the search gives up.
const SEARCH: usize = 256;

/// What to map; ids and checked rights where the system call had capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapRequest {
    /// The exact address, or the kernel chooses.
    pub address: Option<u64>,
    /// Bytes: a positive number of pages.
    pub length: u64,
    /// What is allowed at first.
    pub protection: Protection,
    /// What a fork makes of it.
    pub inheritance: Inheritance,
    /// Where the bytes come from.
    pub source: MapSource,
}

/// Where the bytes of a mapping come from. `rights`: what the capability to the Memory allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapSource {
    /// Zeroed private memory; inheritance COPY or NONE.
    Anonymous,
    /// A Memory itself, from this byte on; inheritance SHARE or NONE.
    Shared {
        /// The Memory.
        memory: MemoryId,
        /// Its first byte to map, page-aligned.
        offset: u64,
        /// What the capability allows.
        rights: Protection,
    },
    /// The content of a sealed Memory, stores going to private copies; inheritance COPY or NONE.
    Private {
        /// The Memory.
        memory: MemoryId,
        /// Its first byte to map, page-aligned.
        offset: u64,
        /// What the capability allows.
        rights: Protection,
    },
}

impl Space {
    /// Maps a range and returns its address.
    ///
    /// [`Error::BadArgument`]: unaligned, empty, outside the zone of its inheritance, outside the
    /// Memory. [`Error::BadCapability`]: no such Memory. [`Error::MissingRight`]: more than the
    /// rights allow. [`Error::Denied`]: against W^X or the seal. [`Error::Overlap`].
    /// [`Error::NoMemory`]: nodes, or no gap found. [`Error::Busy`]: see [`Space::advance`].
    /// [`Error::Gone`]: torn down.
    ///
    /// Afterwards [`Space::advance`] may have something to do; the mapping is usable before.
    pub fn map<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        request: &MapRequest,
    ) -> Result<u64, Error> {
        self.idle_root()?;
        let protection = sound(request.protection)?;
        let (backing, allowed) = backing(cx, request, protection)?;
        let range = self.place(cx, request)?;
        let mapping = Mapping::new(
            range.clone(),
            backing,
            request.inheritance,
            protection,
            remaining(allowed, protection),
        );
        self.edit(cx, &range, &[mapping])?;
        if backing != Backing::Anonymous && !protection.is_empty() {
            self.job = Some(Job::Fill(range.clone()));
        }
        Ok(range.start)
    }

    /// Where the range goes: it is free there.
    fn place<M>(
        &mut self,
        cx: &MemoryContext<'_, M>,
        request: &MapRequest,
    ) -> Result<Range<u64>, Error> {
        if let Some(address) = request.address {
            let range = address::range(address, request.length)?;
            if !address::is_allowed(&range, request.inheritance) {
                return Err(Error::BadArgument);
            }
            return match self.tree(range.start).next(cx.nodes, range.start) {
                Some(mapping) if mapping.start < range.end => Err(Error::Overlap),
                _ => Ok(range),
            };
        }
        if request.length == 0 || !request.length.is_multiple_of(PAGE) {
            return Err(Error::BadArgument);
        }
        let (zone, limits, alignment) = address::zone(request.inheritance, request.length);
        let hint = self.hints[zone as usize].max(limits.start);
        let gap = self
            .gap(cx, hint..limits.end, request.length, alignment)
            .or_else(|| self.gap(cx, limits.start..limits.end, request.length, alignment))
            .ok_or(Error::NoMemory)?;
        self.hints[zone as usize] = gap.end;
        Ok(gap)
    }

    /// The first gap of `length` bytes in `limits`, among the first [`SEARCH`] mappings there.
    fn gap<M>(
        &self,
        cx: &MemoryContext<'_, M>,
        limits: Range<u64>,
        length: u64,
        alignment: u64,
    ) -> Option<Range<u64>> {
        let mut start = address::align_up(limits.start, alignment)?;
        for _ in 0..SEARCH {
            let end = start.checked_add(length).filter(|end| *end <= limits.end)?;
            match self.tree(start).next(cx.nodes, start) {
                Some(mapping) if mapping.start < end => {
                    start = address::align_up(mapping.end, alignment)?;
                }
                _ => return Some(start..end),
            }
        }
        None
    }
}

/// What stands behind the mapping, and what it may ever be raised to.
fn backing<M>(
    cx: &MemoryContext<'_, M>,
    request: &MapRequest,
    protection: Protection,
) -> Result<(Backing, Protection), Error> {
    let writable = Protection::READ | Protection::WRITE;
    let (memory, offset, rights) = match (request.source, request.inheritance) {
        (MapSource::Anonymous, Inheritance::Copy | Inheritance::None) => {
            return if protection.contains(Protection::EXECUTE) {
                Err(Error::Denied)
            } else {
                Ok((Backing::Anonymous, writable))
            };
        }
        (MapSource::Shared { memory, offset, rights }, Inheritance::Share | Inheritance::None) => {
            (memory, offset, rights)
        }
        (MapSource::Private { memory, offset, rights }, Inheritance::Copy | Inheritance::None) => {
            // Stores go to private copies: the right to read is enough for them.
            let write = if rights.contains(Protection::READ) { writable } else { rights };
            (memory, offset, rights | write)
        }
        _ => return Err(Error::BadArgument),
    };
    let object = cx.objects.get(memory).ok_or(Error::BadCapability)?;
    if !rights.contains(protection) {
        return Err(Error::MissingRight);
    }
    let end = offset.checked_add(request.length).ok_or(Error::BadArgument)?;
    if !offset.is_multiple_of(PAGE) || end > object.length() {
        return Err(Error::BadArgument);
    }
    let page = (offset / PAGE) as u32;
    let is_private = matches!(request.source, MapSource::Private { .. });
    if !object.is_sealed() && (is_private || protection.contains(Protection::EXECUTE)) {
        return Err(Error::Denied);
    }
    if is_private {
        return Ok((Backing::Private(memory, page), rights));
    }
    if object.is_sealed() && protection.contains(Protection::WRITE) {
        return Err(Error::Denied);
    }
    let allowed = if object.is_sealed() { rights.difference(Protection::WRITE) } else { rights };
    Ok((Backing::Shared(memory, page), allowed))
}
