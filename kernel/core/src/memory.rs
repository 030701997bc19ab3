//! Memory: frames, page tables, mappings, address spaces, Memory objects.
//!
//! Owns everything about who may see which bytes. Never here: capabilities, threads, scheduling;
//! kernel core passes ids and checked rights. All of it is generic over the machine and runs on the
//! host over a software one.
//!
//! Reading order: [`address`], [`entry`], [`frame`], `table`, `path` (page tables); `mapping`,
//! `node`, `tree` (what is promised); [`object`]; `space`, `resolve`, `fork`, `map`, `unmap`,
//! `protect`, `job`, `teardown`, `copy` (the operations); `invariants` (what must hold, as code).
//!
//! # Sharing
//!
//! Page tables are shared between spaces from the top down, copy on write. The rules
//! (`kernel/doc/address-spaces.md` argues them):
//!
//! - **I1** An entry with W points to a frame with one reference, which no table borrows from; leaves
//!   of shared Memories excepted.
//! - **I2** A table with several references or borrowers is reached through entries without W only.
//! - **I3** What is allowed comes from the mapping tree; an entry holds at most that, never more.
//! - **I4** A table gains permission or content only while every table above it is this space's
//!   alone; entries of a shared table may only be lowered, and borrowed parts be brought home.
//! - **I5** The zero page and the pages of Memories are never taken over as the last owner's.
//!
//! # Failure
//!
//! Every operation reserves what it needs, then builds, then publishes, then releases. One that
//! fails leaves frames, counts, trees and accounts as they were.

pub mod address;
pub mod entry;
pub mod frame;
pub mod object;

mod copy;
mod fork;
#[cfg(any(test, feature = "testing"))]
pub mod invariants;
mod job;
mod map;
mod mapping;
mod node;
mod path;
mod protect;
mod resolve;
mod space;
mod table;
mod teardown;
mod tree;
mod unmap;

pub use copy::{CopyFault, CopyPlace, copy_across, copy_in, copy_out, copy_within};
pub use frame::{FrameKind, FrameRecord, FrameTable, KernelPages, MAXIMUM_FRAMES, Reservation};
pub use map::{MapRequest, MapSource};
pub use mapping::{Backing, Mapping};
pub use node::MappingNodes;
pub use object::{MemoryId, MemoryObject, MemoryObjects};
pub use space::Space;
pub use teardown::reap;

use crate::account::Accounts;

/// Entries that one step of chunked work handles.
pub const CHUNK: u32 = 64;

/// What an operation on memory works with. Parts of the kernel's state, borrowed for one operation.
#[derive(Debug)]
pub struct MemoryContext<'k, M> {
    /// Physical memory and translation.
    pub machine: &'k mut M,
    /// All frames.
    pub frames: &'k mut FrameTable,
    /// All nodes of mapping trees.
    pub nodes: &'k mut MappingNodes,
    /// All accounts.
    pub accounts: &'k mut Accounts,
    /// All Memory objects.
    pub objects: &'k mut MemoryObjects,
}

/// Whether chunked work is finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "unfinished work must be called again"]
pub enum Progress {
    /// Nothing is left.
    Done,
    /// Call again; others may run between.
    More,
}

/// Why memory is accessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Execute,
    /// A debugger's store: as `Write`, but a private mapping need not allow it (its page becomes a
    /// private copy that the program still cannot write).
    Force,
}
