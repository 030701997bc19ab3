//! The kernel of Tine: the machine under `tine_kcore`.
//!
//! Owns: the order in which everything starts. Never here: how. Entered by `boot::start` on the
//! kernel's stack, with interrupts off and the boot loader's page tables.
//!
//! `unsafe` lives in `arch`, `boot` and `frames`; the files beside this one have none.
#![no_std]
#![no_main]

use core::ops::Range;

use tine_abi::results::{Mode, value};
use tine_kboot::{
    clock::Clock,
    memory_map::{Kind, PAGE},
};
use tine_kcore::{
    boot::{Boot, Module},
    kernel::Kernel,
    machine::Frame,
    memory::{FrameTable, MAXIMUM_FRAMES},
};

use crate::{
    arch::{
        acpi, apic, calibration, cpu, cr, fpu::Fpu, gdt, idt, ioapic, paging, parking, pic, power,
        registers, serial, tsc,
    },
    boot::information::{self, Information},
    log::log,
    machine::Hardware,
};

mod arch;
mod boot;
mod frames;
mod log;
mod machine;
mod panic;
mod trap;

/// Boots. Every step that can fail says why and stops the machine.
extern "C" fn main() -> ! {
    serial::initialise();
    gdt::load();
    idt::load();
    cpu::initialise();
    let features = registers::features();
    if !features.no_execute {
        panic::halt("this processor cannot keep pages from being executed (no NX)");
    }
    if !features.apic {
        panic::halt("this processor has no local interrupt controller (no APIC)");
    }
    if cr::has_five_levels() {
        panic::halt("the boot loader set up five levels of page tables");
    }
    let information =
        Information::collect().unwrap_or_else(|refusal| panic::refuse(format_args!("{refusal}")));
    log!("tine {} from {}", env!("CARGO_PKG_VERSION"), information.loader);

    cr::enable_no_execute(&features);
    let mut tables = map_everything(&information);
    let parked = parking::park(information::other_processors(), tables.root());
    tables.activate();
    cr::protect(&features);
    cr::enable_system_calls();
    match parked {
        Ok(0) => {}
        Ok(count) => log!("{count} other processors parked"),
        Err(error) => panic::refuse(format_args!("other processors do not park: {error:?}")),
    }
    let memory = information.memory.total_ram() >> 20;
    log!("{memory} MiB of memory");

    pic::silence();
    let mut hardware = start_devices(&information, &mut tables);
    let room = frames::Room::take(tables.pool())
        .unwrap_or_else(|| panic::halt("not enough memory for the kernel"));
    let mut frames = frame_table(&information, &mut tables);
    let free = (u64::from(frames.available()) * PAGE) >> 20;
    if !frames.set_aside_zero_page(&mut hardware) {
        panic::halt("no frame is free");
    }
    log!("{free} MiB free");
    if Mode::of(&information.command_line) != Mode::Bench {
        hardware.start_beating();
    }

    let kernel = room.fill(Kernel::new(hardware, frames));
    cpu::set_kernel(kernel);
    assert!(value(&information.command_line, "trial") != Some("panic"), "a trial was asked for");
    let module = |range: &Range<u64>| Module {
        first: Frame((range.start / PAGE) as u32),
        bytes: range.end - range.start,
    };
    let boot = Boot {
        root: module(&information.root),
        archive: Some(module(&information.archive)),
        command_line: &information.command_line,
    };
    if let Err(error) = kernel.boot(&boot) {
        panic::refuse(format_args!("{error}"));
    }
    trap::leave(kernel, kernel.next())
}

/// The kernel's own tables: RAM, the image.
fn map_everything(information: &Information) -> paging::Tables {
    let Some(range) = information.memory.largest_usable(paging::DIRECT_MAP_LIMIT) else {
        panic::halt("there is no usable memory");
    };
    let features = registers::features();
    let build = || {
        let pool = paging::Pool::new(range);
        let mut tables = paging::Tables::new(information.window, pool, &features)?;
        for region in information.memory.regions().iter().filter(|region| region.kind.is_ram()) {
            let end = region.end.min(paging::DIRECT_MAP_LIMIT);
            if region.start < end {
                tables.map_direct(region.start..end, paging::Access::Write)?;
            }
        }
        tables.map_image(information.image)?;
        Ok::<_, paging::OutOfMemory>(tables)
    };
    build().unwrap_or_else(|_| panic::halt("not enough memory for page tables"))
}

/// Interrupt controllers, clocks, power: what the portable kernel calls the machine.
fn start_devices(information: &Information, tables: &mut paging::Tables) -> Hardware {
    let out_of_memory = |_| panic::halt("not enough memory for page tables");
    let map_device = |tables: &mut paging::Tables, physical: u64, length: u64| {
        let range = physical..physical + length;
        tables.map_direct(range, paging::Access::Device).unwrap_or_else(out_of_memory);
    };
    let Some(root) = information.acpi else {
        panic::halt("the boot loader found no ACPI tables");
    };
    let firmware = acpi::read(root, tables)
        .unwrap_or_else(|error| panic::refuse(format_args!("ACPI tables: {error:?}")));
    power::remember(firmware.power);

    let local = apic::physical_base()
        .unwrap_or_else(|error| panic::refuse(format_args!("local APIC: {error:?}")));
    map_device(tables, local, apic::LENGTH);
    let mut apic = apic::LocalApic::initialise(local);
    for controller in &firmware.wiring.controllers {
        map_device(tables, controller.physical, ioapic::LENGTH);
    }
    let lines = ioapic::Lines::initialise(firmware.wiring, apic.id());

    let Some(measured) = calibration::measure(firmware.reference, &mut apic) else {
        panic::halt("no clock to measure the processor's by");
    };
    let features = registers::features();
    let frequency = features.stated_frequency.unwrap_or(measured.tsc);
    let Some(clock) = Clock::new(tsc::read(), frequency) else {
        panic::halt("the processor's clock has no plausible frequency");
    };
    log!("clock {} kHz, timer {} kHz", frequency / 1000, measured.apic / 1000);
    let kernel_root = Frame((tables.root() >> 12) as u32);
    let (deadline, next_beat) = Hardware::quiet();
    Hardware {
        apic,
        timer_frequency: measured.apic,
        lines,
        fpu: Fpu::initialise(&features),
        clock,
        kernel_root,
        has_fsgsbase: features.fsgsbase,
        active: kernel_root,
        deadline,
        next_beat,
    }
}

/// The frame table, with all memory free that neither boot nor the loader keeps.
///
/// Nothing is taken from boot's pool any more afterwards, and the loader is not needed any more.
fn frame_table(information: &Information, tables: &mut paging::Tables) -> FrameTable {
    let memory = &information.memory;
    let count = memory.end_of_ram().div_ceil(PAGE) as usize;
    let count = count.min(MAXIMUM_FRAMES);
    let pool = tables.pool();
    let table = frames::records(pool, count)
        .and_then(|(references, records)| FrameTable::new(references, records));
    let Some(mut table) = table else {
        panic::halt("not enough memory for the frame table");
    };
    let used = pool.used();
    for region in memory.of(Kind::Usable).chain(memory.of(Kind::Reclaimable)) {
        let start = if region.start == used.start { used.end } else { region.start };
        table.add_free((start / PAGE) as u32..(region.end / PAGE).min(count as u64) as u32);
    }
    table
}
