//! The time-stamp counter: the kernel's clock.
//!
//! Owns: reading it. Never here: measuring (`calibration`), converting (`tine_kboot::clock`). Called
//! by `machine` for every reading of the time.
//! Source: Intel SDM 3B 18.17.

use core::arch::x86_64::_rdtsc;

/// The counter.
#[inline]
pub(crate) fn read() -> u64 {
    // SAFETY: RDTSC is part of x86-64 and, in kernel mode, never faults.
    unsafe { _rdtsc() }
}
