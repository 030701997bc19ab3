//! Requests as words, answered by the model; interrupts; the results channel.
//!
//! Owns: decoding by badge, the Event that the interrupt line sets. Never enters it: registers,
//! editing. Called by the loop in `main`.
//!
//! Invariant: the line is acknowledged before its causes are looked for, so none is missed.

use tine_abi::capability::slot;
use tine_abi::message::Words;
use tine_abi::protocol::console::{self, Mode, RESULTS_BADGE, TERMINAL_BADGE};
use tine_abi::protocol::file::{FileKind, Operation, WatchMask};
use tine_abi::{CapRef, Errno, Error, Kind, results};
use tine_console_model::Console;
use tine_server::{
    Badge, Clients, Kernel, Outcome, Reply, Request, Server, Service, Watch, error, ok,
};
use tine_sys::capability::{self, ANYWHERE};
use tine_sys::hardware::{Interrupt, Ports};

use crate::foreground::ForegroundGroup;
use crate::registers::SerialPorts;

/// Badge of the Event that the interrupt sets: no client has it.
const INTERRUPT_BADGE: u64 = 0;
/// Bytes of the results channel that one WRITE takes at most: 16 lines.
const RESULTS_MAX: usize = 16 * results::MAX;

/// The terminal and the results channel as a server.
#[derive(Debug)]
pub(crate) struct Terminal {
    console: Console<SerialPorts, ForegroundGroup>,
    interrupt: Interrupt,
    results: Ports,
}

impl Terminal {
    /// A server that is not yet told of interrupts.
    pub(crate) const fn new(
        console: Console<SerialPorts, ForegroundGroup>,
        interrupt: Interrupt,
        results: Ports,
    ) -> Self {
        Self { console, interrupt, results }
    }

    /// Has the interrupt line told as notifications of the service's port.
    ///
    /// # Errors
    /// As the rows `create` and `hw_control` say.
    pub(crate) fn listen<K: Kernel>(&mut self, service: &mut Service<K>) -> Result<(), Error> {
        let account = CapRef::private(slot::ACCOUNT);
        let binding = [u64::from(service.port().bits()), INTERRUPT_BADGE, 0];
        let event = capability::create(account, Kind::Event, ANYWHERE, binding)?;
        self.interrupt.bind(event, 0)?;
        self.interrupted(service);
        Ok(())
    }

    /// The line may have risen.
    fn interrupted<K: Kernel>(&mut self, service: &mut Service<K>) {
        // First, so that a cause that comes from here on makes an edge. It cannot fail: the line is
        // this server's.
        self.interrupt.acknowledge().ok();
        self.console.interrupt(service);
    }

    fn terminal<K: Kernel>(&mut self, request: &Request, service: &mut Service<K>) -> Outcome {
        let call = request.token();
        let length = usize::try_from(request.argument(0)).unwrap_or(usize::MAX);
        if let Some(operation) = console::Operation::from_number(request.operation()) {
            return self.special(operation, request, service);
        }
        let operation = match plain_operation(request) {
            Ok(operation) => operation,
            Err(errno) => return Outcome::Answer(error(errno)),
        };
        match operation {
            Operation::Read => self.console.read(call, length, service),
            Operation::Write => self.console.write(call, length, service),
            Operation::Watch => return self.watch(request, service).into(),
            other => return Outcome::from(answer_of_device(other)),
        }
        Outcome::Parked
    }

    fn special<K: Kernel>(
        &mut self,
        operation: console::Operation,
        request: &Request,
        service: &mut Service<K>,
    ) -> Outcome {
        if let Err(errno) = request.no_flags() {
            return Outcome::Answer(error(errno));
        }
        match operation {
            console::Operation::SetMode => {
                let before = Mode::from_bits(request.argument(0))
                    .map(|mode| self.console.set_mode(mode, service));
                Outcome::from(before.map(|before| ok(&[before.bits()])).ok_or(Errno::INVAL))
            }
            console::Operation::GetMode => Outcome::Answer(ok(&[self.console.mode().bits()])),
            console::Operation::PendingInterrupt => {
                let interrupted = match request.argument(0) {
                    0 => self.console.is_interrupted(),
                    1 => self.console.take_interrupt(service),
                    _ => return Outcome::Answer(error(Errno::INVAL)),
                };
                Outcome::Answer(ok(&[interrupted.into()]))
            }
            console::Operation::OpenResults => {
                if let Err(errno) = request.receive_slot(0) {
                    return Outcome::Answer(error(errno));
                }
                let reply = Reply::new(ok(&[])).minting(service.port(), RESULTS_BADGE, 0);
                service.answer_with(request.token(), &reply);
                Outcome::Parked
            }
        }
    }

    fn watch<K: Kernel>(
        &mut self,
        request: &Request,
        service: &mut Service<K>,
    ) -> Result<Words, Errno> {
        match request.watch(&mut service.kernel)? {
            Watch::Begin { key, handle, mask } => {
                let holds = self.console.watch(key, handle, mask, service);
                if holds.is_err() {
                    service.forget(handle);
                }
                holds.map(|holds| ok(&[holds.bits()]))
            }
            Watch::End { key } => {
                self.console.unwatch(key, service);
                Ok(ok(&[0]))
            }
        }
    }

    /// An operation on the results channel.
    fn channel<K: Kernel>(
        &mut self,
        request: &Request,
        service: &mut Service<K>,
    ) -> Result<Words, Errno> {
        match plain_operation(request)? {
            Operation::Write => {
                let length = request.argument(0).min(RESULTS_MAX as u64) as usize;
                let mut bytes = [0; RESULTS_MAX];
                let bytes = &mut bytes[..length];
                service.fetch_from_client(request.token(), 0, bytes)?;
                self.results.write_bytes(results::PORT, bytes)?;
                Ok(ok(&[length as u64]))
            }
            Operation::Read => Err(Errno::BADF),
            Operation::Watch => match request.watch(&mut service.kernel)? {
                // It can always be written: nothing ever begins to hold.
                Watch::Begin { handle, mask, .. } => {
                    service.forget(handle);
                    Ok(ok(&[(WatchMask::WRITABLE & mask).bits()]))
                }
                Watch::End { .. } => Ok(ok(&[0])),
            },
            other => answer_of_device(other),
        }
    }
}

/// The operation of a request that has no flags (but OPEN's, which is refused whatever it says).
fn plain_operation(request: &Request) -> Result<Operation, Errno> {
    let operation = Operation::from_number(request.operation()).ok_or(Errno::NOSYS)?;
    if operation != Operation::Open {
        request.no_flags()?;
    }
    Ok(operation)
}

/// What every character device answers.
fn answer_of_device(operation: Operation) -> Result<Words, Errno> {
    match operation {
        Operation::Status => Ok(ok(&[FileKind::Device as u64, 0, 0])),
        Operation::Seek => Err(Errno::SPIPE),
        Operation::Truncate => Err(Errno::INVAL),
        Operation::Read | Operation::Write | Operation::Watch => Err(Errno::NOSYS),
        Operation::List
        | Operation::Open
        | Operation::Unlink
        | Operation::MakeDirectory
        | Operation::Rename => Err(Errno::NOTDIR),
    }
}

impl<K: Kernel> Server<K> for Terminal {
    fn call(&mut self, request: &Request, service: &mut Service<K>) -> Outcome {
        match request.badge() {
            Badge(TERMINAL_BADGE) => self.terminal(request, service),
            Badge(RESULTS_BADGE) => self.channel(request, service).into(),
            _ => Outcome::Answer(error(Errno::BADF)),
        }
    }

    fn no_senders(&mut self, badge: Badge, service: &mut Service<K>) {
        if badge == Badge(TERMINAL_BADGE) {
            self.console.closed(service);
        }
    }

    fn event(&mut self, _: Badge, _: u64, service: &mut Service<K>) {
        self.interrupted(service);
    }
}
