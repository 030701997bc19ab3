//! The specification of a fork: what the child of `clone_caller` has, and from where.

use super::Suspend;
use crate::capability::{CapRef, Destination, slot};
use crate::wire::Wire;

/// What the child gets of a table or address space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Inherit {
    /// A copy of the caller's.
    Copy = 0,
    /// The caller's own.
    Share = 1,
    /// An empty one (tables only).
    Empty = 2,
}

impl Inherit {
    /// The one with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Copy),
            1 => Some(Self::Share),
            2 => Some(Self::Empty),
            _ => None,
        }
    }
}

/// Where an entry of the child's private table comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PrivateSource {
    /// A slot of the caller's private table; empty stays empty.
    Caller {
        /// The slot, not 0.
        slot: u16,
    },
    /// The child's own Domain, with READ and DUPLICATE: a name to show to others, where
    /// [`CapRef::SELF`] is one to use. It has no CONTROL, because nobody chooses its own supervisor.
    /// Only a well-known slot, below [`slot::FREE`], can hold it.
    Own,
    /// A new identity on a port, with SEND and these protocol rights. The child cannot copy it.
    ///
    /// On the port of the call the child's EXIT says that the identity is gone, and no-senders is not
    /// said. On another port it is.
    Mint {
        /// A Port held with MINT ([`CapRef::SELF`]: the port of the call).
        port: CapRef,
        /// The badge.
        badge: u64,
        /// Protocol rights; of a port that is named at most those that it is held with.
        protocol: u16,
    },
}

/// One entry of the child's private table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrivateEntry {
    /// The child's slot, not 0.
    pub slot: u16,
    /// What fills it.
    pub source: PrivateSource,
}

impl PrivateEntry {
    /// The same slot as in the caller's private table.
    #[must_use]
    pub const fn inherited(slot: u16) -> Self {
        Self { slot, source: PrivateSource::Caller { slot } }
    }
}

/// Entries of [`CloneSpec::private`] at most.
pub const PRIVATE_ENTRIES: usize = 6;

/// Argument of `clone_caller`: 24 words.
///
/// The child has one thread. Its registers are the caller's, with status 0, word 0 = 0, word 1 = 0
/// (fork's result) and word 2 = [`Self::child_result`] (its own process id), and the overrides
/// below. It does not run before a reply starts it, whatever [`Self::suspend`] says beyond that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CloneSpec {
    /// Memory: copy or share.
    pub space: Inherit,
    /// File descriptors: copy, share or empty.
    pub descriptors: Inherit,
    /// Root and working directory: copy, share or empty.
    pub paths: Inherit,
    /// Where the capability of the new Domain goes.
    pub domain: Destination,
    /// Account that pays for the child (SELF: the caller's own account).
    pub account: CapRef,
    /// Port told of exit and faults, held with MINT.
    pub supervisor: CapRef,
    /// Badge of those notifications.
    pub supervisor_badge: u64,
    /// Port asked first about faults, held with MINT (SELF: none).
    pub debugger: CapRef,
    /// Badge of those messages.
    pub debugger_badge: u64,
    /// Suspend reasons the child begins with, beside NEW.
    pub suspend: Suspend,
    /// Word 2 of the child's result.
    pub child_result: u64,
    /// The child's stack pointer, if not the caller's.
    pub stack: Option<u64>,
    /// The child's instruction pointer, if not the caller's.
    pub instruction: Option<u64>,
    /// The child's control block, if not the caller's.
    pub gs_base: Option<u64>,
    /// The child's FS base, if not the caller's.
    pub fs_base: Option<u64>,
    /// The child's private table; all other slots are empty.
    pub private: [Option<PrivateEntry>; PRIVATE_ENTRIES],
}

impl CloneSpec {
    /// A child like its caller: copies of its memory and tables but the private one, which is empty,
    /// its account, its registers. The capability goes to `domain`, notifications to `supervisor` under
    /// `badge`.
    #[inline]
    #[must_use]
    pub const fn fork(domain: Destination, supervisor: CapRef, badge: u64) -> Self {
        Self {
            space: Inherit::Copy,
            descriptors: Inherit::Copy,
            paths: Inherit::Copy,
            domain,
            account: CapRef::SELF,
            supervisor,
            supervisor_badge: badge,
            debugger: CapRef::SELF,
            debugger_badge: 0,
            suspend: Suspend::empty(),
            child_result: 0,
            stack: None,
            instruction: None,
            gs_base: None,
            fs_base: None,
            private: [None; PRIVATE_ENTRIES],
        }
    }
}

impl Wire for CloneSpec {
    /// Word 0: inherit codes (bits 0..2, 2..4, 4..6), override flags (8..12: stack, instruction,
    /// GS, FS), kinds of the private entries (16..28, two bits each: none, caller, own, mint),
    /// suspend (32..64). Then domain, account, supervisor, its badge, debugger, its badge, child
    /// result, the four overrides; then two words an entry: slot (0..16), protocol (16..32), source
    /// slot or port (32..64); badge. What the kind of an entry does not use is 0.
    const WORDS: usize = 24;

    #[inline]
    fn encode(&self, words: &mut [u64]) {
        words[..Self::WORDS].fill(0);
        let overrides = [self.stack, self.instruction, self.gs_base, self.fs_base];
        let mut head = self.space as u64
            | (self.descriptors as u64) << 2
            | (self.paths as u64) << 4
            | u64::from(self.suspend.bits()) << 32;
        for (index, value) in overrides.iter().enumerate() {
            head |= u64::from(value.is_some()) << (8 + index);
            words[8 + index] = value.unwrap_or(0);
        }
        let entries = words[12..Self::WORDS].as_chunks_mut().0;
        for (index, (entry, [word, second])) in self.private.iter().zip(entries).enumerate() {
            let Some(entry) = entry else { continue };
            let (kind, protocol, source, badge) = match entry.source {
                PrivateSource::Caller { slot } => (1, 0, u32::from(slot), 0),
                PrivateSource::Own => (2, 0, 0, 0),
                PrivateSource::Mint { port, badge, protocol } => (3, protocol, port.bits(), badge),
            };
            head |= kind << (16 + 2 * index);
            *word = u64::from(entry.slot) | u64::from(protocol) << 16 | u64::from(source) << 32;
            *second = badge;
        }
        words[0] = head;
        words[1] = self.domain.bits();
        words[2] = u64::from(self.account.bits());
        words[3] = u64::from(self.supervisor.bits());
        words[4] = self.supervisor_badge;
        words[5] = u64::from(self.debugger.bits());
        words[6] = self.debugger_badge;
        words[7] = self.child_result;
    }

    #[inline]
    fn decode(words: &[u64]) -> Option<Self> {
        if words.len() != Self::WORDS {
            return None;
        }
        let head = words[0];
        let space = Inherit::from_number(head & 3)?;
        if space == Inherit::Empty {
            return None;
        }
        let capability = |word: u64| CapRef::from_bits(u32::try_from(word).ok()?);
        let over = |index: usize| (head >> (8 + index) & 1 == 1).then_some(words[8 + index]);
        if head & 0xf000_f0c0 != 0 {
            return None;
        }
        let mut private = [None; PRIVATE_ENTRIES];
        let mut kinds = head >> 16 & 0xfff;
        for (entry, [word, badge]) in private.iter_mut().zip(words[12..].as_chunks().0) {
            if kinds == 0 {
                break;
            }
            let (word, badge) = (*word, *badge);
            let (child, protocol) = (word as u16, (word >> 16) as u16);
            let source = (word >> 32) as u32;
            let is_plain = protocol == 0 && badge == 0;
            let kind = kinds & 3;
            kinds >>= 2;
            let source = match kind {
                0 => continue,
                1 if is_plain && source != 0 => {
                    PrivateSource::Caller { slot: u16::try_from(source).ok()? }
                }
                2 if is_plain && source == 0 && child < slot::FREE => PrivateSource::Own,
                3 => PrivateSource::Mint { port: CapRef::from_bits(source)?, badge, protocol },
                _ => return None,
            };
            if child == 0 {
                return None;
            }
            *entry = Some(PrivateEntry { slot: child, source });
        }
        Some(Self {
            space,
            descriptors: Inherit::from_number(head >> 2 & 3)?,
            paths: Inherit::from_number(head >> 4 & 3)?,
            domain: Destination::from_bits(words[1])?,
            account: capability(words[2])?,
            supervisor: capability(words[3])?,
            supervisor_badge: words[4],
            debugger: capability(words[5])?,
            debugger_badge: words[6],
            suspend: Suspend::from_bits((head >> 32) as u32)?,
            child_result: words[7],
            stack: over(0),
            instruction: over(1),
            gs_base: over(2),
            fs_base: over(3),
            private,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specification() -> CloneSpec {
        let entry = |slot, source| Some(PrivateEntry { slot, source });
        CloneSpec {
            space: Inherit::Share,
            descriptors: Inherit::Copy,
            paths: Inherit::Empty,
            domain: Destination::lowest_from(CapRef::private(64)),
            account: CapRef::SELF,
            supervisor: CapRef::private(4),
            supervisor_badge: 5,
            debugger: CapRef::SELF,
            debugger_badge: 0,
            suspend: Suspend::TRACED,
            child_result: 42,
            stack: Some(0x7000),
            instruction: None,
            gs_base: None,
            fs_base: Some(1),
            private: [
                entry(
                    1,
                    PrivateSource::Mint { port: CapRef::SELF, badge: u64::MAX, protocol: u16::MAX },
                ),
                Some(PrivateEntry::inherited(2)),
                None,
                entry(u16::MAX, PrivateSource::Caller { slot: u16::MAX }),
                entry(slot::FREE - 1, PrivateSource::Own),
                entry(
                    3,
                    PrivateSource::Mint { port: CapRef::path(u16::MAX), badge: 7, protocol: 0 },
                ),
            ],
        }
    }

    #[test]
    fn the_specification_of_a_fork_survives_the_wire() {
        let spec = specification();
        let mut words = [0; CloneSpec::WORDS];
        spec.encode(&mut words);
        assert_eq!(CloneSpec::decode(&words), Some(spec));
        for bit in [6, 7, 12, 15, 28, 31, 40] {
            let mut bad = words;
            bad[0] |= 1 << bit;
            assert_eq!(CloneSpec::decode(&bad), None, "bit {bit}");
        }
    }

    #[test]
    fn what_an_entry_does_not_use_is_zero() {
        let mut words = [0; CloneSpec::WORDS];
        specification().encode(&mut words);
        let (mint, caller, own) = (12, 14, 20);
        let free = u64::from(slot::FREE);
        for (index, value, about) in [
            (mint, words[mint] & !0xffff, "private slot 0 of the child"),
            (mint, words[mint] | 1 << 48, "an undefined port"),
            (caller, words[caller] & 0xffff, "private slot 0 of the caller"),
            (caller, words[caller] | 1 << 48, "a source slot beyond the table"),
            (caller, words[caller] | 1 << 16, "protocol rights of a copy"),
            (caller + 1, 1, "a badge of a copy"),
            (own, words[own] | free, "the own Domain in a slot that is not well-known"),
            (own, words[own] | 1 << 16, "protocol rights of the own Domain"),
            (own, words[own] | 1 << 32, "a source of the own Domain"),
            (own + 1, 1, "a badge of the own Domain"),
        ] {
            let mut bad = words;
            bad[index] = value;
            assert_eq!(CloneSpec::decode(&bad), None, "{about}");
        }
    }
}
