//! Physical memory through the direct map.
//!
//! Owns: turning a frame number into memory: table entries, pages for slabs, the arrays of the frame
//! table. Never here: which frame is what (the portable kernel's frame
//! table). Called by `machine` and boot.
//!
//! Why it is sound: a [`Frame`] is RAM that the frame table manages or that boot handed out (the
//! contract of `PhysicalMemory`), and all of that is mapped in the direct map, which nothing ever
//! unmaps. User pages are read and written only here and only as bytes; page tables only as whole
//! entries, by volatile accesses, because the CPU reads them at the same time. Memory that holds
//! Rust objects is reached through a [`Page`] alone: who gives a frame away as a page does not name
//! it again until the page comes back.

use core::{arch::asm, ptr::NonNull};

use tine_kcore::{machine::Frame, memory::FrameRecord};
use tine_ksync::Page;

use crate::arch::paging::{DIRECT_MAP, Pool};

/// Where a frame is mapped.
#[inline(always)]
fn address(frame: Frame) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut((DIRECT_MAP + frame.address()) as usize)
}

/// Where entry `index` of a table is mapped.
#[inline(always)]
fn entry(frame: Frame, index: usize) -> *mut u64 {
    address(frame).cast::<u64>().wrapping_add(index & 511)
}

/// The same place, of which the compiler does not know how it was computed: so it keeps it in a
/// register, from which all entries of a group have constant distances.
#[inline(always)]
fn kept(place: *mut u64) -> *mut u64 {
    let mut address = place.expose_provenance();
    // SAFETY: no instruction at all.
    unsafe {
        asm!("/* {0} */", inout(reg) address, options(pure, nomem, nostack, preserves_flags));
    };
    core::ptr::with_exposed_provenance_mut(address)
}

/// Entry `index` of the table in `frame`.
#[inline(always)]
pub(crate) fn load(frame: Frame, index: usize) -> u64 {
    // SAFETY: mapped RAM (see the module's documentation), aligned, inside the frame.
    unsafe { entry(frame, index).read_volatile() }
}

/// Writes entry `index` of the table in `frame`.
#[inline(always)]
pub(crate) fn store(frame: Frame, index: usize, value: u64) {
    // SAFETY: as for `load`; tables are the portable kernel's to write.
    unsafe { entry(frame, index).write_volatile(value) }
}

/// Copies a group of eight entries from one table to another, as `PhysicalMemory` says.
#[inline(always)]
pub(crate) fn copy_entries(
    to: Frame,
    from: Frame,
    first: usize,
    keep: u64,
    mut each: impl FnMut(u64),
) {
    let (to, from) = (kept(entry(to, first & !7)), kept(entry(from, first & !7)));
    for index in 0..8 {
        // SAFETY: as for `load`: the group lies in the frame.
        let value = unsafe { from.wrapping_add(index).read_volatile() } & keep;
        if value != 0 {
            // SAFETY: as for `store`: the groups lie in their frames.
            unsafe {
                from.wrapping_add(index).write_volatile(value);
                to.wrapping_add(index).write_volatile(value);
            }
            each(value);
        }
    }
}

/// Clears a frame: 512 iterations of `rep stosq`.
#[inline(always)]
pub(crate) fn zero(frame: Frame) {
    // SAFETY: 4096 bytes of mapped RAM; the direction flag is clear in the kernel.
    unsafe {
        asm!("rep stosq", inout("rdi") address(frame) => _, inout("rcx") 512_u64 => _,
            in("rax") 0_u64, options(nostack, preserves_flags));
    }
}

/// Copies a frame: 512 iterations of `rep movsq`.
#[inline(always)]
pub(crate) fn copy(to: Frame, from: Frame) {
    // SAFETY: 4096 bytes of mapped RAM on both sides; the direction flag is clear in the kernel.
    unsafe {
        asm!("rep movsq", inout("rdi") address(to) => _, inout("rsi") address(from) => _,
            inout("rcx") 512_u64 => _, options(nostack, preserves_flags));
    }
}

/// Copies bytes from any readable memory to any writable memory, by words as far as that goes.
///
/// # Safety
/// Both ranges are valid for `length` bytes and do not overlap.
#[inline(always)]
unsafe fn copy_memory(to: *mut u8, from: *const u8, length: usize) {
    // SAFETY: the caller's promise; the direction flag is clear in the kernel.
    unsafe {
        asm!("rep movsq", "mov rcx, {rest}", "rep movsb", rest = in(reg) length & 7,
            inout("rdi") to => _, inout("rsi") from => _, inout("rcx") length >> 3 => _,
            options(nostack, preserves_flags));
    }
}

/// Whether bytes `offset..offset + length` lie in one frame.
#[inline(always)]
fn fits(offset: usize, length: usize) -> bool {
    offset <= 4096 && length <= 4096 - offset
}

/// Reads bytes of a frame; nothing if they do not lie in it.
#[inline(always)]
pub(crate) fn read(frame: Frame, offset: usize, into: &mut [u8]) {
    if fits(offset, into.len()) {
        // SAFETY: inside the frame; `into` is memory of the kernel, which no user frame overlaps.
        unsafe { copy_memory(into.as_mut_ptr(), address(frame).wrapping_add(offset), into.len()) };
    }
}

/// Writes bytes of a frame; nothing if they do not lie in it.
#[inline(always)]
pub(crate) fn write(frame: Frame, offset: usize, from: &[u8]) {
    if fits(offset, from.len()) {
        // SAFETY: inside the frame; `from` is memory of the kernel, which no user frame overlaps.
        unsafe { copy_memory(address(frame).wrapping_add(offset), from.as_ptr(), from.len()) };
    }
}

/// Copies bytes between different places of frames; nothing if they do not lie in them.
#[inline(always)]
pub(crate) fn copy_bytes(to: (Frame, usize), from: (Frame, usize), length: usize) {
    if fits(to.1, length) && fits(from.1, length) {
        let (to, from) = (address(to.0).wrapping_add(to.1), address(from.0).wrapping_add(from.1));
        // SAFETY: inside the frames. Should the places overlap, bytes are copied in rising order,
        // which is what the caller of an overlapping copy gets; nothing of Rust's lies there.
        unsafe { copy_memory(to, from, length) };
    }
}

/// Gives a frame away as memory for kernel objects.
#[inline]
pub(crate) fn page(frame: Frame) -> Page {
    // SAFETY: the frame's 4096 bytes are mapped and, by the contract above, nobody else names the
    // frame until `frame_of` takes it back; the direct map does not begin at address 0.
    unsafe { Page::from_raw(NonNull::new_unchecked(address(frame))) }
}

/// Takes such a frame back.
#[inline]
pub(crate) fn frame_of(page: Page) -> Frame {
    let address = page.into_raw().addr().get() as u64;
    Frame(((address - DIRECT_MAP) >> 12) as u32)
}

/// The arrays of a frame table for `frames` frames, from boot's pool.
pub(crate) fn records(
    pool: &mut Pool,
    frames: usize,
) -> Option<(&'static mut [u32], &'static mut [FrameRecord])> {
    Some((array(pool, frames)?, array(pool, frames)?))
}

/// An array of `length` default values from boot's pool.
fn array<T: Default>(pool: &mut Pool, length: usize) -> Option<&'static mut [T]> {
    const { assert!(align_of::<T>() <= 4096) };
    let bytes = length.checked_mul(size_of::<T>())?;
    let physical = pool.take(bytes as u64)?;
    let start = core::ptr::with_exposed_provenance_mut::<T>((DIRECT_MAP + physical) as usize);
    for index in 0..length {
        // SAFETY: the pool's memory is mapped, ours alone from now on, and page aligned.
        unsafe { start.add(index).write(T::default()) };
    }
    // SAFETY: `length` values were just written, and nobody else has this memory.
    Some(unsafe { core::slice::from_raw_parts_mut(start, length) })
}

/// Room in boot's pool for one value that lives as long as the machine runs.
#[derive(Debug)]
pub(crate) struct Room<T>(NonNull<T>);

impl<T> Room<T> {
    /// Takes it from the pool.
    pub(crate) fn take(pool: &mut Pool) -> Option<Self> {
        const { assert!(align_of::<T>() <= 4096) };
        let physical = pool.take(size_of::<T>() as u64)?;
        let address = (DIRECT_MAP + physical) as usize;
        NonNull::new(core::ptr::with_exposed_provenance_mut(address)).map(Self)
    }

    /// Puts the value there.
    pub(crate) fn fill(self, value: T) -> &'static T {
        // SAFETY: the pool's memory is mapped, page aligned and large enough, and this is its one
        // owner, who gives it up for good.
        unsafe {
            self.0.write(value);
            &*self.0.as_ptr()
        }
    }
}
