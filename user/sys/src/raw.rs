//! The `syscall` instruction: the only one of user space.
//!
//! Owns: the register convention of [`tine_abi::syscall`], in three shapes - [`plain`] calls with
//! up to five arguments, [`message`] calls with eight words, and [`fork_on_stack`], whose second
//! return happens on another stack.
//!
//! Never enters it: meaning. Which call may be made when, and what that does to memory, is argued
//! where the functions are used.
//!
//! Operands: RAX in and out; RDI RSI RDX R10 R8 R9 arguments; RCX and R11 are destroyed by the
//! instruction (AMD64 APM volume 3, SYSCALL). `nostack`: the kernel never writes to the user's
//! stack, and no red zone is disturbed. `nomem` and `preserves_flags` are absent on purpose: calls
//! read and write memory through ranges and mappings, and flags are unspecified afterwards.

use tine_abi::message::{Status, Words};
use tine_abi::{Call, CapRef};

/// What a plain call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// RAX.
    pub status: Status,
    /// RSI and RDX, as the row of the call says.
    pub values: [u64; 2],
}

impl Returned {
    /// The two result registers, or the error.
    ///
    /// # Errors
    /// What the kernel reported.
    #[inline]
    pub fn values(self) -> tine_abi::error::Result<[u64; 2]> {
        self.status.result().map(|()| self.values)
    }
}

/// What a message call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// RAX.
    pub status: Status,
    /// RDI: slots that arrived (`call`), reply token (`recv`, `reply_recv`).
    pub token: u64,
    /// The eight words.
    pub words: Words,
    /// R15: the badge of a received message.
    pub badge: u64,
}

/// RAX on entry: the number of the call and its main capability.
#[inline]
const fn selector(call: Call, capability: CapRef) -> u64 {
    call.number() as u64 | (capability.bits() as u64) << 32
}

/// Makes a call that transfers no message.
///
/// # Safety
/// 1. `N` is at most 5, and the arguments are those of the row of `call`.
/// 2. Every address among them is valid for what the call does with it.
/// 3. The effect of the call on this program's mappings and threads breaks no reference that Rust
///    code holds.
#[inline]
pub unsafe fn plain<const N: usize>(
    call: Call,
    capability: CapRef,
    arguments: [u64; N],
) -> Returned {
    #[cfg(target_os = "none")]
    {
        // SAFETY: the caller's promises are those of `bare::plain`.
        unsafe { bare::plain(selector(call, capability), &arguments) }
    }
    #[cfg(not(target_os = "none"))]
    {
        host::record(selector(call, capability), &arguments);
        Returned { status: Status::error(tine_abi::Error::UnknownCall), values: [0; 2] }
    }
}

/// Makes the call number 0, which does not exist: the shortest way into the kernel and back.
#[inline]
pub fn unknown() -> Status {
    #[cfg(target_os = "none")]
    {
        // SAFETY: the kernel refuses the number and touches nothing.
        unsafe { bare::plain(0, &[] as &[u64; 0]) }.status
    }
    #[cfg(not(target_os = "none"))]
    Status::error(tine_abi::Error::UnknownCall)
}

/// Makes one of the four message calls.
///
/// # Safety
/// 1. `extras` is 0 or the address of an image of [`tine_abi::message::Extras`].
/// 2. Its ranges stay valid until the call returns, and are borrowed mutably where writable.
#[inline]
pub unsafe fn message(
    call: Call,
    port: CapRef,
    token: u64,
    words: &Words,
    extras: u64,
) -> Transferred {
    #[cfg(target_os = "none")]
    {
        // SAFETY: the caller's promises are those of `bare::message`.
        unsafe { bare::message(selector(call, port), token, words, extras) }
    }
    #[cfg(not(target_os = "none"))]
    {
        let [a, b, c, d, e, f, g, h] = *words;
        host::record(
            selector(call, port),
            &[token, a, b, c, d, e, f, g, h, u64::from(extras != 0)],
        );
        let status = Status::error(tine_abi::Error::UnknownCall);
        Transferred { status, token: u64::MAX, words: [0; 8], badge: 0 }
    }
}

/// Calls `port` with `words`; where the answer is "success, word 1 zero", which is what the child
/// of a fork sees, goes on in `child` on `stack` instead of returning.
///
/// `stack` points to two words, the argument for `child` and its address, and is 16-byte aligned;
/// the stack grows down from there. The child is called with its own process id (word 2) and the
/// argument.
///
/// # Safety
/// 1. `stack` points to those two words at the upper end of memory that nothing else uses until
///    this function returns.
/// 2. `child` never returns, and is sound to call with that argument while this frame waits.
#[inline]
pub unsafe fn fork_on_stack(port: CapRef, words: &Words, stack: *mut [u64; 2]) -> Transferred {
    #[cfg(target_os = "none")]
    {
        let mut out = [0; 10];
        // SAFETY: `out` and `words` are arrays of the lengths that the function reads and writes;
        // the rest is the caller's promise.
        unsafe { bare::fork_on_stack(selector(Call::Call, port), words, stack, &mut out) };
        let [status, token, words @ ..] = out;
        Transferred { status: Status(status), token, words, badge: 0 }
    }
    #[cfg(not(target_os = "none"))]
    {
        let _ = stack;
        // SAFETY: no extras; on the host nothing happens at all.
        unsafe { message(Call::Call, port, 0, words, 0) }
    }
}

#[cfg(target_os = "none")]
mod bare {
    use core::arch::{asm, naked_asm};

    use tine_abi::message::{Status, Words};

    use super::{Returned, Transferred};

    /// See [`super::plain`], whose promises these are.
    #[inline(always)]
    pub(super) unsafe fn plain(selector: u64, arguments: &[u64]) -> Returned {
        let (status, rsi, rdx): (u64, u64, u64);
        macro_rules! enter {
            ($($operands:tt)*) => {
                // SAFETY: the operands are the convention of the module's header, all registers
                // that change are outputs, and the caller vouches for the arguments.
                unsafe {
                    asm!("syscall", inlateout("rax") selector => status, $($operands)*
                        out("rcx") _, out("r11") _, options(nostack))
                }
            };
        }
        match *arguments {
            [] => enter!(lateout("rsi") rsi, lateout("rdx") rdx,),
            [a] => enter!(in("rdi") a, lateout("rsi") rsi, lateout("rdx") rdx,),
            [a, b] => {
                enter!(in("rdi") a, inlateout("rsi") b => rsi, lateout("rdx") rdx,);
            }
            [a, b, c] => {
                enter!(in("rdi") a, inlateout("rsi") b => rsi, inlateout("rdx") c => rdx,);
            }
            [a, b, c, d] => {
                enter!(in("rdi") a, inlateout("rsi") b => rsi, inlateout("rdx") c => rdx, in("r10") d,);
            }
            [a, b, c, d, e, ..] => {
                enter!(in("rdi") a, inlateout("rsi") b => rsi, inlateout("rdx") c => rdx, in("r10") d, in("r8") e,);
            }
        }
        Returned { status: Status(status), values: [rsi, rdx] }
    }

    /// See [`super::message`], whose promises these are.
    #[inline(always)]
    pub(super) unsafe fn message(
        selector: u64,
        token: u64,
        words: &Words,
        extras: u64,
    ) -> Transferred {
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *words;
        let (status, out, badge): (u64, u64, u64);
        // SAFETY: the operands are the convention of the module's header, all registers that
        // change are outputs, and the caller vouches for the extras.
        unsafe {
            asm!("syscall",
                inlateout("rax") selector => status,
                inlateout("rdi") token => out,
                inlateout("rsi") a, inlateout("rdx") b, inlateout("r10") c, inlateout("r8") d,
                inlateout("r9") e, inlateout("r12") f, inlateout("r13") g, inlateout("r14") h,
                inlateout("r15") extras => badge,
                out("rcx") _, out("r11") _, options(nostack));
        }
        Transferred { status: Status(status), token: out, words: [a, b, c, d, e, f, g, h], badge }
    }

    /// See [`super::fork_on_stack`]. `out` gets RAX, RDI and the words.
    ///
    /// RBX keeps the child's stack and RBP the address of `out`, for these two registers are never
    /// touched by a system call. Nothing is read from or written to this stack between the two
    /// returns, except by the parent, which comes last.
    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn fork_on_stack(
        selector: u64,
        words: &Words,
        stack: *mut [u64; 2],
        out: &mut [u64; 10],
    ) {
        naked_asm!(
            "push rbx",
            "push rbp",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "mov rax, rdi",
            "mov rbx, rdx",
            "mov rbp, rcx",
            "mov r11, rsi",
            "mov rsi, [r11]",
            "mov rdx, [r11 + 8]",
            "mov r10, [r11 + 16]",
            "mov r8,  [r11 + 24]",
            "mov r9,  [r11 + 32]",
            "mov r12, [r11 + 40]",
            "mov r13, [r11 + 48]",
            "mov r14, [r11 + 56]",
            "xor edi, edi",
            "xor r15d, r15d",
            "syscall",
            // The child: status, word 0 and word 1 are all zero.
            "movzx ecx, ax",
            "or rcx, rsi",
            "or rcx, rdx",
            "jnz 2f",
            "mov rsp, rbx",
            "xor ebp, ebp",
            "mov rdi, r10",
            "mov rsi, [rbx]",
            "call [rbx + 8]",
            "ud2",
            "2:",
            "mov [rbp], rax",
            "mov [rbp + 8], rdi",
            "mov [rbp + 16], rsi",
            "mov [rbp + 24], rdx",
            "mov [rbp + 32], r10",
            "mov [rbp + 40], r8",
            "mov [rbp + 48], r9",
            "mov [rbp + 56], r12",
            "mov [rbp + 64], r13",
            "mov [rbp + 72], r14",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbp",
            "pop rbx",
            "ret",
        )
    }
}

/// The host has no Tine kernel. Tests of this crate see which calls a stub would have made.
#[cfg(not(target_os = "none"))]
pub(crate) mod host {
    #[cfg(not(test))]
    pub(crate) fn record(_selector: u64, _arguments: &[u64]) {}

    #[cfg(test)]
    pub(crate) use recorder::{made, record};

    #[cfg(test)]
    mod recorder {
        use core::cell::RefCell;
        use std::vec::Vec;

        use tine_abi::{Call, CapRef};

        std::thread_local! {
            static MADE: RefCell<Vec<(u64, Vec<u64>)>> = const { RefCell::new(Vec::new()) };
        }

        pub(crate) fn record(selector: u64, arguments: &[u64]) {
            MADE.with_borrow_mut(|made| made.push((selector, arguments.to_vec())));
        }

        /// The calls of this thread since the last time, oldest first.
        pub(crate) fn made() -> Vec<(Call, CapRef, Vec<u64>)> {
            MADE.take()
                .into_iter()
                .map(|(selector, arguments)| {
                    let call = Call::from_number(selector as u32).unwrap();
                    (call, CapRef::from_bits((selector >> 32) as u32).unwrap(), arguments)
                })
                .collect()
        }
    }
}
