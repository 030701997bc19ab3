//! What the shell knows and decides without touching the system.
//!
//! Owns: variables and parameters ([`variables`], [`parameters`]), the command line of `sh`
//! ([`invocation`]), lines put together to commands ([`assembler`]), the fields of `read`
//! ([`fields`]), the expressions of `test` ([`condition`]).
//!
//! Never enters it: processes, descriptors, files; the language itself (`tine-sh-language`).
//!
//! Callers: `tine-sh`.
//!
//! Source: IEEE Std 1003.1, Shell Command Language and `sh`, `read`, `test`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod assembler;
pub mod condition;
pub mod fields;
pub mod invocation;
pub mod parameters;
pub mod variables;

pub use assembler::{Assembler, Progress};
pub use condition::{Condition, Files};
pub use fields::split_line;
pub use invocation::Invocation;
pub use parameters::Parameters;
pub use variables::Variables;
