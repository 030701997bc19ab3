//! The process model: everything Unix calls a process, as one deterministic state machine.
//!
//! [`Model::step`] takes the time and one [`Input`] and hands each [`Effect`] to a sink, in order.
//! Same inputs, same effects, byte for byte. The shell around it (the process server) decodes
//! messages, steps, performs effects and parks nothing: tokens of parked calls live here.
//!
//! Never enters it: capabilities, clocks, logging, hash iteration, blocking, panics that a client
//! could reach. Growth is fallible everywhere; a failure is an errno and leaves nothing behind.
//!
//! # Life of a process
//!
//! ```text
//!            1 reserve             2 commit                3 EXIT                 4 reap
//!  (nothing) ---------> Embryo -----------> Live --------------------> Zombie ----------> (nothing)
//!                         |                  |  ^                         |
//!                         | 5 undo           +--+ 6 exec, groups, kill    | 7 last close, next reaper
//! ```
//!
//! 1. `fork::begin`: limits, record, pid; the effect `CloneCaller` closes the turn's first half.
//! 2. `fork::cloned`: links, statistics, descriptor; `ReplyAndStart` writes the parent's answer
//!    before the child may run (rule 105).
//! 3. `exit::ended`: from the kernel's EXIT, which says that the memory is released and the closes
//!    were queued before it.
//! 4. `exit::reap`: by a wait of the parent; the number is freed when its last use ends.
//! 5. `fork::undo`: nothing is left; counts, last pid, statistics as before.
//! 6. `exec`, `group`, `signal`.
//! 7. A zombie also goes when the last descriptor on it closes (2.1/11), or moves on when the
//!    reaper that holds it is reaped itself (2.4/7).
//!
//! # Turns
//!
//! Fork, exec and the start of init need the kernel in the middle: the effect asks, the very next input
//! must be its [`Completion`]; anything else is refused as [`OutOfTurn`] and changes nothing. So
//! a group kill can never fall between the halves of a fork (rules 43 to 45).
//!
//! # Rule numbers
//!
//! "Rule 24" is a numbered rule of the semantics reference, "2.1/12" item 12 of its section 2.1,
//! "subtle 7" number 7 of its forty subtlest. What differs between the four systems is data or a
//! method of [`Profile`]; nothing else asks which system it is.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod model;

mod badge;
mod effect;
mod input;
mod profile;
mod slab;

mod links;
mod pid;
mod process;

mod descriptor;
mod exec;
mod exit;
mod fork;
mod group;
mod init;
mod limit;
mod park;
mod reaper;
mod signal;
mod wait;

mod invariants;
mod query;

pub use badge::{Badge, Sender};
pub use descriptor::{Descriptor, WATCHES_PER_DESCRIPTOR};
pub use effect::{Answer, Effect, Effects, Log, LogKind, Memory};
pub use exit::{ExitRecord, ExitStatus};
pub use input::{
    CloneFailure, Completion, ExecFailure, Input, Instant, Name, Request, Reservation, Token,
    WatchHandle,
};
pub use invariants::Violation;
pub use limit::Statistics;
pub use model::{Config, Model, OutOfMemory, OutOfTurn};
pub use process::Process;
pub use profile::{
    FREEBSD_13, FREEBSD_2001, FREEBSD_2010, FreshLine, MaxprocRule, NETBSD_9, NameSpaces, PidRule,
    Profile, RefusalLog, SignalSet, StatisticsRule, WaitOptions,
};
pub use query::Page;
pub use slab::Id;

/// Names one process for as long as it exists, zombies included; never reused.
pub type ProcessId = Id<Process>;
/// Names one process descriptor until its last copy is closed; never reused.
pub type DescriptorId = Id<Descriptor>;
