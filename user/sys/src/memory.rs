//! Memory: mapping, protection, copies between address spaces.
//!
//! Owns: [`Mapping`] (private memory as a slice), [`SharedMapping`] (memory that others may change,
//! read and written word by word), stubs for `map unmap protect space_copy`.
//!
//! Never enters it: where ranges should lie (`tine_abi::layout` and the kernel choose), the heap.
//!
//! Invariants: a [`Mapping`] owns its range: it is anonymous or a private view of a sealed Memory,
//! inherited as a copy, so nobody else ever changes it. Memory that is shared, or that a fork
//! leaves out, is never given out as a reference.

use core::ptr::NonNull;

use tine_abi::capability::Destination;
use tine_abi::error::Result;
use tine_abi::memory::{CopyRequest, Inheritance, MapRequest, PAGE, Place, Protection, Source};
use tine_abi::wire::Wire;
use tine_abi::{Call, CapRef, Error, Kind};

use crate::raw;

/// Reads and writes.
pub const READ_WRITE: Protection = Protection::READ.union(Protection::WRITE);

/// Maps into `space` ([`CapRef::SELF`]: own); tells the address. Existing mappings are never
/// replaced (OVERLAP), so this changes nothing that a program relies on.
///
/// # Errors
/// As the row `map` says.
#[inline]
pub fn map(space: CapRef, request: &MapRequest) -> Result<u64> {
    let mut words = [0; MapRequest::WORDS];
    request.encode(&mut words);
    // SAFETY: (2) the request lives until after the call; (3) the kernel refuses ranges in use.
    let [address, _] =
        unsafe { raw::plain(Call::Map, space, [words.as_ptr().expose_provenance() as u64]) }
            .values()?;
    Ok(address)
}

/// Removes what is mapped in a range of `space`.
///
/// # Safety
/// With the own space, no reference into the range is used any more.
///
/// # Errors
/// As the row `unmap` says.
#[inline]
pub unsafe fn unmap(space: CapRef, address: u64, length: u64) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { raw::plain(Call::Unmap, space, [address, length]) }.status.result()
}

/// Changes the protection of a range of `space`.
///
/// # Safety
/// With the own space, no reference into the range is used against the new protection.
///
/// # Errors
/// As the row `protect` says.
#[inline]
pub unsafe fn protect(
    space: CapRef,
    address: u64,
    length: u64,
    protection: Protection,
) -> Result<()> {
    let arguments = [address, length, u64::from(protection.bits())];
    // SAFETY: the caller's promise.
    unsafe { raw::plain(Call::Protect, space, arguments) }.status.result()
}

/// Removes what is mapped in a range of another address space.
///
/// # Errors
/// As the row `unmap` says; BAD_ARGUMENT for the own space.
#[inline]
pub fn unmap_elsewhere(space: CapRef, address: u64, length: u64) -> Result<()> {
    if space.is_self() {
        return Err(Error::BadArgument);
    }
    // SAFETY: not the own space.
    unsafe { unmap(space, address, length) }
}

/// Changes the protection of a range of another address space.
///
/// # Errors
/// As the row `protect` says; BAD_ARGUMENT for the own space.
#[inline]
pub fn protect_elsewhere(
    space: CapRef,
    address: u64,
    length: u64,
    protection: Protection,
) -> Result<()> {
    if space.is_self() {
        return Err(Error::BadArgument);
    }
    // SAFETY: not the own space.
    unsafe { protect(space, address, length, protection) }
}

/// Creates a Memory of at least `bytes` zero bytes, in whole pages, that `account` pays for.
///
/// # Errors
/// As the row `create` says; BAD_ARGUMENT for 0 bytes.
pub fn create(account: CapRef, bytes: usize, destination: Destination) -> Result<CapRef> {
    let length = whole_pages(bytes).ok_or(Error::BadArgument)?;
    crate::capability::create(account, Kind::Memory, destination, [length, 0, 0])
}

/// Seals a Memory: it is never written again, and can be mapped for execution.
///
/// # Errors
/// As the row `protect` says; BUSY while somebody can write it.
#[inline]
pub fn seal(memory: CapRef) -> Result<()> {
    let protection = Protection::READ | Protection::EXECUTE;
    // SAFETY: a Memory with a writable mapping is BUSY, so no mapping changes.
    unsafe { protect(memory, 0, 0, protection) }
}

/// One side of a copy that is not the own memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    /// A range that the caller of a call in service lent.
    CallerRange {
        /// The call.
        token: u64,
        /// Which of its ranges, 0 or 1.
        range: u8,
        /// First byte in it.
        offset: u64,
    },
    /// Another address space, at this address.
    Space(CapRef, u64),
    /// A Memory, from this byte on.
    Memory(CapRef, u64),
}

impl Remote {
    fn place(self) -> Result<Place> {
        Ok(match self {
            Self::CallerRange { token, range, offset } => {
                Place::CallerRange { token, range, offset }
            }
            Self::Space(space, _) if space.is_self() => return Err(Error::BadArgument),
            Self::Space(space, address) => Place::Space(space, address),
            Self::Memory(memory, offset) => Place::Memory(memory, offset),
        })
    }
}

/// Why a copy stopped, and how far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyError {
    /// The reason.
    pub error: Error,
    /// Bytes copied before it.
    pub copied: u64,
    /// With BAD_ADDRESS: the address that stopped it.
    pub address: u64,
}

impl From<Error> for CopyError {
    fn from(error: Error) -> Self {
        Self { error, copied: 0, address: 0 }
    }
}

/// # Safety
/// An own place is valid for `length` bytes, and borrowed mutably if it is the target.
unsafe fn copy(to: Place, from: Place, length: u64) -> core::result::Result<u64, CopyError> {
    let mut words = [0; CopyRequest::WORDS];
    CopyRequest { to, from, length }.encode(&mut words);
    let request = words.as_ptr().expose_provenance() as u64;
    // SAFETY: the request lives until after the call; the places are the caller's promise.
    let returned = unsafe { raw::plain(Call::SpaceCopy, CapRef::SELF, [request]) };
    let [copied, address] = returned.values;
    match returned.status.result() {
        Ok(()) => Ok(copied),
        Err(Error::UnknownCall) => Err(Error::UnknownCall.into()),
        Err(error) => Err(CopyError { error, copied, address }),
    }
}

/// Copies bytes from elsewhere into `to`.
///
/// # Errors
/// As the row `space_copy` says.
pub fn copy_in(to: &mut [u8], from: Remote) -> core::result::Result<u64, CopyError> {
    let own = Place::Own(to.as_mut_ptr().expose_provenance() as u64);
    // SAFETY: `to` is borrowed mutably for its whole length.
    unsafe { copy(own, from.place()?, to.len() as u64) }
}

/// Copies bytes of `from` elsewhere.
///
/// # Errors
/// As the row `space_copy` says.
pub fn copy_out(to: Remote, from: &[u8]) -> core::result::Result<u64, CopyError> {
    let own = Place::Own(from.as_ptr().expose_provenance() as u64);
    // SAFETY: `from` is borrowed for its whole length.
    unsafe { copy(to.place()?, own, from.len() as u64) }
}

/// Copies bytes between two places that are both elsewhere.
///
/// # Errors
/// As the row `space_copy` says.
pub fn copy_between(to: Remote, from: Remote, length: u64) -> core::result::Result<u64, CopyError> {
    // SAFETY: no own place.
    unsafe { copy(to.place()?, from.place()?, length) }
}

/// Gives each page of a range of the own memory its frame now, so that no later access finds that
/// none is left: the range is copied onto itself.
///
/// # Safety
/// The range is mapped for writing, and no other thread writes to it meanwhile.
///
/// # Errors
/// As the row `space_copy` says: NO_MEMORY when frames run out on the way.
pub unsafe fn commit(address: u64, length: u64) -> Result<()> {
    let own = Place::Own(address);
    // SAFETY: the caller's promise; no byte changes, so borrows of the range do not matter.
    unsafe { copy(own, own, length) }.map(|_| ()).map_err(|failed| failed.error)
}

/// Rounds a length up to whole pages; `None` for zero and for what does not fit.
#[must_use]
pub const fn whole_pages(bytes: usize) -> Option<u64> {
    match (bytes as u64).checked_next_multiple_of(PAGE) {
        Some(length) if length > 0 => Some(length),
        _ => None,
    }
}

/// A private range of memory; unmapped when dropped.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    length: usize,
    protection: Protection,
}

// SAFETY: it owns its memory, as a boxed slice does.
unsafe impl Send for Mapping {}
// SAFETY: as for a boxed slice: shared access only reads.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(request: &MapRequest) -> Result<Self> {
        let address = map(CapRef::SELF, request)?;
        let start = NonNull::new(core::ptr::with_exposed_provenance_mut(address as usize))
            .ok_or(Error::BadAddress)?;
        let length = usize::try_from(request.length).map_err(|_| Error::BadArgument)?;
        Ok(Self { start, length, protection: request.protection })
    }

    /// Zeroed memory of at least `bytes` bytes, in whole pages.
    ///
    /// # Errors
    /// As the row `map` says; BAD_ARGUMENT for 0 bytes.
    pub fn anonymous(bytes: usize) -> Result<Self> {
        Self::new(&MapRequest {
            address: 0,
            length: whole_pages(bytes).ok_or(Error::BadArgument)?,
            protection: READ_WRITE,
            inheritance: Inheritance::Copy,
            source: Source::Anonymous,
            offset: 0,
        })
    }

    /// The content of a sealed Memory, for reading.
    ///
    /// # Errors
    /// As the row `map` says; BAD_ARGUMENT for 0 bytes.
    pub fn sealed(memory: CapRef, bytes: usize) -> Result<Self> {
        Self::new(&MapRequest {
            address: 0,
            length: whole_pages(bytes).ok_or(Error::BadArgument)?,
            protection: Protection::READ,
            inheritance: Inheritance::Copy,
            source: Source::Private(memory),
            offset: 0,
        })
    }

    /// First address.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.start.as_ptr().expose_provenance() as u64
    }

    /// Bytes; whole pages.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// What is allowed now.
    #[must_use]
    pub const fn protection(&self) -> Protection {
        self.protection
    }

    /// The bytes; empty when the protection does not allow reading.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        if self.protection.is_empty() {
            return &[];
        }
        // SAFETY: the range is mapped as long as `self` lives, readable, initialised (zero-filled
        // or from the Memory), and nobody else changes it: see the invariants above.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    /// The bytes; empty when the protection does not allow writing.
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        if !self.protection.contains(Protection::WRITE) {
            return &mut [];
        }
        // SAFETY: as in `bytes`, writable, and `self` is borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }

    /// Changes what is allowed.
    ///
    /// # Errors
    /// As the row `protect` says.
    pub fn protect(&mut self, protection: Protection) -> Result<()> {
        // SAFETY: `self` is borrowed mutably, so nobody holds a reference into the range.
        unsafe { protect(CapRef::SELF, self.address(), self.length as u64, protection) }?;
        self.protection = protection;
        Ok(())
    }

    /// Takes access to the first `bytes` bytes away, for good: a guard below a stack. The slices
    /// then begin after it.
    ///
    /// # Errors
    /// As the row `protect` says; BAD_ARGUMENT unless it is whole pages and less than everything.
    pub fn guard(&mut self, bytes: usize) -> Result<()> {
        if bytes >= self.length || !(bytes as u64).is_multiple_of(PAGE) {
            return Err(Error::BadArgument);
        }
        // SAFETY: `self` is borrowed mutably, so nobody holds a reference into the range.
        unsafe { protect(CapRef::SELF, self.address(), bytes as u64, Protection::empty()) }?;
        // SAFETY: `bytes` is less than the length of the range.
        self.start = unsafe { self.start.add(bytes) };
        self.length -= bytes;
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the owner is gone, so nobody holds a reference into the range.
        let result = unsafe { unmap(CapRef::SELF, self.address(), self.length as u64) };
        // A range that cannot be unmapped (no memory to split a shared table) is left mapped.
        result.ok();
    }
}

/// A range of memory that others may change at any time, or that a fork leaves out.
///
/// It is read and written in aligned words, each access on its own. Unmapped when dropped.
#[derive(Debug)]
pub struct SharedMapping {
    start: NonNull<core::sync::atomic::AtomicU64>,
    words: usize,
    writable: bool,
}

// SAFETY: all access is atomic or through `&self` methods that are.
unsafe impl Send for SharedMapping {}
// SAFETY: as for Send.
unsafe impl Sync for SharedMapping {}

impl SharedMapping {
    fn new(request: &MapRequest) -> Result<Self> {
        let address = map(CapRef::SELF, request)?;
        let start = NonNull::new(core::ptr::with_exposed_provenance_mut(address as usize))
            .ok_or(Error::BadAddress)?;
        let words = usize::try_from(request.length / 8).map_err(|_| Error::BadArgument)?;
        Ok(Self { start, words, writable: request.protection.contains(Protection::WRITE) })
    }

    /// `bytes` bytes of a Memory from `offset` on. The child of a fork sees the same Memory.
    ///
    /// # Errors
    /// As the row `map` says.
    pub fn memory(memory: CapRef, offset: u64, bytes: usize, writable: bool) -> Result<Self> {
        Self::new(&MapRequest {
            address: 0,
            length: whole_pages(bytes).ok_or(Error::BadArgument)?,
            protection: if writable { READ_WRITE } else { Protection::READ },
            inheritance: Inheritance::Share,
            source: Source::Shared(memory),
            offset,
        })
    }

    /// Zeroed memory that the child of a fork does not get.
    ///
    /// # Errors
    /// As the row `map` says.
    pub fn not_inherited(bytes: usize) -> Result<Self> {
        Self::new(&MapRequest {
            address: 0,
            length: whole_pages(bytes).ok_or(Error::BadArgument)?,
            protection: READ_WRITE,
            inheritance: Inheritance::None,
            source: Source::Anonymous,
            offset: 0,
        })
    }

    /// Words in it.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.words
    }

    fn word(&self, index: usize) -> Option<NonNull<core::sync::atomic::AtomicU64>> {
        // SAFETY: the index is inside the range.
        (index < self.words).then(|| unsafe { self.start.add(index) })
    }

    /// The word with this index, with acquire ordering; `None` beyond the end.
    #[must_use]
    pub fn load(&self, index: usize) -> Option<u64> {
        let word = self.word(index)?;
        // SAFETY: mapped as long as `self` lives, aligned, and only accessed atomically; the
        // reference lasts for this load.
        Some(unsafe { word.as_ref() }.load(core::sync::atomic::Ordering::Acquire))
    }

    /// Writes the word with this index, with release ordering; `None` beyond the end or for memory
    /// that is only readable.
    #[must_use]
    pub fn store(&self, index: usize, value: u64) -> Option<()> {
        let word = self.word(index).filter(|_| self.writable)?;
        // SAFETY: as in `load`; writable.
        unsafe { word.as_ref() }.store(value, core::sync::atomic::Ordering::Release);
        Some(())
    }
}

impl Drop for SharedMapping {
    fn drop(&mut self) {
        let address = self.start.as_ptr().expose_provenance() as u64;
        // SAFETY: references into the range last for one access each, and none runs now.
        let result = unsafe { unmap(CapRef::SELF, address, 8 * self.words as u64) };
        // A range that cannot be unmapped (no memory to split a shared table) is left mapped.
        result.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::host::made;

    #[test]
    fn lengths_are_whole_pages() {
        assert_eq!(whole_pages(0), None);
        assert_eq!(whole_pages(1), Some(4096));
        assert_eq!(whole_pages(4096), Some(4096));
        assert_eq!(whole_pages(usize::MAX), None);
    }

    #[test]
    fn the_own_space_is_not_elsewhere() {
        assert_eq!(unmap_elsewhere(CapRef::SELF, 0, 4096), Err(Error::BadArgument));
        let everything = Protection::empty();
        assert_eq!(protect_elsewhere(CapRef::SELF, 0, 1, everything), Err(Error::BadArgument));
        let own = Remote::Space(CapRef::SELF, 0);
        assert_eq!(copy_in(&mut [0], own).unwrap_err().error, Error::BadArgument);
        assert!(made().is_empty(), "refused before the kernel was asked");
    }

    #[test]
    fn copies_are_one_call() {
        let from = Remote::CallerRange { token: 3, range: 1, offset: 0 };
        assert!(copy_in(&mut [0; 4], from).is_err());
        assert!(copy_out(from, &[0; 4]).is_err());
        assert!(copy_between(from, Remote::Memory(CapRef::private(9), 0), 1).is_err());
        assert!(made().iter().all(|(call, ..)| *call == Call::SpaceCopy));
    }
}
