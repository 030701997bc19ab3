//! The first process: a Domain from nothing, equipped with what all others inherit.

use tine_abi::capability::{CapRef, Destination, Kind, Rights, path, slot};
use tine_abi::domain::rank;
use tine_abi::error::Result;
use tine_abi::{Errno, Error};
use tine_elf::stack::Strings as Counts;
use tine_process_model::{Badge, ProcessId};
use tine_server::Request;
use tine_sys::capability::{ANYWHERE, Placement, close, create, duplicate, mint};
use tine_sys::domain::{self, FirstRegisters, RemoteThread};

use crate::SERVICE;
use crate::domains::{Domains, PLACE};
use crate::exec::{Arguments, Image, image};

/// Makes the Domain of the first process from root's request and starts it.
pub(crate) fn create_init(
    domains: &mut Domains,
    account: CapRef,
    request: &Request,
    process: ProcessId,
    pid: u32,
) -> core::result::Result<(), Errno> {
    let arrived = |index| request.arrival(index).ok_or(Errno::INVAL);
    let (memory, root) = (arrived(0)?, arrived(1)?);
    let (console, pipe) = (arrived(2)?, arrived(3)?);
    let arguments = Arguments {
        token: request.token().0,
        offset: 0,
        counts: Counts {
            length: request.argument(0),
            arguments: request.argument(1),
            environment: request.argument(2),
        },
    };
    let image = image(account, memory, &arguments, pid)?;
    domains.reserve(process)?;
    let place = [u64::from(image.space.bits()), rank::PROGRAM, 0];
    let domain = create(account, Kind::Domain, PLACE, place)?;
    let badge = Badge::Process(process).raw();
    match equip(domain, badge, root, console, pipe).and_then(|()| run(account, domain, &image)) {
        Ok(()) => {
            domains.set(process, domain);
            Ok(())
        }
        Err(error) => {
            // Without a thread that ran, the Domain goes with its last capability.
            close(domain).ok();
            Err(Errno::from(error))
        }
    }
}

/// Fills the tables of the first process.
fn equip(domain: CapRef, badge: u64, root: CapRef, console: CapRef, pipe: CapRef) -> Result<()> {
    let place = |slot| Placement::new(Destination::exactly(slot)).of_domain(domain);
    let client = Rights::SEND | Rights::DUPLICATE;
    let identity = place(CapRef::private(slot::PROCESS)).with_rights(client);
    mint(SERVICE, badge, identity)?;
    duplicate(pipe, place(CapRef::private(slot::PIPE)))?;
    let statistics = place(CapRef::private(slot::STATISTICS));
    let rights = Rights::STATISTICS | Rights::DUPLICATE;
    duplicate(CapRef::private(slot::HARDWARE), statistics.with_rights(rights))?;
    for directory in [path::ROOT, path::WORKING] {
        duplicate(root, place(CapRef::path(directory)))?;
    }
    for descriptor in 0..3 {
        duplicate(console, place(CapRef::descriptor(descriptor)))?;
    }
    domain::set_supervisor(domain, Some(SERVICE), badge)
}

/// Starts its one thread.
fn run(account: CapRef, domain: CapRef, image: &Image) -> Result<()> {
    let thread = RemoteThread::create(account, domain, ANYWHERE)?;
    let first = FirstRegisters {
        instruction: image.entry,
        stack: image.top.stack_pointer,
        argument: 0,
        gs_base: image.top.control,
        fs_base: 0,
    };
    let started = thread.start(&first);
    close(thread.capability())?;
    started.map_err(|error| match error {
        Error::BadArgument => Error::Denied,
        error => error,
    })
}
