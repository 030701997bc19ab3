//! Starting the other CPUs and parking them as Limine does.
//!
//! Owned here: the start code in a page below 1 MiB, INIT-SIPI-SIPI, the parking loop. Never here:
//! who the CPUs are (the MADT). Called by: `boot`. Invariants: CPUs start one at a time; a CPU that
//! does not answer is left out of the list; a parked CPU runs in the direct map, uses no stack and
//! reads one word, `goto_address`; when that is not 0 it goes there on its own stack with RDI = its
//! information structure. Memory types (MTRRs) are the firmware's, alike on all CPUs, and stay.
//! Sources: PROTOCOL.md, "SMP Feature"; Intel SDM volume 3A, 9.4 (MP initialisation), 11.6 (ICR).

use core::arch::global_asm;
use core::sync::atomic::{AtomicU32, Ordering};

use tine_directboot_model::Error;
use tine_directboot_model::acpi::{Interrupts, MAXIMUM_PROCESSORS};
use tine_directboot_model::answers::{Answers, direct};
use tine_directboot_model::memory::{Kind, MemoryMap, PAGE};
use tine_directboot_model::protocol::{CPU_GOTO_OFFSET, DIRECT_MAP};

use crate::control::{self, APIC_BASE, Features};
use crate::handoff::GdtPointer;
use crate::{ports, window};

global_asm!(
    // Copied to the start of a page below 1 MiB and entered at its first byte with CS = page / 16.
    // Its data are the `Mailbox` at {mailbox} in the page.
    ".section .rodata.processor, \"a\"",
    ".balign 16",
    ".code16",
    ".global processor_start",
    "processor_start:",
    "cli",
    "cld",
    "mov eax, cs",
    "mov ds, ax",
    "shl eax, 4",
    "mov ebx, eax",
    "test byte ptr [{mailbox} + {pat}], 1",
    "jz 2f",
    "mov ecx, 0x277",
    "mov eax, {pat_low}",
    "mov edx, {pat_high}",
    "wrmsr",
    // Straight to long mode: CR4.PAE, the kernel's root table, EFER.LME and NXE, then PG, WP and
    // PE together.
    "2: mov eax, 1 << 5",
    "mov cr4, eax",
    "mov eax, dword ptr [{mailbox} + {root}]",
    "mov cr3, eax",
    "mov ecx, 0xc0000080",
    "xor edx, edx",
    "mov eax, 1 << 8 | 1 << 11",
    "wrmsr",
    "mov eax, 1 << 31 | 1 << 16 | 1 << 4 | 1",
    "mov cr0, eax",
    "lgdtd [{mailbox} + {low_gdt}]",
    // A far jump with a 32-bit offset through the mailbox.
    ".byte 0x66",
    "ljmp [{mailbox} + {far}]",

    ".code64",
    ".global processor_long_mode",
    "processor_long_mode:",
    "mov eax, 0x30",
    "mov ds, eax",
    "mov es, eax",
    "mov fs, eax",
    "mov gs, eax",
    "mov ss, eax",
    "lgdt [rbx + {mailbox} + {gdt}]",
    "mov rdi, [rbx + {mailbox} + {information}]",
    "mov rax, {direct_map}",
    "add rbx, rax",
    "lea rax, [rip + 3f]",
    "mov ecx, 0xfff",
    "and rax, rcx",
    "add rax, rbx",
    "jmp rax",
    // From here on in the direct map.
    "3: mov dword ptr [rbx + {mailbox} + {arrived}], 1",
    "4: mov rax, [rdi + {goto}]",
    "test rax, rax",
    "jnz 5f",
    "pause",
    "jmp 4b",
    // Forget the lower half, which is empty by now, then go.
    "5: mov rcx, cr3",
    "mov cr3, rcx",
    "mov rsp, [rdi + 8]",
    "push 0",
    "push rax",
    "xor eax, eax",
    "xor ebx, ebx",
    "xor ecx, ecx",
    "xor edx, edx",
    "xor esi, esi",
    "xor ebp, ebp",
    "xor r8d, r8d",
    "xor r9d, r9d",
    "xor r10d, r10d",
    "xor r11d, r11d",
    "xor r12d, r12d",
    "xor r13d, r13d",
    "xor r14d, r14d",
    "xor r15d, r15d",
    "ret",
    ".global processor_end",
    "processor_end:",
    mailbox = const MAILBOX,
    pat = const core::mem::offset_of!(Mailbox, pat),
    root = const core::mem::offset_of!(Mailbox, root),
    low_gdt = const core::mem::offset_of!(Mailbox, low_gdt),
    far = const core::mem::offset_of!(Mailbox, far_offset),
    gdt = const core::mem::offset_of!(Mailbox, gdt),
    information = const core::mem::offset_of!(Mailbox, information),
    arrived = const core::mem::offset_of!(Mailbox, arrived),
    pat_low = const control::PAT_VALUE as u32,
    pat_high = const (control::PAT_VALUE >> 32) as u32,
    direct_map = const DIRECT_MAP,
    goto = const CPU_GOTO_OFFSET,
);

unsafe extern "C" {
    static processor_start: u8;
    static processor_long_mode: u8;
    static processor_end: u8;
}

/// Offset of the mailbox in the start page.
const MAILBOX: usize = 0xf00;

/// What the start code reads and writes, at the end of its page.
#[derive(Debug)]
#[repr(C)]
struct Mailbox {
    /// Direct-map address of the CPU's information structure.
    information: u64,
    /// Physical address of the root table, below 4 GiB.
    root: u32,
    /// 1 if the CPU has the page attribute table.
    pat: u32,
    /// Set by the CPU when it is parked.
    arrived: AtomicU32,
    /// Where the far jump goes: `processor_long_mode` in the page.
    far_offset: u32,
    /// The far jump's selector: 64-bit code.
    far_selector: u16,
    /// Limit of the GDT, for the first load.
    low_gdt: u16,
    /// Physical base of the GDT, for the first load.
    low_gdt_base: [u16; 2],
    /// The GDT by its direct-map address.
    gdt: GdtPointer,
}

/// Starts all CPUs of the MADT but this one and answers the SMP request.
///
/// # Errors
/// `OutOfMemory`, `MemoryMapFull`, `AnswersFull`.
pub(crate) fn start(
    madt: &Interrupts,
    map: &mut MemoryMap,
    answers: &mut Answers<'_>,
    root: u64,
    stack_size: u64,
    features: Features,
) -> Result<(), Error> {
    if madt.processors().is_empty() {
        return Ok(());
    }
    let apic = LocalApic::new();
    let own = apic.identity();
    let page = place_start_code(map)?;
    let mut running = [0; MAXIMUM_PROCESSORS];
    let mut count = 0;
    for processor in madt.processors() {
        let is_own = processor.apic_id == own;
        let stack_top = if is_own {
            0
        } else {
            direct(map.allocate(stack_size, PAGE, Kind::BootloaderReclaimable)? + stack_size)
        };
        let information = answers.processor(processor.acpi_id, processor.apic_id, stack_top)?;
        if is_own || start_one(&apic, page, processor.apic_id, root, information, features) {
            running[count] = information;
            count += 1;
        }
    }
    answers.smp(own, &running[..count])
}

/// Copies the start code to a page below 1 MiB; returns its physical address.
fn place_start_code(map: &mut MemoryMap) -> Result<u64, Error> {
    let page = map.allocate_low_page(Kind::BootloaderReclaimable)?;
    let start = &raw const processor_start as u64;
    let length = &raw const processor_end as u64 - start;
    // SAFETY: just allocated.
    let target = unsafe { window::cleared(page, PAGE) };
    // SAFETY: the code between the two symbols is part of this program and never written.
    let code = unsafe { window::shared(start, length) };
    target[..code.len()].copy_from_slice(code);
    Ok(page)
}

/// Starts the CPU `apic_id`; returns whether it has parked itself.
fn start_one(
    apic: &LocalApic,
    page: u64,
    apic_id: u32,
    root: u64,
    information: u64,
    features: Features,
) -> bool {
    let offset = &raw const processor_long_mode as u64 - &raw const processor_start as u64;
    let gdt = GdtPointer::low();
    let mailbox = Mailbox {
        information,
        root: root as u32,
        pat: u32::from(features.pat),
        arrived: AtomicU32::new(0),
        far_offset: (page + offset) as u32,
        far_selector: 0x28,
        low_gdt: gdt.0,
        low_gdt_base: [gdt.1 as u16, (gdt.1 >> 16) as u16],
        gdt: GdtPointer::direct(),
    };
    let place = (page as usize + MAILBOX) as *mut Mailbox;
    // SAFETY: the page is this module's alone, `MAILBOX` is aligned and leaves room for the
    // structure, and the CPU that used it before no longer reads it once it has arrived.
    unsafe { place.write(mailbox) };
    // SAFETY: as above; from here on the field is only used atomically, by both sides.
    let arrived = unsafe { &(*place).arrived };

    apic.send(apic_id, LocalApic::INIT);
    ports::pause(10_000);
    for _ in 0..2 {
        apic.send(apic_id, LocalApic::START_UP | (page >> 12) as u32);
        for _ in 0..5_000 {
            if arrived.load(Ordering::Acquire) == 1 {
                return true;
            }
            ports::pause(100);
        }
    }
    false
}

/// This CPU's local APIC, in memory-mapped mode, as the firmware left it.
#[derive(Debug)]
struct LocalApic {
    base: u64,
}

impl LocalApic {
    /// INIT, edge, assert.
    const INIT: u32 = 0x4500;
    /// Start-up, edge, assert; the low byte is the page number of the start code.
    const START_UP: u32 = 0x4600;

    fn new() -> LocalApic {
        // SAFETY: CPUID says that there is a local APIC (`boot` checked), so the register exists.
        LocalApic { base: unsafe { control::read_msr(APIC_BASE) } & 0xffff_f000 }
    }

    fn identity(&self) -> u32 {
        // SAFETY: register 0x20 of the local APIC.
        unsafe { window::read_register(self.base + 0x20) >> 24 }
    }

    /// Sends an interprocessor interrupt and waits until it has left.
    fn send(&self, apic_id: u32, command: u32) {
        const PENDING: u32 = 1 << 12;
        // SAFETY: registers 0x310 and 0x300 of the local APIC; the target is another CPU, which
        // runs only the start code.
        unsafe {
            window::write_register(self.base + 0x310, apic_id << 24);
            window::write_register(self.base + 0x300, command);
            for _ in 0..10_000 {
                if window::read_register(self.base + 0x300) & PENDING == 0 {
                    break;
                }
                ports::pause(1);
            }
        }
    }
}
