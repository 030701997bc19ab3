//! The making of a server: from a file in the archive to a thread that runs.
//!
//! Who pays: the server's own account, for everything that is its own. What root keeps of a server
//! is its Domain and a way to call its port and make identities on it, and that only until the
//! boot is done.

use tine_abi::capability::{Destination, Rights, slot};
use tine_abi::{CapRef, Error, Kind};
use tine_elf::stack::Facts;
use tine_root_model::command::Block;
use tine_root_model::division::Limits;
use tine_root_model::{Grant, Program, SERVERS, Server};
use tine_rt::start as told;
use tine_server::load::{Strings, load, write_top};
use tine_sys::Result;
use tine_sys::capability::{ANYWHERE, Placement, close, create, duplicate, mint, move_to};
use tine_sys::domain::{FirstRegisters, RemoteThread};
use tine_sys::hardware::{Interrupt, Ports};
use tine_sys::memory::{self, Remote, copy_out, seal};

use crate::{ACCOUNT, HARDWARE};

/// A server that was started.
#[derive(Clone, Copy, Debug)]
struct Started {
    domain: CapRef,
    /// Its port, to call and to make identities on.
    port: CapRef,
}

/// What servers are made from, and those that were made.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    /// Frames that are free.
    frames: u64,
    archive: &'a [u8],
    /// Its length for the start block.
    archive_bytes: u64,
    started: [Option<Started>; SERVERS.len()],
    count: usize,
}

impl<'a> Machine<'a> {
    /// No server yet.
    pub(crate) const fn new(frames: u64, archive: &'a [u8], archive_bytes: u64) -> Self {
        Self { frames, archive, archive_bytes, started: [None; SERVERS.len()], count: 0 }
    }

    fn started(&self, place: usize) -> Result<Started> {
        self.started.get(place).copied().flatten().ok_or(Error::Gone)
    }

    /// The Domain of a server.
    ///
    /// # Errors
    /// GONE before it was started.
    pub(crate) fn domain(&self, place: usize) -> Result<CapRef> {
        self.started(place).map(|server| server.domain)
    }

    /// The port of a server, held with SEND and MINT.
    ///
    /// # Errors
    /// GONE before it was started.
    pub(crate) fn port(&self, place: usize) -> Result<CapRef> {
        self.started(place).map(|server| server.port)
    }

    /// Starts the next server of the table; its Domain.
    ///
    /// # Errors
    /// What the kernel refuses. The boot is over then.
    pub(crate) fn start(
        &mut self,
        server: &Server,
        program: &Program,
        block: &Block,
    ) -> Result<CapRef> {
        let frames = server.frames.frames(self.frames);
        let account = account_of(Limits { frames, objects: server.objects })?;
        let memory = file_memory(account, &self.archive[program.content.clone()])?;
        let space = create(account, Kind::AddressSpace, ANYWHERE, [0; 3])?;
        load(space, memory, &program.plan)?;
        let archive = if server.grants.contains(&Grant::Archive) { self.archive_bytes } else { 0 };
        let facts = Facts { archive, ..Facts::clock_of(&told::block()) };
        // The block was checked when it was made.
        let top = program.plan.top(block.strings, &facts).map_err(|_| Error::BadArgument)?;
        write_top(space, &top, Strings::Own(&block.bytes))?;

        let place = [u64::from(space.bits()), server.rank, 0];
        let domain = create(account, Kind::Domain, ANYWHERE, place)?;
        let port = self.equip(domain, account, server)?;
        let thread = RemoteThread::create(account, domain, ANYWHERE)?;
        thread.start(&FirstRegisters {
            instruction: program.plan.entry,
            stack: top.stack_pointer,
            argument: 0,
            gs_base: top.control,
            fs_base: 0,
        })?;
        for done in [thread.capability(), space, memory, account] {
            close(done)?;
        }
        if let Some(free) = self.started.get_mut(self.count) {
            *free = Some(Started { domain, port });
            self.count += 1;
        }
        Ok(domain)
    }

    /// Fills the private table of a server; what root keeps of its port.
    fn equip(&self, domain: CapRef, account: CapRef, server: &Server) -> Result<CapRef> {
        let to =
            |slot| Placement::new(Destination::exactly(CapRef::private(slot))).of_domain(domain);
        let port = create(account, Kind::Port, ANYWHERE, [server.rank, 0, 0])?;
        let kept = Rights::SEND | Rights::MINT | Rights::DUPLICATE;
        let kept = duplicate(port, Placement::new(ANYWHERE).with_rights(kept))?;
        // Moved, not copied: the server alone receives, so its end closes the port.
        move_to(port, to(slot::SERVICE))?;
        duplicate(account, to(slot::ACCOUNT))?;
        for grant in server.grants {
            match *grant {
                Grant::Hardware(rights) => {
                    duplicate(HARDWARE, to(slot::HARDWARE).with_rights(rights))?;
                }
                Grant::Archive => {
                    let rights = Rights::READ | Rights::DUPLICATE;
                    duplicate(
                        CapRef::private(slot::ARCHIVE),
                        to(slot::ARCHIVE).with_rights(rights),
                    )?;
                }
                Grant::Account { slot, fund } => {
                    move_to(account_of(fund.limits(self.frames))?, to(slot))?;
                }
                Grant::Ports { slot, first, count } => {
                    let ports = Ports::make(HARDWARE, first, count, ANYWHERE)?;
                    move_to(ports.capability(), to(slot).with_rights(Rights::DEVICE))?;
                }
                Grant::Interrupt { line } => {
                    let line = Interrupt::make(HARDWARE, line, ANYWHERE)?;
                    move_to(line.capability(), to(slot::INTERRUPT).with_rights(Rights::DEVICE))?;
                }
                Grant::Identity { slot, of, badge } => {
                    mint(self.port(of)?, badge, to(slot).with_rights(Rights::SEND))?;
                }
            }
        }
        Ok(kept)
    }

    /// Gives up what root kept: from now on the servers live by themselves.
    pub(crate) fn release(self) {
        for server in self.started.into_iter().flatten() {
            // Slots that root itself filled; it does not use them again.
            close(server.port).ok();
            close(server.domain).ok();
        }
    }
}

/// A new account.
///
/// # Errors
/// As the row `create` says.
fn account_of(limits: Limits) -> Result<CapRef> {
    create(ACCOUNT, Kind::Account, ANYWHERE, [limits.frames, limits.objects, 0])
}

/// A sealed Memory of a file, of whole pages.
///
/// # Errors
/// As the rows `create`, `space_copy` and `protect` say.
pub(crate) fn file_memory(account: CapRef, file: &[u8]) -> Result<CapRef> {
    let memory = memory::create(account, file.len(), ANYWHERE)?;
    copy_out(Remote::Memory(memory, 0), file).map_err(|failed| failed.error)?;
    seal(memory)?;
    Ok(memory)
}
