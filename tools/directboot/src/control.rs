//! Model-specific registers, CPUID facts, halting.
//!
//! Owned here: the instructions, and names for the few registers used. Never here: when to use
//! them. Called by: `boot`, `interrupts`, `processors`, `handoff`.
//! Source: Intel SDM volume 4 (MSRs) and volume 2 ("CPUID").

use core::arch::asm;
use core::arch::x86_64::__cpuid;

/// IA32_APIC_BASE: where the local APIC is.
pub(crate) const APIC_BASE: u32 = 0x1b;
/// IA32_PAT: memory types by page attribute index.
pub(crate) const PAT: u32 = 0x277;

/// What the Limine protocol puts in IA32_PAT: WB, WT, UC-, UC, WP, WC, and two left unspecified.
pub(crate) const PAT_VALUE: u64 = 0x0000_0105_0007_0406;

/// Reads a model-specific register.
///
/// # Safety
/// The register exists on this CPU.
pub(crate) unsafe fn read_msr(register: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the register exists (caller); reading it has no effect on memory.
    unsafe {
        asm!("rdmsr", in("ecx") register, out("eax") low, out("edx") high,
            options(nomem, nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Writes a model-specific register.
///
/// # Safety
/// The register exists on this CPU, and the value keeps every mapping in use valid.
pub(crate) unsafe fn write_msr(register: u32, value: u64) {
    // SAFETY: as the caller promises.
    unsafe {
        asm!("wrmsr", in("ecx") register, in("eax") value as u32, in("edx") (value >> 32) as u32,
            options(nostack, preserves_flags));
    }
}

/// What CPUID says about this CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    /// It has a local APIC.
    pub(crate) apic: bool,
    /// It has the page attribute table.
    pub(crate) pat: bool,
    /// It has 1 GiB pages.
    pub(crate) huge_pages: bool,
}

impl Features {
    /// Asks the CPU. Leaf 0x8000_0001 exists: long mode could not be on without it.
    pub(crate) fn read() -> Features {
        let (basic, extended) = (__cpuid(1), __cpuid(0x8000_0001));
        Features {
            apic: basic.edx & 1 << 9 != 0,
            pat: basic.edx & 1 << 16 != 0,
            huge_pages: extended.edx & 1 << 26 != 0,
        }
    }
}

/// Stops this CPU for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: interrupts are off; halting touches nothing.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
