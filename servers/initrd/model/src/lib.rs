//! The file tree: the boot archive as files, the null device, and a writable directory for
//! temporary files.
//!
//! Owns: nodes and names, open file descriptions, which files are kept as Memories to be executed.
//! Never enters it: capabilities, system calls, clocks. Bytes move through
//! [`tine_server_model::Clients`]; the archive is a byte slice that the shell maps, read by
//! `tine-archive`.
//!
//! ```text
//!   /            read-only, from the archive
//!   /bin/sh ...  read-only files: ranges of the archive, never copied
//!   /dev/null    takes what is written, and is always at its end
//!   /tmp         writable: files of pages that belong to the account of the server
//! ```
//!
//! Invariants: every node is named by exactly one directory, or by open descriptions only after
//! it was unlinked; a node's memory is released when its last name and its last description are
//! gone; names are sorted, so listing is by position and stable while nothing changes; limits
//! ([`NODES_MAX`], [`FILE_MAX`]) bound what clients can make the server hold.
//!
//! Sources: IEEE Std 1003.1 (open, unlink, rename), FreeBSD errno use.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod description;
mod node;
mod path;
mod programs;
mod tree;

pub use description::{Files, Opened};
pub use node::{FILE_MAX, NODES_MAX, NodeId};
pub use programs::{PROGRAMS_MAX, Programs};
pub use tree::{Tree, Unusable};
