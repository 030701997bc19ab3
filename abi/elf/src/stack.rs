//! The upper end of a new main stack: start block, argument block, control block.
//!
//! Owns: where the three lie and what they say ([`Top`]), and packing strings into an argument
//! block ([`pack`]). Never enters it: copying any of it into a new program's memory; that is what
//! the kernel, the root server and the process server do, each with the bytes made here.
//!
//! ```text
//!   stack.end         ----------------------------------------------
//!                      control block; word 0: its own address
//!   plan.control()    ----------------------------------------------
//!                      (less than 16 bytes left out)
//!                      argument block: strings, each ended by NUL
//!   stack_pointer+96  ----------------------------------------------
//!                      start block
//!   stack_pointer     ------------------------------ 16-byte aligned
//! ```
//!
//! Sources: `tine_abi::start`, `tine_abi::layout`.

use tine_abi::layout;
use tine_abi::start::{ARGUMENTS_MAX, MAGIC, StartBlock};
use tine_abi::wire::Wire;

use crate::Plan;

/// Bytes of the start block.
pub const BLOCK: usize = 8 * StartBlock::WORDS;

// Below the largest argument block more than half of the stack is left.
const _: () = assert!(2 * (ARGUMENTS_MAX + BLOCK as u64 + layout::CONTROL + 16) < layout::STACK);

/// The argument block of a new program, by its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Strings {
    /// Argument strings.
    pub arguments: u64,
    /// Environment strings.
    pub environment: u64,
    /// Bytes of all of them, with the NUL bytes.
    pub length: u64,
}

/// What else a new program is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Time-stamp counter ticks a second.
    pub clock_frequency: u64,
    /// Time-stamp counter at nanosecond 0.
    pub clock_start: u64,
    /// Process id; 0 for servers.
    pub process: u64,
    /// Bytes of the Memory in the slot ARCHIVE; 0 without one.
    pub archive: u64,
}

impl Facts {
    /// The clock that the maker of the program was told itself; nothing else.
    #[must_use]
    pub const fn clock_of(block: &StartBlock) -> Self {
        Self {
            clock_frequency: block.clock_frequency,
            clock_start: block.clock_start,
            process: 0,
            archive: 0,
        }
    }
}

/// The argument block is longer than [`ARGUMENTS_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

/// The upper end of a main stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Top {
    /// The first stack pointer: where [`Self::head`] goes.
    pub stack_pointer: u64,
    /// Where [`Self::control_word`] goes: the base of GS.
    pub control: u64,
    /// The start block.
    pub block: StartBlock,
}

impl Plan {
    /// Lays out the upper end of the main stack for an argument block of these numbers.
    ///
    /// # Errors
    /// The argument block is too long.
    pub fn top(&self, strings: Strings, facts: &Facts) -> Result<Top, TooLong> {
        if strings.length > ARGUMENTS_MAX {
            return Err(TooLong);
        }
        let control = self.control();
        let stack_pointer = (control - strings.length - BLOCK as u64) & !15;
        let block = StartBlock {
            magic: MAGIC,
            arguments: strings.arguments,
            environment: strings.environment,
            strings: stack_pointer + BLOCK as u64,
            strings_length: strings.length,
            heap: self.heap.start,
            heap_end: self.heap.end,
            stack: self.stack.start,
            clock_frequency: facts.clock_frequency,
            clock_start: facts.clock_start,
            process: facts.process,
            archive: facts.archive,
        };
        Ok(Top { stack_pointer, control, block })
    }
}

impl Top {
    /// The bytes of the start block; the argument block goes directly behind them, to
    /// [`StartBlock::strings`].
    #[must_use]
    pub fn head(&self) -> [u8; BLOCK] {
        let mut words = [0; StartBlock::WORDS];
        self.block.encode(&mut words);
        let mut bytes = [0; BLOCK];
        for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The bytes of word 0 of the control block.
    #[must_use]
    pub const fn control_word(&self) -> [u8; 8] {
        self.control.to_le_bytes()
    }
}

/// Packs strings into an argument block at the start of `into`; its numbers. `None` if it is not
/// long enough, or a string holds a NUL byte.
#[must_use]
pub fn pack(arguments: &[&[u8]], environment: &[&[u8]], into: &mut [u8]) -> Option<Strings> {
    let mut length = 0;
    for string in arguments.iter().chain(environment) {
        let end = length + string.len();
        if string.contains(&0) || end >= into.len() {
            return None;
        }
        into[length..end].copy_from_slice(string);
        into[end] = 0;
        length = end + 1;
    }
    Some(Strings {
        arguments: arguments.len() as u64,
        environment: environment.len() as u64,
        length: length as u64,
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;
    use crate::tests::ordinary;

    #[test]
    fn everything_lies_below_the_control_block_and_fits() {
        let plan = ordinary();
        for length in [0, 1, 15, 16, 17, ARGUMENTS_MAX] {
            let strings = Strings { arguments: 3, environment: 2, length };
            let facts = Facts { clock_frequency: 7, clock_start: 8, process: 9, archive: 10 };
            let top = plan.top(strings, &facts).unwrap();
            let block = top.block;
            assert!(top.stack_pointer.is_multiple_of(16));
            assert_eq!(block.strings, top.stack_pointer + 96);
            assert!((0..16).contains(&(top.control - (block.strings + length))), "{length}");
            assert!(top.stack_pointer > plan.stack.start + layout::STACK / 2);
            assert_eq!(top.control, plan.stack.end - layout::CONTROL);
            assert_eq!((block.heap, block.heap_end), (plan.heap.start, plan.heap.end));
            assert_eq!((block.stack, block.process, block.archive), (plan.stack.start, 9, 10));
        }
        let long = Strings { length: ARGUMENTS_MAX + 1, ..Strings::default() };
        assert_eq!(plan.top(long, &Facts::default()), Err(TooLong));
    }

    #[test]
    fn the_head_is_what_a_program_decodes() {
        let top = ordinary().top(Strings::default(), &Facts::default()).unwrap();
        let head = top.head();
        let words = head.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        assert_eq!(StartBlock::decode(&words.collect::<Vec<_>>()), Some(top.block));
        assert_eq!(u64::from_le_bytes(top.control_word()), top.control);
    }

    #[test]
    fn strings_are_packed_or_refused() {
        let mut buffer = [0xff; 16];
        let strings = pack(&[b"init", b""], &[b"A=1"], &mut buffer);
        assert_eq!(strings, Some(Strings { arguments: 2, environment: 1, length: 10 }));
        assert_eq!(&buffer[..10], b"init\0\0A=1\0");
        assert_eq!(pack(&[b"a\0b"], &[], &mut buffer), None);
        assert!(pack(&[&[b'x'; 15]], &[], &mut buffer).is_some());
        assert_eq!(pack(&[&[b'x'; 16]], &[], &mut buffer), None);
        assert_eq!(pack(&[], &[], &mut []), Some(Strings::default()));
    }
}
