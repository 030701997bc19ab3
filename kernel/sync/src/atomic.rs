//! The atomics in use: the processor's, or loom's where its models run.
//!
//! Owns that one choice. Every other file takes atomics from here and says [`const_fn!`] for
//! constructors, because loom's cannot run at compile time.

#[cfg(not(loom))]
pub(crate) use core::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering},
};

#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering},
};

/// A `const fn`, or a plain one under loom.
macro_rules! const_fn {
    ($(#[$meta:meta])* $visibility:vis fn $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$meta])* $visibility const fn $($rest)*
        #[cfg(loom)]
        $(#[$meta])* $visibility fn $($rest)*
    };
}
pub(crate) use const_fn;
