//! What a server received, and how a handler reads it.

use tine_abi::capability::{Destination, slot};
use tine_abi::message::Words;
use tine_abi::protocol::file::WatchMask;
use tine_abi::{CapRef, Errno, Error};
use tine_server_model::{Badge, Token, WatchHandle};
use tine_sys::message::Received;

use crate::kernel::Kernel;

/// How a failed copy from or to a client is said to it.
#[must_use]
pub fn errno_of_copy(error: Error) -> Errno {
    match error {
        Error::BadAddress | Error::BadArgument => Errno::FAULT,
        Error::BadToken | Error::CallerGone => Errno::SRCH,
        other => Errno::from(other),
    }
}

/// A client's call.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    received: Received,
}

/// What a WATCH asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Watch {
    /// A new watch, or another one with this key.
    Begin {
        /// The client's name for it.
        key: u64,
        /// The Event and bit, kept in the server's table.
        handle: WatchHandle,
        /// The conditions.
        mask: WatchMask,
    },
    /// No watch with this key any more.
    End {
        /// The client's name for it.
        key: u64,
    },
}

impl Request {
    pub(crate) const fn new(received: Received) -> Self {
        Self { received }
    }

    /// Names the call until it is answered.
    #[must_use]
    pub const fn token(&self) -> Token {
        Token(self.received.token)
    }

    /// Who calls.
    #[must_use]
    pub const fn badge(&self) -> Badge {
        Badge(self.received.badge)
    }

    /// Protocol rights of the capability that was called.
    #[must_use]
    pub const fn rights(&self) -> u16 {
        self.received.rights
    }

    /// All eight words.
    #[must_use]
    pub const fn words(&self) -> &Words {
        &self.received.words
    }

    /// Word 0.
    #[must_use]
    pub const fn operation(&self) -> u64 {
        self.received.words[0]
    }

    /// Word 1.
    #[must_use]
    pub const fn flags(&self) -> u64 {
        self.received.words[1]
    }

    /// Word 1, which must be 0.
    ///
    /// # Errors
    /// EINVAL.
    pub const fn no_flags(&self) -> Result<(), Errno> {
        if self.flags() == 0 { Ok(()) } else { Err(Errno::INVAL) }
    }

    /// Word `2 + index`.
    #[must_use]
    pub fn argument(&self, index: usize) -> u64 {
        self.received.words.get(2 + index).copied().unwrap_or_default()
    }

    /// Word `2 + index` as a length of at most `limit`.
    ///
    /// # Errors
    /// `error` above the limit.
    pub fn length(&self, index: usize, limit: usize, error: Errno) -> Result<usize, Errno> {
        usize::try_from(self.argument(index)).ok().filter(|length| *length <= limit).ok_or(error)
    }

    /// Whether the caller's receive slot could be reserved.
    ///
    /// # Errors
    /// EMFILE.
    pub const fn receive_slot(&self, index: u32) -> Result<(), Errno> {
        if self.received.missing >> index & 1 == 0 { Ok(()) } else { Err(Errno::MFILE) }
    }

    /// Reads all of `to` from the caller's range, from `offset` on.
    ///
    /// # Errors
    /// EFAULT, or ESRCH when the caller is gone.
    pub fn fetch(
        &self,
        kernel: &mut impl Kernel,
        range: u8,
        offset: u64,
        to: &mut [u8],
    ) -> Result<(), Errno> {
        kernel.fetch(self.received.token, range, offset, to)
    }

    /// The slot of the arrivals window in which capability `index` lies, if it arrived.
    #[must_use]
    pub const fn arrival(&self, index: u16) -> Option<CapRef> {
        if index < 4 && self.received.arrived >> index & 1 == 1 {
            Some(CapRef::private(slot::ARRIVALS + index))
        } else {
            None
        }
    }

    /// Moves an arrived capability to the lowest free private slot for the server's own use.
    ///
    /// # Errors
    /// EINVAL when it did not arrive, or what the move says.
    pub fn keep(&self, kernel: &mut impl Kernel, index: u16) -> Result<CapRef, Errno> {
        let arrival = self.arrival(index).ok_or(Errno::INVAL)?;
        let destination = Destination::lowest_from(CapRef::private(slot::FREE));
        kernel.move_to(arrival, destination).map_err(Errno::from)
    }

    /// Reads the arguments of a WATCH; its Event is kept and belongs to the watch.
    ///
    /// # Errors
    /// EINVAL for an undefined bit or mask, or without an Event.
    pub fn watch(&self, kernel: &mut impl Kernel) -> Result<Watch, Errno> {
        self.no_flags()?;
        let (bit, key) = (self.argument(0), self.argument(2));
        let mask = WatchMask::from_bits(self.argument(1)).ok_or(Errno::INVAL)?;
        if mask.is_empty() {
            return Ok(Watch::End { key });
        }
        if bit >= 64 {
            return Err(Errno::INVAL);
        }
        let event = self.keep(kernel, 0)?;
        Ok(Watch::Begin { key, handle: WatchHandle(bit << 32 | u64::from(event.bits())), mask })
    }
}

/// The Event and bit of a watch.
pub(crate) fn event_of(handle: WatchHandle) -> Option<(CapRef, u64)> {
    let event = CapRef::from_bits(handle.0 as u32)?;
    Some((event, 1 << (handle.0 >> 32 & 63)))
}
