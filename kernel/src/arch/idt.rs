//! The interrupt table: 256 gates to the entry code.
//!
//! Owns: the gates' encoding and the table's memory. Never here: what happens behind a gate
//! (`entry`, `trap`). Called by boot. All gates clear the interrupt flag; only the breakpoint and
//! overflow gates may be used by a user's own INT3 and INTO.
//! Source: Intel SDM 3A 6.14.1 (64-bit gates).

use conquer_once::spin::OnceCell;
use x86_64::{VirtAddr, instructions::tables, structures::DescriptorTablePointer};

use super::{entry, gdt, interrupt, tss};

/// Gates, sixteen bytes each.
type Table = [u128; 256];

static TABLE: OnceCell<Table> = OnceCell::uninit();

/// Present, 64-bit interrupt gate, for the kernel only.
const GATE: u8 = 0x8e;
/// The same, also for a user's software interrupt.
const USER_GATE: u8 = GATE | 3 << 5;

/// A gate to `address`. `stack` is a slot of the interrupt stack table, 0 for none.
const fn gate(address: u64, stack: u8, kind: u8) -> u128 {
    let low = address & 0xffff
        | (gdt::KERNEL_CODE as u64) << 16
        | (stack as u64) << 32
        | (kind as u64) << 40
        | (address >> 16 & 0xffff) << 48;
    low as u128 | ((address >> 32) as u128) << 64
}

fn entry_of(vector: u8) -> u128 {
    match vector {
        interrupt::NON_MASKABLE => {
            gate(entry::non_maskable_address(), tss::NON_MASKABLE_STACK, GATE)
        }
        interrupt::DOUBLE_FAULT | interrupt::MACHINE_CHECK => {
            gate(entry::vector_address(vector), tss::FATAL_STACK, GATE)
        }
        // Breakpoint and overflow.
        3 | 4 => gate(entry::vector_address(vector), 0, USER_GATE),
        _ => gate(entry::vector_address(vector), 0, GATE),
    }
}

/// Fills and loads the table on this CPU.
pub(crate) fn load() {
    let table = TABLE.get_or_init(|| core::array::from_fn(|vector| entry_of(vector as u8)));
    let pointer = DescriptorTablePointer {
        limit: (size_of::<Table>() - 1) as u16,
        base: VirtAddr::from_ptr(table),
    };
    // SAFETY: the table is filled, never changes and never goes away; each gate leads to entry code
    // with the kernel's code selector.
    unsafe { tables::lidt(&pointer) };
}

/// Limit and address of a table whose every gate leads to `address`, in `memory`, for parked CPUs.
pub(crate) fn fill_parked(memory: &mut [u128; 32], address: u64) -> DescriptorTablePointer {
    memory.fill(gate(address, 0, GATE));
    DescriptorTablePointer {
        limit: (size_of::<[u128; 32]>() - 1) as u16,
        base: VirtAddr::from_ptr(memory),
    }
}
