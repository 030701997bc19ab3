//! The seam between a model and its clients.

use tine_abi::Errno;

use crate::watch::WatchHandle;

/// A call in service, as the kernel names it. Using one whose caller was killed does nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Token(pub u64);

/// What a model may do to its clients. The shell implements it over system calls, a test over
/// byte vectors.
pub trait Clients {
    /// Writes bytes into the first range of a call, from `offset` on.
    ///
    /// # Errors
    /// EFAULT when the range is not that long or not mapped; ESRCH when the caller is gone.
    fn send_to_client(&mut self, call: Token, offset: usize, bytes: &[u8]) -> Result<(), Errno>;

    /// Reads bytes of the first range of a call, from `offset` on.
    ///
    /// # Errors
    /// As [`Self::send_to_client`].
    fn fetch_from_client(
        &mut self,
        call: Token,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<(), Errno>;

    /// Answers a call with the value of word 1.
    fn reply(&mut self, call: Token, result: Result<u64, Errno>);

    /// Sets the watched bit of an Event.
    fn signal(&mut self, watch: WatchHandle);

    /// Gives up the Event of a watch.
    fn forget(&mut self, watch: WatchHandle);
}
