//! From counter ticks to nanoseconds and back.
//!
//! Owns: [`Clock`] and the judgement of a measured frequency. Never here: reading a counter.
//! Called by the kernel for the time-stamp counter, at boot and for every reading of the time.
//!
//! A reading is one multiplication: ns = (ticks - start) * multiplier / 2^32. With a counter of
//! 1 GHz or more the multiplier loses at most one part in 2^32, a second in 136 years.

/// A second.
pub const SECOND: u64 = 1_000_000_000;

/// Frequencies, in Hz, that a counter may have; anything else is a broken measurement.
pub const PLAUSIBLE: core::ops::Range<u64> = 1_000_000..100_000_000_000;

/// A counter that runs at a constant frequency, and where its nanosecond 0 is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    start: u64,
    frequency: u64,
    multiplier: u64,
}

impl Clock {
    /// A counter of `frequency` Hz that stands at `start` at nanosecond 0.
    ///
    /// `None` if the frequency is not [`PLAUSIBLE`].
    #[must_use]
    pub const fn new(start: u64, frequency: u64) -> Option<Self> {
        if frequency < PLAUSIBLE.start || frequency >= PLAUSIBLE.end {
            return None;
        }
        let multiplier = ((SECOND as u128) << 32) / frequency as u128;
        Some(Self { start, frequency, multiplier: multiplier as u64 })
    }

    /// Ticks a second.
    #[must_use]
    pub const fn frequency(&self) -> u64 {
        self.frequency
    }

    /// The counter at nanosecond 0.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// Nanoseconds when the counter stands at `ticks`.
    #[inline]
    #[must_use]
    pub const fn nanoseconds(&self, ticks: u64) -> u64 {
        let passed = ticks.wrapping_sub(self.start) as u128;
        ((passed * self.multiplier as u128) >> 32) as u64
    }
}

/// Ticks of a counter of `frequency` Hz in `nanoseconds`, rounded up, at most `u32::MAX`, at least
/// one: what a 32-bit one-shot timer is set to.
#[inline]
#[must_use]
pub const fn timer_ticks(nanoseconds: u64, frequency: u64) -> u32 {
    let ticks = (nanoseconds as u128 * frequency as u128).div_ceil(SECOND as u128);
    if ticks == 0 {
        1
    } else if ticks > u32::MAX as u128 {
        u32::MAX
    } else {
        ticks as u32
    }
}

/// The frequency, in Hz, of a counter that made `ticks` while a reference counter of `reference` Hz
/// made `reference_ticks`, rounded to whole megahertz: a measurement is no better than that, and
/// an emulator's exact frequency is found again exactly. `None` if the reference stood still or the
/// result is not [`PLAUSIBLE`].
#[must_use]
pub const fn frequency(ticks: u64, reference_ticks: u64, reference: u64) -> Option<u64> {
    const UNIT: u128 = 1_000_000;
    if reference_ticks == 0 {
        return None;
    }
    let exact = ticks as u128 * reference as u128 / reference_ticks as u128;
    let rounded = (exact + UNIT / 2) / UNIT * UNIT;
    if rounded < PLAUSIBLE.start as u128 || rounded >= PLAUSIBLE.end as u128 {
        return None;
    }
    Some(rounded as u64)
}

/// The frequency that CPUID leaf 0x15 states: crystal (ECX), numerator (EBX), denominator (EAX);
/// where the crystal is not stated, leaf 0x16's base frequency in MHz (EAX). `None` if neither is.
/// Source: Intel SDM 3B 18.18.3.
#[must_use]
pub const fn stated_frequency(leaf_15: Option<[u32; 3]>, leaf_16: Option<u32>) -> Option<u64> {
    if let Some([denominator, numerator, crystal]) = leaf_15
        && denominator != 0
        && numerator != 0
        && crystal != 0
    {
        let frequency = crystal as u64 * numerator as u64 / denominator as u64;
        if frequency >= PLAUSIBLE.start && frequency < PLAUSIBLE.end {
            return Some(frequency);
        }
    }
    match leaf_16 {
        Some(megahertz) if megahertz & 0xffff != 0 => Some((megahertz & 0xffff) as u64 * 1_000_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The ACPI power management timer (ACPI 6.5, 4.8.2.1).
    const REFERENCE: u64 = 3_579_545;

    #[test]
    fn at_one_gigahertz_a_tick_is_a_nanosecond() {
        let clock = Clock::new(1000, SECOND).unwrap();
        assert_eq!(clock.nanoseconds(1000), 0);
        assert_eq!(clock.nanoseconds(1_000_001_234), 1_000_000_234);
        assert_eq!(clock.nanoseconds(u64::MAX / 2), u64::MAX / 2 - 1000);
    }

    #[test]
    fn implausible_frequencies_are_refused() {
        assert_eq!(Clock::new(0, 0), None);
        assert_eq!(Clock::new(0, 999_999), None);
        assert_eq!(Clock::new(0, 100_000_000_000), None);
        assert_eq!(frequency(1000, 0, REFERENCE), None);
        assert_eq!(frequency(0, 1000, REFERENCE), None);
        assert_eq!(frequency(u64::MAX, 1, REFERENCE), None);
    }

    #[test]
    fn a_measurement_finds_whole_megahertz() {
        // 2 ms: 7159 ticks of the reference, plus or minus one of its ticks.
        for reference_ticks in 7159..=7160 {
            assert_eq!(frequency(2_000_000, reference_ticks, REFERENCE), Some(SECOND));
        }
        assert_eq!(frequency(24_938, 35_795, REFERENCE), Some(2_000_000));
    }

    #[test]
    fn what_the_processor_states_counts_if_it_is_complete() {
        assert_eq!(stated_frequency(Some([2, 216, 24_000_000]), None), Some(2_592_000_000));
        assert_eq!(stated_frequency(Some([2, 216, 0]), Some(2600)), Some(2_600_000_000));
        assert_eq!(stated_frequency(Some([0, 0, 0]), Some(0)), None);
        assert_eq!(stated_frequency(None, None), None);
    }

    #[test]
    fn timer_ticks_are_never_zero_and_never_wrap() {
        assert_eq!(timer_ticks(0, SECOND), 1);
        assert_eq!(timer_ticks(10, SECOND), 10);
        assert_eq!(timer_ticks(1, 62_500_000), 1);
        assert_eq!(timer_ticks(17, 62_500_000), 2);
        assert_eq!(timer_ticks(u64::MAX, SECOND), u32::MAX);
    }

    proptest! {
        #[test]
        fn time_is_exact_to_a_millionth_and_monotonic(
            frequency in 1_000_000u64..100_000_000_000, ticks in 0u64..1 << 52
        ) {
            let clock = Clock::new(0, frequency).unwrap();
            let exact = u128::from(ticks) * u128::from(SECOND) / u128::from(frequency);
            let found = u128::from(clock.nanoseconds(ticks));
            prop_assert!(found <= exact && exact - found <= exact / 10_000_000 + 1);
            prop_assert!(clock.nanoseconds(ticks + 1) >= clock.nanoseconds(ticks));
        }
    }
}
