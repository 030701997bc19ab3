//! Runs one guest in QEMU from start to end.
//!
//! Owns: QEMU's command line ([`Machine`]), its process and its pipes ([`run()`]), the guest's
//! console on the host's terminal or pipes ([`Console`]), the results channel, the watch over
//! time ([`Watch`]), and the verdict ([`End`]).
//!
//! Never enters it: what is booted and how it was built (`tools/image`, `tools/xtask`), exit codes.
//!
//! Called by: `tools/xtask`. Invariants: when [`run()`] returns, QEMU is dead and its last output
//! has been read; nothing here waits without a limit except for the user at a terminal; no clock
//! decides a verdict except "nothing was heard for so long".
//!
//! Sources: QEMU 7.2's manual, "Character device options" and "isa-debugcon"; the words of the
//! channel are `tine_abi::results`.
#![forbid(unsafe_code)]

mod channel;
mod console;
mod end;
mod machine;
mod process;
mod run;
mod signals;
mod symbols;
mod transcript;

pub use channel::Channel;
pub use console::Console;
pub use end::{End, Report};
pub use machine::{Accelerator, Firmware, Machine, Medium, hardware_virtualization};
pub use run::{Watch, run};
pub use symbols::Symbols;
