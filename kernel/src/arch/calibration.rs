//! Measures the time-stamp counter and the local APIC's timer against a clock of known frequency.
//!
//! Owns: the measurement, about four milliseconds. Never here: the arithmetic (`tine_kboot::clock`).
//! Called by boot. The reference is the ACPI power management timer, or the PC's interval timer
//! where there is none. Under an emulator that counts instructions both counters are exact
//! functions of the program, so the result is the same at every boot.
//! Sources: ACPI 6.5, 4.8.2.1 (power management timer); Intel 8254 data sheet.

use tine_kboot::clock;

use super::{apic::LocalApic, port, tsc};

/// Frequency of the power management timer, in Hz.
const POWER_TIMER: u64 = 3_579_545;
/// Frequency of the interval timer, in Hz.
const INTERVAL_TIMER: u64 = 1_193_182;
/// The share of a second that the measurement takes.
const PART: u64 = 250;
/// Readings of which the quickest counts.
const TRIES: u32 = 8;
/// How often the reference is read before it counts as stopped.
const PATIENCE: u32 = 100_000_000;

/// A clock of known frequency.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reference {
    /// The ACPI power management timer at this port; only 24 bits are used.
    Power(u16),
    /// Channel 2 of the interval timer.
    Interval,
}

/// What was measured, in Hz.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frequencies {
    /// Of the time-stamp counter.
    pub(crate) tsc: u64,
    /// Of the local APIC's timer.
    pub(crate) apic: u64,
}

impl Reference {
    const fn frequency(self) -> u64 {
        match self {
            Self::Power(_) => POWER_TIMER,
            Self::Interval => INTERVAL_TIMER,
        }
    }

    /// Starts it, if it does not run by itself.
    fn start(self) {
        if let Self::Interval = self {
            // Gate on, speaker off; channel 2, both bytes, mode 0; from the top.
            port::write8(0x61, port::read8(0x61) & !0b10 | 0b01);
            port::write8(0x43, 0b1011_0000);
            port::write8(0x42, 0xff);
            port::write8(0x42, 0xff);
        }
    }

    /// Its counter, counting up, and the mask of its width.
    fn read(self) -> (u32, u32) {
        match self {
            Self::Power(port) => (port::read32(port), 0xff_ffff),
            Self::Interval => {
                // Latch channel 2.
                port::write8(0x43, 0b1000_0000);
                let low = port::read8(0x42);
                let high = port::read8(0x42);
                (0xffff - u32::from(u16::from_le_bytes([low, high])), 0xffff)
            }
        }
    }

    /// Ticks since `start`.
    fn passed(self, start: u32) -> u32 {
        let (now, mask) = self.read();
        now.wrapping_sub(start) & mask
    }
}

/// All three counters at one moment.
#[derive(Clone, Copy)]
struct Sample {
    reference: u32,
    tsc: u64,
    apic: u32,
}

impl Sample {
    /// Reads them several times and keeps the reading that took least: an emulator may pause between
    /// two instructions to translate, a hypervisor to run something else.
    fn take(reference: Reference, apic: &LocalApic) -> Self {
        let mut best = (u64::MAX, Self { reference: 0, tsc: 0, apic: 0 });
        for _ in 0..TRIES {
            let before = tsc::read();
            let sample =
                Self { reference: reference.read().0, tsc: before, apic: apic.timer_left() };
            let taken = tsc::read().wrapping_sub(before);
            if taken < best.0 {
                best = (taken, sample);
            }
        }
        best.1
    }
}

/// Measures both. `None` if the reference stands still or what was measured is not plausible.
pub(crate) fn measure(reference: Reference, apic: &mut LocalApic) -> Option<Frequencies> {
    reference.start();
    apic.mask_timer(true);
    apic.set_timer(u32::MAX);
    let start = Sample::take(reference, apic);
    let wanted = (reference.frequency() / PART) as u32;
    (0..PATIENCE).find(|_| reference.passed(start.reference) >= wanted)?;
    let end = Sample::take(reference, apic);
    apic.set_timer(0);
    apic.mask_timer(false);
    let mask = reference.read().1;
    let ticks = u64::from(end.reference.wrapping_sub(start.reference) & mask);
    let rate = |counted| clock::frequency(counted, ticks, reference.frequency());
    Some(Frequencies {
        tsc: rate(end.tsc.wrapping_sub(start.tsc))?,
        apic: rate(u64::from(start.apic.wrapping_sub(end.apic)))?,
    })
}
