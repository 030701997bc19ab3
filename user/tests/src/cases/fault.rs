//! Faults: what a program must not do, and the signal that ends it.

use alloc::boxed::Box;

use tine::abi::layout;
use tine::abi::memory::Protection;
use tine::memory::mmap;
use tine::signal::{SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
use tine::sys::trial::{Access, Instruction, RETURN, access, execute};
use tine_tests_table::refusals::{KERNEL, NOWHERE};

use super::{Case, case};
use crate::process::{Waiting, is_status, trial};
use crate::verdict::{Verdict, refused};

pub(super) const CASES: &[Case] = &[
    case("fault.addresses", addresses),
    case("fault.instructions", instructions),
    case("fault.execute-data", execute_data),
    case("fault.write-xor-execute", write_xor_execute),
    case("fault.after-unmap", after_unmap),
    case("fault.guard-page", guard_page),
    case("fault.panic", panic),
];

/// An access that must end in a signal.
fn ends(address: u64, how: Access, signal: u32) -> Verdict {
    let what = format_args!("{how:?} at {address:#x}");
    let status = trial(|| access(address, how))?;
    let expected = tine::WaitStatus::signaled(signal as u8);
    is_status(status, expected).map_err(|failure| failure.within(what))
}

/// An access that must succeed.
fn survives(address: u64, how: Access) -> Verdict {
    let what = format_args!("{how:?} at {address:#x}");
    let status = trial(|| access(address, how))?;
    is_status(status, tine::WaitStatus::exited(0)).map_err(|failure| failure.within(what))
}

fn addresses() -> Verdict {
    use Access::{Execute, Read, Write};
    let highest = layout::END - 1;
    for (address, accesses) in [
        (0, &[Read, Write, Execute][..]),
        (8, &[Read, Write, Execute]),
        (NOWHERE, &[Read, Write, Execute]),
        (layout::LOWEST - 1, &[Read]),
        (layout::TEXT, &[Write]),
        (highest, &[Read, Write, Execute]),
        (layout::PRIVATE.end - 8, &[Read, Write, Execute]),
        (KERNEL, &[Read, Write, Execute]),
        (0xffff_ffff_8000_0000, &[Read, Write, Execute]),
        (u64::MAX, &[Read, Write, Execute]),
    ] {
        for how in accesses {
            ends(address, *how, SIGSEGV)?;
        }
    }
    survives(layout::TEXT, Read)
}

fn instructions() -> Verdict {
    for (instruction, signal) in [
        (Instruction::Divide, SIGFPE),
        (Instruction::Undefined, SIGILL),
        (Instruction::Breakpoint, SIGTRAP),
        (Instruction::SingleStep, SIGTRAP),
        (Instruction::Halt, SIGBUS),
        (Instruction::DisableInterrupts, SIGBUS),
        (Instruction::ReadControl, SIGBUS),
        (Instruction::ReadModelSpecific, SIGBUS),
        (Instruction::PortInput, SIGBUS),
        (Instruction::Interrupt, SIGBUS),
        (Instruction::NonCanonical, SIGBUS),
        (Instruction::FloatingPoint, SIGFPE),
        (Instruction::StackOverflow, SIGSEGV),
    ] {
        let status = trial(|| execute(instruction))?;
        let expected = tine::WaitStatus::signaled(signal as u8);
        is_status(status, expected)
            .map_err(|failure| failure.within(format_args!("{instruction:?}")))?;
    }
    // Whoever shares the machine with all these has noticed nothing.
    Waiting::start()?.release()
}

fn execute_data() -> Verdict {
    let heap = Box::new([RETURN; 64]);
    let stack = [RETURN; 64];
    let mut mapped = mmap(4096)?;
    mapped.bytes_mut().fill(RETURN);
    for code in [&heap[..], &stack, mapped.bytes()] {
        let address = code.as_ptr().expose_provenance() as u64;
        survives(address, Access::Read)?;
        ends(address, Access::Execute, SIGSEGV)?;
    }
    Ok(())
}

fn write_xor_execute() -> Verdict {
    let mut mapped = mmap(4096)?;
    mapped.bytes_mut().fill(RETURN);
    let address = mapped.address();
    let executable = Protection::READ | Protection::EXECUTE;
    for protection in [executable, executable | Protection::WRITE, Protection::EXECUTE] {
        let result = mapped.protect(protection);
        refused(result, tine::abi::Error::Denied, format_args!("{protection:?}"))?;
    }
    ends(address, Access::Execute, SIGSEGV)?;
    mapped.protect(Protection::READ)?;
    ends(address, Access::Write, SIGSEGV)?;
    survives(address, Access::Read)?;
    mapped.protect(Protection::empty())?;
    ends(address, Access::Read, SIGSEGV)?;
    mapped.protect(tine::sys::memory::READ_WRITE)?;
    survives(address, Access::Write)
}

fn after_unmap() -> Verdict {
    let mut mapped = mmap(3 * 4096)?;
    mapped.bytes_mut().fill(1);
    let address = mapped.address();
    drop(mapped);
    for page in 0..3 {
        ends(address + page * 4096, Access::Read, SIGSEGV)?;
    }
    Ok(())
}

fn guard_page() -> Verdict {
    let mut mapped = mmap(3 * 4096)?;
    mapped.bytes_mut().fill(1);
    mapped.guard(4096)?;
    let address = mapped.address();
    ends(address - 1, Access::Write, SIGSEGV)?;
    ends(address - 4096, Access::Read, SIGSEGV)?;
    survives(address, Access::Write)
}

fn panic() -> Verdict {
    let status = trial(|| {
        // What it says is not what this case says.
        tine::close(tine::Fd::STDERR)?;
        panic!("on purpose")
    })?;
    is_status(status, tine::WaitStatus::signaled(SIGILL as u8))
}
