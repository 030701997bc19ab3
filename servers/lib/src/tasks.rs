//! Handlers as futures: the executor that stands on `reply_recv`.
//!
//! Owns: the futures of calls that are not answered yet, which of them were woken, and the order in
//! which they run. A future is polled once when its call arrives: one that finishes at once costs
//! one kernel entry a message and no allocation (its box is used again). One that must wait parks
//! the call; what it awaits ([`Signal`], or any combinator of `futures-util` over it) is notified
//! by a later call or by what the server is told.
//!
//! Never enters it: threads, timers (an Event bound to the port is told as [`Told::Event`]),
//! waiting anywhere else than in the service.
//!
//! Invariants: between two messages no future is both woken and unpolled. A call's capabilities
//! are closed after its first poll: who wants one keeps it before the first await
//! ([`Request::keep`]).

pub mod signal;
mod woken;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use tine_abi::Errno;
use tine_abi::message::Words;
use tine_server_model::{Badge, Token};

use crate::kernel::Kernel;
use crate::reply::{Reply, error};
use crate::request::Request;
use crate::service::{Exit, Outcome, Server, Service};
use woken::Woken;

pub use signal::Signal;

/// Calls that can be unanswered at one time; more get EAGAIN.
pub const TASKS: usize = woken::CAPACITY;

/// What the server is told, beside calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// The last capability with this badge is gone.
    NoSenders(Badge),
    /// Bits of an Event bound to the port.
    Event(Badge, u64),
    /// A supervised Domain has ended.
    Exit(Exit),
}

/// What a future answers with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Words alone.
    Words(Words),
    /// Words with capabilities or starts.
    Reply(Reply),
}

impl From<Words> for Answer {
    fn from(words: Words) -> Self {
        Self::Words(words)
    }
}

impl From<Result<Words, Errno>> for Answer {
    fn from(result: Result<Words, Errno>) -> Self {
        Self::Words(result.unwrap_or_else(error))
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

/// Wakes one task: notes its number.
struct TaskWaker {
    woken: Arc<Woken>,
    index: usize,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.woken.set(self.index);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.set(self.index);
    }
}

/// A place for the future of one call.
struct Task<F> {
    call: Token,
    future: Pin<Box<Option<F>>>,
    waker: Waker,
}

impl<F: Future> Task<F> {
    /// Polls the future, and drops it when it is done.
    fn poll(&mut self) -> Poll<F::Output> {
        let Some(future) = self.future.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let result = future.poll(&mut Context::from_waker(&self.waker));
        if result.is_ready() {
            self.future.as_mut().set(None);
        }
        result
    }
}

/// A server whose handlers are futures: `call` makes one of each call, `told` hears the rest.
pub struct Tasks<K, C, T, F> {
    call: C,
    told: T,
    tasks: Vec<Task<F>>,
    free: Vec<usize>,
    woken: Arc<Woken>,
    kernel: PhantomData<fn(K)>,
}

impl<K, C, T, F> fmt::Debug for Tasks<K, C, T, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.tasks.len() - self.free.len();
        formatter.debug_struct("Tasks").field("running", &running).finish_non_exhaustive()
    }
}

impl<K, C, T, F> Tasks<K, C, T, F>
where
    K: Kernel + Clone,
    C: FnMut(Request, K) -> F,
    T: FnMut(Told, K),
    F: Future<Output: Into<Answer>>,
{
    /// A server of these handlers, to be given to [`crate::serve`].
    #[must_use]
    pub fn new(call: C, told: T) -> Self {
        let woken = Arc::new(Woken::new());
        Self { call, told, tasks: Vec::new(), free: Vec::new(), woken, kernel: PhantomData }
    }

    /// Calls that are not answered.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tasks.len() - self.free.len()
    }

    /// A place for one more future.
    fn place(&mut self) -> Result<usize, Errno> {
        if let Some(index) = self.free.pop() {
            return Ok(index);
        }
        let index = self.tasks.len();
        if index == TASKS {
            return Err(Errno::AGAIN);
        }
        self.tasks.try_reserve(1).map_err(|_| Errno::NOMEM)?;
        // Room for every place on the free list, so that finishing never allocates.
        self.free.try_reserve(index + 1 - self.free.len()).map_err(|_| Errno::NOMEM)?;
        let waker = Waker::from(Arc::new(TaskWaker { woken: Arc::clone(&self.woken), index }));
        self.tasks.push(Task { call: Token(0), future: Box::pin(None), waker });
        Ok(index)
    }

    /// Polls one task; its answer if it is done.
    fn poll(&mut self, index: usize) -> Option<(Token, Answer)> {
        let task = &mut self.tasks[index];
        match task.poll() {
            Poll::Pending => None,
            Poll::Ready(output) => {
                self.free.push(index);
                Some((task.call, output.into()))
            }
        }
    }

    /// Polls whatever was woken, until nothing is.
    fn run(&mut self, service: &mut Service<K>) {
        while let Some(index) = self.woken.take() {
            if let Some((call, answer)) = self.poll(index) {
                give(service, call, &answer);
            }
        }
    }
}

fn give<K: Kernel>(service: &mut Service<K>, call: Token, answer: &Answer) {
    match answer {
        Answer::Words(words) => service.answer(call, words),
        Answer::Reply(reply) => service.answer_with(call, reply),
    }
}

impl<K, C, T, F> Server<K> for Tasks<K, C, T, F>
where
    K: Kernel + Clone,
    C: FnMut(Request, K) -> F,
    T: FnMut(Told, K),
    F: Future<Output: Into<Answer>>,
{
    fn call(&mut self, request: &Request, service: &mut Service<K>) -> Outcome {
        let index = match self.place() {
            Ok(index) => index,
            Err(errno) => return Outcome::Answer(error(errno)),
        };
        let future = (self.call)(*request, service.kernel.clone());
        let task = &mut self.tasks[index];
        task.call = request.token();
        task.future.as_mut().set(Some(future));
        let finished = self.poll(index);
        // Whom this call woke is answered first; the answer to this call travels with the wait.
        self.run(service);
        match finished {
            None => Outcome::Parked,
            Some((_, Answer::Words(words))) => Outcome::Answer(words),
            Some((call, answer)) => {
                give(service, call, &answer);
                Outcome::Parked
            }
        }
    }

    fn no_senders(&mut self, badge: Badge, service: &mut Service<K>) {
        (self.told)(Told::NoSenders(badge), service.kernel.clone());
        self.run(service);
    }

    fn event(&mut self, badge: Badge, bits: u64, service: &mut Service<K>) {
        (self.told)(Told::Event(badge, bits), service.kernel.clone());
        self.run(service);
    }

    fn exit(&mut self, exit: &Exit, service: &mut Service<K>) {
        (self.told)(Told::Exit(*exit), service.kernel.clone());
        self.run(service);
    }
}

#[cfg(test)]
mod tests;
