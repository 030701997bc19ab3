//! The atomics in use: the processor's, or loom's where its models run.
//!
//! Owns that one choice. Every other file takes atomics from here. Loom's cannot be made at compile
//! time, so what consists of atomics has no `const` constructor.

#[cfg(not(loom))]
pub(crate) use core::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};
