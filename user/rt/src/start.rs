//! The first instructions of a program, and what it was told.
//!
//! Owns: `_start`; the copy of the start block that the rest of user space reads.
//!
//! Invariants: the start block and the argument block lie above the first stack frame and are
//! never written, so references to the strings live as long as the program.

use core::sync::atomic::{AtomicU64, Ordering};

use tine_abi::start::StartBlock;
use tine_abi::wire::Wire;

use crate::arguments::{ArgumentBlock, Arguments, Strings};

/// The words of the start block. All zero until a program has started, and on the host.
static BLOCK: [AtomicU64; StartBlock::WORDS] = [const { AtomicU64::new(0) }; StartBlock::WORDS];

/// What the program was told when it started. All zero on the host.
#[must_use]
pub fn block() -> StartBlock {
    let words = BLOCK.each_ref().map(|word| word.load(Ordering::Relaxed));
    StartBlock::decode(&words).unwrap_or_default()
}

fn strings() -> ArgumentBlock<'static> {
    let block = block();
    if block.strings == 0 {
        return ArgumentBlock::default();
    }
    let start = core::ptr::with_exposed_provenance(block.strings as usize);
    // SAFETY: whoever made this program put the argument block there, that long, and nothing
    // writes to it (see the invariants).
    let bytes = unsafe { core::slice::from_raw_parts(start, block.strings_length as usize) };
    ArgumentBlock::new(bytes, block.arguments as usize, block.environment as usize)
}

/// The arguments, the program's name first.
#[must_use]
pub fn arguments() -> Arguments {
    strings().arguments()
}

/// The environment that the program was started with.
#[must_use]
pub fn environment() -> Strings<'static> {
    strings().environment()
}

#[cfg(target_os = "none")]
mod bare {
    use core::arch::{asm, naked_asm};
    use core::sync::atomic::Ordering;

    use tine_abi::layout;
    use tine_abi::start::StartBlock;
    use tine_abi::wire::Wire;
    use tine_sys::{clock, domain};

    use crate::{control, heap};

    /// First instruction. RSP points to the start block; the stack grows down from there. RBP = 0
    /// ends the chain of frames; the call leaves RSP as the System V ABI wants it in a function.
    #[unsafe(naked)]
    #[unsafe(no_mangle)]
    #[unsafe(link_section = ".text.tine_start")]
    unsafe extern "C" fn _start() -> ! {
        naked_asm!(
            "mov rdi, rsp",
            "xor ebp, ebp",
            "and rsp, -16",
            "call {begin}",
            "ud2",
            begin = sym begin,
        )
    }

    unsafe extern "Rust" {
        /// Defined by [`crate::entry!`].
        safe fn tine_main() -> i32;
    }

    /// # Safety
    /// `words` points to a start block that lives as long as the program.
    unsafe extern "C" fn begin(words: *const [u64; StartBlock::WORDS]) -> ! {
        // SAFETY: the caller's promise.
        let words = unsafe { &*words };
        let Some(block) = StartBlock::decode(words) else {
            domain::exit(127);
        };
        // SAFETY: the maker of the program has set GS to the control block at the end of the hot
        // region. It also says that address in word 0; writing it again costs less than trusting.
        unsafe {
            asm!("mov gs:[0], {}", in(reg) control::of_main_stack(block.stack),
                options(nostack, preserves_flags));
        }
        control::set_process(block.process as u32);
        for (word, value) in super::BLOCK.iter().zip(words) {
            word.store(*value, Ordering::Relaxed);
        }
        clock::set(block.clock_frequency, block.clock_start);
        const { assert!(layout::CONTROL >= 16) };
        // SAFETY: the start block says that this range is mapped and free, and nobody else uses it.
        unsafe { heap::set_first(block.heap as usize..block.heap_end as usize) };
        domain::exit(tine_main() as u32)
    }
}
