//! Requests as words, answered by the model.
//!
//! Owns: decoding, and the order in which a request is refused: flags, receive slot, path, then
//! whatever the model says. Never enters it: files. Called by the loop in `main`.
//!
//! Invariant: a description whose capability reached nobody is closed ([`Server::no_senders`]).

use tine_abi::message::{SendCapability, SendMode, Words};
use tine_abi::protocol::file::{FileKind, OpenFlags, Operation, PATH_MAX};
use tine_abi::{CapRef, Errno, Rights};
use tine_initrd_model::{Files, Opened, Programs};
use tine_server::{
    Badge, Clients, Kernel, Outcome, Reply, Request, Server, Service, Watch, error, ok,
};

use crate::program;

/// Bytes that one READ or WRITE moves at most; more is a short transfer, so that one client does
/// not keep the others waiting.
const TRANSFER_MAX: u64 = 1 << 20;

/// Bytes of programs kept as Memories.
const PROGRAM_BYTES: usize = 16 << 20;

/// Files of an archive as a server.
pub(crate) struct Initrd<'a> {
    files: Files<'a>,
    /// What badge 0 stands for.
    root: Badge,
    programs: Programs<CapRef>,
}

impl<'a> Initrd<'a> {
    /// A server of these files.
    pub(crate) fn new(mut files: Files<'a>) -> Result<Self, Errno> {
        let root = files.open_root()?;
        Ok(Self { files, root, programs: Programs::new(PROGRAM_BYTES) })
    }

    /// The description that a request is about.
    fn description(&self, request: &Request) -> Badge {
        match request.badge() {
            Badge(0) => self.root,
            badge => badge,
        }
    }

    fn open<K: Kernel>(
        &mut self,
        request: &Request,
        service: &mut Service<K>,
    ) -> Result<Reply, Errno> {
        let flags = OpenFlags::from_bits(request.flags()).ok_or(Errno::INVAL)?;
        request.receive_slot(0)?;
        let mut buffer = [0; PATH_MAX];
        let path = path(request, service, &mut buffer)?;
        let opened = self.files.open(self.description(request), path, flags)?;
        Ok(match opened {
            Opened::Description { badge, kind } => {
                Reply::new(ok(&[kind as u64, 0])).minting(service.port(), badge.0, 0)
            }
            Opened::Program { node, version, length } => {
                let memory = match self.programs.find(node, version) {
                    Some(memory) => memory,
                    None => program::make(&self.files, &mut self.programs, node, version, length)?,
                };
                let rights = Rights::READ | Rights::EXECUTE | Rights::DUPLICATE;
                Reply::new(ok(&[FileKind::Regular as u64, length as u64])).with_capability(
                    SendCapability { source: memory, mode: SendMode::Copy, rights, badge: 0 },
                )
            }
        })
    }

    fn perform<K: Kernel>(
        &mut self,
        operation: Operation,
        request: &Request,
        service: &mut Service<K>,
    ) -> Result<Words, Errno> {
        let (badge, call) = (self.description(request), request.token());
        request.no_flags()?;
        let mut buffer = [0; 2 * PATH_MAX];
        let files = &mut self.files;
        Ok(match operation {
            Operation::Read => {
                let wanted = request.argument(0).min(TRANSFER_MAX) as usize;
                ok(&[files.read(badge, call, wanted, service)?])
            }
            Operation::Write => {
                let length = request.argument(0).min(TRANSFER_MAX) as usize;
                ok(&[files.write(badge, call, length, service)?])
            }
            Operation::Seek => {
                let offset = request.argument(0).cast_signed();
                ok(&[files.seek(badge, offset, request.argument(1))?])
            }
            Operation::Status => {
                let (kind, bytes, serial) = files.status(badge)?;
                ok(&[kind as u64, bytes, u64::from(serial)])
            }
            Operation::Watch => {
                let level = files.level(badge)?;
                match request.watch(&mut service.kernel)? {
                    // Nothing begins to hold that did not hold before: the Event is not needed.
                    Watch::Begin { handle, mask, .. } => {
                        service.forget(handle);
                        ok(&[(level & mask).bits()])
                    }
                    Watch::End { .. } => ok(&[0]),
                }
            }
            Operation::Truncate => {
                files.truncate(badge, request.argument(0))?;
                ok(&[])
            }
            Operation::List => {
                let room = request.argument(1).min(TRANSFER_MAX) as usize;
                let (bytes, next) = files.list(badge, call, request.argument(0), room, service)?;
                ok(&[bytes, next])
            }
            Operation::Unlink => {
                files.unlink(badge, path(request, service, &mut buffer)?)?;
                ok(&[])
            }
            Operation::MakeDirectory => {
                files.make_directory(badge, path(request, service, &mut buffer)?)?;
                ok(&[])
            }
            Operation::Rename => {
                let old = request.length(0, PATH_MAX, Errno::NAMETOOLONG)?;
                let new = request.length(1, PATH_MAX, Errno::NAMETOOLONG)?;
                let both = &mut buffer[..old + new];
                request.fetch(&mut service.kernel, 0, 0, both)?;
                let (old, new) = both.split_at(old);
                files.rename(badge, old, new)?;
                ok(&[])
            }
            // Answered by `open`.
            Operation::Open => return Err(Errno::NOSYS),
        })
    }
}

/// The path in the caller's first range.
fn path<'b, K: Kernel>(
    request: &Request,
    service: &mut Service<K>,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], Errno> {
    let length = request.length(0, PATH_MAX, Errno::NAMETOOLONG)?;
    let path = &mut buffer[..length];
    if !path.is_empty() {
        request.fetch(&mut service.kernel, 0, 0, path)?;
    }
    Ok(path)
}

impl<K: Kernel> Server<K> for Initrd<'_> {
    fn call(&mut self, request: &Request, service: &mut Service<K>) -> Outcome {
        match Operation::from_number(request.operation()) {
            Some(Operation::Open) => match self.open(request, service) {
                Ok(reply) => {
                    service.answer_with(request.token(), &reply);
                    Outcome::Parked
                }
                Err(errno) => Outcome::Answer(error(errno)),
            },
            Some(operation) => self.perform(operation, request, service).into(),
            None => Outcome::Answer(error(Errno::NOSYS)),
        }
    }

    fn no_senders(&mut self, badge: Badge, _: &mut Service<K>) {
        self.files.closed(badge);
    }
}
