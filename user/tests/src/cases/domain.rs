//! Domains and threads made by hand: what the process server does, without it.
//!
//! Owns: the cases; what they run is a [`Program`]. Clones are `domain/clone.rs`.

mod clone;
mod program;

use alloc::vec::Vec;

use tine::abi::capability::{Destination, Rights};
use tine::abi::domain::{ExecSpec, Inherit, Suspend, rank};
use tine::abi::layout::TEXT;
use tine::abi::memory::PAGE;
use tine::abi::message::{Extras, MessageKind, SendCapability, SendMode};
use tine::abi::notification::{ExitKind, FaultKind, FaultReply, Notification};
use tine::abi::wire::Wire;
use tine::abi::{Call, CapRef, Error, Kind, Table};
use tine::sys::capability::{ANYWHERE, Placement, close, create, duplicate, information, mint};
use tine::sys::domain::{
    FirstRegisters, RemoteThread, exec, inspect, kill, resume, set_debugger, set_supervisor,
    set_table, set_user_word, suspend, user_word, yield_now,
};
use tine::sys::memory::{Remote, copy_in, copy_out, unmap_elsewhere};
use tine::sys::message::{recv, reply};

use super::{Case, case};
use crate::process::{child, exits};
use crate::verdict::{Failure, Verdict, check, equal, refused};

pub(super) use clone::specification;
pub(super) use program::is_exit;
use program::{
    BADGE, COUNT, DATA, HOLE, Program, SPIN, STORE, call_with, exit_with, first, map_data,
    space_with,
};

pub(super) const CASES: &[Case] = &[
    case("domain.thread", thread),
    case("domain.faults", faults),
    case("domain.fault-repaired", fault_repaired),
    case("domain.fault-skipped", fault_skipped),
    case("domain.debugger", debugger),
    case("domain.killed", killed),
    case("domain.suspended", suspended),
    case("domain.registers", registers),
    case("domain.preempted", preempted),
    case("domain.exec", exec_program),
    case("domain.space-copy", space_copy),
    case("domain.supervisor-gone", supervisor_gone),
    case("domain.last-capability", last_capability),
    case("domain.shared-space", shared_space),
    case("domain.clone", clone::copy),
    case("domain.private-table", clone::private_table),
    case("domain.tables", tables),
    case("domain.user-word", user_word_of_paths),
    case("domain.reserved-slot", reserved_slot),
];

fn thread() -> Verdict {
    let program = Program::started(&exit_with(42), 0)?;
    program.ends(ExitKind::Exited, 42)?;
    let again = program.thread.start(&FirstRegisters::default());
    refused(again, Error::Gone, "a second life")
}

fn faults() -> Verdict {
    for (code, argument, kind, address, access) in [
        (&STORE[..], HOLE, FaultKind::Unmapped, HOLE, 1),
        (&STORE, TEXT, FaultKind::Protection, TEXT, 1),
        (&STORE, 0x1234, FaultKind::Unmapped, 0x1234, 1),
        (&[0x0f, 0x0b], 0, FaultKind::Instruction, 0, 0),
        (&[0xcc], 0, FaultKind::Breakpoint, 0, 0),
        (&[0xf4], 0, FaultKind::General, 0, 0),
    ] {
        let program = Program::started(code, argument)?;
        let (token, fault) = program.fault()?;
        equal((fault.kind, fault.address, fault.access), (kind, address, access), "fault")?;
        check(fault.instruction >= TEXT && fault.instruction < TEXT + 8, "its instruction")?;
        program.answer(token, FaultReply::Kill, 0)?;
        let end = recv(program.supervisor)?;
        is_exit(&end, BADGE, ExitKind::Faulted, kind as u64)?;
        equal(end.words[3], address, "the address in the exit record")?;
    }
    Ok(())
}

fn fault_repaired() -> Verdict {
    let program = Program::started(&STORE, HOLE)?;
    let (token, _) = program.fault()?;
    map_data(program.space, HOLE)?;
    program.answer(token, FaultReply::Retry, 0)?;
    program.ends(ExitKind::Exited, 5)
}

fn fault_skipped() -> Verdict {
    let program = Program::started(&STORE, HOLE)?;
    let (token, _) = program.fault()?;
    program.answer(token, FaultReply::Skip, 3)?;
    program.ends(ExitKind::Exited, 5)
}

fn debugger() -> Verdict {
    let program = Program::new(&STORE)?;
    let port = create(CapRef::SELF, Kind::Port, ANYWHERE, [rank::PROGRAM, 0, 0])?;
    set_debugger(program.domain, Some(port), 5)?;
    program.start(HOLE)?;
    let asked = recv(port)?;
    equal((asked.kind, asked.badge), (MessageKind::Fault, 5), "what the debugger is asked")?;
    set_debugger(program.domain, None, 0)?;
    reply(port, asked.token, &[FaultReply::Retry as u64, 0, 0, 0, 0, 0, 0, 0], None)?;
    let (token, _) = program.fault()?;
    program.answer(token, FaultReply::Skip, 3)?;
    program.ends(ExitKind::Exited, 5)
}

fn killed() -> Verdict {
    let program = Program::started(&SPIN, 0)?;
    yield_now();
    equal(inspect(program.domain)?.threads, 1, "threads that run")?;
    kill(program.domain, 15)?;
    program.ends(ExitKind::Killed, 15)?;
    // One that waits for the answer to a fault.
    let program = Program::started(&STORE, HOLE)?;
    program.fault()?;
    kill(program.domain, 16)?;
    program.ends(ExitKind::Killed, 16)?;
    // One that was never started.
    let program = Program::new(&SPIN)?;
    kill(program.domain, 17)?;
    program.ends(ExitKind::Killed, 17)
}

/// Waits until a counting program has moved on.
fn counts(program: &Program) -> Verdict {
    let begin = program.word(DATA)?;
    while program.word(DATA)? == begin {
        yield_now();
    }
    Ok(())
}

/// A counting program does not move on, however often others run.
fn stands(program: &Program) -> Verdict {
    let begin = program.word(DATA)?;
    for _ in 0..100 {
        yield_now();
    }
    equal(program.word(DATA)?, begin, "the count of a program that is suspended")
}

fn suspended() -> Verdict {
    let program = Program::started(&COUNT, DATA)?;
    counts(&program)?;
    suspend(program.domain, Suspend::STOPPED | Suspend::DEBUG)?;
    stands(&program)?;
    resume(program.domain, Suspend::STOPPED)?;
    stands(&program)?;
    resume(program.domain, Suspend::DEBUG)?;
    counts(&program)?;
    program.thread.suspend(Suspend::TRACED)?;
    stands(&program)?;
    program.thread.resume(Suspend::TRACED)?;
    counts(&program)?;
    kill(program.domain, 9)?;
    program.ends(ExitKind::Killed, 9)
}

fn registers() -> Verdict {
    let program = Program::started(&COUNT, DATA)?;
    counts(&program)?;
    refused(program.thread.registers(), Error::NotSuspended, "registers of one that runs")?;
    suspend(program.domain, Suspend::DEBUG)?;
    let mut registers = program.thread.registers()?;
    equal(registers.rdi, DATA, "its argument")?;
    equal(registers.rsp, DATA + PAGE, "its stack")?;
    check(registers.rip >= TEXT && registers.rip < TEXT + COUNT.len() as u64, "its instruction")?;
    // From now on it counts in another word.
    registers.rdi = DATA + 64;
    registers.rip = TEXT;
    program.thread.set_registers(&registers)?;
    equal(program.thread.registers()?, registers, "what was written")?;
    resume(program.domain, Suspend::DEBUG)?;
    while program.word(DATA + 64)? == 0 {
        yield_now();
    }
    stands(&program)?;
    // A privileged flag is not taken.
    suspend(program.domain, Suspend::DEBUG)?;
    registers = program.thread.registers()?;
    registers.rflags |= 3 << 12;
    program.thread.set_registers(&registers)?;
    equal(program.thread.registers()?.rflags >> 12 & 3, 0, "I/O privilege level")?;
    kill(program.domain, 9)?;
    program.ends(ExitKind::Killed, 9)
}

fn preempted() -> Verdict {
    // Two that never enter the kernel, and the case still runs.
    let programs = [Program::started(&COUNT, DATA)?, Program::started(&COUNT, DATA)?];
    for _ in 0..3 {
        for program in &programs {
            let begin = program.word(DATA)?;
            while program.word(DATA)? == begin {}
        }
    }
    for program in &programs {
        kill(program.domain, 9)?;
        program.ends(ExitKind::Killed, 9)?;
    }
    Ok(())
}

fn exec_program() -> Verdict {
    let program = Program::started(&SPIN, 0)?;
    let after = space_with(&exit_with(8))?;
    let specification =
        ExecSpec { space: after, instruction: TEXT, stack: DATA + PAGE, gs_base: DATA };
    let nowhere = ExecSpec { instruction: u64::MAX, ..specification };
    refused(exec(program.domain, &nowhere), Error::BadArgument, "a start in the kernel")?;
    exec(program.domain, &specification)?;
    is_exit(&recv(program.supervisor)?, BADGE, ExitKind::Exited, 8)?;
    let word = copy_in(&mut [0], Remote::Space(program.space, TEXT));
    refused(word.map_err(|error| error.error), Error::Gone, "the memory before exec")
}

fn space_copy() -> Verdict {
    let program = Program::new(&SPIN)?;
    let bytes = *b"0123456789";
    copy_out(Remote::Space(program.space, DATA + PAGE - 4), &bytes[..4])?;
    let beyond = copy_out(Remote::Space(program.space, DATA + PAGE - 4), &bytes);
    match beyond {
        Err(found) => equal(
            (found.error, found.copied, found.address),
            (Error::BadAddress, 4, DATA + PAGE),
            "a copy into a hole",
        )?,
        Ok(copied) => return Err(Failure::new(format_args!("{copied} bytes into a hole"))),
    }
    let mut back = [0; 4];
    copy_in(&mut back, Remote::Space(program.space, DATA + PAGE - 4))?;
    equal(&back, b"0123", "what was copied")?;
    unmap_elsewhere(program.space, DATA, PAGE)?;
    let gone = copy_in(&mut back, Remote::Space(program.space, DATA));
    refused(gone.map_err(|error| error.error), Error::BadAddress, "what was unmapped")?;
    kill(program.domain, 9)?;
    program.ends(ExitKind::Killed, 9)
}

fn supervisor_gone() -> Verdict {
    let program = Program::started(&STORE, HOLE)?;
    program.fault()?;
    close(program.supervisor)?;
    // It is parked, not dead: another supervisor may take it over.
    equal(inspect(program.domain)?.threads, 1, "threads of an orphan")?;
    let supervisor = create(CapRef::SELF, Kind::Port, ANYWHERE, [rank::PROGRAM, 0, 0])?;
    set_supervisor(program.domain, Some(supervisor), 5)?;
    map_data(program.space, HOLE)?;
    // It stands still until it is told to go on; that it was parked may take its time.
    while resume(program.domain, Suspend::ORPHANED).is_ok() {
        yield_now();
    }
    refused(resume(program.domain, Suspend::ORPHANED), Error::Gone, "resuming what has ended")?;
    is_exit(&recv(supervisor)?, 5, ExitKind::Exited, 5)
}

fn last_capability() -> Verdict {
    // A Domain that nobody holds and nobody supervises runs to its end all the same.
    let program = Program::new(&exit_with(1))?;
    program.start(0)?;
    for capability in [program.thread.capability(), program.space, program.domain] {
        close(capability)?;
    }
    is_exit(&recv(program.supervisor)?, BADGE, ExitKind::Exited, 1)?;
    // One that was never started is nobody's: it goes with its last capability.
    let program = Program::new(&SPIN)?;
    for capability in [program.thread.capability(), program.space, program.domain] {
        close(capability)?;
    }
    Ok(())
}

fn shared_space() -> Verdict {
    let program = Program::started(&COUNT, DATA)?;
    counts(&program)?;
    let place = [u64::from(program.space.bits()), rank::PROGRAM, 0];
    let other = create(CapRef::SELF, Kind::Domain, ANYWHERE, place)?;
    set_supervisor(other, Some(program.supervisor), 78)?;
    let thread = RemoteThread::create(CapRef::SELF, other, ANYWHERE)?;
    thread.start(&first(TEXT, DATA + 64))?;
    while program.word(DATA + 64)? == 0 {
        yield_now();
    }
    kill(program.domain, 9)?;
    is_exit(&recv(program.supervisor)?, BADGE, ExitKind::Killed, 9)?;
    // The memory lives on with the second Domain.
    let begin = program.word(DATA + 64)?;
    while program.word(DATA + 64)? == begin {
        yield_now();
    }
    kill(other, 10)?;
    is_exit(&recv(program.supervisor)?, 78, ExitKind::Killed, 10)?;
    let word = copy_in(&mut [0], Remote::Space(program.space, DATA));
    refused(word.map_err(|error| error.error), Error::Gone, "memory that nobody uses")
}

/// What rfork does on oneself: descriptors become a copy, those of another, none.
fn tables() -> Verdict {
    let port = create(CapRef::SELF, Kind::Port, ANYWHERE, [rank::PROGRAM, 0, 0])?;
    let program = Program::new(&SPIN)?;
    let set = |inherit, source| set_table(program.domain, Table::Descriptors, inherit, source);
    let descriptor = CapRef::descriptor(90);
    let there = Placement::new(Destination::exactly(descriptor)).of_domain(program.domain);
    mint(port, 11, there.with_rights(Rights::SEND))?;
    set(Inherit::Copy, program.domain)?;
    refused(
        mint(port, 12, there.with_rights(Rights::SEND)),
        Error::NoSlots,
        "a slot that the copy has too",
    )?;
    set(Inherit::Share, CapRef::SELF)?;
    let gone = recv(port)?;
    equal((gone.words[0], gone.badge), (Notification::NoSenders as u64, 11), "what it had before")?;
    mint(port, 13, there.with_rights(Rights::SEND))?;
    equal(information(descriptor)?.kind, Kind::Port, "what was put into the shared table")?;
    set(Inherit::Empty, CapRef::SELF)?;
    equal(information(descriptor)?.kind, Kind::Port, "what the other leaves behind")?;
    close(descriptor)?;
    equal(recv(port)?.badge, 13, "whose identity it was")?;
    kill(program.domain, 9)?;
    program.ends(ExitKind::Killed, 9)
}

/// The place of a mask of file modes: a fork copies it.
fn user_word_of_paths() -> Verdict {
    set_user_word(CapRef::SELF, 0o27)?;
    let pid = child(|| {
        equal(user_word(CapRef::SELF)?, 0o27, "the word of a child")?;
        equal(set_user_word(CapRef::SELF, 0o77)?, 0o27, "the word before")?;
        Ok(0)
    })?;
    exits(pid, 0)?;
    equal(user_word(CapRef::SELF)?, 0o27, "the word of the parent")?;
    set_table(CapRef::SELF, Table::Paths, Inherit::Copy, CapRef::SELF)?;
    equal(user_word(CapRef::SELF)?, 0o27, "the word of a copy")?;
    set_table(CapRef::SELF, Table::Paths, Inherit::Empty, CapRef::SELF)?;
    equal(user_word(CapRef::SELF)?, 0, "the word of an empty table")
}

/// A slot that a call has reserved is in use and yet nothing; whoever replaces it meanwhile, or
/// closes it, has what was to arrive there closed.
fn reserved_slot() -> Verdict {
    let slot = CapRef::private(20);
    let client = CapRef::private(21);
    let selector = u64::from(Call::Call.number()) | u64::from(client.bits()) << 32;
    for is_replaced in [false, true] {
        let program = Program::new(&call_with(selector))?;
        let port = create(CapRef::SELF, Kind::Port, ANYWHERE, [rank::PROGRAM, 0, 0])?;
        let there = |slot| Placement::new(Destination::exactly(slot)).of_domain(program.domain);
        mint(port, 9, there(client).with_rights(Rights::SEND))?;
        let mut extras = Extras::NONE;
        extras.receive[0] = Some(Destination::exactly(slot));
        let mut words = [0; Extras::WORDS];
        extras.encode(&mut words);
        let image: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        copy_out(Remote::Space(program.space, DATA), &image)?;
        program.start(DATA)?;

        let asked = recv(port)?;
        equal((asked.badge, asked.missing), (9, 0b1110), "the call")?;
        let event = create(CapRef::SELF, Kind::Event, ANYWHERE, [0; 3])?;
        let taken = duplicate(event, there(slot));
        refused(taken, Error::NoSlots, "a reserved slot is in use")?;
        if is_replaced {
            duplicate(event, there(slot).replacing())?;
        }
        let mut extras = Extras::NONE;
        extras.capabilities[0] = Some(SendCapability {
            source: port,
            mode: SendMode::Mint,
            rights: Rights::SEND,
            badge: 10,
        });
        reply(port, asked.token, &[0; 8], Some(&extras))?;
        // The identity that was sent goes at once, or with the program, slot by slot.
        equal(
            [recv(port)?.badge, recv(port)?.badge],
            [10, 9],
            "identities in the order in which they go",
        )?;
        program.ends(ExitKind::Exited, 0)?;
        close(port)?;
        close(event)?;
    }
    Ok(())
}
