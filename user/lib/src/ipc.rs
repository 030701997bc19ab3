//! Ports and Events for programs that use Tine's own means.
//!
//! Owns: [`Owned`], a capability in the private table that is closed when dropped; [`Event`];
//! [`Port`].
//!
//! Never enters it: the loop of a server (`tine-server`).
//!
//! Invariants: the private table is not inherited. In the child of a fork the same slot may hold
//! something else; an [`Owned`] therefore knows which process made it, and in any other neither
//! names the slot (EBADF) nor closes it.

use core::time::Duration;

use tine_abi::capability::Rights;
use tine_abi::domain::rank;
use tine_abi::message::{Extras, Words};
use tine_abi::{CapRef, Kind};
use tine_rt::control;
use tine_sys::capability::{self, ANYWHERE, Placement};
use tine_sys::event;
use tine_sys::message::{self, Message, Received, Reply};

use crate::error::{Errno, Result};
use crate::time::deadline_after;

/// A capability that this process made for itself.
#[derive(Debug)]
pub struct Owned {
    capability: CapRef,
    process: u32,
}

impl Owned {
    /// Takes a capability in the private table over.
    #[must_use]
    pub fn new(capability: CapRef) -> Self {
        Self { capability, process: control::process() }
    }

    /// Its slot.
    ///
    /// # Errors
    /// EBADF in the child of a fork.
    #[inline]
    pub fn capability(&self) -> Result<CapRef> {
        if self.process == control::process() { Ok(self.capability) } else { Err(Errno::BADF) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Ok(capability) = self.capability() {
            capability::close(capability).ok();
        }
    }
}

/// 64 bits that can be set, waited for, and set by a deadline.
#[derive(Debug)]
pub struct Event(Owned);

impl Event {
    /// Makes one.
    ///
    /// # Errors
    /// ENOMEM, EAGAIN, EMFILE.
    pub fn new() -> Result<Self> {
        let event = capability::create(CapRef::SELF, Kind::Event, ANYWHERE, [0; 3])?;
        Ok(Self(Owned::new(event)))
    }

    /// Its capability.
    ///
    /// # Errors
    /// EBADF in the child of a fork.
    pub fn capability(&self) -> Result<CapRef> {
        self.0.capability()
    }

    /// Sets bits.
    ///
    /// # Errors
    /// EBADF in the child of a fork.
    pub fn signal(&self, bits: u64) -> Result<()> {
        Ok(event::signal(self.capability()?, bits)?)
    }

    /// Waits for bits of `mask`, takes and tells them.
    ///
    /// # Errors
    /// ETIMEDOUT; EBADF in the child of a fork.
    pub fn wait(&self, mask: u64, timeout: Option<Duration>) -> Result<u64> {
        self.wait_until(mask, deadline_after(timeout))
    }

    /// The same with a deadline in nanoseconds since boot.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn wait_until(&self, mask: u64, deadline: u64) -> Result<u64> {
        Ok(event::wait(self.capability()?, mask, deadline)?)
    }

    /// Has a time set a bit, once.
    ///
    /// # Errors
    /// EINVAL for bit 64 and above; EBADF in the child of a fork.
    pub fn arm(&self, bit: u32, after: Duration) -> Result<()> {
        Ok(event::arm(self.capability()?, bit, deadline_after(Some(after)).max(1))?)
    }
}

/// A port of this program, on which others call it.
#[derive(Debug)]
pub struct Port(Owned);

impl Port {
    /// Makes one.
    ///
    /// # Errors
    /// ENOMEM, EAGAIN, EMFILE.
    pub fn new() -> Result<Self> {
        let port = capability::create(CapRef::SELF, Kind::Port, ANYWHERE, [rank::PROGRAM, 0, 0])?;
        Ok(Self(Owned::new(port)))
    }

    /// Its capability.
    ///
    /// # Errors
    /// EBADF in the child of a fork.
    pub fn capability(&self) -> Result<CapRef> {
        self.0.capability()
    }

    /// Makes an identity: whoever holds it calls this port, and is known by `badge`.
    ///
    /// # Errors
    /// ENOMEM, EAGAIN, EMFILE.
    pub fn mint(&self, badge: u64) -> Result<Owned> {
        let rights = Rights::SEND | Rights::DUPLICATE;
        let placement = Placement::new(ANYWHERE).with_rights(rights);
        Ok(Owned::new(capability::mint(self.capability()?, badge, placement)?))
    }

    /// Waits for a message.
    ///
    /// # Errors
    /// EBADF in the child of a fork.
    pub fn recv(&self) -> Result<Received> {
        Ok(message::recv(self.capability()?)?)
    }

    /// Answers a call and waits for the next message.
    ///
    /// # Errors
    /// EBADF if the call is not in service.
    pub fn reply_recv(&self, token: u64, words: &Words) -> Result<Received> {
        Ok(message::reply_recv(self.capability()?, token, words, None)?)
    }

    /// Answers a call.
    ///
    /// # Errors
    /// EBADF if the call is not in service.
    pub fn reply(&self, token: u64, words: &Words, extras: Option<&Extras>) -> Result<()> {
        Ok(message::reply(self.capability()?, token, words, extras)?)
    }
}

/// Sends words to a port that somebody gave us and waits for the answer.
///
/// # Errors
/// As the row `call` says.
pub fn call(port: CapRef, words: &Words) -> Result<Reply> {
    Ok(message::call(port, words)?)
}

/// Sends a message to a port that somebody gave us and waits for the answer.
///
/// # Errors
/// As the row `call` says.
pub fn send(port: CapRef, message: Message<'_>) -> Result<Reply> {
    Ok(message.call(port)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_does_not_touch_what_its_parent_owned() {
        let owned = Owned { capability: CapRef::private(20), process: control::process() + 1 };
        assert_eq!(owned.capability().unwrap_err(), Errno::BADF);
        let own = Owned::new(CapRef::private(20));
        assert_eq!(own.capability(), Ok(CapRef::private(20)));
    }
}
