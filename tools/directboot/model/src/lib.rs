//! Direct boot's logic without its hardware, so that the host can test it.
//!
//! Owned here: everything between the bytes that QEMU left in memory and the bytes that the kernel
//! finds in memory, except touching that memory. Never here: ports, control registers, pointers,
//! allocation. Called by: `tools/directboot`, which lends slices of physical memory; host tests.
//! Invariants: no input makes any function panic; every loop is bounded by its input's length.
//! Source: the Limine boot protocol (Limine 8.2, base revision 2) and the Xen PVH start-info ABI.
//!
//! Modules in the order in which a boot uses them.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
extern crate std;

pub mod acpi;
pub mod answers;
pub mod arena;
pub mod bytes;
pub mod clock;
pub mod command_line;
pub mod dump;
pub mod elf;
pub mod error;
pub mod memory;
pub mod paging;
pub mod physical;
pub mod protocol;
pub mod requests;
pub mod start_info;

pub use error::Error;
