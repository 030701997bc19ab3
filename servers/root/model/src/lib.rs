//! What the root server does, without doing it: which servers there are and what each is given, the
//! checks of the boot archive, the words about a server that ended.
//!
//! Owns: the table [`SERVERS`], the division of the machine ([`division`]), the reading of all
//! programs that a boot needs ([`Programs`]), command line and argument blocks ([`command`]), what is
//! said of an end ([`epitaph`]).
//!
//! Never enters it: capabilities and system calls. The archive is a byte slice.
//!
//! Invariants: nothing of a boot that can be checked is found damaged after the first server runs.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod command;
pub mod division;
pub mod epitaph;
pub mod programs;
pub mod table;

pub use programs::{Program, Programs, Refusal};
pub use table::{Grant, SERVERS, Server};
