//! The software machine's devices: a clock that tests turn, and records of all that was done.
//!
//! Owns: [`Devices`] and the machine's side of [`Machine`]. Never here: memory.

use std::{string::String, vec::Vec};

use tine_abi::registers::UserRegisters;
use tine_ksync::IrqsOff;

use super::SoftwareMachine;
use crate::{
    log::Log,
    machine::{Clock, EXTENDED_STATE, ExtendedState, Machine},
};

/// Lines that the software machine has.
const LINES: u32 = 24;

/// Everything but memory, open to tests.
#[derive(Debug, Default)]
pub struct Devices {
    /// Nanoseconds since boot.
    pub now: u64,
    /// When the timer fires.
    pub timer: Option<u64>,
    /// Bases of the thread that runs: FS, GS.
    pub bases: (u64, u64),
    /// Whether extended state may be used.
    pub extended_allowed: bool,
    /// The extended state in the CPU, by its first byte.
    pub extended: u8,
    /// Ports written: port, width, value.
    pub written: Vec<(u16, u8, u32)>,
    /// What the next reads of ports give.
    pub port_value: u32,
    /// Lines that are not masked.
    pub unmasked: Vec<u32>,
    /// Whether the machine was switched off.
    pub is_off: bool,
    /// Why the machine was stopped for good.
    pub halted: Option<String>,
    /// Whether the machine was reset.
    pub is_reset: bool,
    /// The log.
    pub log: Log,
}

impl Machine for SoftwareMachine {
    fn interrupts_off() -> IrqsOff {
        IrqsOff::on_host()
    }

    fn now(&mut self) -> u64 {
        self.devices.now
    }

    fn clock(&self) -> Clock {
        Clock { frequency: 1_000_000_000, start: 0 }
    }

    fn arm_timer(&mut self, deadline: Option<u64>) {
        self.devices.timer = deadline;
    }

    fn use_thread(&mut self, entering: &UserRegisters) {
        self.devices.bases = (entering.fs_base, entering.gs_base);
    }

    fn allow_extended(&mut self, allowed: bool) {
        self.devices.extended_allowed = allowed;
    }

    fn save_extended(&mut self, image: &mut ExtendedState) {
        assert!(self.devices.extended_allowed, "state is saved while it may be used");
        image.0[0] = self.devices.extended;
    }

    fn load_extended(&mut self, image: &ExtendedState) {
        assert!(self.devices.extended_allowed, "state is loaded while it may be used");
        self.devices.extended = image.0[0];
    }

    fn initial_extended(&self) -> ExtendedState {
        ExtendedState([0; EXTENDED_STATE])
    }

    fn port_read(&mut self, _port: u16, _width: u8) -> u32 {
        self.devices.port_value
    }

    fn port_write(&mut self, port: u16, width: u8, value: u32) {
        self.devices.written.push((port, width, value));
    }

    fn interrupt_lines(&self) -> u32 {
        LINES
    }

    fn interrupt_mask(&mut self, line: u32, masked: bool) {
        self.devices.unmasked.retain(|other| *other != line);
        if !masked {
            self.devices.unmasked.push(line);
        }
    }

    fn power_off(&mut self) {
        self.devices.is_off = true;
    }

    fn halt(&mut self, reason: &str) {
        self.devices.halted = Some(reason.into());
    }

    fn reboot(&mut self) {
        self.devices.is_reset = true;
    }

    fn log(&mut self, bytes: &[u8]) {
        self.devices.log.write(bytes);
    }

    fn log_read(&self, position: u64, into: &mut [u8]) -> (u64, usize) {
        self.devices.log.read(position, into)
    }
}
