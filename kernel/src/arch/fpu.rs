//! The x87, SSE and AVX registers of threads.
//!
//! Owns: which state components are enabled, saving, loading, and keeping threads that never used
//! them from seeing them. Never here: when (the portable kernel decides; the first use of a thread
//! raises exception 7). The kernel itself is compiled without these registers.
//!
//! Images have the standard XSAVE format with the components x87, SSE and, where there is, AVX: 832
//! bytes. A CPU without XSAVE uses FXSAVE, whose 512 bytes begin the same format.
//!
//! No state leaks: when the registers become forbidden they are loaded with the initial state first,
//! so that what speculation may read of them is nobody's.
//! Sources: Intel SDM volume 1, 13.4 to 13.8; volume 3A, 2.5 (CR0.TS).

use core::arch::x86_64::{_fxrstor64, _fxsave64, _xrstor64, _xsave64};

use tine_kcore::machine::{EXTENDED_STATE, ExtendedState};
use x86_64::registers::{
    control::{Cr0, Cr0Flags},
    xcontrol::{XCr0, XCr0Flags},
};

use super::registers::Features;

/// Offset of x87's control word in an image, and its initial value: all exceptions masked.
const CONTROL_WORD: (usize, u16) = (0, 0x037f);
/// Offset of MXCSR in an image, and its initial value: all exceptions masked.
const MXCSR: (usize, u32) = (24, 0x1f80);

/// How this CPU saves extended state.
#[derive(Clone, Debug)]
pub(crate) struct Fpu {
    /// XSAVE with this mask; without: FXSAVE.
    components: Option<u64>,
    initial: ExtendedState,
}

impl Fpu {
    /// Enables the components. CR4 must be set up.
    pub(crate) fn initialise(features: &Features) -> Self {
        let mut bytes = [0; EXTENDED_STATE];
        bytes[CONTROL_WORD.0..][..2].copy_from_slice(&CONTROL_WORD.1.to_le_bytes());
        bytes[MXCSR.0..][..4].copy_from_slice(&MXCSR.1.to_le_bytes());
        let mut components = None;
        if features.xsave {
            let mut flags = XCr0Flags::X87 | XCr0Flags::SSE;
            flags.set(XCr0Flags::AVX, features.avx);
            // SAFETY: CR4.OSXSAVE is set and CPUID reports the components.
            unsafe { XCr0::write(flags) };
            components = Some(flags.bits());
        }
        Self { components, initial: ExtendedState(bytes) }
    }

    /// What a thread begins with.
    pub(crate) fn initial(&self) -> ExtendedState {
        self.initial.clone()
    }

    /// Lets user mode use the registers, or makes the next use exception 7.
    pub(crate) fn allow(&self, allowed: bool) {
        let flags = Cr0::read();
        if flags.contains(Cr0Flags::TASK_SWITCHED) != allowed {
            return;
        }
        if !allowed {
            self.load(&self.initial);
        }
        // SAFETY: only the bit that makes the FPU trap changes.
        unsafe { Cr0::write(flags ^ Cr0Flags::TASK_SWITCHED) };
    }

    /// Saves the registers. They must be allowed.
    pub(crate) fn save(&self, image: &mut ExtendedState) {
        let place = image.0.as_mut_ptr();
        // SAFETY: the image is 64-byte aligned (its type) and as long as the enabled components
        // need: 512 + 64 + 256 bytes; an XSAVE into it leaves a header with reserved bytes 0,
        // because they are 0 from `initial` on.
        unsafe {
            match self.components {
                Some(components) => xsave(place, components),
                None => fxsave(place),
            }
        }
    }

    /// Loads the registers. They must be allowed.
    pub(crate) fn load(&self, image: &ExtendedState) {
        let place = image.0.as_ptr();
        // SAFETY: as for `save`; an image comes from `initial` or `save` only, so reserved bits and
        // header bytes are valid and the instruction does not fault.
        unsafe {
            match self.components {
                Some(components) => xrstor(place, components),
                None => fxrstor(place),
            }
        }
    }
}

/// # Safety
/// `place` is 64-byte aligned and long enough for the enabled components; OSXSAVE is set.
#[target_feature(enable = "xsave")]
unsafe fn xsave(place: *mut u8, components: u64) {
    // SAFETY: the caller's promise.
    unsafe { _xsave64(place, components) };
}

/// # Safety
/// As for [`xsave`], and the bytes are a valid image.
#[target_feature(enable = "xsave")]
unsafe fn xrstor(place: *const u8, components: u64) {
    // SAFETY: the caller's promise.
    unsafe { _xrstor64(place, components) };
}

/// # Safety
/// `place` is 16-byte aligned and 512 bytes long.
#[target_feature(enable = "fxsr")]
unsafe fn fxsave(place: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { _fxsave64(place) };
}

/// # Safety
/// As for [`fxsave`], and the bytes are a valid image.
#[target_feature(enable = "fxsr")]
unsafe fn fxrstor(place: *const u8) {
    // SAFETY: the caller's promise.
    unsafe { _fxrstor64(place) };
}
