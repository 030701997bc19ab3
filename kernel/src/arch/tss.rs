//! The task state segment: which stack a trap starts on.
//!
//! Owns: the one segment there is. Never here: descriptors (`gdt`), the stacks' memory (`stacks`).
//! Called by `gdt` and `idt`. It never changes, because a trap from user mode always starts at the
//! top of the one kernel stack. There is no I/O permission map: user code has no port instructions.
//! Source: Intel SDM 3A 8.7.

use conquer_once::spin::OnceCell;
use x86_64::{VirtAddr, structures::tss::TaskStateSegment};

use super::stacks;

/// Interrupt stack table slot (1 to 7, as a gate names it) of double faults and machine checks.
pub(crate) const FATAL_STACK: u8 = 1;
/// Slot of non-maskable interrupts.
pub(crate) const NON_MASKABLE_STACK: u8 = 2;

static SEGMENT: OnceCell<TaskStateSegment> = OnceCell::uninit();

/// The segment, filled in at the first call.
pub(crate) fn segment() -> &'static TaskStateSegment {
    SEGMENT.get_or_init(|| {
        let mut segment = TaskStateSegment::new();
        segment.privilege_stack_table =
            [VirtAddr::new_truncate(stacks::KERNEL.top()), VirtAddr::zero(), VirtAddr::zero()];
        // The structure is packed: it is filled by value, not through references.
        let mut table = segment.interrupt_stack_table;
        table[usize::from(FATAL_STACK - 1)] = VirtAddr::new_truncate(stacks::FATAL.top());
        table[usize::from(NON_MASKABLE_STACK - 1)] =
            VirtAddr::new_truncate(stacks::NON_MASKABLE.top());
        segment.interrupt_stack_table = table;
        segment
    })
}
