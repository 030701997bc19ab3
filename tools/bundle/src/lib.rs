//! The bundle: what direct boot receives in place of a disk.
//!
//! One POSIX ustar archive: the member `kernel` (an ELF file), then `cmdline` (text), then the boot
//! modules by name (`root`, `archive`). Any `tar` lists it; the same inputs give the same bytes.
//! Owned here: the order of the members, their names and limits, the checks on reading, and the
//! text format of `cmdline`. Never here: memory, addresses, what a kernel or a module contains.
//! Called by: `tools/directboot` (reading, `no_std`) and the image tool (writing, feature `std`).
//! Invariants: reading allocates nothing, is bounded by the archive's length and never panics,
//! whatever the bytes are; what `write` accepts, `Bundle::parse` accepts and returns unchanged.
//! Source: POSIX.1-2017, `pax`, "ustar Interchange Format".

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
extern crate std;

mod command_line;
mod header;
mod read;
#[cfg(feature = "std")]
mod write;

pub use command_line::CommandLines;
pub use read::{Bundle, Error, MAXIMUM_COMMAND_LINE, MAXIMUM_MODULES, Module};
#[cfg(feature = "std")]
pub use write::{WriteError, write};

/// Name of the first member, the kernel's ELF file.
pub const KERNEL: &str = "kernel";

/// Name of the second member, the command lines.
pub const COMMAND_LINE: &str = "cmdline";
