//! Trials: what no program would do, done on purpose, so that a test sees what comes of it.
//!
//! Owns: system calls with any numbers ([`call`]), accesses to any address ([`access`]),
//! instructions that user mode may not execute ([`execute`]), registers across system calls
//! ([`keeps_registers`], [`ExtendedState`]).
//!
//! Who calls: `user/tests`, in a process made for the trial.
//!
//! Why these functions are safe: whatever they do to this process's memory, no Rust code runs
//! afterwards. They end the process themselves, in the same piece of assembly. What they could do to
//! others is what any process can do to others.

use tine_abi::error::Result;
use tine_abi::{Call, CapRef};

use crate::raw;

/// Exit code of a process that survived what was to end it.
pub const SURVIVED: u8 = 0;

/// What is done to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A byte is loaded.
    Read,
    /// A zero byte is stored.
    Write,
    /// It is called as a function; memory that holds `RET` returns.
    Execute,
}

/// `RET`, for memory that is to be executed.
pub const RETURN: u8 = 0xc3;

/// What is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Division by zero.
    Divide,
    /// `UD2`.
    Undefined,
    /// `INT3`.
    Breakpoint,
    /// An instruction with the trap flag set.
    SingleStep,
    /// `HLT`, which is the kernel's.
    Halt,
    /// `CLI`, which is the kernel's.
    DisableInterrupts,
    /// A load of CR3, which is the kernel's.
    ReadControl,
    /// `RDMSR`, which is the kernel's.
    ReadModelSpecific,
    /// Input from a port without a capability.
    PortInput,
    /// A software interrupt that does not exist.
    Interrupt,
    /// A load from an address that is none.
    NonCanonical,
    /// A floating-point division by zero that is not masked.
    FloatingPoint,
    /// Pushing without end.
    StackOverflow,
}

/// Makes a system call and ends the process with the error's number, 0 for success, as exit code.
/// `selector` is RAX; the registers are RDI RSI RDX R10 R8 R9 R12 R13 R14 R15.
pub fn call(selector: u64, registers: &[u64; 10]) -> ! {
    #[cfg(target_os = "none")]
    {
        // SAFETY: see the header: the function does not return.
        unsafe { bare::call(selector, registers) }
    }
    #[cfg(not(target_os = "none"))]
    {
        panic!("the host has no kernel to try {selector:#x} {registers:?} on")
    }
}

/// Accesses an address, then ends the process with [`SURVIVED`].
pub fn access(address: u64, access: Access) -> ! {
    #[cfg(target_os = "none")]
    {
        // SAFETY: see the header: none of these functions returns.
        unsafe {
            match access {
                Access::Read => bare::read(address),
                Access::Write => bare::write(address),
                Access::Execute => bare::execute(address),
            }
        }
    }
    #[cfg(not(target_os = "none"))]
    {
        panic!("the host has no memory to {access:?} at {address:#x}")
    }
}

/// Executes an instruction, then ends the process with [`SURVIVED`].
pub fn execute(instruction: Instruction) -> ! {
    #[cfg(target_os = "none")]
    {
        // SAFETY: see the header: none of these functions returns.
        unsafe { bare::instruction(instruction) }
    }
    #[cfg(not(target_os = "none"))]
    {
        panic!("the host has no kernel to try {instruction:?} on")
    }
}

/// `reply` or `reply_recv` with extras at any address; the words are zero. The kernel only reads
/// them.
///
/// # Errors
/// As the rows say. A `reply_recv` that succeeds has taken a message, which is lost.
pub fn reply(call: Call, port: CapRef, token: u64, extras: u64) -> Result<()> {
    if !matches!(call, Call::Reply | Call::ReplyReceive) {
        return Err(tine_abi::Error::BadArgument);
    }
    // SAFETY: an answer's extras lend no memory, so nothing of ours is written.
    unsafe { raw::message(call, port, token, &[0; 8], extras) }.status.result()
}

/// Whether a system call and being preempted leave the general registers as the table says: fills
/// them, yields `turns` times, compares.
#[must_use]
pub fn keeps_registers(turns: u32) -> bool {
    #[cfg(target_os = "none")]
    {
        // SAFETY: the function keeps what the System V ABI wants kept; yielding changes no memory.
        (0..turns).all(|_| unsafe { bare::keeps_registers() } == 0)
    }
    #[cfg(not(target_os = "none"))]
    {
        let _ = turns;
        false
    }
}

/// The SSE registers of this thread. Rust code of this target never uses them, so they keep what
/// was put there until the thread itself changes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedState(u64);

impl ExtendedState {
    /// Fills all sixteen registers with values made from `seed`.
    #[must_use]
    pub fn fill(seed: u64) -> Self {
        #[cfg(target_os = "none")]
        // SAFETY: the function changes SSE registers only, which no Rust code of this target uses.
        unsafe {
            bare::fill(seed);
        }
        Self(seed)
    }

    /// Whether they still hold that.
    #[must_use]
    pub fn is_kept(self) -> bool {
        #[cfg(target_os = "none")]
        {
            // SAFETY: the function reads SSE registers only.
            unsafe { bare::is_filled(self.0) == 0 }
        }
        #[cfg(not(target_os = "none"))]
        {
            false
        }
    }
}

#[cfg(target_os = "none")]
mod bare {
    use core::arch::{asm, naked_asm};

    use tine_abi::Call;
    use tine_abi::domain::ThreadOperation;

    use super::{Instruction, SURVIVED};

    /// RAX that ends the thread.
    const EXIT: u32 = Call::ThreadExit.number();
    /// RAX that yields, on the own thread.
    const CONTROL: u32 = Call::ThreadControl.number();
    /// RDI that yields.
    const YIELD: u64 = ThreadOperation::Yield as u64;

    /// Ends the process with [`SURVIVED`].
    #[unsafe(naked)]
    unsafe extern "C" fn survived() -> ! {
        naked_asm!("mov edi, {code}", "mov eax, {exit}", "syscall", "ud2",
            code = const SURVIVED, exit = const EXIT)
    }

    /// See [`super::call`]. RBX survives the call.
    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn call(selector: u64, registers: &[u64; 10]) -> ! {
        naked_asm!(
            "mov rax, rdi",
            "mov rbx, rsi",
            "mov rdi, [rbx]",
            "mov rsi, [rbx + 8]",
            "mov rdx, [rbx + 16]",
            "mov r10, [rbx + 24]",
            "mov r8,  [rbx + 32]",
            "mov r9,  [rbx + 40]",
            "mov r12, [rbx + 48]",
            "mov r13, [rbx + 56]",
            "mov r14, [rbx + 64]",
            "mov r15, [rbx + 72]",
            "syscall",
            "movzx edi, al",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            exit = const EXIT,
        )
    }

    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn read(address: u64) -> ! {
        naked_asm!("mov al, [rdi]", "jmp {survived}", survived = sym survived)
    }

    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn write(address: u64) -> ! {
        naked_asm!("mov byte ptr [rdi], 0", "jmp {survived}", survived = sym survived)
    }

    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn execute(address: u64) -> ! {
        naked_asm!("call rdi", "jmp {survived}", survived = sym survived)
    }

    /// # Safety
    /// None: it does not return.
    pub(super) unsafe fn instruction(instruction: Instruction) -> ! {
        // SAFETY: whatever these do, `survived` ends the process, or a fault did before.
        unsafe {
            match instruction {
                Instruction::Divide => {
                    asm!("xor ecx, ecx", "xor edx, edx", "mov eax, 1", "div ecx");
                }
                Instruction::Undefined => asm!("ud2"),
                Instruction::Breakpoint => asm!("int3"),
                Instruction::SingleStep => {
                    asm!("pushfq", "or dword ptr [rsp], 0x100", "popfq", "nop", "nop");
                }
                Instruction::Halt => asm!("hlt"),
                Instruction::DisableInterrupts => asm!("cli"),
                Instruction::ReadControl => asm!("mov rax, cr3"),
                Instruction::ReadModelSpecific => asm!("mov ecx, 0xc0000080", "rdmsr"),
                Instruction::PortInput => asm!("mov dx, 0x3f8", "in al, dx"),
                Instruction::Interrupt => asm!("int 0x80"),
                Instruction::NonCanonical => {
                    asm!("mov rax, 0x8000000000000000", "mov al, [rax]");
                }
                Instruction::FloatingPoint => asm!(
                    // The x87 control word with the zero-divide exception (bit 2) unmasked.
                    "push 0x37b",
                    "fninit",
                    "fldcw [rsp]",
                    "fld1",
                    "fldz",
                    "fdivp",
                    "fwait",
                ),
                Instruction::StackOverflow => asm!("2:", "push 0", "jmp 2b"),
            }
            survived()
        }
    }

    /// 0 if all registers that a yield must keep are kept.
    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn keeps_registers() -> u64 {
        naked_asm!(
            "push rbx",
            "push rbp",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "mov rbx, 0x1111",
            "mov rbp, 0x2222",
            "mov r8,  0x3333",
            "mov r9,  0x4444",
            "mov r10, 0x5555",
            "mov r12, 0x6666",
            "mov r13, 0x7777",
            "mov r14, 0x8888",
            "mov r15, 0x9999",
            "mov edi, {operation}",
            "mov eax, {control}",
            "syscall",
            "sub rbx, 0x1111",
            "sub rbp, 0x2222",
            "sub r8,  0x3333",
            "sub r9,  0x4444",
            "sub r10, 0x5555",
            "sub r12, 0x6666",
            "sub r13, 0x7777",
            "sub r14, 0x8888",
            "sub r15, 0x9999",
            "sub rdi, {operation}",
            "or rax, rbx",
            "or rax, rbp",
            "or rax, r8",
            "or rax, r9",
            "or rax, r10",
            "or rax, r12",
            "or rax, r13",
            "or rax, r14",
            "or rax, r15",
            "or rax, rdi",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbp",
            "pop rbx",
            "ret",
            operation = const YIELD, control = const CONTROL,
        )
    }

    macro_rules! each_register {
        ($piece:ident) => {
            concat!(
                $piece!(0),
                $piece!(1),
                $piece!(2),
                $piece!(3),
                $piece!(4),
                $piece!(5),
                $piece!(6),
                $piece!(7),
                $piece!(8),
                $piece!(9),
                $piece!(10),
                $piece!(11),
                $piece!(12),
                $piece!(13),
                $piece!(14),
                $piece!(15)
            )
        };
    }

    macro_rules! fill_one {
        ($number:literal) => {
            concat!("movq xmm", $number, ", rdi\ninc rdi\n")
        };
    }

    macro_rules! compare_one {
        ($number:literal) => {
            concat!("movq rcx, xmm", $number, "\nsub rcx, rdi\nor rax, rcx\ninc rdi\n")
        };
    }

    /// XMM n = seed + n.
    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn fill(seed: u64) {
        naked_asm!(each_register!(fill_one), "ret")
    }

    /// 0 if XMM n = seed + n for all of them.
    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn is_filled(seed: u64) -> u64 {
        naked_asm!("xor eax, eax", each_register!(compare_one), "ret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_are_answered() {
        let port = CapRef::private(9);
        assert_eq!(reply(Call::Map, port, 1, 0), Err(tine_abi::Error::BadArgument));
        assert_eq!(reply(Call::Reply, port, 1, 0), Err(tine_abi::Error::UnknownCall));
        assert!(!keeps_registers(1));
        assert!(!ExtendedState::fill(1).is_kept());
    }
}
