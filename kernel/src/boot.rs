//! The way from the boot loader to `main`.
//!
//! Owns: the first instructions, and what the loader tells ([`information`]). Never here: anything
//! after boot. The protocol is Limine's, base revision 2; direct boot speaks the same.
//!
//! The loader enters [`start`] in long mode with interrupts off, on its own stack, page tables and
//! descriptor tables, all of which lie in memory that is reclaimed later; so the first thing is to
//! leave that stack. `main` leaves the rest, one line each.
//! Source: Limine boot protocol, "Machine state at entry", x86-64.

use core::arch::naked_asm;

use crate::arch::stacks;

pub(crate) mod information;
mod requests;

/// The kernel's first instruction.
///
/// # Safety
/// For the boot loader, once.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn start() -> ! {
    naked_asm!(
        "cli",
        "cld",
        "lea rsp, [rip + {stack} + {size}]",
        // End of the chain of frame pointers.
        "xor ebp, ebp",
        "call {main}",
        "ud2",
        stack = sym stacks::KERNEL,
        size = const stacks::KERNEL_SIZE + stacks::GUARD,
        main = sym crate::main,
    )
}
