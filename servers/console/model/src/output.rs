//! Bytes on their way to the device, and the writers that wait for room.
//!
//! Owns: a queue with a fixed capacity, served in order; parked WRITE calls, served first come,
//! first served. Never enters it: the device and the line discipline.
//!
//! Invariant: writers leave [`ECHO`] bytes of the queue to the echo of typed characters, so that
//! what a person types is seen while a program floods the line; echo beyond that is dropped.

use alloc::collections::VecDeque;

use tine_abi::Errno;
use tine_server_model::Token;

/// Bytes that wait for the device at most.
pub const OUTPUT_MAX: usize = 4096;
/// Of those, bytes that only echo may use.
const ECHO: usize = 512;
/// Writers that wait at most.
const WRITERS_MAX: usize = 256;

/// A WRITE that is not yet answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer {
    pub(crate) call: Token,
    pub(crate) length: usize,
    /// Bytes taken so far.
    pub(crate) done: usize,
}

/// The queue and its writers.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: VecDeque<u8>,
    writers: VecDeque<Writer>,
}

impl Output {
    /// An empty queue. All memory it will ever need is taken here.
    pub(crate) fn new() -> Result<Self, Errno> {
        let mut output = Self::default();
        output
            .bytes
            .try_reserve_exact(OUTPUT_MAX)
            .and_then(|()| output.writers.try_reserve_exact(WRITERS_MAX))
            .map(|()| output)
            .map_err(|_| Errno::NOMEM)
    }

    /// Adds bytes; those without room are dropped.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = OUTPUT_MAX - self.bytes.len();
        self.bytes.extend(&bytes[..bytes.len().min(room)]);
    }

    /// Bytes that writers may add.
    pub(crate) fn room(&self) -> usize {
        (OUTPUT_MAX - ECHO).saturating_sub(self.bytes.len())
    }

    /// The oldest bytes that lie in one piece.
    pub(crate) fn front(&self) -> &[u8] {
        self.bytes.as_slices().0
    }

    /// Drops the oldest `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds a writer; false when there are too many.
    pub(crate) fn park(&mut self, writer: Writer) -> bool {
        if self.writers.len() >= WRITERS_MAX {
            return false;
        }
        self.writers.push_back(writer);
        true
    }

    pub(crate) fn first_writer(&mut self) -> Option<&mut Writer> {
        self.writers.front_mut()
    }

    pub(crate) fn remove_first_writer(&mut self) {
        self.writers.pop_front();
    }
}
