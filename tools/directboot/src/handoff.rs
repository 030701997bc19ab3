//! The jump into the kernel.
//!
//! Owned here: the machine's state at the kernel's first instruction. Never here: anything that can
//! fail. Called by: `boot`, once. Invariants at the kernel's entry: its address space with the
//! lower half empty; GDT and stack by direct-map addresses; a return address of 0 on the stack; all
//! other general registers 0; only the reserved bit set in RFLAGS; PAT as the protocol says.
//! Source: PROTOCOL.md, "Machine state at entry", x86-64.

use core::arch::asm;

use tine_directboot_model::protocol::DIRECT_MAP;

use crate::control;

/// A GDT register image.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed)]
pub(crate) struct GdtPointer {
    limit: u16,
    base: u64,
}

/// Seven descriptors, in `entry`.
const GDT_LIMIT: u16 = 7 * 8 - 1;

unsafe extern "C" {
    static boot_gdt: [u64; 7];
}

impl GdtPointer {
    /// The boot GDT by its direct-map address.
    pub(crate) fn direct() -> GdtPointer {
        GdtPointer { limit: GDT_LIMIT, base: DIRECT_MAP + &raw const boot_gdt as u64 }
    }

    /// Limit and physical base of the boot GDT.
    pub(crate) fn low() -> (u16, u32) {
        (GDT_LIMIT, &raw const boot_gdt as u32)
    }
}

/// What the kernel is started with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handoff {
    /// Physical address of the root table.
    pub(crate) root: u64,
    /// Virtual address of the first instruction.
    pub(crate) entry: u64,
    /// Direct-map address of the end of the stack.
    pub(crate) stack_top: u64,
}

/// Starts the kernel.
///
/// # Safety
/// (1) `root` maps the first 4 GiB to itself and at the direct map, and the kernel; (2) `entry` is
/// the kernel's; (3) the stack is the kernel's alone; (4) nothing of this program is used again.
pub(crate) unsafe fn start(handoff: &Handoff, pat: bool) -> ! {
    if pat {
        // SAFETY: the CPU has the register; index 0, the only one in use, stays write-back.
        unsafe { control::write_msr(control::PAT, control::PAT_VALUE) };
    }
    let gdt = GdtPointer::direct();
    // SAFETY: by the caller's four promises. The code after `jmp` runs at its direct-map address,
    // so it survives the clearing of the lower half; it touches only registers, the root table by
    // its direct-map address, and the kernel's stack.
    unsafe {
        asm!(
            "mov cr3, rdi",
            "lgdt [rdx]",
            "lea rax, [rip + 2f]",
            "add rax, r8",
            "jmp rax",
            "2:",
            "mov rsp, rsi",
            "mov r9, rdi",
            "add rdi, r8",
            "mov ecx, 256",
            "xor eax, eax",
            "cld",
            "rep stosq",
            "mov cr3, r9",
            "push 0",
            "mov rax, rsp",
            "push 0x30",
            "push rax",
            "push 2",
            "push 0x28",
            "push r10",
            "xor eax, eax",
            "xor ebx, ebx",
            "xor ecx, ecx",
            "xor edx, edx",
            "xor esi, esi",
            "xor edi, edi",
            "xor ebp, ebp",
            "xor r8d, r8d",
            "xor r9d, r9d",
            "xor r10d, r10d",
            "xor r11d, r11d",
            "xor r12d, r12d",
            "xor r13d, r13d",
            "xor r14d, r14d",
            "xor r15d, r15d",
            "iretq",
            in("rdi") handoff.root,
            in("rsi") handoff.stack_top,
            in("rdx") &raw const gdt,
            in("r8") DIRECT_MAP,
            in("r10") handoff.entry,
            options(noreturn),
        )
    }
}
