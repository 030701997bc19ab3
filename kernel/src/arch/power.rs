//! Switching the machine off, resetting it, stopping for good.
//!
//! Owns: the registers that do it. Never here: who may ask. Called by `machine` and the epitaph.
//! Off is tried by ACPI's fixed registers, by the sleep control register of machines without them,
//! and by the port that QEMU's PC has at a known place; then the CPU stops, whatever happened.
//! Sources: ACPI 6.5, 4.8.3.2.1 (PM1 control), 4.8.3.7 (sleep control), 4.8.3.6 (reset).

use core::ptr;

use conquer_once::spin::OnceCell;
use tine_kboot::sleep::SoftOff;
use x86_64::{
    VirtAddr,
    instructions::{interrupts, tables},
    structures::DescriptorTablePointer,
};

use super::{paging::DIRECT_MAP, port};

/// PM1 control: go to sleep.
const SLEEP_ENABLE: u16 = 1 << 13;
/// PM1 control: where the sleep type begins.
const SLEEP_TYPE: u32 = 10;
/// Sleep control: go to sleep; the type begins at bit 2.
const REDUCED_ENABLE: u8 = 1 << 5;
/// PM1 control of QEMU's PC.
const QEMU_CONTROL: u16 = 0x604;
/// The keyboard controller's command port, and its command to pulse the reset line.
const KEYBOARD: (u16, u8) = (0x64, 0xfe);

/// Where a byte register is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Register {
    /// At an I/O port.
    Port(u16),
    /// At a physical address, mapped in the direct map.
    Memory(u64),
}

impl Register {
    fn write(self, value: u8) {
        match self {
            Self::Port(port) => port::write8(port, value),
            Self::Memory(address) => {
                let place = (DIRECT_MAP + address) as usize;
                // SAFETY: boot maps the page of each memory register, uncached.
                unsafe { ptr::with_exposed_provenance_mut::<u8>(place).write_volatile(value) }
            }
        }
    }
}

/// What the firmware says about power.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Power {
    /// The sleep types of "off".
    pub(crate) soft_off: Option<SoftOff>,
    /// PM1a's control register.
    pub(crate) control_a: Option<u16>,
    /// PM1b's control register.
    pub(crate) control_b: Option<u16>,
    /// The sleep control register.
    pub(crate) sleep: Option<Register>,
    /// The reset register and what is written there.
    pub(crate) reset: Option<(Register, u8)>,
}

impl Power {
    /// Physical addresses of registers in memory, for boot to map.
    pub(crate) fn memory_registers(&self) -> impl Iterator<Item = u64> + use<> {
        let registers = [self.sleep, self.reset.map(|(place, _)| place)];
        registers.into_iter().flatten().filter_map(|register| match register {
            Register::Memory(address) => Some(address),
            Register::Port(_) => None,
        })
    }
}

static POWER: OnceCell<Power> = OnceCell::uninit();

/// Remembers what boot found.
pub(crate) fn remember(power: Power) {
    POWER.init_once(|| power);
}

/// Switches the machine off.
pub(crate) fn off() -> ! {
    let power = POWER.get().copied().unwrap_or_default();
    let types = power.soft_off.unwrap_or(SoftOff { a: 0, b: 0 });
    let control = |register: Option<u16>, kind: u8| {
        if let Some(register) = register {
            port::write16(register, u16::from(kind) << SLEEP_TYPE | SLEEP_ENABLE);
        }
    };
    if power.soft_off.is_some() {
        control(power.control_a, types.a);
        control(power.control_b, types.b);
        if let Some(register) = power.sleep {
            register.write(types.a << 2 | REDUCED_ENABLE);
        }
    }
    control(Some(QEMU_CONTROL), 0);
    stop()
}

/// Resets the machine.
pub(crate) fn reset() -> ! {
    if let Some((register, value)) = POWER.get().and_then(|power| power.reset) {
        register.write(value);
    }
    port::write8(KEYBOARD.0, KEYBOARD.1);
    // What is left: an interrupt without a table to deliver it (SDM 3A 6.15, double fault).
    let nothing = DescriptorTablePointer { limit: 0, base: VirtAddr::zero() };
    // SAFETY: this is the end: the breakpoint cannot be delivered, and the CPU resets.
    unsafe { tables::lidt(&nothing) };
    interrupts::int3();
    stop()
}

/// Stops this CPU for good.
pub(crate) fn stop() -> ! {
    interrupts::disable();
    loop {
        x86_64::instructions::hlt();
    }
}
