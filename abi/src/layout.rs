//! The picture of a user address space; placement decides what a fork costs.
//!
//! ```text
//! 0x0000_0000_0000  never mapped (2 MiB)
//! 0x0000_0020_0000  text and read-only data, whole 2 MiB regions
//! the next region   hot: data, bss, control block, first heap, main stack at its top (2 MiB)
//! 0x0080_0000_0000  private anonymous ranges (top-level entries 1 to 63)
//! 0x2000_0000_0000  SHARE ranges (entries 64 to 95)
//! 0x3000_0000_0000  NONE ranges (entries 96 to 127): a fork skips them
//! 0x8000_0000_0000  end of user addresses
//! ```
//!
//! The hot region has page tables of its own, so the first write after a fork copies one small
//! table per level. Text lies beside it under the same level-2 table: its level-1 table is never
//! written, hence never copied. Large ranges lie under other top-level entries, which a fork
//! shares whole.

/// Bytes that one level-1 table maps: a region.
pub const REGION: u64 = 2 << 20;
/// Bytes under one top-level entry.
pub const TOP_ENTRY: u64 = 1 << 39;
/// Where text begins: where every program is linked.
pub const TEXT: u64 = 0x20_0000;
/// Private anonymous ranges chosen by the kernel.
pub const PRIVATE: core::ops::Range<u64> = TOP_ENTRY..64 * TOP_ENTRY;
/// SHARE ranges chosen by the kernel; every SHARE range must lie here or in the first entry.
pub const SHARED: core::ops::Range<u64> = 64 * TOP_ENTRY..96 * TOP_ENTRY;
/// NONE ranges; no other inheritance is allowed here, and NONE nowhere else.
pub const NOT_INHERITED: core::ops::Range<u64> = 96 * TOP_ENTRY..128 * TOP_ENTRY;
/// First address that is not the user's.
pub const END: u64 = 1 << 47;
/// Lowest address that can be mapped: a null pointer with an offset never hits memory.
pub const LOWEST: u64 = REGION;
/// Bytes of the main stack, at the top of the hot region, below a guard page.
pub const STACK: u64 = 256 << 10;
/// Bytes of the main thread's control block, the last ones of the hot region, above the main
/// stack's first frame. Word 0 holds its own address; the rest belongs to the runtime.
pub const CONTROL: u64 = 256;
