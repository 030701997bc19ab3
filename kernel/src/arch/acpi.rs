//! What the firmware's tables say: interrupt wiring, timer, power.
//!
//! Owns: reading the MADT, FADT and DSDT through the `acpi` crate, once. Never here: using what was
//! found. Called by boot while the kernel's tables can still be extended.
//!
//! Tables lie in firmware memory of any kind; each one is mapped in the direct map before the crate
//! looks at it, read-only in effect: nothing is written.
//! Sources: ACPI 6.5, 5.2.9 (FADT), 5.2.12 (MADT), 4.8.3 (fixed hardware registers).

use core::{cell::RefCell, ptr::NonNull};

use acpi::{
    AcpiTables, Handler, PciAddress, PhysicalMapping, RawPhysicalMapping,
    address::{AddressSpace, GenericAddress},
    sdt::{
        SdtHeader,
        fadt::Fadt,
        madt::{Madt, MadtEntry, Polarity, TriggerMode, parse_mps_inti_flags},
    },
};
use tine_kboot::sleep;

use super::{
    calibration::Reference,
    ioapic::{Controller, Override, Wiring},
    paging::{Access, DIRECT_MAP, Tables},
    port,
    power::{Power, Register},
};

/// What was found.
#[derive(Debug)]
pub(crate) struct Firmware {
    /// I/O APICs and how ISA lines reach them.
    pub(crate) wiring: Wiring,
    /// The clock to measure others against.
    pub(crate) reference: Reference,
    /// How to switch off and reset.
    pub(crate) power: Power,
}

/// Why the tables cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unusable {
    /// The root pointer or the root table is damaged.
    Root,
    /// There is no MADT.
    NoInterrupts,
}

/// Maps physical memory for the crate. It is handed around by reference.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a RefCell<&'a mut Tables>);

/// Reads the tables behind the root pointer at this physical address.
pub(crate) fn read(root: u64, tables: &mut Tables) -> Result<Firmware, Unusable> {
    let cell = RefCell::new(tables);
    let reader = Reader(&cell);
    // SAFETY: the boot loader found the root pointer at this address.
    let found = unsafe { AcpiTables::from_rsdp(reader, root as usize) };
    let found = found.map_err(|_| Unusable::Root)?;
    let madt = found.find_table::<Madt>().ok_or(Unusable::NoInterrupts)?;
    let wiring = wiring(&madt);
    let fadt = found.find_table::<Fadt>();
    let mut reference = Reference::Interval;
    let mut power = Power::default();
    if let Some(fadt) = &fadt {
        if let Ok(Some(timer)) = fadt.pm_timer_block()
            && let Some(port) = io_port(&timer)
        {
            reference = Reference::Power(port);
        }
        power = power_of(fadt, soft_off(&found, reader));
    }
    for page in power.memory_registers() {
        let mut tables = reader.0.borrow_mut();
        tables.map_direct(page..page + 1, Access::Device).map_err(|_| Unusable::Root)?;
    }
    Ok(Firmware { wiring, reference, power })
}

fn wiring(madt: &PhysicalMapping<Reader<'_>, Madt>) -> Wiring {
    let mut wiring = Wiring::default();
    for entry in madt.get().entries() {
        match entry {
            MadtEntry::IoApic(it) => {
                let controller = Controller {
                    physical: u64::from(it.io_apic_address),
                    first: it.global_system_interrupt_base,
                };
                // More controllers than there is room for: their lines do not exist for us.
                wiring.controllers.push(controller).ok();
            }
            MadtEntry::InterruptSourceOverride(it) => {
                let Ok((polarity, trigger)) = parse_mps_inti_flags(it.flags) else { continue };
                let wired = Override {
                    isa: u32::from(it.irq),
                    line: it.global_system_interrupt,
                    low_active: polarity == Polarity::ActiveLow,
                    level: trigger == TriggerMode::Level,
                };
                // There are sixteen ISA lines, so there is room.
                wiring.overrides.push(wired).ok();
            }
            _ => {}
        }
    }
    wiring
}

/// The port of an I/O register.
fn io_port(address: &GenericAddress) -> Option<u16> {
    let is_port = address.address_space == AddressSpace::SystemIo && address.address != 0;
    u16::try_from(address.address).ok().filter(|_| is_port)
}

/// The register, wherever it is.
fn register(address: &GenericAddress) -> Option<Register> {
    match address.address_space {
        AddressSpace::SystemIo => io_port(address).map(Register::Port),
        AddressSpace::SystemMemory if address.address != 0 => {
            Some(Register::Memory(address.address))
        }
        _ => None,
    }
}

fn power_of(fadt: &Fadt, soft_off: Option<sleep::SoftOff>) -> Power {
    let control = |block: Option<GenericAddress>| block.as_ref().and_then(io_port);
    let reset_value = fadt.reset_value;
    let reset = { fadt.flags }.supports_system_reset_via_fadt();
    Power {
        soft_off,
        control_a: control(fadt.pm1a_control_block().ok()),
        control_b: control(fadt.pm1b_control_block().ok().flatten()),
        sleep: fadt.sleep_control_register().ok().flatten().as_ref().and_then(register),
        reset: fadt
            .reset_register()
            .ok()
            .filter(|_| reset)
            .as_ref()
            .and_then(register)
            .map(|place| (place, reset_value)),
    }
}

/// Scans the DSDT.
fn soft_off(tables: &AcpiTables<Reader<'_>>, reader: Reader<'_>) -> Option<sleep::SoftOff> {
    let table = tables.dsdt().ok()?;
    let code = (table.length as usize).checked_sub(size_of::<SdtHeader>())?;
    let start = table.phys_address + size_of::<SdtHeader>();
    reader.map(start, code)?;
    let address = core::ptr::with_exposed_provenance::<u8>(DIRECT_MAP as usize + start);
    // SAFETY: the range was just mapped; firmware tables do not change.
    sleep::find(unsafe { core::slice::from_raw_parts(address, code) })
}

impl Reader<'_> {
    /// Maps a range in the direct map; its virtual address.
    fn map(self, physical: usize, size: usize) -> Option<usize> {
        let end = physical.checked_add(size.max(1))?;
        let range = physical as u64..end as u64;
        self.0.borrow_mut().map_direct(range, Access::Write).ok()?;
        Some(DIRECT_MAP as usize + physical)
    }
}

// The crate asks for every access that its interpreter would need; it is not built in, so only the
// first two are ever called. The others do what their name says, or answer as absent hardware does.
impl Handler for Reader<'_> {
    unsafe fn map_physical_region<T>(&self, physical: usize, size: usize) -> RawPhysicalMapping<T> {
        let address = match self.map(physical, size) {
            Some(address) => address,
            None => crate::panic::halt("the ACPI tables lie outside memory that can be mapped"),
        };
        let pointer = core::ptr::with_exposed_provenance_mut(address);
        // SAFETY: the direct map is never at address 0; mappings are never undone and never written
        // through, so that two of them may overlap.
        unsafe {
            let pointer = NonNull::new_unchecked(pointer);
            RawPhysicalMapping::new(physical, pointer, size, size)
        }
    }

    unsafe fn unmap_physical_region<T>(&self, _region: RawPhysicalMapping<T>) {}

    fn read_u8(&self, _address: usize) -> u8 {
        u8::MAX
    }

    fn read_u16(&self, _address: usize) -> u16 {
        u16::MAX
    }

    fn read_u32(&self, _address: usize) -> u32 {
        u32::MAX
    }

    fn read_u64(&self, _address: usize) -> u64 {
        u64::MAX
    }

    fn write_u8(&self, _address: usize, _value: u8) {}

    fn write_u16(&self, _address: usize, _value: u16) {}

    fn write_u32(&self, _address: usize, _value: u32) {}

    fn write_u64(&self, _address: usize, _value: u64) {}

    fn read_io_u8(&self, port: u16) -> u8 {
        port::read8(port)
    }

    fn read_io_u16(&self, port: u16) -> u16 {
        port::read16(port)
    }

    fn read_io_u32(&self, port: u16) -> u32 {
        port::read32(port)
    }

    fn write_io_u8(&self, port: u16, value: u8) {
        port::write8(port, value);
    }

    fn write_io_u16(&self, port: u16, value: u16) {
        port::write16(port, value);
    }

    fn write_io_u32(&self, port: u16, value: u32) {
        port::write32(port, value);
    }

    fn read_pci_u8(&self, _address: PciAddress, _offset: u16) -> u8 {
        u8::MAX
    }

    fn read_pci_u16(&self, _address: PciAddress, _offset: u16) -> u16 {
        u16::MAX
    }

    fn read_pci_u32(&self, _address: PciAddress, _offset: u16) -> u32 {
        u32::MAX
    }

    fn write_pci_u8(&self, _address: PciAddress, _offset: u16, _value: u8) {}

    fn write_pci_u16(&self, _address: PciAddress, _offset: u16, _value: u16) {}

    fn write_pci_u32(&self, _address: PciAddress, _offset: u16, _value: u32) {}

    fn nanos_since_boot(&self) -> u64 {
        0
    }

    fn stall(&self, _microseconds: u64) {}

    fn sleep(&self, _milliseconds: u64) {}
}
