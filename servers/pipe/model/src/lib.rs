//! Pipes: a bounded byte queue between two descriptions.
//!
//! Owns: the table of pipes and their ends, the bytes in flight, the queues of parked readers and
//! writers. Never enters it: capabilities and system calls; bytes move through
//! [`tine_server_model::Clients`].
//!
//! ```text
//!            create                        last close of the other end
//!   (none) ---------> both ends open ---------------------------------> one end open
//!                                                                            | last close
//!                                                                            v
//!                                                                          (none)
//! ```
//!
//! Invariants: readers are parked only while the queue is empty and a write end is open; writers
//! are parked only while the queue lacks the room they need and a read end is open; both queues
//! are served first come, first served. A write of at most `ATOMIC` bytes enters whole.
//!
//! Sources: pipe(2), write(2) and poll(2) of FreeBSD; POSIX pathconf PIPE_BUF.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod pipe;
mod queue;

pub use pipe::{PIPES_MAX, Pipes};
