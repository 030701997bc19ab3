//! What the CPU can do, and the few registers that are read all over.
//!
//! Owns: [`Features`], read once from CPUID. Never here: switching features on (`cr`, `fpu`).
//! Called by boot and by the epitaph.
//! Source: Intel SDM 2A, CPUID.

use core::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};

use conquer_once::spin::OnceCell;
use x86_64::registers::control::{Cr2, Cr3};

/// What is used of this CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    /// Pages without execution.
    pub(crate) no_execute: bool,
    /// Pages of 1 GiB.
    pub(crate) huge_pages: bool,
    /// Global pages.
    pub(crate) global_pages: bool,
    /// No execution of user pages in kernel mode.
    pub(crate) smep: bool,
    /// No access to user pages in kernel mode.
    pub(crate) smap: bool,
    /// No descriptor table instructions in user mode.
    pub(crate) umip: bool,
    /// Instructions for the bases of FS and GS.
    pub(crate) fsgsbase: bool,
    /// XSAVE, and AVX state behind it.
    pub(crate) xsave: bool,
    /// AVX.
    pub(crate) avx: bool,
    /// A local APIC.
    pub(crate) apic: bool,
    /// The frequency of the time-stamp counter as the CPU states it.
    pub(crate) stated_frequency: Option<u64>,
}

static FEATURES: OnceCell<Features> = OnceCell::uninit();

/// CPUID leaf, if the CPU has it; extended leaves count from 0x8000_0000.
fn leaf(number: u32) -> Option<CpuidResult> {
    let highest = __cpuid(number & 0x8000_0000).eax;
    (number <= highest).then(|| __cpuid(number))
}

const fn bit(value: u32, number: u32) -> bool {
    value >> number & 1 == 1
}

impl Features {
    fn read() -> Self {
        let basic = __cpuid(1);
        let extended = leaf(0x8000_0001);
        // Leaf 7 has subleaves; the first one is meant.
        let seven = leaf(7).map(|_| __cpuid_count(7, 0));
        let leaf_15 = leaf(0x15).map(|it| [it.eax, it.ebx, it.ecx]);
        let leaf_16 = leaf(0x16).map(|it| it.eax);
        Self {
            no_execute: extended.is_some_and(|it| bit(it.edx, 20)),
            huge_pages: extended.is_some_and(|it| bit(it.edx, 26)),
            global_pages: bit(basic.edx, 13),
            smep: seven.is_some_and(|it| bit(it.ebx, 7)),
            smap: seven.is_some_and(|it| bit(it.ebx, 20)),
            umip: seven.is_some_and(|it| bit(it.ecx, 2)),
            fsgsbase: seven.is_some_and(|it| bit(it.ebx, 0)),
            xsave: bit(basic.ecx, 26),
            avx: bit(basic.ecx, 28),
            apic: bit(basic.edx, 9),
            stated_frequency: tine_kboot::clock::stated_frequency(leaf_15, leaf_16),
        }
    }
}

/// The CPU's features, read at the first call.
pub(crate) fn features() -> Features {
    *FEATURES.get_or_init(Features::read)
}

/// The address that the last page fault was about.
#[inline]
pub(crate) fn fault_address() -> u64 {
    Cr2::read_raw()
}

/// The physical address of the active root table.
pub(crate) fn active_root() -> u64 {
    Cr3::read_raw().0.start_address().as_u64()
}
