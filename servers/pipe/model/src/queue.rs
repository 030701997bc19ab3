//! A ring of bytes with a fixed capacity.

use alloc::vec::Vec;

use tine_abi::Errno;

/// Bytes in flight; memory is taken once, at creation.
#[derive(Debug)]
pub(crate) struct ByteQueue {
    bytes: Vec<u8>,
    start: usize,
    length: usize,
}

impl ByteQueue {
    /// An empty queue for `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Result<Self, Errno> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(capacity).map_err(|_| Errno::NOMEM)?;
        bytes.resize(capacity, 0);
        Ok(Self { bytes, start: 0, length: 0 })
    }

    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn room(&self) -> usize {
        self.bytes.len() - self.length
    }

    /// The oldest bytes that lie in one piece.
    pub(crate) fn front(&self) -> &[u8] {
        let end = (self.start + self.length).min(self.bytes.len());
        &self.bytes[self.start..end]
    }

    /// Drops the oldest `count` bytes, at most [`Self::len`].
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.length);
        self.start = (self.start + count) % self.bytes.len();
        self.length -= count;
    }

    /// The bytes after those of [`Self::front`]: what lies at the beginning of the ring.
    pub(crate) fn wrapped(&self) -> &[u8] {
        &self.bytes[..(self.start + self.length).saturating_sub(self.bytes.len())]
    }

    /// Free room in one piece, `ahead` bytes (less than [`Self::room`]) behind the newest byte, to
    /// be filled and then [`Self::commit`]ted.
    pub(crate) fn vacant(&mut self, ahead: usize) -> &mut [u8] {
        let capacity = self.bytes.len();
        let begin = (self.start + self.length + ahead) % capacity;
        let end = (begin + self.room() - ahead).min(capacity);
        &mut self.bytes[begin..end]
    }

    /// Takes `count` filled bytes of [`Self::vacant`] into the queue.
    pub(crate) fn commit(&mut self, count: usize) {
        self.length = (self.length + count).min(self.bytes.len());
    }
}
