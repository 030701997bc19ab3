//! What a server answers.

use tine_abi::message::{Extras, SendCapability, SendMode, Words};
use tine_abi::{CapRef, Errno, Rights};
use tine_server_model::Badge;

/// Success, with results from word 1 on (at most seven).
#[must_use]
#[inline]
pub fn ok(results: &[u64]) -> Words {
    let mut words = [0; 8];
    for (word, result) in words[1..].iter_mut().zip(results) {
        *word = *result;
    }
    words
}

/// Failure.
#[must_use]
#[inline]
pub const fn error(errno: Errno) -> Words {
    [errno.number(), 0, 0, 0, 0, 0, 0, 0]
}

/// The result of an operation with one value.
#[must_use]
#[inline]
pub fn of(result: Result<u64, Errno>) -> Words {
    match result {
        Ok(value) => ok(&[value]),
        Err(errno) => error(errno),
    }
}

/// An answer with capabilities or starts; words alone need none of this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reply {
    pub(crate) words: Words,
    pub(crate) extras: Extras,
}

impl Reply {
    /// These words.
    #[must_use]
    pub const fn new(words: Words) -> Self {
        Self { words, extras: Extras::NONE }
    }

    /// The same with a capability (at most four); a fifth is not sent.
    #[must_use]
    pub fn with_capability(mut self, capability: SendCapability) -> Self {
        if let Some(free) = self.extras.capabilities.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(capability);
        }
        self
    }

    /// The same with a new identity on `port`: SEND, DUPLICATE and these protocol rights.
    #[must_use]
    pub fn minting(self, port: CapRef, badge: u64, protocol: u16) -> Self {
        let rights = (Rights::SEND | Rights::DUPLICATE).with_protocol(protocol);
        self.with_capability(SendCapability { source: port, mode: SendMode::Mint, rights, badge })
    }

    /// The same, starting a Domain or Thread (at most two) with the answer.
    #[must_use]
    pub fn starting(mut self, started: CapRef) -> Self {
        if let Some(free) = self.extras.starts.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(started);
        }
        self
    }

    /// The same, running the started one before the caller.
    #[must_use]
    pub fn start_first(mut self) -> Self {
        self.extras.start_first = true;
        self
    }
}

/// The capabilities that leave the server's table with an answer.
pub(crate) fn moved(extras: &Extras) -> impl Iterator<Item = CapRef> {
    extras
        .capabilities
        .iter()
        .flatten()
        .filter(|capability| capability.mode == SendMode::Move)
        .map(|capability| capability.source)
}

/// The identities on `port` that an answer makes.
pub(crate) fn minted(extras: &Extras, port: CapRef) -> impl Iterator<Item = Badge> {
    extras
        .capabilities
        .iter()
        .flatten()
        .filter(move |capability| capability.mode == SendMode::Mint && capability.source == port)
        .map(|capability| Badge(capability.badge))
}
