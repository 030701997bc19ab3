//! A piece of physical memory in which the answers are written, one after the other.
//!
//! Owned here: placing structures and translating their addresses. Never here: their meaning.
//! Called by: `answers`. Invariants: addresses handed out are direct-map addresses of bytes inside
//! the piece; structures are 8-byte aligned and never overlap; unwritten bytes are zero.

use crate::Error;
use crate::bytes::put;

/// Where a structure lies in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    offset: usize,
    address: u64,
}

impl Place {
    /// Its address in the direct map.
    #[must_use]
    pub fn address(self) -> u64 {
        self.address
    }
}

/// The arena.
#[derive(Debug)]
pub struct Arena<'a> {
    bytes: &'a mut [u8],
    address: u64,
    used: usize,
}

impl<'a> Arena<'a> {
    /// An empty arena over zeroed `bytes`, which the kernel will see at `address`.
    #[must_use]
    pub fn new(bytes: &'a mut [u8], address: u64) -> Arena<'a> {
        Arena { bytes, address, used: 0 }
    }

    /// Reserves `size` zero bytes.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn reserve(&mut self, size: usize) -> Result<Place, Error> {
        let offset = self.used.next_multiple_of(8);
        let end = offset.checked_add(size).ok_or(Error::AnswersFull)?;
        if end > self.bytes.len() {
            return Err(Error::AnswersFull);
        }
        self.used = end;
        Ok(Place { offset, address: self.address.wrapping_add(offset as u64) })
    }

    /// Writes `value` at `offset` of a place.
    ///
    /// # Errors
    /// `AnswersFull` if it is outside the arena.
    pub fn write(&mut self, place: Place, offset: usize, value: &[u8]) -> Result<(), Error> {
        if put(self.bytes, place.offset.saturating_add(offset), value) {
            Ok(())
        } else {
            Err(Error::AnswersFull)
        }
    }

    /// Writes a structure of 64-bit words; returns its address.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn words(&mut self, words: &[u64]) -> Result<u64, Error> {
        let place = self.reserve(words.len() * 8)?;
        for (index, word) in words.iter().enumerate() {
            self.write(place, index * 8, &word.to_le_bytes())?;
        }
        Ok(place.address)
    }

    /// Writes a text with a closing NUL; returns its address.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn text(&mut self, parts: &[&str]) -> Result<u64, Error> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let place = self.reserve(length + 1)?;
        let mut offset = 0;
        for part in parts {
            self.write(place, offset, part.as_bytes())?;
            offset += part.len();
        }
        Ok(place.address)
    }
}
