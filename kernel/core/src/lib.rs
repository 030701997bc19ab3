//! The portable kernel: everything that needs no instruction of its own.
//!
//! Owns: objects, calls, memory, scheduling. Never here: `unsafe`, assembly, device registers, heap
//! allocation: growth is a slab's, paid by an account. Called by the kernel binary and, over a
//! software machine, by the host tests.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "testing"))]
extern crate std;

pub mod account;
pub mod machine;
pub mod memory;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
