//! The clock: nanoseconds since boot, read without entering the kernel.
//!
//! Owns: the conversion from the time-stamp counter, with what the start block says about it
//! ([`tine_abi::start::StartBlock::clock_frequency`]).
//!
//! Who calls: `tine-rt` sets it once; everybody reads. A fork copies the figures, a vfork shares
//! them; both stay right, for the kernel's clock is one.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Counter at nanosecond 0.
static START: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds a tick, times 2 to the [`SHIFT`]; 0 until set.
static SCALE: AtomicU64 = AtomicU64::new(0);
/// See [`SCALE`].
static SHIFT: AtomicU32 = AtomicU32::new(0);

/// Sets what the start block says. Nothing else runs yet.
pub fn set(frequency: u64, start: u64) {
    let (scale, shift) = scale_of(frequency);
    START.store(start, Ordering::Relaxed);
    SHIFT.store(shift, Ordering::Relaxed);
    SCALE.store(scale, Ordering::Relaxed);
}

/// Nanoseconds since boot; 0 as long as no frequency is known.
#[inline]
#[must_use]
pub fn now() -> u64 {
    let ticks = ticks().wrapping_sub(START.load(Ordering::Relaxed));
    nanoseconds(ticks, SCALE.load(Ordering::Relaxed), SHIFT.load(Ordering::Relaxed))
}

/// The time-stamp counter itself.
#[inline]
#[must_use]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: RDTSC reads a register; user mode may, for the kernel leaves CR4.TSD clear.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        0
    }
}

/// The multiplier with the most bits that still fits into 64, and its shift.
const fn scale_of(frequency: u64) -> (u64, u32) {
    if frequency == 0 {
        return (0, 0);
    }
    let mut shift = 96;
    loop {
        let scale = (1_000_000_000_u128 << shift) / frequency as u128;
        if scale <= u64::MAX as u128 {
            return (scale as u64, shift);
        }
        shift -= 1;
    }
}

const fn nanoseconds(ticks: u64, scale: u64, shift: u32) -> u64 {
    ((ticks as u128 * scale as u128) >> shift) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_off_by_less_than_a_microsecond() {
        for frequency in [1_000_000, 24_000_000, 999_999_937, 1_000_000_000, 5_123_456_789_u64] {
            let (scale, shift) = scale_of(frequency);
            for seconds in [0, 1, 3600, 86_400 * 365] {
                let exact = seconds * 1_000_000_000;
                let told = nanoseconds(seconds * frequency, scale, shift);
                assert!(exact.abs_diff(told) < 1000, "{frequency} Hz, {seconds} s: {told}");
            }
        }
        assert_eq!(scale_of(0), (0, 0));
    }
}
