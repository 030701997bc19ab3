//! The state in which CPUs reach the kernel: registers, tables, mappings.
//!
//! Owned here: the entry code that saves registers, and reading control state. Never here: judging;
//! the comparison with Limine does that. Called by: the loader, `main`.
//! Invariant: a started CPU counts itself only after its line is complete, and then sleeps.

use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU64, Ordering};

use tine_directboot_model::dump::Line;
use tine_directboot_model::paging::{ADDRESS, LARGE, NO_EXECUTE, PRESENT, WRITABLE};

use crate::console::Console;
use crate::report::word;
use crate::requests as ask;

global_asm!(
    ".macro save_registers",
    "push rax",
    "push rbx",
    "push rcx",
    "push rdx",
    "push rsi",
    "push rdi",
    "push rbp",
    "push r8",
    "push r9",
    "push r10",
    "push r11",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "pushfq",
    "mov rdi, rsp",
    "sub rsp, 8",
    ".endm",
    ".global probe_entry",
    "probe_entry:",
    "save_registers",
    "call {main}",
    "ud2",
    ".global probe_processor_entry",
    "probe_processor_entry:",
    "save_registers",
    "call {processor}",
    "ud2",
    main = sym crate::main,
    processor = sym processor,
);

unsafe extern "C" {
    fn probe_processor_entry();
    static text_start: u8;
    static rodata_start: u8;
    static data_start: u8;
    static bss_start: u8;
}

/// What the entry code saved, by address: flags first, RAX last, then the return address.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Registers {
    flags: u64,
    /// R15 to R8, RBP.
    upper: [u64; 9],
    rdi: u64,
    /// RSI, RDX, RCX, RBX, RAX.
    lower: [u64; 5],
    return_address: u64,
}

/// How many CPUs have said their state.
static SAID: AtomicU64 = AtomicU64::new(0);
/// A pointer that is right only if relocations were applied.
static RELOCATED: &AtomicU64 = &SAID;

/// Says one CPU's state.
pub(crate) fn report(console: &mut Console, cpu: &str, registers: &Registers) {
    let others = registers.upper.iter().chain(&registers.lower).fold(0, |all, it| all | it);
    let end = &raw const registers.return_address as u64 + 8;
    let mut say = |name, value| console.say(&Line::State(cpu, name, value));
    // Interrupt, direction, virtual-8086 and nested-task flags.
    say("flags", registers.flags & (1 << 9 | 1 << 10 | 1 << 17 | 1 << 14));
    say("registers", others);
    say("rdi", u64::from(registers.rdi != 0));
    say("return-address", registers.return_address);
    say("stack-remainder", end % 16);
    let (cr0, cr4, efer, cs, ss, ds, es, fs, gs): (u64, u64, u32, u16, u16, u16, u16, u16, u16);
    let mut gdt = [0u16; 5];
    // SAFETY: reading control and segment registers changes nothing; both MSRs exist on every CPU
    // with long mode and PAT; `gdt` has the ten bytes that `sgdt` writes.
    unsafe {
        asm!("mov {}, cr0", out(reg) cr0, options(nomem, nostack));
        asm!("mov {}, cr4", out(reg) cr4, options(nomem, nostack));
        asm!("rdmsr", in("ecx") 0xc000_0080u32, out("eax") efer, out("edx") _, options(nomem, nostack));
        asm!("mov {0:x}, cs", out(reg) cs, options(nomem, nostack));
        asm!("mov {0:x}, ss", out(reg) ss, options(nomem, nostack));
        asm!("mov {0:x}, ds", out(reg) ds, options(nomem, nostack));
        asm!("mov {0:x}, es", out(reg) es, options(nomem, nostack));
        asm!("mov {0:x}, fs", out(reg) fs, options(nomem, nostack));
        asm!("mov {0:x}, gs", out(reg) gs, options(nomem, nostack));
        asm!("sgdt [{}]", in(reg) &raw mut gdt, options(nostack));
    }
    let (pat_low, pat_high): (u32, u32);
    // SAFETY: as above.
    unsafe {
        asm!("rdmsr", in("ecx") 0x277, out("eax") pat_low, out("edx") pat_high, options(nomem, nostack));
    }
    say("cr0", cr0);
    say("cr4", cr4);
    say("efer", u64::from(efer));
    for (name, selector) in [("cs", cs), ("ss", ss), ("ds", ds), ("es", es), ("fs", fs), ("gs", gs)]
    {
        say(name, u64::from(selector));
    }
    say("pat-low", u64::from(pat_low));
    // Entries 6 and 7 are not specified.
    say("pat-high", u64::from(pat_high & 0xffff));
    let base = gdt[1..].iter().rev().fold(0, |base, &part| base << 16 | u64::from(part));
    say("gdt-limit", u64::from(gdt[0]));
    say("gdt-in-direct-map", u64::from(base >= ask::DIRECT_MAP.word(1).unwrap_or(0)));
    for index in 0..u64::from(gdt[0] + 1) / 8 {
        // The accessed bit depends on what was loaded before.
        say("descriptor", word(base, index) & !(1 << 40));
    }
}

/// Says how the kernel's sections and the edges of memory are mapped, and that nothing else is.
pub(crate) fn mappings(console: &mut Console) {
    for (name, address) in [
        ("text", &raw const text_start as u64),
        ("rodata", &raw const rodata_start as u64),
        ("data", &raw const data_start as u64),
        ("bss", &raw const bss_start as u64),
    ] {
        console.say(&Line::Mapping(name, translate(address).map_or(0, |it| it.1)));
    }
    let base = ask::DIRECT_MAP.word(1).unwrap_or(0);
    let root = base + root();
    let lower = (0..256).filter(|&index| word(root, index) & PRESENT != 0).count();
    console.say(&Line::Number("lower-half-entries", lower as u64));
    console.say(&Line::Mapping("direct-map", translate(base + 0x1000).map_or(0, |it| it.1)));
    let count = ask::MEMORY_MAP.word(1).unwrap_or(0);
    for index in 0..count {
        let entry = word(ask::MEMORY_MAP.word(2).unwrap_or(0), index);
        let (start, end, kind) = (word(entry, 0), word(entry, 0) + word(entry, 1), word(entry, 2));
        for physical in [start, end - 1] {
            let mapped = translate(base + physical).is_some_and(|it| it.0 == physical);
            // Reserved and bad memory above 4 GiB is not in the direct map.
            if !mapped && (physical < 1 << 32 || !matches!(kind, 1 | 4)) {
                console.say(&Line::Number("not-in-direct-map", physical));
            }
        }
    }
    let relocated = core::ptr::eq(RELOCATED, &raw const SAID);
    console.say(&Line::Number("relocated", u64::from(relocated)));
    let (physical, virtual_base) = (ask::KERNEL_ADDRESS.word(1), ask::KERNEL_ADDRESS.word(2));
    let agrees = translate(virtual_base.unwrap_or(0)).map(|it| it.0) == physical;
    console.say(&Line::Number("kernel-address-agrees", u64::from(agrees)));
}

/// Starts the other CPUs one after the other; each says its state.
pub(crate) fn processors(console: &mut Console) {
    let Some(count) = ask::SMP.word(2) else { return console.say(&Line::Unanswered("smp")) };
    let own = ask::SMP.word(1).unwrap_or(0);
    console.say(&Line::Pair("smp", own, count));
    for index in 0..count {
        let information = word(ask::SMP.word(3).unwrap_or(0), index);
        let identities = word(information, 0);
        console.say(&Line::Processor(identities as u32, (identities >> 32) as u32));
        if identities >> 32 == own >> 32 {
            continue;
        }
        console.say(&Line::Number("goto-address", word(information, 2)));
        let before = SAID.load(Ordering::Acquire);
        // SAFETY: `goto_address` of a CPU that the loader parked; written once, atomically.
        let goto = unsafe { AtomicU64::from_ptr((information as *mut u64).add(2)) };
        goto.store(probe_processor_entry as *const () as u64, Ordering::Release);
        while SAID.load(Ordering::Acquire) == before {
            core::hint::spin_loop();
        }
    }
}

extern "C" fn processor(registers: &Registers) -> ! {
    let console = &mut Console::new();
    report(console, "other", registers);
    let mapped = translate(registers.rdi).is_some();
    console.say(&Line::Number("information-mapped", u64::from(mapped)));
    SAID.fetch_add(1, Ordering::Release);
    loop {
        // SAFETY: this CPU has nothing left to do, and no interrupts.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

fn root() -> u64 {
    let root: u64;
    // SAFETY: reading CR3 changes nothing.
    unsafe { asm!("mov {}, cr3", out(reg) root, options(nomem, nostack)) };
    root & ADDRESS
}

/// Physical address and permissions (as `Line::Mapping` has them) of a virtual address.
fn translate(address: u64) -> Option<(u64, u64)> {
    let base = ask::DIRECT_MAP.word(1).unwrap_or(0);
    let mut table = root();
    let mut bits = 3;
    for shift in [39, 30, 21, 12] {
        let entry = word(base + table, address >> shift & 511);
        if entry & PRESENT == 0 {
            return None;
        }
        if entry & WRITABLE == 0 {
            bits &= !1;
        }
        if entry & NO_EXECUTE != 0 {
            bits &= !2;
        }
        if shift == 12 || entry & LARGE != 0 && shift != 39 {
            let offset = (1u64 << shift) - 1;
            return Some((entry & ADDRESS & !offset | address & offset, bits));
        }
        table = entry & ADDRESS;
    }
    None
}
