//! This machine, as the portable kernel asks for it.
//!
//! Owns: [`Hardware`]: the devices that the kernel itself drives, and the traits of
//! `tine_kcore::machine` over them. Never here: registers and instructions (`arch`), memory
//! (`frames`). Made by boot, then part of the portable kernel's state.
//!
//! The timer is shared by the portable kernel's deadline and the heartbeat on the results channel:
//! it is set to the nearer one.

use tine_abi::{registers::UserRegisters, results::Line};
use tine_kboot::clock;
use tine_kcore::machine::{
    Clock, ExtendedState, Frame, LINES, Machine, PhysicalMemory, Translation,
};
use tine_ksync::{IrqsOff, Page};

use crate::{
    arch::{
        apic::LocalApic, debugcon, fpu::Fpu, interrupt, ioapic::Lines, port, power, serial,
        translation, tsc,
    },
    frames, log, panic,
};

/// Nanoseconds between two heartbeats.
const BEAT: u64 = clock::SECOND;

/// A deadline that never comes.
const NEVER: u64 = u64::MAX;

/// The devices of this machine.
#[derive(Debug)]
pub(crate) struct Hardware {
    /// This CPU's interrupt controller and timer.
    pub(crate) apic: LocalApic,
    /// Ticks a second of that timer.
    pub(crate) timer_frequency: u64,
    /// The interrupt lines.
    pub(crate) lines: Lines,
    /// Extended state.
    pub(crate) fpu: Fpu,
    /// The clock.
    pub(crate) clock: clock::Clock,
    /// The root whose upper half every space has.
    pub(crate) kernel_root: Frame,
    /// The CPU has the instructions for segment bases.
    pub(crate) has_fsgsbase: bool,
    /// Root of the active space.
    pub(crate) active: Frame,
    /// When the portable kernel wants the timer.
    pub(crate) deadline: u64,
    /// When the next heartbeat is due.
    pub(crate) next_beat: u64,
}

impl Hardware {
    /// Starts the heartbeat, unless nobody is to count it.
    pub(crate) fn start_beating(&mut self) {
        self.next_beat = 0;
        self.set_timer();
    }

    /// No deadline and no heartbeat.
    pub(crate) const fn quiet() -> (u64, u64) {
        (NEVER, NEVER)
    }

    /// Sets the timer to the next thing that is due.
    fn set_timer(&mut self) {
        let next = self.deadline.min(self.next_beat);
        if next == NEVER {
            self.apic.set_timer(0);
            return;
        }
        let left = next.saturating_sub(self.now());
        self.apic.set_timer(clock::timer_ticks(left, self.timer_frequency));
    }

    /// Deals with the timer's interrupt; tells whether the portable kernel's deadline has come.
    ///
    /// The timer is 32 bits wide and may be a little fast, so it can also fire too early; then it is
    /// simply set again.
    pub(crate) fn timer_fired(&mut self) -> bool {
        self.apic.end_of_interrupt();
        let now = self.now();
        if now >= self.next_beat {
            debugcon::beat();
            self.next_beat = now + BEAT;
        }
        let is_due = now >= self.deadline;
        if is_due {
            self.deadline = NEVER;
        }
        self.set_timer();
        is_due
    }

    /// Deals with a line's interrupt and masks the line; tells by which number the portable kernel
    /// knows it, if it is to hear of it.
    pub(crate) fn line_fired(&mut self, line: u32) -> Option<u32> {
        let number = self.lines.fired(line);
        self.apic.end_of_interrupt();
        number
    }
}

impl PhysicalMemory for Hardware {
    #[inline(always)]
    fn load(&self, frame: Frame, index: usize) -> u64 {
        frames::load(frame, index)
    }

    #[inline(always)]
    fn store(&mut self, frame: Frame, index: usize, value: u64) {
        frames::store(frame, index, value);
    }

    #[inline(always)]
    fn zero(&mut self, frame: Frame) {
        frames::zero(frame);
    }

    #[inline(always)]
    fn copy(&mut self, to: Frame, from: Frame) {
        frames::copy(to, from);
    }

    #[inline(always)]
    fn read(&self, frame: Frame, offset: usize, into: &mut [u8]) {
        frames::read(frame, offset, into);
    }

    #[inline(always)]
    fn write(&mut self, frame: Frame, offset: usize, from: &[u8]) {
        frames::write(frame, offset, from);
    }

    #[inline(always)]
    fn copy_bytes(&mut self, to: (Frame, usize), from: (Frame, usize), length: usize) {
        frames::copy_bytes(to, from, length);
    }

    #[inline(always)]
    fn copy_entries(
        &mut self,
        to: Frame,
        from: Frame,
        first: usize,
        keep: u64,
        each: impl FnMut(u64),
    ) {
        frames::copy_entries(to, from, first, keep, each);
    }

    #[inline]
    fn page(&mut self, frame: Frame) -> Page {
        frames::page(frame)
    }

    #[inline]
    fn frame_of(&mut self, page: Page) -> Frame {
        frames::frame_of(page)
    }
}

impl Translation for Hardware {
    #[inline]
    fn activate(&mut self, root: Frame) {
        self.active = root;
        translation::activate(root);
    }

    #[inline]
    fn flush_page(&mut self, root: Frame, address: u64) {
        if root == self.active {
            translation::flush_page(address);
        }
    }

    #[inline]
    fn flush_all(&mut self, root: Frame) {
        if root == self.active {
            translation::flush_all();
        }
    }

    #[inline]
    fn kernel_half(&self) -> Frame {
        self.kernel_root
    }
}

impl Machine for Hardware {
    #[inline]
    fn interrupts_off() -> IrqsOff {
        translation::interrupts_off()
    }

    #[inline]
    fn now(&mut self) -> u64 {
        self.clock.nanoseconds(tsc::read())
    }

    fn clock(&self) -> Clock {
        Clock { frequency: self.clock.frequency(), start: self.clock.start() }
    }

    fn arm_timer(&mut self, deadline: Option<u64>) {
        self.deadline = deadline.unwrap_or(NEVER);
        self.set_timer();
    }

    #[inline]
    fn use_thread(&mut self, entering: &UserRegisters) {
        translation::set_bases(entering.fs_base, entering.gs_base, self.has_fsgsbase);
    }

    #[inline]
    fn allow_extended(&mut self, allowed: bool) {
        self.fpu.allow(allowed);
    }

    #[inline]
    fn save_extended(&mut self, image: &mut ExtendedState) {
        self.fpu.save(image);
    }

    #[inline]
    fn load_extended(&mut self, image: &ExtendedState) {
        self.fpu.load(image);
    }

    fn initial_extended(&self) -> ExtendedState {
        self.fpu.initial()
    }

    fn port_read(&mut self, port: u16, width: u8) -> u32 {
        match width {
            1 => u32::from(port::read8(port)),
            2 => u32::from(port::read16(port)),
            _ => port::read32(port),
        }
    }

    fn port_write(&mut self, port: u16, width: u8, value: u32) {
        if serial::PORTS.contains(&port) {
            log::leave_serial();
        }
        match width {
            1 => port::write8(port, value as u8),
            2 => port::write16(port, value as u16),
            _ => port::write32(port, value),
        }
    }

    fn interrupt_lines(&self) -> u32 {
        LINES as u32
    }

    fn interrupt_mask(&mut self, line: u32, masked: bool) {
        if let Some(missed) = self.lines.set_masked(line, masked) {
            self.apic.interrupt_self(interrupt::LINES + missed as u8);
        }
    }

    fn power_off(&mut self) {
        debugcon::send(&Line::Off);
        power::off();
    }

    fn halt(&mut self, reason: &str) {
        panic::give_up(reason);
    }

    fn reboot(&mut self) {
        power::reset();
    }

    fn log(&mut self, bytes: &[u8]) {
        log::write(bytes);
    }

    fn log_read(&self, position: u64, into: &mut [u8]) -> (u64, usize) {
        log::read(position, into)
    }
}
