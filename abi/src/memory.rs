//! Mapping and copying: requests, protections, inheritance.

use bitflags::bitflags;

use crate::capability::CapRef;
use crate::wire::Wire;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

bitflags! {
    /// What a mapping allows. WRITE with EXECUTE is never granted; READ is implied by either.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
    pub struct Protection: u8 {
        /// Loads.
        const READ = 1;
        /// Stores.
        const WRITE = 2;
        /// Instruction fetch; only from a sealed Memory mapped with EXECUTE.
        const EXECUTE = 4;
    }
}

/// What a fork makes of a mapping; fixed when the range is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Inheritance {
    /// The child gets a copy, made page by page when either side writes.
    Copy = 0,
    /// Both see the same Memory.
    Share = 1,
    /// The child has nothing there.
    None = 2,
}

/// Where the bytes of a mapping come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Zeroed private memory, filled at first touch. Inheritance COPY or NONE.
    Anonymous,
    /// The Memory itself: stores are seen by everybody. Inheritance SHARE or NONE.
    Shared(CapRef),
    /// The content of a sealed Memory; stores go to private copies. Inheritance COPY or NONE.
    Private(CapRef),
}

/// Argument of `map`: six words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapRequest {
    /// Exact page-aligned address, or 0: the kernel chooses by size and inheritance.
    pub address: u64,
    /// Bytes, a positive multiple of the page size.
    pub length: u64,
    /// What is allowed.
    pub protection: Protection,
    /// What a fork makes of it.
    pub inheritance: Inheritance,
    /// Where the bytes come from.
    pub source: Source,
    /// First byte of the Memory to map, page-aligned; 0 for anonymous memory.
    pub offset: u64,
}

impl Wire for MapRequest {
    const WORDS: usize = 5;

    fn encode(&self, words: &mut [u64]) {
        let (kind, capability) = match self.source {
            Source::Anonymous => (0, 0),
            Source::Shared(memory) => (1, memory.bits()),
            Source::Private(memory) => (2, memory.bits()),
        };
        words[0] = self.address;
        words[1] = self.length;
        words[2] = u64::from(self.protection.bits()) | (self.inheritance as u64) << 8 | kind << 16;
        words[3] = u64::from(capability);
        words[4] = self.offset;
    }

    fn decode(words: &[u64]) -> Option<Self> {
        let [address, length, bits, capability, offset] = *words else { return None };
        let memory = CapRef::from_bits(u32::try_from(capability).ok()?)?;
        Some(Self {
            address,
            length,
            protection: Protection::from_bits(bits as u8)?,
            inheritance: match bits >> 8 & 0xff {
                0 => Inheritance::Copy,
                1 => Inheritance::Share,
                2 => Inheritance::None,
                _ => return None,
            },
            source: match bits >> 16 {
                0 if capability == 0 => Source::Anonymous,
                1 => Source::Shared(memory),
                2 => Source::Private(memory),
                _ => return None,
            },
            offset,
        })
    }
}

/// One side of a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The calling thread's own memory, at this address.
    Own(u64),
    /// A range of a call in service.
    CallerRange {
        /// The call.
        token: u64,
        /// Which of its ranges, 0 or 1.
        range: u8,
        /// First byte in it.
        offset: u64,
    },
    /// An address space, at this address.
    Space(CapRef, u64),
    /// A Memory, from this byte on.
    Memory(CapRef, u64),
}

impl Place {
    const fn words(&self) -> [u64; 3] {
        match *self {
            Self::Own(address) => [0, 0, address],
            Self::CallerRange { token, range, offset } => [1 | (range as u64) << 8, token, offset],
            Self::Space(space, address) => [2, space.bits() as u64, address],
            Self::Memory(memory, offset) => [3, memory.bits() as u64, offset],
        }
    }

    fn from_words(words: &[u64]) -> Option<Self> {
        let [kind, subject, position] = *words else { return None };
        let capability = || CapRef::from_bits(u32::try_from(subject).ok()?);
        match kind {
            0 if subject == 0 => Some(Self::Own(position)),
            1 => Some(Self::CallerRange { token: subject, range: 0, offset: position }),
            0x101 => Some(Self::CallerRange { token: subject, range: 1, offset: position }),
            2 => Some(Self::Space(capability()?, position)),
            3 => Some(Self::Memory(capability()?, position)),
            _ => None,
        }
    }
}

/// Argument of `space_copy`: seven words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopyRequest {
    /// Where the bytes go.
    pub to: Place,
    /// Where they come from.
    pub from: Place,
    /// How many.
    pub length: u64,
}

impl Wire for CopyRequest {
    const WORDS: usize = 7;

    fn encode(&self, words: &mut [u64]) {
        words[..3].copy_from_slice(&self.to.words());
        words[3..6].copy_from_slice(&self.from.words());
        words[6] = self.length;
    }

    fn decode(words: &[u64]) -> Option<Self> {
        Some(Self {
            to: Place::from_words(words.get(..3)?)?,
            from: Place::from_words(words.get(3..6)?)?,
            length: *words.get(6)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_the_wire() {
        let request = MapRequest {
            address: 0x40_0000,
            length: 8192,
            protection: Protection::READ | Protection::WRITE,
            inheritance: Inheritance::Share,
            source: Source::Shared(CapRef::private(9)),
            offset: 4096,
        };
        let mut words = [0; MapRequest::WORDS];
        request.encode(&mut words);
        assert_eq!(MapRequest::decode(&words), Some(request));
        words[2] |= 1 << 40;
        assert_eq!(MapRequest::decode(&words), None);

        let copy = CopyRequest {
            to: Place::CallerRange { token: 77, range: 1, offset: 3 },
            from: Place::Own(0x1000),
            length: 12,
        };
        let mut words = [0; CopyRequest::WORDS];
        copy.encode(&mut words);
        assert_eq!(CopyRequest::decode(&words), Some(copy));
        words[0] = 0x201;
        assert_eq!(CopyRequest::decode(&words), None, "a call has two ranges");
    }
}
