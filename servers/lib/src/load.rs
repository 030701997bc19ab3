//! Loading a program into a fresh address space: the plan of `tine-elf`, performed.
//!
//! Owns: the order of mappings and copies. Never enters it: Domains, threads, who runs the program.
//! Called by: the root server for the other servers, the process server for every program.
//!
//! Invariants: a failure leaves the new address space half filled; the caller closes it, and
//! nothing else has changed.

use tine_abi::capability::CapRef;
use tine_abi::error::Result;
use tine_abi::memory::{Inheritance, MapRequest, Source};
use tine_elf::Plan;
use tine_elf::stack::{BLOCK, Top};
use tine_sys::memory::{READ_WRITE, Remote, copy_between, copy_out, map};

/// Maps text from the sealed `memory`, makes hot region and stack, and copies data.
///
/// # Errors
/// As the rows `map` and `space_copy` say.
pub fn load(space: CapRef, memory: CapRef, plan: &Plan) -> Result<()> {
    for text in plan.texts() {
        let request = MapRequest {
            address: text.address,
            length: text.length,
            protection: text.protection(),
            inheritance: Inheritance::Share,
            source: Source::Shared(memory),
            offset: text.offset,
        };
        map(space, &request)?;
    }
    for range in [&plan.hot, &plan.stack] {
        let request = MapRequest {
            address: range.start,
            length: range.end - range.start,
            protection: READ_WRITE,
            inheritance: Inheritance::Copy,
            source: Source::Anonymous,
            offset: 0,
        };
        map(space, &request)?;
    }
    for data in plan.datas() {
        let to = Remote::Space(space, data.address);
        copy_between(to, Remote::Memory(memory, data.offset), data.length)
            .map_err(|failed| failed.error)?;
    }
    Ok(())
}

/// Where an argument block lies before it is copied.
#[derive(Clone, Copy, Debug)]
pub enum Strings<'a> {
    /// In own memory.
    Own(&'a [u8]),
    /// Elsewhere, so many bytes.
    Remote(Remote, u64),
}

/// Writes start block, argument block and control word to the top of the new stack.
///
/// # Errors
/// As the row `space_copy` says.
pub fn write_top(space: CapRef, top: &Top, strings: Strings<'_>) -> Result<()> {
    let write = |address, bytes: &[u8]| copy_out(Remote::Space(space, address), bytes);
    write(top.stack_pointer, &top.head()).map_err(|failed| failed.error)?;
    let to = top.stack_pointer + BLOCK as u64;
    match strings {
        Strings::Own(bytes) => write(to, bytes),
        Strings::Remote(from, length) => copy_between(Remote::Space(space, to), from, length),
    }
    .map_err(|failed| failed.error)?;
    write(top.control, &top.control_word()).map_err(|failed| failed.error)?;
    Ok(())
}
