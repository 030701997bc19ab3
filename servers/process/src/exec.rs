//! The kernel's half of an exec: a fresh address space for the caller's Domain.

use tine_abi::capability::{CapRef, Kind, Rights};
use tine_abi::domain::ExecSpec;
use tine_abi::message::TRANSFERS;
use tine_abi::{Errno, Error};
use tine_elf::stack::{Facts, Strings as Counts, Top};
use tine_elf::{HEAD, Plan};
use tine_process_model::ExecFailure;
use tine_rt::start;
use tine_server::Request;
use tine_server::load::{Strings, load, write_top};
use tine_sys::capability::{ANYWHERE, close, create, information};
use tine_sys::domain;
use tine_sys::memory::{Remote, copy_in};

const _: () = assert!(TRANSFERS >= 4, "StartInit carries four capabilities");

/// A program in a fresh address space, which is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) space: CapRef,
    pub(crate) entry: u64,
    pub(crate) top: Top,
}

impl Drop for Image {
    fn drop(&mut self) {
        // The slot is this image's own; nobody else empties it.
        close(self.space).ok();
    }
}

/// Where a request's argument block lies in its range 0, and its numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments {
    pub(crate) token: u64,
    pub(crate) offset: u64,
    pub(crate) counts: Counts,
}

/// Reads the plan of a program from its Memory.
fn plan(memory: CapRef) -> Result<Plan, Errno> {
    let found = information(memory)?;
    if found.kind != Kind::Memory {
        return Err(Errno::INVAL);
    }
    if !found.rights.contains(Rights::READ | Rights::EXECUTE) {
        return Err(Errno::ACCES);
    }
    let mut head = [0; HEAD];
    let length = found.bytes.min(HEAD as u64) as usize;
    copy_in(&mut head[..length], Remote::Memory(memory, 0)).map_err(|failed| failed.error)?;
    tine_elf::plan(&head[..length], found.bytes).map_err(|_| Errno::NOEXEC)
}

/// Loads a program for process `pid`; `account` pays.
pub(crate) fn image(
    account: CapRef,
    memory: CapRef,
    arguments: &Arguments,
    pid: u32,
) -> Result<Image, Errno> {
    let plan = plan(memory)?;
    let facts = Facts { process: u64::from(pid), ..Facts::clock_of(&start::block()) };
    let top = plan.top(arguments.counts, &facts).map_err(|_| Errno::TOOBIG)?;
    let space = create(account, Kind::AddressSpace, ANYWHERE, [0; 3])?;
    let image = Image { space, entry: plan.entry, top };
    load(space, memory, &plan).map_err(|error| match error {
        // What the file asks for is not what a sealed Memory of it allows.
        Error::BadArgument | Error::Denied | Error::Overlap => Errno::NOEXEC,
        error => Errno::from(error),
    })?;
    let (token, offset) = (arguments.token, arguments.offset);
    let block = Remote::CallerRange { token, range: 0, offset };
    write_top(space, &image.top, Strings::Remote(block, arguments.counts.length))
        .map_err(tine_server::errno_of_copy)?;
    Ok(image)
}

/// Gives the caller of an exec its new program.
pub(crate) fn exec(
    account: CapRef,
    request: &Request,
    caller: CapRef,
    pid: u32,
) -> Result<(), ExecFailure> {
    let memory = request.arrival(0).ok_or(ExecFailure::Refused(Errno::INVAL))?;
    let arguments = Arguments {
        token: request.token().0,
        offset: request.argument(0),
        counts: Counts {
            length: request.argument(1),
            arguments: request.argument(2),
            environment: request.argument(3),
        },
    };
    let image = image(account, memory, &arguments, pid).map_err(|errno| match errno {
        Errno::SRCH => ExecFailure::CallerGone,
        errno => ExecFailure::Refused(errno),
    })?;
    let specification = ExecSpec {
        space: image.space,
        instruction: image.entry,
        stack: image.top.stack_pointer,
        gs_base: image.top.control,
    };
    domain::exec(caller, &specification).map_err(|error| match error {
        Error::Gone | Error::CallerGone => ExecFailure::CallerGone,
        error => ExecFailure::Refused(Errno::from(error)),
    })
}
