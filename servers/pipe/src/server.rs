//! Requests as words, answered by the model.
//!
//! Owns: decoding, and the order in which a request is refused: flags, receive slots, badge. Never
//! enters it: bytes and who waits for them. Called by the loop in `main`.

use tine_abi::Errno;
use tine_abi::message::Words;
use tine_abi::protocol::file::{FileKind, Operation};
use tine_abi::protocol::pipe;
use tine_pipe_model::Pipes;
use tine_server::{
    Badge, Clients, Kernel, Outcome, Reply, Request, Server, Service, Watch, error, ok,
};

/// All pipes as a server.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    pipes: Pipes,
}

impl Pipe {
    /// CREATE.
    fn create<K: Kernel>(
        &mut self,
        request: &Request,
        service: &mut Service<K>,
    ) -> Result<Reply, Errno> {
        request.no_flags()?;
        request.receive_slot(0)?;
        request.receive_slot(1)?;
        let (read, write) = self.pipes.create()?;
        let port = service.port();
        Ok(Reply::new(ok(&[])).minting(port, read.0, 0).minting(port, write.0, 0))
    }

    fn end<K: Kernel>(
        &mut self,
        operation: Operation,
        request: &Request,
        service: &mut Service<K>,
    ) -> Result<Words, Errno> {
        let badge = request.badge();
        // An end without a pipe is told so before anything else.
        let available = self.pipes.available(badge)?;
        match operation {
            Operation::Status => Ok(ok(&[FileKind::Pipe as u64, available as u64, 0])),
            Operation::Seek => Err(Errno::SPIPE),
            Operation::Watch => match request.watch(&mut service.kernel)? {
                Watch::Begin { key, handle, mask } => {
                    let holds = self.pipes.watch(badge, key, handle, mask, service);
                    if holds.is_err() {
                        service.forget(handle);
                    }
                    holds.map(|holds| ok(&[holds.bits()]))
                }
                Watch::End { key } => {
                    self.pipes.unwatch(badge, key, service)?;
                    Ok(ok(&[0]))
                }
            },
            Operation::Truncate => Err(Errno::INVAL),
            Operation::List
            | Operation::Open
            | Operation::Unlink
            | Operation::MakeDirectory
            | Operation::Rename => Err(Errno::NOTDIR),
            // Answered by the model itself.
            Operation::Read | Operation::Write => Err(Errno::NOSYS),
        }
    }
}

impl<K: Kernel> Server<K> for Pipe {
    fn call(&mut self, request: &Request, service: &mut Service<K>) -> Outcome {
        let (badge, call) = (request.badge(), request.token());
        if badge == Badge(0) {
            return match pipe::Operation::from_number(request.operation()) {
                Some(pipe::Operation::Create) => match self.create(request, service) {
                    Ok(reply) => {
                        service.answer_with(call, &reply);
                        Outcome::Parked
                    }
                    Err(errno) => Outcome::Answer(error(errno)),
                },
                None => Outcome::Answer(error(Errno::NOSYS)),
            };
        }
        let Some(operation) = Operation::from_number(request.operation()) else {
            return Outcome::Answer(error(Errno::NOSYS));
        };
        let flags = request.no_flags();
        let length = usize::try_from(request.argument(0)).unwrap_or(usize::MAX);
        match (operation, flags) {
            (Operation::Open, _) | (_, Ok(())) => {}
            (_, Err(errno)) => return Outcome::Answer(error(errno)),
        }
        match operation {
            Operation::Read => self.pipes.read(badge, call, length, service),
            Operation::Write => self.pipes.write(badge, call, length, service),
            _ => return self.end(operation, request, service).into(),
        }
        Outcome::Parked
    }

    fn no_senders(&mut self, badge: Badge, service: &mut Service<K>) {
        self.pipes.closed(badge, service);
    }
}
