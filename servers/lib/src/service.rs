//! The loop, the carried answer, and the clients of a model.

use tine_abi::capability::slot;
use tine_abi::message::{Extras, MessageKind, NO_TOKEN, TRANSFERS, Words};
use tine_abi::notification::{ExitKind, Fault, FaultReply, Notification};
use tine_abi::{CapRef, Errno, Error};
use tine_server_model::{Badge, Clients, Token, WatchHandle};

use crate::kernel::Kernel;
use crate::reply::{Reply, error, minted, moved, of};
use crate::request::{Request, event_of};

/// What a handler made of a call.
#[derive(Debug)]
#[must_use = "a call that is neither answered nor parked waits for ever"]
pub enum Outcome {
    /// These words; see [`crate::ok`] and [`crate::error`].
    Answer(Words),
    /// Somebody keeps the token, or has answered it.
    Parked,
}

impl From<Result<Words, Errno>> for Outcome {
    #[inline]
    fn from(result: Result<Words, Errno>) -> Self {
        Self::Answer(result.unwrap_or_else(error))
    }
}

/// How a supervised Domain ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exit {
    /// What the supervisor called the Domain.
    pub badge: Badge,
    /// How.
    pub kind: ExitKind,
    /// Code, killer's value, or fault kind.
    pub value: u64,
    /// Address of a fault.
    pub address: u64,
}

/// A server: a struct and its handlers. The defaults suit a server that supervises nobody.
pub trait Server<K: Kernel> {
    /// A client's call.
    fn call(&mut self, request: &Request, service: &mut Service<K>) -> Outcome;

    /// The last capability with this badge is gone, or an answer that carried the first one could
    /// not be given.
    fn no_senders(&mut self, badge: Badge, service: &mut Service<K>);

    /// Bits of an Event bound to the port.
    fn event(&mut self, _badge: Badge, _bits: u64, _service: &mut Service<K>) {}

    /// A supervised Domain has ended.
    fn exit(&mut self, _exit: &Exit, _service: &mut Service<K>) {}

    /// A thread of a supervised Domain faulted; without a rule of its own, it is killed.
    fn fault(
        &mut self,
        _badge: Badge,
        _fault: &Fault,
        _call: Token,
        _service: &mut Service<K>,
    ) -> Outcome {
        Outcome::Answer(KILL)
    }
}

/// The answer to a fault that kills.
const KILL: Words = [FaultReply::Kill as u64, 0, 0, 0, 0, 0, 0, 0];

/// The port of a server, and the answer that the next `reply_recv` carries.
#[derive(Debug)]
pub struct Service<K> {
    /// The kernel, for handlers.
    pub kernel: K,
    port: CapRef,
    /// The call that the carried answer is for; [`NO_TOKEN`] when there is none.
    token: u64,
    words: Words,
    /// Meaningful while `has_extras`.
    extras: Extras,
    has_extras: bool,
    lost: Lost,
}

/// Identities of answers that could not be given: nobody ever held them, so the kernel will not
/// say that they are gone.
#[derive(Debug)]
struct Lost {
    badges: [Badge; LOST],
    count: usize,
}

/// Identities that the answers of one turn may lose: those of two answers. A handler makes one.
const LOST: usize = 2 * TRANSFERS;

impl Lost {
    fn push(&mut self, badge: Badge) {
        debug_assert!(self.count < LOST, "more than two minting answers in one turn");
        if let Some(free) = self.badges.get_mut(self.count) {
            *free = badge;
            self.count += 1;
        }
    }

    fn pop(&mut self) -> Option<Badge> {
        self.count = self.count.checked_sub(1)?;
        Some(self.badges[self.count])
    }
}

impl<K: Kernel> Service<K> {
    /// A service on `port`.
    #[must_use]
    pub const fn new(kernel: K, port: CapRef) -> Self {
        Self {
            kernel,
            port,
            token: NO_TOKEN,
            words: [0; 8],
            extras: Extras::NONE,
            has_extras: false,
            lost: Lost { badges: [Badge(0); LOST], count: 0 },
        }
    }

    /// The port, for minting.
    #[must_use]
    pub const fn port(&self) -> CapRef {
        self.port
    }

    /// Who makes a call, whatever capability it used: what this port, as supervisor, calls the
    /// Domain. `None`: it is not supervised by this port.
    ///
    /// # Errors
    /// ESRCH when the caller is gone.
    pub fn caller(&mut self, call: Token) -> Result<Option<Badge>, Errno> {
        let badge = self.kernel.supervised_as(self.port, call.0)?;
        Ok(badge.map(Badge))
    }

    /// Answers a call with words alone. The last answer before the next message travels with the
    /// wait for it.
    #[inline]
    pub fn answer(&mut self, call: Token, words: &Words) {
        self.flush();
        self.token = call.0;
        self.words = *words;
    }

    /// Starts a Domain or Thread with the next answer or wait.
    #[inline]
    pub fn start_with_wait(&mut self, started: CapRef) {
        if !self.has_extras {
            self.extras = Extras::NONE;
            self.has_extras = true;
        }
        if let Some(free) = self.extras.starts.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(started);
        }
    }

    /// Answers a call with capabilities or starts.
    #[inline]
    pub fn answer_with(&mut self, call: Token, reply: &Reply) {
        self.answer(call, &reply.words);
        let pending = if self.has_extras { self.extras.starts } else { [None; 2] };
        self.extras = reply.extras;
        self.has_extras = true;
        for started in pending.into_iter().flatten() {
            self.start_with_wait(started);
        }
    }

    /// Gives the carried answer now.
    #[inline]
    pub fn flush(&mut self) {
        if self.token != NO_TOKEN {
            let extras = self.has_extras.then_some(&self.extras);
            let result = self.kernel.reply(self.port, self.token, &self.words, extras);
            if let Err(error) = result {
                self.failed(error);
            }
            self.token = NO_TOKEN;
            self.has_extras = false;
        }
    }

    /// The carried answer could not be given: says so in plain words, if the caller is still there.
    #[cold]
    fn failed(&mut self, reason: Error) {
        if self.has_extras && self.token != NO_TOKEN {
            for capability in moved(&self.extras) {
                self.kernel.close(capability);
            }
            for badge in minted(&self.extras, self.port) {
                self.lost.push(badge);
            }
            if !matches!(reason, Error::BadToken | Error::CallerGone) {
                // The caller may be gone by now; then there is nobody to tell.
                let words = error(Errno::from(reason));
                self.kernel.reply(self.port, self.token, &words, None).ok();
            }
        }
    }

    /// One turn: gives the carried answer, waits, runs a handler. An identity that an answer could
    /// not give is one without senders, and the server is told so.
    ///
    /// # Errors
    /// The port is gone or was never this server's.
    #[inline]
    pub fn turn(&mut self, server: &mut impl Server<K>) -> Result<(), Error> {
        self.wait_and_handle(server)?;
        while let Some(badge) = self.lost.pop() {
            server.no_senders(badge, self);
        }
        Ok(())
    }

    #[inline]
    fn wait_and_handle(&mut self, server: &mut impl Server<K>) -> Result<(), Error> {
        let extras = self.has_extras.then_some(&self.extras);
        let received = match self.kernel.reply_recv(self.port, self.token, &self.words, extras) {
            Ok(received) => received,
            Err(error) if self.token == NO_TOKEN && !self.has_extras => return Err(error),
            Err(error) => {
                self.failed(error);
                self.token = NO_TOKEN;
                self.has_extras = false;
                return Ok(());
            }
        };
        self.token = NO_TOKEN;
        self.has_extras = false;
        let badge = Badge(received.badge);
        match received.kind {
            MessageKind::Call => {
                let request = Request::new(received);
                if let Outcome::Answer(words) = server.call(&request, self) {
                    self.answer(request.token(), &words);
                }
                if received.arrived != 0 {
                    for capability in (0..4).filter_map(|index| request.arrival(index)) {
                        self.kernel.close(capability);
                    }
                }
            }
            MessageKind::Notification => self.notified(badge, &received.words, server),
            MessageKind::Fault => {
                let call = Token(received.token);
                let outcome = match Fault::from_words(&received.words) {
                    Some(fault) => server.fault(badge, &fault, call, self),
                    None => Outcome::Answer(KILL),
                };
                if let Outcome::Answer(words) = outcome {
                    self.answer(call, &words);
                }
            }
        }
        Ok(())
    }

    fn notified(&mut self, badge: Badge, words: &Words, server: &mut impl Server<K>) {
        match Notification::from_number(words[0]) {
            Some(Notification::NoSenders) => server.no_senders(badge, self),
            Some(Notification::Event) => server.event(badge, words[1], self),
            Some(Notification::Exit) => {
                let kind = ExitKind::from_number(words[1]).unwrap_or(ExitKind::Killed);
                let exit = Exit { badge, kind, value: words[2], address: words[3] };
                server.exit(&exit, self);
            }
            None => {}
        }
    }
}

/// Serves until the port is gone; says why it ended.
pub fn serve<K: Kernel>(server: &mut impl Server<K>, service: &mut Service<K>) -> Error {
    loop {
        if let Err(error) = service.turn(server) {
            return error;
        }
    }
}

/// The clients of a model are those of the service.
impl<K: Kernel> Clients for Service<K> {
    fn send_to_client(&mut self, call: Token, offset: usize, bytes: &[u8]) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.kernel.send(call.0, 0, offset as u64, bytes)
    }

    fn fetch_from_client(
        &mut self,
        call: Token,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.kernel.fetch(call.0, 0, offset as u64, bytes)
    }

    fn reply(&mut self, call: Token, result: Result<u64, Errno>) {
        self.answer(call, &of(result));
    }

    fn signal(&mut self, watch: WatchHandle) {
        if let Some((event, bits)) = event_of(watch) {
            self.kernel.signal(event, bits);
        }
    }

    fn forget(&mut self, watch: WatchHandle) {
        if let Some((event, _)) = event_of(watch) {
            self.kernel.close(event);
        }
    }
}

/// The port every server is started with.
impl Service<crate::kernel::Tine> {
    /// The service on the well-known slot, its arrivals window set. From here on a server that
    /// finds no memory fails an allocation and lives.
    ///
    /// # Errors
    /// What `thread_control` says; NO_MEMORY.
    pub fn start() -> Result<Self, Error> {
        tine_rt::heap::commit()?;
        tine_sys::domain::set_arrivals(slot::ARRIVALS)?;
        Ok(Self::new(crate::kernel::Tine, CapRef::private(slot::SERVICE)))
    }
}

#[cfg(test)]
mod tests;
