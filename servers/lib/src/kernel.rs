//! The seam to the kernel: what a service asks of it, as a trait.

use tine_abi::capability::Destination;
use tine_abi::error::Result;
use tine_abi::message::{Extras, Words};
use tine_abi::{CapRef, Errno};
use tine_sys::capability::Placement;
use tine_sys::memory::Remote;
use tine_sys::message::Received;

use crate::request::errno_of_copy;

/// The calls that the framework makes. [`Tine`] is the kernel; a test has its own.
pub trait Kernel {
    /// Answers a call (token 0: none) and waits for the next message.
    ///
    /// # Errors
    /// As the row `reply_recv` of the abi says; nothing was done then.
    fn reply_recv(
        &mut self,
        port: CapRef,
        token: u64,
        words: &Words,
        extras: Option<&Extras>,
    ) -> Result<Received>;

    /// Answers a call.
    ///
    /// # Errors
    /// As the row `reply` says; nothing was done then.
    fn reply(
        &mut self,
        port: CapRef,
        token: u64,
        words: &Words,
        extras: Option<&Extras>,
    ) -> Result<()>;

    /// Reads all of `to` from a caller's range.
    ///
    /// # Errors
    /// EFAULT, or ESRCH when the caller is gone.
    fn fetch(
        &mut self,
        token: u64,
        range: u8,
        offset: u64,
        to: &mut [u8],
    ) -> core::result::Result<(), Errno>;

    /// Writes all of `from` to a caller's range.
    ///
    /// # Errors
    /// EFAULT, or ESRCH when the caller is gone.
    fn send(
        &mut self,
        token: u64,
        range: u8,
        offset: u64,
        from: &[u8],
    ) -> core::result::Result<(), Errno>;

    /// The badge under which the port supervises the Domain that makes a call, if it does.
    ///
    /// # Errors
    /// As the row `cap_info` says.
    fn supervised_as(&mut self, port: CapRef, token: u64) -> Result<Option<u64>>;

    /// Moves a capability.
    ///
    /// # Errors
    /// As the row `cap_move` says.
    fn move_to(&mut self, source: CapRef, destination: Destination) -> Result<CapRef>;

    /// Closes a capability; an empty slot is no error.
    fn close(&mut self, capability: CapRef);

    /// Sets bits of an Event; one that is gone is no error.
    fn signal(&mut self, event: CapRef, bits: u64);
}

/// The kernel itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tine;

impl Kernel for Tine {
    #[inline]
    fn reply_recv(
        &mut self,
        port: CapRef,
        token: u64,
        words: &Words,
        extras: Option<&Extras>,
    ) -> Result<Received> {
        tine_sys::message::reply_recv(port, token, words, extras)
    }

    fn reply(
        &mut self,
        port: CapRef,
        token: u64,
        words: &Words,
        extras: Option<&Extras>,
    ) -> Result<()> {
        tine_sys::message::reply(port, token, words, extras)
    }

    fn fetch(
        &mut self,
        token: u64,
        range: u8,
        offset: u64,
        to: &mut [u8],
    ) -> core::result::Result<(), Errno> {
        let wanted = to.len() as u64;
        let from = Remote::CallerRange { token, range, offset };
        match tine_sys::memory::copy_in(to, from) {
            Ok(copied) if copied == wanted => Ok(()),
            Ok(_) => Err(Errno::FAULT),
            Err(failed) => Err(errno_of_copy(failed.error)),
        }
    }

    fn send(
        &mut self,
        token: u64,
        range: u8,
        offset: u64,
        from: &[u8],
    ) -> core::result::Result<(), Errno> {
        let to = Remote::CallerRange { token, range, offset };
        match tine_sys::memory::copy_out(to, from) {
            Ok(copied) if copied == from.len() as u64 => Ok(()),
            Ok(_) => Err(Errno::FAULT),
            Err(failed) => Err(errno_of_copy(failed.error)),
        }
    }

    fn supervised_as(&mut self, port: CapRef, token: u64) -> Result<Option<u64>> {
        tine_sys::capability::supervised_as(port, token)
    }

    fn move_to(&mut self, source: CapRef, destination: Destination) -> Result<CapRef> {
        tine_sys::capability::move_to(source, Placement::new(destination))
    }

    fn close(&mut self, capability: CapRef) {
        // An empty slot is what the caller wants.
        tine_sys::capability::close(capability).ok();
    }

    fn signal(&mut self, event: CapRef, bits: u64) {
        // An Event that went away with its account has no waiter to miss it.
        tine_sys::event::signal(event, bits).ok();
    }
}
