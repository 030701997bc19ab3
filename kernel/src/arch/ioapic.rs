//! The I/O APICs: which line raises which vector.
//!
//! Owns: their registers, the lines' polarity and trigger, masking. Never here: who waits for a
//! line (the portable kernel). Called by boot and `machine`.
//!
//! A *line* is a global system interrupt. The sixteen ISA lines are found behind the overrides of
//! the MADT. A line fires on this CPU with vector `interrupt::LINES` plus its number.
//!
//! A masked line must not lose what happens meanwhile. Level lines are masked in hardware: the
//! device still asserts them when they are unmasked. Edge lines are masked in software only, because
//! an edge that meets a mask in hardware is gone: it is noted, and unmasking raises the vector again
//! through the local APIC.
//! Sources: Intel 82093AA data sheet, section 3; ACPI 6.5, 5.2.12.3 and 5.2.12.5.

use core::ptr;

use heapless::Vec;

use super::{interrupt, paging::DIRECT_MAP};

/// I/O APICs and overrides at most.
pub(crate) const CAPACITY: usize = 16;
/// Bytes of the register page of one.
pub(crate) const LENGTH: u64 = 4096;

/// Offset of the register that selects.
const SELECT: usize = 0x00;
/// Offset of the selected register.
const WINDOW: usize = 0x10;
/// Version and number of lines.
const VERSION: u32 = 1;
/// First of the redirection registers, two a line.
const REDIRECTION: u32 = 0x10;

const LOW_ACTIVE: u32 = 1 << 13;
const LEVEL: u32 = 1 << 15;
const MASKED: u32 = 1 << 16;

/// One I/O APIC as the MADT tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Controller {
    /// Physical address of its registers.
    pub(crate) physical: u64,
    /// First line.
    pub(crate) first: u32,
}

/// An ISA line that is wired differently from the rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Override {
    /// ISA line.
    pub(crate) isa: u32,
    /// The line it arrives on.
    pub(crate) line: u32,
    /// Active when low.
    pub(crate) low_active: bool,
    /// Level triggered.
    pub(crate) level: bool,
}

/// What the MADT tells about lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wiring {
    /// The controllers.
    pub(crate) controllers: Vec<Controller, CAPACITY>,
    /// The overrides.
    pub(crate) overrides: Vec<Override, CAPACITY>,
}

impl Wiring {
    /// The line behind an ISA line or, from 16 on, the line itself.
    fn line(&self, number: u32) -> u32 {
        let wired = self.overrides.iter().find(|it| it.isa == number);
        wired.map_or(number, |it| it.line)
    }

    /// Redirection bits for the trigger of `line`: ISA lines are edges and high by rule, others are
    /// levels and low (as PCI).
    fn trigger(&self, line: u32) -> u32 {
        let (low, level) = match self.overrides.iter().find(|it| it.line == line) {
            Some(wired) => (wired.low_active, wired.level),
            None => (line >= 16, line >= 16),
        };
        (if low { LOW_ACTIVE } else { 0 }) | if level { LEVEL } else { 0 }
    }
}

/// State of one line.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// The number by which the driver's kernel knows it, once it is used.
    number: Option<u32>,
    /// It must not fire.
    is_masked: bool,
    /// An edge came while it must not.
    is_missed: bool,
}

/// All lines of the machine.
#[derive(Debug)]
pub(crate) struct Lines {
    wiring: Wiring,
    destination: u8,
    lines: [Line; interrupt::LINE_COUNT as usize],
}

impl Lines {
    /// Masks every line of every controller. Their pages must be mapped uncached in the direct map.
    /// `destination` is the local APIC that gets all interrupts.
    pub(crate) fn initialise(wiring: Wiring, destination: u8) -> Self {
        let lines =
            Self { wiring, destination, lines: [Line::default(); interrupt::LINE_COUNT as usize] };
        for index in 0..lines.wiring.controllers.len() {
            let controller = lines.wiring.controllers[index];
            let count = (read(controller, VERSION) >> 16 & 0xff) + 1;
            for pin in 0..count {
                write(controller, REDIRECTION + 2 * pin, MASKED);
            }
        }
        lines
    }

    /// The controller and pin of a line.
    fn pin(&self, line: u32) -> Option<(Controller, u32)> {
        let controllers = self.wiring.controllers.iter();
        let controller = controllers.filter(|it| it.first <= line).max_by_key(|it| it.first)?;
        let pin = line - controller.first;
        (pin <= read(*controller, VERSION) >> 16 & 0xff).then_some((*controller, pin))
    }

    /// Lets a line fire or keeps it from firing; `number` is an ISA line or, from 16 on, a line.
    /// Returns a line whose edge was missed meanwhile: its vector must be raised again.
    pub(crate) fn set_masked(&mut self, number: u32, masked: bool) -> Option<u32> {
        let line = self.wiring.line(number);
        let place = self.pin(line)?;
        let trigger = self.wiring.trigger(line);
        let state = self.lines.get_mut(line as usize)?;
        let is_new = state.number.replace(number).is_none();
        state.is_masked = masked;
        let missed = !masked && core::mem::take(&mut state.is_missed);
        if is_new || trigger & LEVEL != 0 {
            self.redirect(place, line, masked && trigger & LEVEL != 0);
        }
        missed.then_some(line)
    }

    /// Sets a line's redirection registers.
    fn redirect(&self, (controller, pin): (Controller, u32), line: u32, masked: bool) {
        let vector = u32::from(interrupt::LINES) + line;
        let low = vector | self.wiring.trigger(line) | if masked { MASKED } else { 0 };
        write(controller, REDIRECTION + 2 * pin + 1, u32::from(self.destination) << 24);
        write(controller, REDIRECTION + 2 * pin, low);
    }

    /// Notes that the line fired and masks it; the number its driver's kernel knows it by, if it was
    /// not masked already.
    pub(crate) fn fired(&mut self, line: u32) -> Option<u32> {
        let is_level = self.wiring.trigger(line) & LEVEL != 0;
        let state = self.lines.get_mut(line as usize)?;
        let number = state.number?;
        if state.is_masked {
            state.is_missed = !is_level;
            return None;
        }
        state.is_masked = true;
        if is_level {
            let place = self.pin(line)?;
            self.redirect(place, line, true);
        }
        Some(number)
    }
}

fn register(controller: Controller, offset: usize) -> *mut u32 {
    ptr::with_exposed_provenance_mut((DIRECT_MAP + controller.physical) as usize + offset)
}

fn read(controller: Controller, index: u32) -> u32 {
    // SAFETY: boot maps each controller's page before it makes `Lines`; both offsets lie in it.
    unsafe {
        register(controller, SELECT).write_volatile(index);
        register(controller, WINDOW).read_volatile()
    }
}

fn write(controller: Controller, index: u32, value: u32) {
    // SAFETY: as for `read`.
    unsafe {
        register(controller, SELECT).write_volatile(index);
        register(controller, WINDOW).write_volatile(value);
    }
}
