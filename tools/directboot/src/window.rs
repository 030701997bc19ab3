//! Physical memory below 4 GiB, which the boot tables map to itself.
//!
//! Owned here: the only ways to turn a physical address into Rust memory. Never here: who owns what
//! (the memory map says it). Called by: `boot`, `space`, `processors`, `interrupts`.
//! Invariants: address 0 is never touched; `Window` copies, so reading firmware tables makes no
//! reference; exclusive slices come only from ranges the memory map gave out once.

use core::ptr;

use tine_directboot_model::memory::CEILING;
use tine_directboot_model::physical::Physical;

/// All memory below 4 GiB, for reading by copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window;

impl Physical for Window {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        let end = address.checked_add(into.len() as u64);
        if address == 0 || end.is_none_or(|end| end > CEILING) {
            return false;
        }
        for (offset, byte) in into.iter_mut().enumerate() {
            // SAFETY: (1) the boot tables and the final ones map all of 1..4 GiB; (2) the read is
            // volatile and makes no reference, so it may race with nothing that matters.
            *byte = unsafe { ptr::read_volatile((address as usize + offset) as *const u8) };
        }
        true
    }
}

/// Memory as a shared slice.
///
/// # Safety
/// `address..address + length` lies in memory below 4 GiB, not at 0, and is not written while the
/// slice is used.
pub(crate) unsafe fn shared(address: u64, length: u64) -> &'static [u8] {
    // SAFETY: mapped to itself; readable and unchanging by the caller's promise.
    unsafe { core::slice::from_raw_parts(address as usize as *const u8, length as usize) }
}

/// Memory as an exclusive slice, cleared.
///
/// # Safety
/// `address..address + length` was just allocated from the memory map: below 4 GiB, and nobody
/// else uses it.
pub(crate) unsafe fn cleared(address: u64, length: u64) -> &'static mut [u8] {
    let (start, length) = (address as usize as *mut u8, length as usize);
    // SAFETY: mapped to itself, writable, and the caller's alone.
    unsafe {
        start.write_bytes(0, length);
        core::slice::from_raw_parts_mut(start, length)
    }
}

/// Reads a device register.
///
/// # Safety
/// `address` is a 4-byte register of a memory-mapped device below 4 GiB.
pub(crate) unsafe fn read_register(address: u64) -> u32 {
    // SAFETY: mapped to itself; a device register by the caller's promise.
    unsafe { ptr::read_volatile(address as usize as *const u32) }
}

/// Writes a device register.
///
/// # Safety
/// As for [`read_register`], and the value has no effect on memory in use.
pub(crate) unsafe fn write_register(address: u64, value: u32) {
    // SAFETY: mapped to itself; a device register by the caller's promise.
    unsafe { ptr::write_volatile(address as usize as *mut u32, value) }
}
