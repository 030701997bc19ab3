//! Tine's application binary interface, the single source of truth.
//!
//! Owns: every number, layout and word that crosses a protection boundary - system calls, errors,
//! capability references and rights, messages, notifications, memory and register layouts, the
//! protocols of the servers, the results channel. Kernel, servers, programs and host tools all
//! import it; nobody restates a number.
//!
//! Never enters it: behaviour, allocation, `unsafe`, anything of one architecture's instructions.
//!
//! Versioning: a change of anything here changes the manual pages in `abi/doc`, so it is
//! seen in review; old binaries are not supported across such a change.
//!
//! Reading order: [`syscall`] (the table), [`error`], [`capability`], [`message`],
//! [`notification`], [`memory`], [`domain`], [`registers`], [`hardware`], [`start`], then
//! [`protocol`] and [`results`].
#![no_std]
#![forbid(unsafe_code)]

pub mod syscall;

pub mod capability;
pub mod domain;
pub mod error;
pub mod hardware;
pub mod layout;
pub mod memory;
pub mod message;
pub mod notification;
pub mod registers;
pub mod start;
pub mod wire;

pub mod protocol;
pub mod results;

pub use capability::{CapRef, Kind, Rights, Table};
pub use error::{Errno, Error};
pub use syscall::Call;
