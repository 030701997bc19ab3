//! The local APIC: end of interrupt, one-shot timer, interrupts to itself.
//!
//! Owns: its registers. Never here: what an interrupt means (`trap`), frequencies (`calibration`).
//! Called by boot, `machine` and the interrupt path.
//! Source: Intel SDM 3A, chapter 11: registers 11.4.1, timer 11.5.4, vectors 11.5.1 and 11.9,
//! interrupts to itself 11.6.1.

use core::ptr;

use x86_64::registers::model_specific::{ApicBase, ApicBaseFlags};

use super::{interrupt, paging::DIRECT_MAP};

/// Bytes of the register page.
pub(crate) const LENGTH: u64 = 4096;

const ID: u64 = 0x20;
const TASK_PRIORITY: u64 = 0x80;
const END_OF_INTERRUPT: u64 = 0xb0;
const SPURIOUS: u64 = 0xf0;
const COMMAND: u64 = 0x300;
const TIMER: u64 = 0x320;
const LINT_0: u64 = 0x350;
const LINT_1: u64 = 0x360;
const ERROR: u64 = 0x370;
const INITIAL_COUNT: u64 = 0x380;
const CURRENT_COUNT: u64 = 0x390;
const DIVIDE: u64 = 0x3e0;

/// Spurious vector register: the APIC works.
const ENABLE: u32 = 1 << 8;
/// Local vector table: nothing is delivered.
const MASKED: u32 = 1 << 16;
/// Local vector table: delivered as an NMI.
const AS_NMI: u32 = 4 << 8;
/// Divide configuration: by 1.
const BY_ONE: u32 = 0b1011;
/// Interrupt command: fixed, asserted, to itself.
const TO_SELF: u32 = 1 << 18 | 1 << 14;

/// Why the local APIC cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unusable {
    /// It is switched off.
    Disabled,
    /// The firmware left it in x2APIC mode, which has other registers.
    Extended,
}

/// Physical address of its registers.
pub(crate) fn physical_base() -> Result<u64, Unusable> {
    let (frame, flags) = ApicBase::read();
    if !flags.contains(ApicBaseFlags::LAPIC_ENABLE) {
        Err(Unusable::Disabled)
    } else if flags.contains(ApicBaseFlags::X2APIC_ENABLE) {
        Err(Unusable::Extended)
    } else {
        Ok(frame.start_address().as_u64())
    }
}

/// The mapped registers of this CPU's APIC.
#[derive(Debug)]
pub(crate) struct LocalApic {
    base: usize,
}

impl LocalApic {
    /// Switches the APIC on, with its timer stopped, NMI on its second pin, everything else masked.
    ///
    /// `physical` is its page, mapped uncached in the direct map.
    pub(crate) fn initialise(physical: u64) -> Self {
        let mut apic = Self { base: (DIRECT_MAP + physical) as usize };
        apic.write(SPURIOUS, ENABLE | u32::from(interrupt::SPURIOUS));
        apic.write(TASK_PRIORITY, 0);
        apic.write(LINT_0, MASKED);
        apic.write(LINT_1, AS_NMI);
        apic.write(ERROR, MASKED);
        apic.write(DIVIDE, BY_ONE);
        apic.write(INITIAL_COUNT, 0);
        apic.write(TIMER, u32::from(interrupt::TIMER));
        apic.end_of_interrupt();
        apic
    }

    #[inline]
    fn register(&self, offset: u64) -> *mut u32 {
        ptr::with_exposed_provenance_mut(self.base + offset as usize)
    }

    #[inline]
    fn read(&self, offset: u64) -> u32 {
        // SAFETY: the page of registers is mapped (see `initialise`); all offsets are below 4096
        // and multiples of 16.
        unsafe { self.register(offset).read_volatile() }
    }

    #[inline]
    fn write(&mut self, offset: u64, value: u32) {
        // SAFETY: as for `read`.
        unsafe { self.register(offset).write_volatile(value) }
    }

    /// Its id: where the I/O APIC sends interrupts for this CPU.
    pub(crate) fn id(&self) -> u8 {
        (self.read(ID) >> 24) as u8
    }

    /// Says that the interrupt in service has been dealt with.
    #[inline]
    pub(crate) fn end_of_interrupt(&mut self) {
        self.write(END_OF_INTERRUPT, 0);
    }

    /// Fires once after this many ticks; 0 stops the timer.
    #[inline]
    pub(crate) fn set_timer(&mut self, ticks: u32) {
        self.write(INITIAL_COUNT, ticks);
    }

    /// Ticks that are left.
    pub(crate) fn timer_left(&self) -> u32 {
        self.read(CURRENT_COUNT)
    }

    /// Masks the timer's interrupt, for measuring, or lets it through.
    pub(crate) fn mask_timer(&mut self, masked: bool) {
        self.write(TIMER, u32::from(interrupt::TIMER) | if masked { MASKED } else { 0 });
    }

    /// Raises `vector` on this CPU as soon as interrupts are on.
    pub(crate) fn interrupt_self(&mut self, vector: u8) {
        self.write(COMMAND, TO_SELF | u32::from(vector));
    }
}
