//! What the small programs are made of, apart from their system calls.
//!
//! Owns: reading of options and operands, counting words, durations, tables, columns, the tree of
//! processes, what `kill` makes of its words. All of it is pure but for what prints.
//!
//! Called by: `user/programs`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod columns;
pub mod counts;
pub mod duration;
pub mod kill;
pub mod message;
pub mod options;
pub mod tree;
