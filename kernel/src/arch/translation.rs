//! The active address space of this CPU: CR3, INVLPG, the bases of FS and GS.
//!
//! Owns: these registers. Never here: what is mapped. Called by `machine`.
//! Sources: Intel SDM 3A 4.10.4.1 (what CR3 loads and INVLPG invalidate), 2B WRFSBASE, SWAPGS.

use core::arch::asm;

use tine_kcore::machine::Frame;
use tine_ksync::IrqsOff;
use x86_64::{
    PhysAddr, VirtAddr,
    instructions::tlb,
    registers::{
        control::{Cr3, Cr3Flags},
        model_specific::{FsBase, KernelGsBase},
    },
    structures::paging::PhysFrame,
};

/// Loads CR3 with the root in this frame.
#[inline]
pub(crate) fn activate(root: Frame) {
    let frame = PhysFrame::containing_address(PhysAddr::new_truncate(root.address()));
    // SAFETY: the portable kernel copies the kernel's half into each root, so the kernel stays
    // mapped as it is; the lower half holds user mappings only.
    unsafe { Cr3::write(frame, Cr3Flags::empty()) };
}

/// Forgets the translation of one page of the active space.
#[inline]
pub(crate) fn flush_page(address: u64) {
    tlb::flush(VirtAddr::new_truncate(address));
}

/// Forgets all translations of the active space; the kernel's own, being global, stay.
#[inline]
pub(crate) fn flush_all() {
    tlb::flush_all();
}

/// Loads the user's bases of FS and GS. The user's GS base is the one that `swapgs` brings back.
/// `fast` says that the CPU has the instructions for it.
#[inline]
pub(crate) fn set_bases(fs: u64, gs: u64, fast: bool) {
    let (fs, gs) = (canonical(fs), canonical(gs));
    if fast {
        // SAFETY: the instructions exist (the caller asked CPUID) and are enabled in CR4; the
        // addresses are canonical; between the two exchanges nothing uses GS: interrupts are off,
        // and an NMI does not use it.
        unsafe {
            asm!("wrfsbase {fs}", "swapgs", "wrgsbase {gs}", "swapgs", fs = in(reg) fs,
                gs = in(reg) gs, options(nomem, nostack, preserves_flags));
        }
    } else {
        FsBase::write(VirtAddr::new_truncate(fs));
        KernelGsBase::write(VirtAddr::new_truncate(gs));
    }
}

/// The address with its upper bits as bit 47 says: any other faults when it is loaded as a base.
#[inline]
const fn canonical(address: u64) -> u64 {
    (((address << 16) as i64) >> 16) as u64
}

/// The token for the kernel's locks.
#[inline]
pub(crate) fn interrupts_off() -> IrqsOff {
    // SAFETY: interrupts are off whenever the kernel runs Rust code, except in `entry::idle`, which
    // holds no token; each entry into the kernel makes one token and drops it before it leaves.
    unsafe { IrqsOff::assume() }
}
