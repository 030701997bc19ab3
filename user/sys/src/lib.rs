//! System calls for user space: the one `syscall` instruction, and a typed stub per call.
//!
//! Owns: [`raw`] (the instruction and its register convention), one stub for every row of
//! [`tine_abi::syscall`], the owner types that make stubs safe where an address is involved
//! ([`memory::Mapping`], [`memory::SharedMapping`], [`message::Message`]), I/O ports, the clock.
//!
//! Never enters it: allocation, start-up (`tine-rt`), Unix names (`tine`), policy, retries.
//!
//! Callers: `tine-rt`, `tine`, `tine-server`; servers and programs use those.
//!
//! # What is safe here
//!
//! A stub is a safe function when it cannot change memory that Rust code of this program relies
//! on. Buffers are borrowed for the time of the call; ranges of a message are borrowed until the
//! reply. What could change the program's own mappings or start code in it is `unsafe`, or is
//! reachable only through an owner type. Operations on *other* address spaces, Domains and threads
//! are safe; they refuse `CapRef::SELF`. Who is given a capability to its own Domain by somebody
//! else can break itself, as a Unix program can through `/proc/self/mem`: that is outside of what
//! a library can promise.
//!
//! # On the host
//!
//! The crate compiles everywhere; beyond `target_os = "none"` every call answers
//! [`tine_abi::Error::UnknownCall`], so that code above it can be linted and tested.
#![no_std]

#[cfg(test)]
extern crate std;

pub mod raw;

pub mod message;

pub mod capability;
pub mod clock;
pub mod domain;
pub mod event;
pub mod hardware;
pub mod memory;
pub mod trial;

pub use tine_abi as abi;
pub use tine_abi::error::Result;
