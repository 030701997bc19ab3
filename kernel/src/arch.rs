//! x86-64: everything that needs its instructions.
//!
//! Owns: entry and exit, descriptor tables, page tables of the kernel, interrupt controllers, clocks,
//! ports, the FPU. Never here: policy, objects, user mappings. Called by boot, `machine` and `trap`.
//!
//! Facts that hold everywhere (each one's reason is in the module named):
//! - one CPU runs; the others sit in `parking`;
//! - interrupts are off in the kernel, except for the one instruction of `entry::idle`;
//! - a trap from user mode starts at the top of the one kernel stack (`stacks`, `tss`), and the red
//!   zone is not used (the target has none), so interrupts may use the stack they find;
//! - the kernel uses no FPU register (the target has soft floats), so a trap saves none (`fpu`);
//! - user memory is reached through the direct map only (`frames`), so SMAP is never lifted (`cr`).

pub(crate) mod acpi;
pub(crate) mod apic;
pub(crate) mod backtrace;
pub(crate) mod calibration;
pub(crate) mod cpu;
pub(crate) mod cr;
pub(crate) mod debugcon;
pub(crate) mod entry;
pub(crate) mod fpu;
pub(crate) mod gdt;
pub(crate) mod idt;
pub(crate) mod image;
pub(crate) mod interrupt;
pub(crate) mod ioapic;
pub(crate) mod paging;
pub(crate) mod parking;
pub(crate) mod pic;
pub(crate) mod port;
pub(crate) mod power;
pub(crate) mod registers;
pub(crate) mod serial;
pub(crate) mod stacks;
pub(crate) mod translation;
pub(crate) mod tsc;
pub(crate) mod tss;
