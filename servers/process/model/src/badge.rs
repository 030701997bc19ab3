//! Badges: how the kernel names who sent a message, and what they encode.
//!
//! Owns: the way between the 64-bit numbers that `tine_abi` lays out and the model's ids. A badge
//! is only ever minted from here, and the kernel delivers it unforged; a stale one names nobody.

use tine_abi::protocol::process::{CONSOLE_BADGE, DESCRIPTOR_BIT, DescriptorRights, ROOT_BADGE};

use crate::{DescriptorId, Id, ProcessId};

/// An identity on the process server's port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Badge {
    /// The root server.
    Root,
    /// The console server.
    Console,
    /// A process, through its own PROCESS capability or as the supervisor badge of its Domain.
    Process(ProcessId),
    /// A process descriptor.
    Descriptor(DescriptorId),
}

impl Badge {
    /// The number to mint.
    #[must_use]
    pub const fn raw(self) -> u64 {
        match self {
            Self::Root => ROOT_BADGE,
            Self::Console => CONSOLE_BADGE,
            Self::Process(id) => id.raw(),
            Self::Descriptor(id) => DESCRIPTOR_BIT | id.raw(),
        }
    }

    /// Reads a badge that the kernel delivered.
    #[must_use]
    pub fn from_raw(raw: u64) -> Option<Self> {
        match raw {
            ROOT_BADGE => Some(Self::Root),
            CONSOLE_BADGE => Some(Self::Console),
            _ if raw & DESCRIPTOR_BIT != 0 => {
                Id::from_raw(raw & !DESCRIPTOR_BIT).map(Self::Descriptor)
            }
            _ => Id::from_raw(raw).map(Self::Process),
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sender {
    /// The root server.
    Root,
    /// The console server.
    Console,
    /// A process, by its own capability.
    Process(ProcessId),
    /// Whoever holds a process descriptor.
    Holder {
        /// The descriptor.
        descriptor: DescriptorId,
        /// What the capability used allows.
        rights: DescriptorRights,
    },
}

impl Sender {
    /// Who stands behind a badge; `rights` is the protocol half delivered with the message.
    #[must_use]
    pub const fn from_badge(badge: Badge, rights: u16) -> Self {
        match badge {
            Badge::Root => Self::Root,
            Badge::Console => Self::Console,
            Badge::Process(process) => Self::Process(process),
            Badge::Descriptor(descriptor) => {
                Self::Holder { descriptor, rights: DescriptorRights::from_bits_truncate(rights) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tine_abi::protocol::process::FIRST_PROCESS_BADGE;

    #[test]
    fn badges_survive_the_wire_and_unknown_ones_are_refused() {
        let process = Id::from_raw(5 << 32 | 7).unwrap();
        let descriptor = Id::from_raw(5 << 32 | 7).unwrap();
        let badges =
            [Badge::Root, Badge::Console, Badge::Process(process), Badge::Descriptor(descriptor)];
        for badge in badges {
            assert_eq!(Badge::from_raw(badge.raw()), Some(badge));
        }
        assert!(badges[2].raw() >= FIRST_PROCESS_BADGE);
        for unknown in [0, 3, FIRST_PROCESS_BADGE - 1, DESCRIPTOR_BIT, 1 << 62, u64::MAX] {
            assert_eq!(Badge::from_raw(unknown), None, "{unknown:#x}");
        }
    }
}
