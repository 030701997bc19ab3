//! The kernel's own image: where it is and which part may do what.
//!
//! Owns: the linker's symbols. Never here: mapping it (`paging`). Called by `paging` and by
//! the epitaph, which says addresses relative to the base at which the image was linked.

use core::ops::Range;

/// Where the image is linked; the loader moves it from there.
const LINKED: u64 = 0xffff_ffff_8000_0000;

unsafe extern "C" {
    static image_start: u8;
    static rodata_start: u8;
    static relro_start: u8;
    static data_start: u8;
    static image_end: u8;
}

/// What a part of the image may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rights {
    /// Be executed and read.
    Execute,
    /// Be read.
    Read,
    /// Be read and written.
    Write,
}

/// The parts of the image, page aligned, by virtual address.
pub(crate) fn parts() -> [(Range<u64>, Rights); 4] {
    let start = (&raw const image_start).addr() as u64;
    let rodata = (&raw const rodata_start).addr() as u64;
    let relro = (&raw const relro_start).addr() as u64;
    let data = (&raw const data_start).addr() as u64;
    let end = (&raw const image_end).addr() as u64;
    [
        (start..rodata, Rights::Execute),
        (rodata..relro, Rights::Read),
        (relro..data, Rights::Read),
        (data..end, Rights::Write),
    ]
}

/// The whole image.
pub(crate) fn range() -> Range<u64> {
    let [(text, _), .., (data, _)] = parts();
    text.start..data.end
}

/// Whether `address` is one of the kernel's instructions.
pub(crate) fn is_text(address: u64) -> bool {
    parts()[0].0.contains(&address)
}

/// How far the image was moved from where it is linked.
pub(crate) fn slide() -> u64 {
    range().start.wrapping_sub(LINKED)
}

/// `address` as the linker knows it.
pub(crate) fn linked(address: u64) -> u64 {
    address.wrapping_sub(slide())
}
