//! The descriptor table: flat segments for kernel and user, and the task state segment.
//!
//! Owns: the table and the selectors. Never here: protection; paging does that. Called by boot.
//!
//! The order is what the system call instructions ask for: SYSCALL takes the kernel's code and the
//! one after it as data; SYSRET takes user data and the one after it as code.
//! Sources: Intel SDM 3A 3.4.5 (descriptors), 5.8.8 (SYSCALL and SYSRET).

use conquer_once::spin::OnceCell;
use x86_64::{
    PrivilegeLevel,
    instructions::{
        segmentation::{CS, DS, ES, FS, GS, SS, Segment},
        tables::{self, load_tss},
    },
    registers::segmentation::SegmentSelector,
    structures::{
        DescriptorTablePointer,
        gdt::{Descriptor, GlobalDescriptorTable},
    },
};

use super::tss;

/// Selector of the kernel's code.
pub(crate) const KERNEL_CODE: u16 = 0x08;
/// Selector of the kernel's data.
pub(crate) const KERNEL_DATA: u16 = 0x10;
/// Selector of user data, with the user's privilege level.
pub(crate) const USER_DATA: u16 = 0x18 | 3;
/// Selector of user code.
pub(crate) const USER_CODE: u16 = 0x20 | 3;
/// Selector of the task state segment.
const TASK: u16 = 0x28;

static TABLE: OnceCell<GlobalDescriptorTable> = OnceCell::uninit();

/// The table; the selectors of the entry code are its order.
fn table() -> GlobalDescriptorTable {
    let mut table = GlobalDescriptorTable::new();
    let selectors = [
        table.append(Descriptor::kernel_code_segment()),
        table.append(Descriptor::kernel_data_segment()),
        table.append(Descriptor::user_data_segment()),
        table.append(Descriptor::user_code_segment()),
        table.append(Descriptor::tss_segment(tss::segment())),
    ];
    debug_assert_eq!(
        selectors.map(|selector| selector.0),
        [KERNEL_CODE, KERNEL_DATA, USER_DATA, USER_CODE, TASK],
        "the selectors are constants of the entry code"
    );
    table
}

/// Loads the table, its segments and the task register on this CPU.
pub(crate) fn load() {
    TABLE.get_or_init(table).load();
    let kernel = |selector: u16| SegmentSelector::new(selector >> 3, PrivilegeLevel::Ring0);
    // SAFETY: the table was just loaded; these are its kernel code, its kernel data, null selectors
    // that 64-bit mode does not use, and its task state segment, which is loaded for the first time.
    unsafe {
        CS::set_reg(kernel(KERNEL_CODE));
        SS::set_reg(kernel(KERNEL_DATA));
        DS::set_reg(SegmentSelector::NULL);
        ES::set_reg(SegmentSelector::NULL);
        FS::set_reg(SegmentSelector::NULL);
        GS::set_reg(SegmentSelector::NULL);
        load_tss(kernel(TASK));
    }
}

/// Limit and address of the loaded table, for CPUs that are parked with it.
pub(crate) fn pointer() -> DescriptorTablePointer {
    tables::sgdt()
}
