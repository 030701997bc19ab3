//! What the models of several servers share: badges, watches, and the seam to their clients.
//!
//! Owns: [`Descriptions`], the table behind badges; [`WatchList`], the state of the operation
//! WATCH; [`Clients`], the one trait through which a model moves bytes and answers calls.
//!
//! Never enters it: capabilities, system calls, clocks, logging. A model plus a [`Clients`] is the
//! whole server in a host test.
//!
//! Called by: the models of pipe, console and initrd; their shells implement [`Clients`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod clients;
pub mod descriptions;
pub mod watch;

pub use clients::{Clients, Token};
pub use descriptions::{Badge, Descriptions};
pub use watch::{WatchHandle, WatchList};
