//! The registers of a user thread, as the kernel keeps them and debuggers read them.

use crate::wire::{Wire, words};

words! {
    /// General registers, instruction and stack pointer, flags, segment bases. In memory the fields
    /// stand in this order, eight bytes each; the kernel's entry code relies on it.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    #[repr(C)]
    pub struct UserRegisters {
        /// Status of system calls on return.
        pub rax: u64,
        /// Never touched by system calls.
        pub rbx: u64,
        /// Destroyed by `syscall` (return address).
        pub rcx: u64,
        /// Word 1 of a message.
        pub rdx: u64,
        /// Word 0 of a message.
        pub rsi: u64,
        /// Reply token; slots that arrived.
        pub rdi: u64,
        /// Never touched by system calls.
        pub rbp: u64,
        /// Stack pointer.
        pub rsp: u64,
        /// Word 3 of a message.
        pub r8: u64,
        /// Word 4 of a message.
        pub r9: u64,
        /// Word 2 of a message.
        pub r10: u64,
        /// Destroyed by `syscall` (flags).
        pub r11: u64,
        /// Word 5 of a message.
        pub r12: u64,
        /// Word 6 of a message.
        pub r13: u64,
        /// Word 7 of a message.
        pub r14: u64,
        /// Address of the extras; badge on receipt.
        pub r15: u64,
        /// Instruction pointer.
        pub rip: u64,
        /// Flags; of those a program may set, interrupts always on.
        pub rflags: u64,
        /// Base of FS: the language's thread-local storage.
        pub fs_base: u64,
        /// Base of GS: the thread's control block.
        pub gs_base: u64,
    }
}

/// Number of fields.
pub const REGISTERS: usize = UserRegisters::WORDS;

const _: () = assert!(size_of::<UserRegisters>() == REGISTERS * 8);

impl UserRegisters {
    /// The eight words of a message.
    #[must_use]
    #[inline]
    pub const fn words(&self) -> crate::message::Words {
        [self.rsi, self.rdx, self.r10, self.r8, self.r9, self.r12, self.r13, self.r14]
    }

    /// Puts the eight words of a message where they belong.
    #[inline]
    pub const fn set_words(&mut self, words: &crate::message::Words) {
        [self.rsi, self.rdx, self.r10, self.r8, self.r9, self.r12, self.r13, self.r14] = *words;
    }
}
