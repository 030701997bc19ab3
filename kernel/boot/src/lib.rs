//! What the kernel binary works out at boot without touching hardware.
//!
//! Owns: cleaning the memory map, cutting ranges into pages, the arithmetic of clocks, finding the
//! soft-off value in ACPI code, judging boot modules. Never here: addresses that are dereferenced,
//! ports, policy after boot. Called by `tine-kernel` while it boots; tested on the host.
//!
//! Invariants: nothing allocates, loops are bounded by the input's length, and no input panics.
#![no_std]
#![forbid(unsafe_code)]

pub mod clock;
pub mod cover;
pub mod memory_map;
pub mod module;
pub mod sleep;
