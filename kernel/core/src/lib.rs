//! The portable kernel: everything that needs no instruction of its own.
//!
//! Owns: objects, calls, messages, memory, scheduling. Never here: `unsafe`, assembly, device
//! registers, heap allocation. Called by the kernel binary and, over a software machine, by the host
//! tests.
//!
//! # Principles
//!
//! 1. The kernel is transitions over one [`state::State`]: a function on `&mut State` is one atomic
//!    step. There are no locks to reason about, and the same function runs in a host test.
//! 2. Objects name each other by generational id. A stale id finds nothing; what it finds lives.
//! 3. Decode, then perform: a call fails before it has changed anything, or undoes itself.
//! 4. Nothing on the way of a message, a notification or an end allocates. Growth happens when
//!    objects are created, is paid by an account, and its failure is an error value.
//! 5. Plain functions first: only work of several steps is a future, and every step is bounded.
//! 6. What ends is taken apart by one task, in pieces, never recursively.
//!
//! # Invariants
//!
//! Each file states its own; `invariants::check` recounts the ones that span files: holders of every
//! object, users of spaces and tables, FIFOs, records in service, charges. Host tests call it after
//! every step.
//!
//! # Reading order
//!
//! [`machine`] (what is asked of hardware), [`kernel`] (the ways in), [`state`], [`object`] and the
//! files below it, [`executor`], [`deadline`], [`ipc`], `syscall`, `clone`, `exec`, `exit`, `fault`,
//! [`reaper`], [`errand`], [`boot`]; then [`account`] and [`memory`], which the rest uses through few
//! functions; [`statistics`], [`trace`] and [`log`] at any time.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "testing"))]
extern crate std;

pub mod account;
pub mod boot;
mod clone;
pub mod deadline;
pub mod errand;
mod exec;
pub mod executor;
mod exit;
mod fault;
#[cfg(any(test, feature = "testing"))]
pub mod invariants;
pub mod ipc;
pub mod kernel;
pub mod log;
pub mod machine;
pub mod memory;
pub mod object;
pub mod reaper;
pub mod state;
pub mod statistics;
mod syscall;
mod tables;
pub mod trace;
mod user;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use boot::{Boot, BootError, Module};
pub use kernel::{Exception, Interrupt, Kernel, Next};
