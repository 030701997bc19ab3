//! Events: 64 bits, one waiter, one deadline.
//!
//! Owns: stubs for `event_signal event_wait event_arm` and the words of a deadline.

use tine_abi::error::Result;
use tine_abi::{Call, CapRef};

use crate::raw;

/// Deadline that never comes.
pub const FOREVER: u64 = u64::MAX;
/// Deadline that has passed: ask, do not wait.
pub const AT_ONCE: u64 = 0;

/// Sets `bits` and wakes the waiter.
///
/// # Errors
/// As the row `event_signal` says.
#[inline]
pub fn signal(event: CapRef, bits: u64) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { raw::plain(Call::EventSignal, event, [bits]) }.status.result()
}

/// Waits until one bit of `mask` is set and takes those that are, or until `deadline_ns`
/// (nanoseconds since boot, [`AT_ONCE`], [`FOREVER`]).
///
/// # Errors
/// As the row `event_wait` says; TIMED_OUT when the deadline passed.
#[inline]
pub fn wait(event: CapRef, mask: u64, deadline_ns: u64) -> Result<u64> {
    // SAFETY: no memory is involved.
    let [bits, _] = unsafe { raw::plain(Call::EventWait, event, [mask, deadline_ns]) }.values()?;
    Ok(bits)
}

/// Has `deadline_ns` (nanoseconds since boot; 0 disarms) set `bit`.
///
/// # Errors
/// As the row `event_arm` says.
#[inline]
pub fn arm(event: CapRef, bit: u32, deadline_ns: u64) -> Result<()> {
    // SAFETY: no memory is involved.
    unsafe { raw::plain(Call::EventArm, event, [u64::from(bit), deadline_ns]) }.status.result()
}
