//! The boot, step by step.
//!
//! Owned here: the order, and the one place where memory from the map becomes slices. Never here:
//! the steps' insides. Called by: `entry`, once. Invariants: what lies below 1 MiB is copied before
//! anything is allocated; nothing is allocated after the memory map has been told.
//! `README.md` describes the same sequence with a picture of memory.

use tine_bundle::Bundle;
use tine_directboot_model::acpi::{self, Interrupts};
use tine_directboot_model::answers::{Answers, File, direct};
use tine_directboot_model::arena::Arena;
use tine_directboot_model::clock::Registers;
use tine_directboot_model::command_line::CommandLine;
use tine_directboot_model::elf::Plan;
use tine_directboot_model::error::RequestError;
use tine_directboot_model::memory::{CEILING, Kind, MemoryMap, PAGE};
use tine_directboot_model::paging::PageSize;
use tine_directboot_model::start_info::StartInfo;
use tine_directboot_model::{Error, protocol};

use crate::control::Features;
use crate::handoff::{self, Handoff};
use crate::window::{self, Window};
use crate::{failure, interrupts, ports, processors, space};

/// Room for all answers: 256 regions, 255 CPUs, 17 files and their texts need less than half.
const ARENA: u64 = 128 << 10;

/// The kernel's name in a disc image, and so in the path that it is told.
const KERNEL_NAME: &str = "tine";

unsafe extern "C" {
    static image_start: u8;
    static image_end: u8;
}

/// Starts the kernel, or says why it cannot. `start_info` is a physical address.
pub(crate) extern "C" fn boot(start_info: u64) -> ! {
    let features = Features::read();
    match prepare(start_info, features) {
        // SAFETY: `prepare` built the address space and the stack for exactly this, and this
        // program ends here.
        Ok(handoff) => unsafe { handoff::start(&handoff, features.pat) },
        Err(error) => failure::stop(&error),
    }
}

fn prepare(start_info: u64, features: Features) -> Result<Handoff, Error> {
    // What the loader left below 1 MiB, and this program itself.
    let info = StartInfo::read(&Window, start_info)?;
    let mut map = MemoryMap::from_firmware(info.regions())?;
    let own = (&raw const image_start as u64, &raw const image_end as u64);
    map.claim(own.0, own.1, Kind::BootloaderReclaimable)?;

    // The bundle.
    let bundle_end = info.bundle.checked_add(info.bundle_length).ok_or(Error::BundlePlace)?;
    if !map.is_usable(info.bundle, bundle_end) || bundle_end > CEILING {
        return Err(Error::BundlePlace);
    }
    map.claim(info.bundle, bundle_end, Kind::BootloaderReclaimable)?;
    // SAFETY: usable memory until a moment ago, claimed now, so nothing writes to it; it is given
    // back below only after its last use.
    let bytes = unsafe { window::shared(info.bundle, info.bundle_length) };
    let bundle = Bundle::parse(bytes)?;
    let lines = bundle.command_lines();
    let command_line = CommandLine::join(lines.kernel(), info.command_line())?;

    // The kernel's image.
    let plan = Plan::new(bundle.kernel())?;
    let virtual_base = plan.virtual_base(command_line.slide_seed()?);
    let physical_base = map.allocate(plan.size(), plan.alignment(), Kind::KernelAndModules)?;
    // SAFETY: just allocated.
    let image = unsafe { window::cleared(physical_base, plan.size()) };
    plan.load(bundle.kernel(), image, virtual_base)?;

    // Its requests, and the answers that need no more than is known now.
    let arena = map.allocate(ARENA, PAGE, Kind::BootloaderReclaimable)?;
    // SAFETY: just allocated.
    let arena_bytes = unsafe { window::cleared(arena, ARENA) };
    let mut answers = Answers::new(image, Arena::new(arena_bytes, direct(arena)))?;
    answers.bootloader_info("tine-directboot", env!("CARGO_PKG_VERSION"))?;
    answers.addresses(physical_base, virtual_base)?;
    answers.paging_mode()?;
    let rsdp = acpi::find_rsdp(&Window, info.rsdp);
    let (smbios_32, smbios_64) = acpi::find_smbios(&Window);
    answers.firmware_tables(rsdp, smbios_32, smbios_64)?;
    answers.boot_time(read_clock().unix_time())?;
    let stack_size = answers.stack_size()?;
    let entry = match answers.entry_point()? {
        Some(entry) if plan.is_executable(entry.wrapping_sub(virtual_base)) => entry,
        Some(_) => return Err(RequestError::EntryPoint.into()),
        None => plan.entry(virtual_base),
    };

    // The files, copied so that each begins at a page; then the bundle is free.
    let kernel_file = copy_file(&mut map, KERNEL_NAME, command_line.text(), bundle.kernel())?;
    answers.kernel_file(&kernel_file)?;
    let mut files = [File::default(); tine_bundle::MAXIMUM_MODULES];
    for (file, module) in files.iter_mut().zip(bundle.modules()) {
        *file = copy_file(&mut map, module.name, lines.module(module.name), module.data)?;
    }
    answers.modules(&files[..bundle.modules().len()])?;
    map.release(info.bundle, bundle_end, Kind::BootloaderReclaimable)?;

    // Stack, address space, the other CPUs.
    let stack = map.allocate(stack_size, PAGE, Kind::BootloaderReclaimable)?;
    let largest = if features.huge_pages { PageSize::Huge } else { PageSize::Large };
    let root = space::build(&mut map, &plan, physical_base, virtual_base, largest)?;
    let madt = rsdp.and_then(|rsdp| acpi::read_interrupts(&Window, rsdp));
    if let (Some(madt), true, true) = (&madt, features.apic, answers.wants(protocol::SMP)) {
        processors::start(madt, &mut map, &mut answers, root, stack_size, features)?;
    }
    mask(madt.as_ref());
    answers.memory_map(&map)?;
    Ok(Handoff { root, entry, stack_top: direct(stack + stack_size) })
}

fn copy_file<'a>(
    map: &mut MemoryMap,
    name: &'a str,
    command_line: &'a str,
    content: &[u8],
) -> Result<File<'a>, Error> {
    let length = content.len() as u64;
    let physical = map.allocate(length, PAGE, Kind::KernelAndModules)?;
    // SAFETY: just allocated.
    unsafe { window::cleared(physical, length) }.copy_from_slice(content);
    Ok(File { name, command_line, physical, length })
}

fn mask(madt: Option<&Interrupts>) {
    interrupts::mask_legacy();
    for &address in madt.map_or(&[][..], Interrupts::io_apics) {
        // SAFETY: the MADT says that an I/O APIC is there.
        unsafe { interrupts::mask_io_apic(address) };
    }
}

/// Reads the real-time clock, twice alike so that no update lies between.
fn read_clock() -> Registers {
    let register = |index| {
        ports::write(0x70, index);
        ports::read(0x71)
    };
    let all = || Registers {
        second: register(0),
        minute: register(2),
        hour: register(4),
        day: register(7),
        month: register(8),
        year: register(9),
        century: register(0x32),
        format: register(0x0b),
    };
    let mut last = all();
    for _ in 0..100 {
        let next = all();
        if next == last {
            break;
        }
        last = next;
    }
    last
}
