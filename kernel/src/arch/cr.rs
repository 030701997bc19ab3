//! Switches the CPU's protections on and sets the system call instruction up.
//!
//! Owns: CR0, CR4, EFER, the debug control register, the SYSCALL registers. Never here: page tables,
//! the FPU's own registers (`fpu`). Called by boot, once, with the features known.
//!
//! Invariants: write protection holds for the kernel too (copy-on-write depends on it); no feature
//! is switched on that CPUID does not report; no hardware breakpoint is armed.
//! Sources: Intel SDM 3A 2.5 (CR0, CR4), 2.2.1 (EFER), 5.8.8 (SYSCALL), 3B 18.2.4 (DR7).

use x86_64::{
    VirtAddr,
    registers::{
        control::{Cr0, Cr0Flags, Cr4, Cr4Flags},
        debug::Dr7,
        model_specific::{Efer, EferFlags, LStar, SFMask, Star},
        rflags::RFlags,
    },
};

use super::{entry, gdt, registers::Features};

/// Makes the no-execute bit of page table entries valid. `features.no_execute` must hold.
pub(crate) fn enable_no_execute(features: &Features) {
    if features.no_execute {
        // SAFETY: CPUID reports the feature; no table in use has the bit set by accident, because
        // it was reserved until now or is already in force.
        unsafe { Efer::update(|flags| flags.insert(EferFlags::NO_EXECUTE_ENABLE)) };
    }
}

/// Whether the boot loader gave us 5-level paging in spite of the request.
pub(crate) fn has_five_levels() -> bool {
    Cr4::read().contains(Cr4Flags::L5_PAGING)
}

/// Sets the protections. The kernel's own page tables must be active.
pub(crate) fn protect(features: &Features) {
    let mut flags = Cr4::read() | Cr4Flags::OSFXSR | Cr4Flags::OSXMMEXCPT_ENABLE;
    flags.set(Cr4Flags::PAGE_GLOBAL, features.global_pages);
    flags.set(Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION, features.smep);
    flags.set(Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION, features.smap);
    flags.set(Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION, features.umip);
    flags.set(Cr4Flags::FSGSBASE, features.fsgsbase);
    flags.set(Cr4Flags::OSXSAVE, features.xsave);
    flags.remove(Cr4Flags::PCID | Cr4Flags::TIMESTAMP_DISABLE | Cr4Flags::PROTECTION_KEY_USER);
    flags.remove(Cr4Flags::PROTECTION_KEY_SUPERVISOR | Cr4Flags::CONTROL_FLOW_ENFORCEMENT);
    // SAFETY: every flag set is reported by CPUID; the kernel touches no user page by a user address
    // and its own tables mark no page of its own as the user's.
    unsafe { Cr4::write(flags) };

    let mut flags = Cr0::read();
    flags.insert(Cr0Flags::WRITE_PROTECT | Cr0Flags::NUMERIC_ERROR | Cr0Flags::MONITOR_COPROCESSOR);
    // The first FPU instruction of a thread traps; alignment checks are the user's to ask for.
    flags.insert(Cr0Flags::TASK_SWITCHED | Cr0Flags::ALIGNMENT_MASK);
    flags.remove(Cr0Flags::EMULATE_COPROCESSOR);
    // SAFETY: caching and paging bits are unchanged; the kernel uses no FPU instruction.
    unsafe { Cr0::write(flags) };
    Dr7::write_raw(0x400);
}

/// Points SYSCALL to the entry code.
pub(crate) fn enable_system_calls() {
    // SAFETY: the selectors are those of the loaded descriptor table, in the order that the
    // instructions expect: SYSRET takes data at the base plus 8 and code at the base plus 16.
    unsafe { Star::write_raw(gdt::KERNEL_DATA | 3, gdt::KERNEL_CODE) };
    LStar::write(VirtAddr::new_truncate(entry::system_call_address()));
    SFMask::write(RFlags::from_bits_truncate(entry::SYSCALL_MASK));
    // SAFETY: entry address, selectors and flag mask are set.
    unsafe { Efer::update(|flags| flags.insert(EferFlags::SYSTEM_CALL_EXTENSIONS)) };
}
