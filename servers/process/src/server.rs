//! The handlers: decode, step, perform, complete.

use tine_abi::Errno;
use tine_abi::capability::CapRef;
use tine_abi::protocol::process::Record;
use tine_abi::wire::Wire;
use tine_process_model::{
    Badge as Identity, Completion, ExecFailure, ExitRecord, Input, Instant, Model, ProcessId,
    Sender, Token,
};
use tine_server::{Badge, Clients, Exit, Outcome, Request, Server, Service, Tine, error, ok};
use tine_sys::clock::{now, ticks};
use tine_sys::domain::debug_log;

use crate::decode::{Decoded, decode};
use crate::domains::Domains;
use crate::perform::{Performer, Wanted, process_of};
use crate::{FIRST, PROGRAMS, TIMER, clone, exec, init};

/// Records of the process list that one request fetches at most.
const PAGE: usize = 16;

/// The server.
#[derive(Debug)]
pub(crate) struct Processes {
    model: Model,
    domains: Domains,
    /// The model's timer.
    timer: CapRef,
    /// Ticks of the last fork outside of the kernel.
    fork_share: u64,
}

impl Processes {
    pub(crate) const fn new(model: Model, domains: Domains, timer: CapRef) -> Self {
        Self { model, domains, timer, fork_share: 0 }
    }

    /// Gives the model one input, and each completion that it asks for. `request` is the message
    /// in service, for what needs its ranges and capabilities.
    fn step(&mut self, input: Input, request: Option<&Request>, service: &mut Service<Tine>) {
        let (mut input, mut start) = (input, ticks());
        let mut share = 0;
        let mut has_forked = false;
        loop {
            let mut performer = Performer {
                service: &mut *service,
                domains: &mut self.domains,
                timer: self.timer,
                wanted: None,
            };
            if self.model.step(Instant(now()), input, &mut performer).is_err() {
                // The model refuses inputs out of turn and changes nothing; this loop gives none.
                debug_log(b"process: an input out of turn\n").ok();
                return;
            }
            let Some(wanted) = performer.wanted else { break };
            share += ticks() - start;
            has_forked |= matches!(wanted, Wanted::Clone { .. });
            input = Input::Completed(self.complete(wanted, request));
            start = ticks();
        }
        if has_forked {
            self.fork_share = share + (ticks() - start);
        }
    }

    /// Performs the operation in the middle of a turn.
    fn complete(&mut self, wanted: Wanted, request: Option<&Request>) -> Completion {
        match wanted {
            Wanted::Clone { token, child, pid, memory } => {
                let control = request.map_or(0, |request| request.argument(0));
                let made = clone::clone(&mut self.domains, token, child, pid, memory, control);
                Completion::Cloned(made)
            }
            Wanted::Exec { process } => Completion::Executed(self.exec(process, request)),
            Wanted::Init { process, pid } => {
                let made = request.ok_or(Errno::INVAL).and_then(|request| {
                    init::create_init(&mut self.domains, FIRST, request, process, pid)
                });
                Completion::Created(made)
            }
        }
    }

    fn exec(&self, process: ProcessId, request: Option<&Request>) -> Result<(), ExecFailure> {
        let request = request.ok_or(ExecFailure::Refused(Errno::INVAL))?;
        let caller = self.domains.get(process).ok_or(ExecFailure::CallerGone)?;
        let pid = self.model.pid_of(process).ok_or(ExecFailure::CallerGone)?;
        exec::exec(PROGRAMS, request, caller, pid)
    }

    /// LIST: as many records as fit into the caller's range.
    fn list(&self, request: &Request, from: u32, service: &mut Service<Tine>) -> Outcome {
        const BYTES: usize = 8 * Record::WORDS;
        let empty = Record {
            pid: 0,
            parent: 0,
            group: 0,
            session: 0,
            user: 0,
            state: tine_abi::protocol::process::State::New,
            name: [0; 32],
        };
        let mut records = [empty; PAGE];
        let room = request.length(1, usize::MAX, Errno::INVAL).map(|bytes| bytes / BYTES);
        let room = match room {
            Ok(0) => return Outcome::Answer(error(Errno::INVAL)),
            Ok(room) => room.min(PAGE),
            Err(errno) => return Outcome::Answer(error(errno)),
        };
        let page = self.model.list(from, &mut records[..room]);
        let mut image = [0; PAGE * BYTES];
        for (record, bytes) in records[..page.filled].iter().zip(image.chunks_exact_mut(BYTES)) {
            let mut words = [0; Record::WORDS];
            record.encode(&mut words);
            for (word, bytes) in words.iter().zip(bytes.chunks_exact_mut(8)) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
        }
        let sent = service.send_to_client(request.token(), 0, &image[..page.filled * BYTES]);
        Outcome::from(
            sent.map(|()| ok(&[page.filled as u64, u64::from(page.next.unwrap_or_default())])),
        )
    }
}

impl Server<Tine> for Processes {
    #[inline]
    fn call(&mut self, request: &Request, service: &mut Service<Tine>) -> Outcome {
        let Some(identity) = Identity::from_raw(request.badge().0) else {
            return Outcome::Answer(error(Errno::PERM));
        };
        match decode(request, service) {
            Ok(Decoded::Request(wish)) => {
                let token = Token(request.token().0);
                let from = Sender::from_badge(identity, request.rights());
                self.step(Input::Request { token, from, request: wish }, Some(request), service);
                Outcome::Parked
            }
            Ok(Decoded::List { from }) => self.list(request, from, service),
            Ok(Decoded::ForkShare) => Outcome::Answer(ok(&[self.fork_share])),
            Err(errno) => Outcome::Answer(error(errno)),
        }
    }

    fn no_senders(&mut self, badge: Badge, service: &mut Service<Tine>) {
        if let Some(identity) = Identity::from_raw(badge.0) {
            self.step(Input::NoSenders(identity), None, service);
        }
    }

    fn event(&mut self, badge: Badge, _bits: u64, service: &mut Service<Tine>) {
        if badge.0 == TIMER {
            self.step(Input::Timer, None, service);
        }
    }

    fn exit(&mut self, exit: &Exit, service: &mut Service<Tine>) {
        let record = ExitRecord::from_notification(exit.kind as u64, exit.value);
        if let (Some(process), Some(record)) = (process_of(exit.badge.0), record) {
            self.step(Input::Exit { process, record }, None, service);
        }
    }
}
