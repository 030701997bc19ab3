//! What a program finds when it starts: the start block at its stack pointer.
//!
//! All general registers but RSP are unspecified. RSP points to a [`StartBlock`], 16-byte aligned;
//! the argument block follows it: the strings of the arguments, then those of the environment,
//! each ended by a NUL byte, with the same counts as in the start block. `execve` carries exactly
//! this argument block.

use crate::wire::words;

/// Value of [`StartBlock::magic`]: "tine-run" in ASCII.
pub const MAGIC: u64 = u64::from_le_bytes(*b"tine-run");

/// Bytes of an argument block at most; more is E2BIG.
pub const ARGUMENTS_MAX: u64 = 64 << 10;

words! {
    /// The start block: 12 words.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct StartBlock where magic == MAGIC {
        /// [`MAGIC`].
        pub magic: u64,
        /// Number of argument strings.
        pub arguments: u64,
        /// Number of environment strings.
        pub environment: u64,
        /// Address of the argument block.
        pub strings: u64,
        /// Its bytes.
        pub strings_length: u64,
        /// First byte of the first heap, in the hot region.
        pub heap: u64,
        /// First byte after it.
        pub heap_end: u64,
        /// Lowest byte of the main stack; the page below is a guard.
        pub stack: u64,
        /// Time-stamp counter ticks a second.
        pub clock_frequency: u64,
        /// Time-stamp counter at nanosecond 0 of the kernel's clock.
        pub clock_start: u64,
        /// Process id; 0 for servers.
        pub process: u64,
        /// Bytes of the Memory in the slot ARCHIVE; 0 without one.
        pub archive: u64,
    }
}
