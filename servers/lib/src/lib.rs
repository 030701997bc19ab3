//! The server framework: a server is a struct and its handlers.
//!
//! Owns: the loop over `reply_recv`, the answer that waits to be carried by it, the arrivals
//! window, the seam ([`Kernel`]) over which all of it runs in host tests.
//!
//! Never enters it: what words mean, the state of any server, allocation (but for [`tasks`]).
//!
//! ```text
//!          reply_recv(carried answer)             handler
//!   wait ----------------------------> received ------------> answers, at most one of them
//!    ^                                                        carried, the others sent at once
//!    +--------------------------------------------------------------------+
//! ```
//!
//! A handler that finishes returns [`Outcome::Answer`]; it costs one kernel entry a message. One
//! that must wait keeps the [`Token`] and returns [`Outcome::Parked`]; whoever answers it later
//! calls [`Service::answer`]. Handlers that wait in the middle of what they do are written as
//! futures: [`tasks`].
//!
//! Invariants: a server waits in one place, [`serve`]; it never dies of what a client sends: a
//! failed reply is turned into a plain errno, a caller that is gone is forgotten, capabilities
//! that no handler kept are closed before the next message. Nor does it die of what clients use up:
//! its memory has frames before it is used ([`tine_rt::heap::commit`]).
//!
//! Called by: the servers' `main`; people who write servers.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod tasks;

mod kernel;
pub mod load;
pub mod log;
mod reply;
mod request;
mod service;

pub use kernel::{Kernel, Tine};
pub use reply::{Reply, error, of, ok};
pub use request::{Request, Watch, errno_of_copy};
pub use service::{Exit, Outcome, Server, Service, serve};
pub use tine_server_model::{Badge, Clients, Token, WatchHandle};
