//! mmap, munmap, mprotect, as owners of ranges.
//!
//! A range is unmapped when its owner is dropped: [`munmap`] says it aloud.

use tine_abi::memory::Protection;
use tine_abi::{CapRef, Kind};
use tine_sys::capability::{self, ANYWHERE};

pub use tine_sys::memory::{Mapping, SharedMapping};

use crate::error::Result;
use crate::ipc::Owned;

/// `mmap(MAP_ANON | MAP_PRIVATE)`: zeroed memory; the child of a fork gets a copy.
///
/// # Errors
/// EINVAL for 0 bytes, ENOMEM.
pub fn mmap(bytes: usize) -> Result<Mapping> {
    Ok(Mapping::anonymous(bytes)?)
}

/// `mmap(MAP_ANON | MAP_SHARED)`: zeroed memory that the children of later forks share.
///
/// # Errors
/// EINVAL for 0 bytes, ENOMEM.
pub fn mmap_shared(bytes: usize) -> Result<SharedMapping> {
    let length = tine_sys::memory::whole_pages(bytes).unwrap_or(0);
    let arguments = [length, 0, 0];
    let memory = capability::create(CapRef::SELF, Kind::Memory, ANYWHERE, arguments)?;
    // The mapping keeps the Memory; the capability is not needed beyond this function.
    let memory = Owned::new(memory);
    Ok(SharedMapping::memory(memory.capability()?, 0, bytes, true)?)
}

/// Memory that the child of a fork does not get (`minherit(INHERIT_NONE)`).
///
/// # Errors
/// EINVAL for 0 bytes, ENOMEM.
pub fn mmap_not_inherited(bytes: usize) -> Result<SharedMapping> {
    Ok(SharedMapping::not_inherited(bytes)?)
}

/// Unmaps a range.
pub fn munmap(mapping: Mapping) {
    drop(mapping);
}

/// Changes what is allowed in a range.
///
/// # Errors
/// As mprotect(2).
pub fn mprotect(mapping: &mut Mapping, protection: Protection) -> Result<()> {
    Ok(mapping.protect(protection)?)
}
