//! Messages: eight register words, and in memory whatever does not fit.
//!
//! A client's message has an operation in word 0, flags in word 1 and six arguments. A reply has
//! 0 or an [`crate::Errno`] in word 0 and results from word 1 on. Capabilities, receive slots and
//! memory ranges are listed in an [`Extras`]; a message without them never touches memory.
//!
//! Receive slots are reserved when the call is made, so that filling one cannot fail: the table,
//! and an exact slot or the lowest free one from a number on. Until filled, such a slot answers
//! every use with BAD_CAPABILITY; it can be replaced and closed, and is never copied by a fork. If
//! it was closed meanwhile, what arrives is closed. A reservation that failed travels in
//! [`Status::missing_slots`], so that the server can report it in its own order of errors.

use crate::capability::{CapRef, Destination, Rights};
use crate::wire::Wire;
use crate::{Error, error};

/// Words of a message.
pub const WORDS: usize = 8;

/// The eight words.
pub type Words = [u64; WORDS];

/// Capabilities, receive slots or memory ranges of one message at most.
pub const TRANSFERS: usize = 4;

/// The token that names no call: `reply_recv` with it only receives.
pub const NO_TOKEN: u64 = 0;

/// What arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum MessageKind {
    /// A client's call; RDI holds the token to answer with, R15 the badge.
    Call = 0,
    /// A kernel notification ([`crate::notification`]); there is nothing to answer.
    Notification = 1,
    /// A fault ([`crate::notification::Fault`]); the token answers it.
    Fault = 2,
}

/// RAX after a system call.
///
/// Bits 0..16: 0 or an [`Error`]. Bits 16..24: [`MessageKind`]. Bits 24..28: which of the message's
/// capabilities arrived. Bits 28..32: which of the caller's receive slots could not be reserved.
/// Bits 48..64: the protocol rights of the capability that was called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status(pub u64);

impl Status {
    /// Success, nothing else to tell.
    pub const OK: Self = Self(0);

    /// Failure with this error.
    #[must_use]
    pub const fn error(error: Error) -> Self {
        Self(error.number())
    }

    /// The status of a received message.
    #[must_use]
    pub const fn message(kind: MessageKind, arrived: u8, missing: u8, rights: u16) -> Self {
        Self(
            (kind as u64) << 16
                | ((arrived & 15) as u64) << 24
                | ((missing & 15) as u64) << 28
                | (rights as u64) << 48,
        )
    }

    /// Success or the error.
    ///
    /// # Errors
    /// The error that the kernel reported; UNKNOWN_CALL for a number that this version does not
    /// know.
    #[inline]
    pub const fn result(self) -> error::Result<()> {
        match self.0 as u16 {
            0 => Ok(()),
            number => Err(Self::failure(number)),
        }
    }

    #[cold]
    const fn failure(number: u16) -> Error {
        match Error::from_number(number as u64) {
            Some(error) => error,
            None => Error::UnknownCall,
        }
    }

    /// The kind of a received message.
    #[must_use]
    pub const fn kind(self) -> MessageKind {
        match self.0 >> 16 & 0xff {
            0 => MessageKind::Call,
            1 => MessageKind::Notification,
            _ => MessageKind::Fault,
        }
    }

    /// Bit *i* is set when capability *i* of the message arrived.
    #[must_use]
    pub const fn arrived(self) -> u8 {
        (self.0 >> 24 & 15) as u8
    }

    /// Bit *i* is set when receive slot *i* of the caller could not be reserved, or was not named.
    #[must_use]
    pub const fn missing_slots(self) -> u8 {
        (self.0 >> 28 & 15) as u8
    }

    /// The protocol half of the rights of the capability that was called.
    #[must_use]
    pub const fn protocol_rights(self) -> u16 {
        (self.0 >> 48) as u16
    }
}

/// How a capability is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SendMode {
    /// The sender keeps its own; needs DUPLICATE.
    Copy = 0,
    /// The sender's slot becomes empty when the message is accepted.
    Move = 1,
    /// The source is a Port held with MINT: the receiver gets a new identity with this badge.
    Mint = 2,
}

/// One capability of a message. Two words: bits 0..32 of the first are the source, 32..40 the
/// mode; bits 0..32 of the second the rights to keep; the third is the badge for [`SendMode::Mint`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendCapability {
    /// The sender's slot.
    pub source: CapRef,
    /// Copy, move or mint.
    pub mode: SendMode,
    /// Rights that the receiver keeps (never more than the sender has).
    pub rights: Rights,
    /// The badge of a minted identity; 0 otherwise.
    pub badge: u64,
}

impl SendCapability {
    /// Its words in the image of [`Extras`].
    #[must_use]
    #[inline]
    pub const fn words(&self) -> [u64; 3] {
        let first = self.source.bits() as u64 | (self.mode as u64) << 32;
        [first, self.rights.bits() as u64, self.badge]
    }
}

/// A memory range that the receiver may read or write while it has the call in service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// First byte, in the sender's address space.
    pub address: u64,
    /// Bytes, below 2^62.
    pub length: u64,
    /// The server may write it; otherwise it may read it.
    pub writable: bool,
}

impl Range {
    /// Its words in the image of [`Extras`].
    #[must_use]
    #[inline]
    pub const fn words(&self) -> [u64; 2] {
        [self.address, self.length | (self.writable as u64) << 63]
    }
}

/// What becomes of the call that `reply` names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Disposition {
    /// It returns with the words of the reply.
    #[default]
    Answer = 0,
    /// It returns PEER_DIED.
    Drop = 1,
    /// It is executed again from the caller's own registers (after any upcall of the caller).
    Restart = 2,
}

/// Where the parts of an image of [`Extras`] stand, for those who write one word by word.
pub mod layout {
    /// Words of the image.
    pub const WORDS: usize = 22;
    /// Word 0: bits from here on say how many capabilities there are.
    pub const CAPABILITIES_SHIFT: u32 = 0;
    /// Word 0: receive slots.
    pub const RECEIVE_SHIFT: u32 = 4;
    /// Word 0: ranges.
    pub const RANGES_SHIFT: u32 = 8;
    /// Word 0: starts.
    pub const STARTS_SHIFT: u32 = 12;
    /// Word 0: the disposition.
    pub const DISPOSITION_SHIFT: u32 = 16;
    /// Word 0: whether a started one runs first.
    pub const START_FIRST_SHIFT: u32 = 20;
    /// First word of the capabilities, three each.
    pub const CAPABILITIES: usize = 1;
    /// First word of the receive slots.
    pub const RECEIVE: usize = 13;
    /// First word of the ranges, two each.
    pub const RANGES: usize = 17;
    /// The word of the starts.
    pub const STARTS: usize = 21;
}

/// What does not fit into registers: [`Wire::WORDS`] words at the address in R15 (see [`layout`]).
///
/// Word 0: numbers of capabilities (bits 0..4), receive slots (4..8), ranges (8..12) and starts
/// (12..16), the disposition (16..20), whether a started one runs first (20); other bits zero.
/// Words 1..13: capabilities, three words each. Words 13..17: receive slots
/// ([`Destination::bits`]). Words 17..21: ranges, address and length with bit 63 for writable.
/// Word 21: starts, two [`CapRef`]s. The kernel reads only the part that the numbers cover.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extras {
    /// Capabilities sent with the message; filled from the front.
    pub capabilities: [Option<SendCapability>; TRANSFERS],
    /// `call` only: where capabilities of the reply go.
    pub receive: [Option<Destination>; TRANSFERS],
    /// `call` only: memory ranges.
    pub ranges: [Option<Range>; 2],
    /// `reply` and `reply_recv` only: Domains or Threads that start running.
    pub starts: [Option<CapRef>; 2],
    /// `reply` only: what becomes of the call.
    pub disposition: Disposition,
    /// The first started one runs before the answered caller.
    pub start_first: bool,
}

impl Extras {
    /// Nothing.
    pub const NONE: Self = Self {
        capabilities: [None; TRANSFERS],
        receive: [None; TRANSFERS],
        ranges: [None; 2],
        starts: [None; 2],
        disposition: Disposition::Answer,
        start_first: false,
    };

    /// Gives every word that the numbers cover, with its index. The kernel reads no other, so a
    /// sender need not write them.
    #[inline]
    pub fn for_each_word(&self, mut put: impl FnMut(usize, u64)) {
        put(
            0,
            filled(&self.capabilities) << layout::CAPABILITIES_SHIFT
                | filled(&self.receive) << layout::RECEIVE_SHIFT
                | filled(&self.ranges) << layout::RANGES_SHIFT
                | filled(&self.starts) << layout::STARTS_SHIFT
                | (self.disposition as u64) << layout::DISPOSITION_SHIFT
                | u64::from(self.start_first) << layout::START_FIRST_SHIFT,
        );
        for (index, capability) in self.capabilities.iter().map_while(Option::as_ref).enumerate() {
            for (offset, word) in capability.words().into_iter().enumerate() {
                put(layout::CAPABILITIES + 3 * index + offset, word);
            }
        }
        for (index, destination) in self.receive.iter().map_while(Option::as_ref).enumerate() {
            put(layout::RECEIVE + index, destination.bits());
        }
        for (index, range) in self.ranges.iter().map_while(Option::as_ref).enumerate() {
            let [address, length] = range.words();
            put(layout::RANGES + 2 * index, address);
            put(layout::RANGES + 1 + 2 * index, length);
        }
        let start = |index: usize| self.starts[index].map_or(0, |start| u64::from(start.bits()));
        if self.starts[0].is_some() {
            put(layout::STARTS, start(0) | start(1) << 32);
        }
    }
}

/// Number of leading `Some`s; later ones are not sent.
fn filled<T>(list: &[Option<T>]) -> u64 {
    list.iter().take_while(|item| item.is_some()).count() as u64
}

impl Wire for Extras {
    const WORDS: usize = layout::WORDS;

    fn encode(&self, words: &mut [u64]) {
        words[..Self::WORDS].fill(0);
        self.for_each_word(|index, word| words[index] = word);
    }

    fn decode(words: &[u64]) -> Option<Self> {
        let head = *words.first()?;
        if head >> 21 != 0 {
            return None;
        }
        let count = |shift: u32, limit: usize| {
            let number = (head >> shift & 15) as usize;
            (number <= limit).then_some(number)
        };
        let mut extras = Self::NONE;
        for index in 0..count(layout::CAPABILITIES_SHIFT, TRANSFERS)? {
            let first = *words.get(layout::CAPABILITIES + 3 * index)?;
            extras.capabilities[index] = Some(SendCapability {
                source: CapRef::from_bits(first as u32)?,
                mode: match first >> 32 {
                    0 => SendMode::Copy,
                    1 => SendMode::Move,
                    2 => SendMode::Mint,
                    _ => return None,
                },
                rights: Rights::from_bits(
                    u32::try_from(*words.get(layout::CAPABILITIES + 1 + 3 * index)?).ok()?,
                )?,
                badge: *words.get(layout::CAPABILITIES + 2 + 3 * index)?,
            });
        }
        for index in 0..count(layout::RECEIVE_SHIFT, TRANSFERS)? {
            extras.receive[index] =
                Some(Destination::from_bits(*words.get(layout::RECEIVE + index)?)?);
        }
        for index in 0..count(layout::RANGES_SHIFT, 2)? {
            let length = *words.get(layout::RANGES + 1 + 2 * index)?;
            if length >> 62 & 1 != 0 {
                return None;
            }
            extras.ranges[index] = Some(Range {
                address: *words.get(layout::RANGES + 2 * index)?,
                length: length & ((1 << 62) - 1),
                writable: length >> 63 == 1,
            });
        }
        for index in 0..count(layout::STARTS_SHIFT, 2)? {
            extras.starts[index] =
                Some(CapRef::from_bits((*words.get(layout::STARTS)? >> (32 * index)) as u32)?);
        }
        extras.disposition = match head >> layout::DISPOSITION_SHIFT & 15 {
            0 => Disposition::Answer,
            1 => Disposition::Drop,
            2 => Disposition::Restart,
            _ => return None,
        };
        extras.start_first = head >> layout::START_FIRST_SHIFT & 1 == 1;
        Some(extras)
    }
}

/// The slots at which the capabilities of a reply arrived: RDI after `call`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArrivedSlots(pub u64);

impl ArrivedSlots {
    /// Nothing arrived.
    pub const NONE: Self = Self(u64::MAX);

    /// The slot number of receive slot `index`; `None` when nothing arrived there.
    #[must_use]
    pub const fn slot(self, index: usize) -> Option<u16> {
        if index >= TRANSFERS {
            return None;
        }
        let slot = (self.0 >> (16 * index)) as u16;
        if slot == u16::MAX { None } else { Some(slot) }
    }

    /// The same with `slot` recorded at `index` (below [`TRANSFERS`]).
    #[must_use]
    pub const fn with(self, index: usize, slot: u16) -> Self {
        let shift = 16 * index as u32;
        Self(self.0 & !(0xffff << shift) | (slot as u64) << shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extras_survive_the_wire() {
        let mut extras = Extras::NONE;
        extras.capabilities[0] = Some(SendCapability {
            source: CapRef::private(7),
            mode: SendMode::Mint,
            rights: Rights::SEND | Rights::DUPLICATE,
            badge: 99,
        });
        extras.receive[0] = Some(Destination::lowest_from(CapRef::descriptor(3)));
        extras.ranges[0] = Some(Range { address: 4096, length: 17, writable: true });
        extras.ranges[1] = Some(Range { address: 1, length: 2, writable: false });
        extras.starts[0] = Some(CapRef::private(20));
        extras.disposition = Disposition::Restart;
        extras.start_first = true;
        let mut words = [0; Extras::WORDS];
        extras.encode(&mut words);
        assert_eq!(Extras::decode(&words), Some(extras));
        for bit in 21..64 {
            let mut bad = words;
            bad[0] |= 1 << bit;
            assert_eq!(Extras::decode(&bad), None, "bit {bit} is reserved");
        }
    }

    #[test]
    fn only_the_covered_part_is_read() {
        assert_eq!(Extras::decode(&[0]), Some(Extras::NONE));
        assert_eq!(Extras::decode(&[1, 0]), None, "a capability that the words do not hold");
        assert_eq!(Extras::decode(&[5, 0, 0, 0]), None, "five capabilities");
    }

    #[test]
    fn arrived_slots_are_four_fields() {
        let slots = ArrivedSlots::NONE.with(1, 5);
        assert_eq!((slots.slot(0), slots.slot(1), slots.slot(4)), (None, Some(5), None));
    }
}
