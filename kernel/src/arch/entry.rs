//! The ways into the kernel and out of it.
//!
//! Owns: every instruction between user mode and the Rust functions of `trap`. Never here: meaning.
//!
//! # In
//! A trap saves the thread's registers straight into its [`UserRegisters`], whose address the CPU's
//! block at GS holds, sets the stack pointer to the top of the kernel stack, and calls Rust with the
//! kernel that the block names. Nothing
//! of an earlier visit lies on that stack: no poll frame survives below user mode.
//!
//! `syscall` arrives with the user's stack and GS, the return address in RCX, the flags in R11, and
//! interrupts off (the flag mask). It saves RCX and R11 also in their own places, because that is
//! what the user sees afterwards, and because it marks the state as one that `sysret` can restore.
//!
//! Exceptions and interrupts from user mode arrive on the kernel stack by the task state segment.
//! They clear the alignment-check and direction flags, which the user controls and interrupt gates
//! leave alone. From kernel mode only two things can come: an exception, which is a kernel bug and
//! ends in the epitaph, and an interrupt while idle, whose vector is noted in [`PENDING`] and which
//! returns with interrupts off. Neither touches GS: it may still be the user's.
//!
//! # Out
//! The Rust function does not return: it ends in [`leave`] with the address of the registers to leave
//! with; what it left on the stack is dropped. If their RCX and R11 equal the
//! instruction pointer and flags, `sysret` restores everything; otherwise `iretq` does. On the way
//! out by `iretq`, flags that are not the user's are masked, and an instruction pointer outside the
//! user's half becomes the last user address, which is never mapped: the fault then arises in user
//! mode, where it belongs, instead of in the kernel at `iretq` (Intel SDM 2A, IRET, faults).
//!
//! # Stacks
//! Double fault, machine check and NMI have stacks of their own (`stacks`). An NMI sets a bit and
//! returns; it may hit between any two instructions here, so it uses neither GS nor the stack.
//! Hardware breakpoints are never armed in the kernel (`cr` clears DR7), so no debug exception can
//! hit the first instruction of a system call.
//!
//! Sources: Intel SDM 2B SYSCALL, SYSRET; 3A 5.8.8, 6.12, 6.14; the layout of the registers is
//! `tine_abi::registers`.

use core::{
    arch::{asm, naked_asm},
    mem::offset_of,
    ptr::NonNull,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use tine_abi::{layout, registers::UserRegisters};

use super::{cpu::Block, gdt, interrupt};

/// `sysret` faults in the kernel, with the user's stack, if the return address is not canonical. A
/// `syscall` cannot be the last instruction of the lower half, because nothing is mapped there.
const _: () = assert!(layout::NOT_INHERITED.end < layout::END && layout::END == 1 << 47);

/// Flags that a user may have: the arithmetic ones, trap, direction, resume, alignment check, ID.
const USER_FLAGS: u32 = 0x0025_0dd5;
/// Flags that are always set in user mode: interrupts, and the one that is always 1.
const FIXED_FLAGS: u32 = 0x202;
/// Flags cleared by `syscall`: trap, interrupt, direction, I/O privilege, nested task, resume,
/// alignment check. (SDM 3A 5.8.8)
pub(crate) const SYSCALL_MASK: u64 = 0x0005_7700;

/// Vectors of interrupts that arrived while the CPU was idle, one bit each.
static PENDING: [AtomicU32; 8] = [const { AtomicU32::new(0) }; 8];

/// Whether a non-maskable interrupt arrived.
static NON_MASKABLE: AtomicBool = AtomicBool::new(false);

/// What an exception from kernel mode leaves on the stack.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct KernelFrame {
    /// R15, R14, R13, R12, R11, R10, R9, R8, RBP, RDI, RSI, RDX, RCX, RBX, RAX.
    pub(crate) general: [u64; 15],
    /// Exception vector.
    pub(crate) vector: u64,
    /// Error code, 0 where the exception has none.
    pub(crate) error: u64,
    /// Instruction pointer.
    pub(crate) instruction: u64,
    /// Code segment.
    pub(crate) code: u64,
    /// Flags.
    pub(crate) flags: u64,
    /// Stack pointer.
    pub(crate) stack: u64,
    /// Stack segment.
    pub(crate) data: u64,
}

/// Where `syscall` arrives (the address in LSTAR), and where every trap leaves.
///
/// What leaves needs valid registers that stay in place until another thread's are named, their page
/// tables active, and interrupts off.
#[unsafe(naked)]
extern "C" fn system_call() {
    naked_asm!(
        "swapgs",
        "mov gs:[{user_stack}], rsp",
        "mov rsp, gs:[{registers}]",
        "mov [rsp + {rax}], rax",
        "mov [rsp + {rbx}], rbx",
        "mov [rsp + {rcx}], rcx",
        "mov [rsp + {rdx}], rdx",
        "mov [rsp + {rsi}], rsi",
        "mov [rsp + {rdi}], rdi",
        "mov [rsp + {rbp}], rbp",
        "mov [rsp + {r8}], r8",
        "mov [rsp + {r9}], r9",
        "mov [rsp + {r10}], r10",
        "mov [rsp + {r11}], r11",
        "mov [rsp + {r12}], r12",
        "mov [rsp + {r13}], r13",
        "mov [rsp + {r14}], r14",
        "mov [rsp + {r15}], r15",
        "mov [rsp + {rip}], rcx",
        "mov [rsp + {rflags}], r11",
        "mov rcx, gs:[{user_stack}]",
        "mov [rsp + {rsp}], rcx",
        "mov rdi, gs:[{kernel}]",
        "mov rsp, gs:[{kernel_stack}]",
        "call {handler}",
        // The way back to user mode, for every trap, jumped to by `leave`: with the registers at the
        // address in RAX, which become the ones that the next trap saves to.
        ".globl tine_leave",
        "tine_leave:",
        "mov gs:[{registers}], rax",
        "mov rcx, [rax + {rip}]",
        "mov r11, [rax + {rflags}]",
        "cmp rcx, [rax + {rcx}]",
        "jne 2f",
        "cmp r11, [rax + {r11}]",
        "jne 2f",
        "mov rbx, [rax + {rbx}]",
        "mov rdx, [rax + {rdx}]",
        "mov rsi, [rax + {rsi}]",
        "mov rdi, [rax + {rdi}]",
        "mov rbp, [rax + {rbp}]",
        "mov r8, [rax + {r8}]",
        "mov r9, [rax + {r9}]",
        "mov r10, [rax + {r10}]",
        "mov r12, [rax + {r12}]",
        "mov r13, [rax + {r13}]",
        "mov r14, [rax + {r14}]",
        "mov r15, [rax + {r15}]",
        "mov rsp, [rax + {rsp}]",
        "mov rax, [rax + {rax}]",
        "swapgs",
        "sysretq",
        // Not as `sysret` would leave it: build the frame of an interrupt and return from that.
        "2:",
        "mov rsp, gs:[{kernel_stack}]",
        "mov rdx, rcx",
        "shr rdx, 47",
        "jz 3f",
        "mov rcx, {last}",
        "3:",
        "and r11d, {user_flags}",
        "or r11d, {fixed_flags}",
        "push {user_data}",
        "push qword ptr [rax + {rsp}]",
        "push r11",
        "push {user_code}",
        "push rcx",
        "mov rbx, [rax + {rbx}]",
        "mov rcx, [rax + {rcx}]",
        "mov rdx, [rax + {rdx}]",
        "mov rsi, [rax + {rsi}]",
        "mov rdi, [rax + {rdi}]",
        "mov rbp, [rax + {rbp}]",
        "mov r8, [rax + {r8}]",
        "mov r9, [rax + {r9}]",
        "mov r10, [rax + {r10}]",
        "mov r11, [rax + {r11}]",
        "mov r12, [rax + {r12}]",
        "mov r13, [rax + {r13}]",
        "mov r14, [rax + {r14}]",
        "mov r15, [rax + {r15}]",
        "mov rax, [rax + {rax}]",
        "swapgs",
        "iretq",
        kernel = const offset_of!(Block, kernel),
        user_stack = const offset_of!(Block, user_stack),
        registers = const offset_of!(Block, registers),
        kernel_stack = const offset_of!(Block, kernel_stack),
        rax = const offset_of!(UserRegisters, rax),
        rbx = const offset_of!(UserRegisters, rbx),
        rcx = const offset_of!(UserRegisters, rcx),
        rdx = const offset_of!(UserRegisters, rdx),
        rsi = const offset_of!(UserRegisters, rsi),
        rdi = const offset_of!(UserRegisters, rdi),
        rbp = const offset_of!(UserRegisters, rbp),
        rsp = const offset_of!(UserRegisters, rsp),
        r8 = const offset_of!(UserRegisters, r8),
        r9 = const offset_of!(UserRegisters, r9),
        r10 = const offset_of!(UserRegisters, r10),
        r11 = const offset_of!(UserRegisters, r11),
        r12 = const offset_of!(UserRegisters, r12),
        r13 = const offset_of!(UserRegisters, r13),
        r14 = const offset_of!(UserRegisters, r14),
        r15 = const offset_of!(UserRegisters, r15),
        rip = const offset_of!(UserRegisters, rip),
        rflags = const offset_of!(UserRegisters, rflags),
        handler = sym crate::trap::system_call,
        last = const layout::END - 1,
        user_flags = const USER_FLAGS,
        fixed_flags = const FIXED_FLAGS,
        user_data = const gdt::USER_DATA,
        user_code = const gdt::USER_CODE,
    )
}

/// 256 stubs of 16 bytes: each pushes an error code if the CPU did not, then its vector.
///
/// The CPU pushes an error code for vectors 8, 10 to 14, 17, 21, 29 and 30 (SDM 3A 6.13).
#[unsafe(naked)]
extern "C" fn vectors() {
    naked_asm!(
        ".balign 16",
        ".set tine_vector, 0",
        ".rept 256",
        ".balign 16",
        ".if tine_vector < 32",
        ".if !((0x60227d00 >> tine_vector) & 1)",
        "push 0",
        ".endif",
        ".else",
        "push 0",
        ".endif",
        // `push` with a four-byte constant, so that every stub has the same form.
        ".byte 0x68",
        ".long tine_vector",
        "jmp {common}",
        ".set tine_vector, tine_vector + 1",
        ".endr",
        common = sym trap,
    )
}

/// Where every stub goes, with vector, error code and the CPU's frame on the stack.
#[unsafe(naked)]
extern "C" fn trap() {
    naked_asm!(
        "test byte ptr [rsp + 24], 3",
        "jz 2f",
        // From user mode. The pops below take vector, error code and the frame off in order.
        "swapgs",
        "push rax",
        "mov rax, gs:[{registers}]",
        "mov [rax + {rbx}], rbx",
        "mov [rax + {rcx}], rcx",
        "mov [rax + {rdx}], rdx",
        "mov [rax + {rsi}], rsi",
        "mov [rax + {rdi}], rdi",
        "mov [rax + {rbp}], rbp",
        "mov [rax + {r8}], r8",
        "mov [rax + {r9}], r9",
        "mov [rax + {r10}], r10",
        "mov [rax + {r11}], r11",
        "mov [rax + {r12}], r12",
        "mov [rax + {r13}], r13",
        "mov [rax + {r14}], r14",
        "mov [rax + {r15}], r15",
        "pop qword ptr [rax + {rax}]",
        "pop rsi",
        "pop rdx",
        "pop qword ptr [rax + {rip}]",
        "pop rcx",
        "pop qword ptr [rax + {rflags}]",
        "pop qword ptr [rax + {rsp}]",
        "mov rdi, gs:[{kernel}]",
        "mov rsp, gs:[{kernel_stack}]",
        "push 2",
        "popfq",
        "call {handler}",
        // From kernel mode.
        "2:",
        "cmp byte ptr [rsp], {exceptions}",
        "jb 3f",
        // An interrupt while idle: note it, and return with interrupts off.
        "push rax",
        "push rcx",
        "lea rcx, [rip + {pending}]",
        "mov eax, dword ptr [rsp + 16]",
        "and eax, 0xff",
        "bts dword ptr [rcx], eax",
        "pop rcx",
        "pop rax",
        "add rsp, 16",
        "and dword ptr [rsp + 16], {no_interrupts}",
        "iretq",
        // An exception: a bug of the kernel.
        "3:",
        "push rax",
        "push rbx",
        "push rcx",
        "push rdx",
        "push rsi",
        "push rdi",
        "push rbp",
        "push r8",
        "push r9",
        "push r10",
        "push r11",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov rdi, rsp",
        "and rsp, -16",
        "cld",
        "call {fatal}",
        "ud2",
        registers = const offset_of!(Block, registers),
        kernel = const offset_of!(Block, kernel),
        kernel_stack = const offset_of!(Block, kernel_stack),
        rax = const offset_of!(UserRegisters, rax),
        rbx = const offset_of!(UserRegisters, rbx),
        rcx = const offset_of!(UserRegisters, rcx),
        rdx = const offset_of!(UserRegisters, rdx),
        rsi = const offset_of!(UserRegisters, rsi),
        rdi = const offset_of!(UserRegisters, rdi),
        rbp = const offset_of!(UserRegisters, rbp),
        rsp = const offset_of!(UserRegisters, rsp),
        r8 = const offset_of!(UserRegisters, r8),
        r9 = const offset_of!(UserRegisters, r9),
        r10 = const offset_of!(UserRegisters, r10),
        r11 = const offset_of!(UserRegisters, r11),
        r12 = const offset_of!(UserRegisters, r12),
        r13 = const offset_of!(UserRegisters, r13),
        r14 = const offset_of!(UserRegisters, r14),
        r15 = const offset_of!(UserRegisters, r15),
        rip = const offset_of!(UserRegisters, rip),
        rflags = const offset_of!(UserRegisters, rflags),
        exceptions = const interrupt::EXCEPTIONS,
        no_interrupts = const !0x200_i32,
        pending = sym PENDING,
        handler = sym crate::trap::trap,
        fatal = sym crate::trap::kernel_fault,
    )
}

/// Where a non-maskable interrupt arrives.
#[unsafe(naked)]
extern "C" fn non_maskable() {
    naked_asm!(
        "mov byte ptr [rip + {seen}], 1",
        "iretq",
        seen = sym NON_MASKABLE,
    )
}

/// Address of the stub of `vector`.
pub(crate) fn vector_address(vector: u8) -> u64 {
    vectors as *const () as u64 + 16 * u64::from(vector)
}

/// Address of the NMI's entry.
pub(crate) fn non_maskable_address() -> u64 {
    non_maskable as *const () as u64
}

/// Address of the system call's entry.
pub(crate) fn system_call_address() -> u64 {
    system_call as *const () as u64
}

/// Runs the thread with these registers: the end of every trap, and of boot.
///
/// It does not return to where the trap began: the stack is dropped as it is, so that no function on
/// it has to restore registers which are about to be loaded anyway.
#[inline(always)]
pub(crate) fn leave(registers: NonNull<UserRegisters>) -> ! {
    // SAFETY: nothing on the stack is used again; the registers are those that the portable kernel
    // has just chosen, with their address space active; interrupts have been off since the trap.
    unsafe { asm!("jmp tine_leave", in("rax") registers.as_ptr(), options(noreturn)) }
}

/// Waits for an interrupt. It may return without one.
pub(crate) fn idle() {
    // SAFETY: an interrupt between the first two instructions is impossible (SDM 2B, STI), so none
    // is slept through; the entry code above notes the vector and touches nothing else. Interrupts
    // are off again afterwards, also if an NMI ended the wait.
    unsafe { asm!("sti", "hlt", "cli", options(nostack)) };
}

/// Takes the highest vector that arrived while idle.
pub(crate) fn take_pending() -> Option<u8> {
    for (index, word) in PENDING.iter().enumerate().rev() {
        let bits = word.load(Ordering::Relaxed);
        if bits != 0 {
            let bit = 31 - bits.leading_zeros();
            word.store(bits & !(1 << bit), Ordering::Relaxed);
            return Some((32 * index as u32 + bit) as u8);
        }
    }
    None
}

/// Whether a non-maskable interrupt arrived since the last call.
pub(crate) fn take_non_maskable() -> bool {
    NON_MASKABLE.swap(false, Ordering::Relaxed)
}
