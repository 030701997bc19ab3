//! What the suite in the guest knows without running: which calls must be refused and why, which
//! cases a filter selects, what counts as a leak.
//!
//! Owns: the table of refusals ([`refusals`]), proven complete against the table of system calls;
//! [`selection`]; [`leaks`].
//!
//! Never enters it: system calls. Called by: `tine-tests`, which performs the rows.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod leaks;
pub mod refusals;
pub mod selection;
