//! The servers, in the order in which they start, and what each is given.

use tine_abi::Rights;
use tine_abi::capability::slot;
use tine_abi::domain::rank;
use tine_abi::protocol::process::CONSOLE_BADGE;
use tine_abi::results;

use crate::division::{Fund, Share};

/// One server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Server {
    /// Its name: the first argument, and the member `server/NAME` of the archive.
    pub name: &'static str,
    /// Its program in the archive.
    pub path: &'static str,
    /// Whom it may call: those of lower rank.
    pub rank: u64,
    /// Frames that it may use.
    pub frames: Share,
    /// Kernel objects that it may make.
    pub objects: u64,
    /// What it is given, beside its port and its account.
    pub grants: &'static [Grant],
    /// Whether the system is over when it ends.
    pub is_vital: bool,
}

/// Something that a server is given in its private table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grant {
    /// The machine with these rights alone, in HARDWARE.
    Hardware(Rights),
    /// The boot archive, in ARCHIVE; its length is in the start block.
    Archive,
    /// I/O ports.
    Ports {
        /// Where.
        slot: u16,
        /// The first one.
        first: u16,
        /// How many.
        count: u16,
    },
    /// An account beside its own.
    Account {
        /// Where.
        slot: u16,
        /// Which one.
        fund: Fund,
    },
    /// An interrupt line, in INTERRUPT.
    Interrupt {
        /// The ISA line.
        line: u32,
    },
    /// An identity on the port of a server before it.
    Identity {
        /// Where.
        slot: u16,
        /// The server's place in the table.
        of: usize,
        /// The badge.
        badge: u64,
    },
}

/// Places in [`SERVERS`].
pub mod place {
    /// The process server.
    pub const PROCESS: usize = 0;
    /// The file server.
    pub const INITRD: usize = 1;
    /// The pipe server.
    pub const PIPE: usize = 2;
    /// The console server.
    pub const CONSOLE: usize = 3;
}

/// The ports of the first serial line (PC AT).
const SERIAL: (u16, u16) = (0x3f8, 8);
/// Its interrupt line (PC AT).
const SERIAL_LINE: u32 = 4;

/// Every server.
pub const SERVERS: [Server; 4] = [
    Server {
        name: "process",
        path: "server/process",
        rank: rank::PROCESS,
        frames: Share { part: 16, least: 1024, most: 1 << 14 },
        objects: 1 << 16,
        grants: &[
            Grant::Hardware(Rights::POWER.union(Rights::STATISTICS).union(Rights::DUPLICATE)),
            Grant::Account { slot: slot::PROGRAMS, fund: Fund::Programs },
            Grant::Account { slot: slot::FIRST, fund: Fund::Init },
        ],
        is_vital: true,
    },
    Server {
        name: "initrd",
        path: "server/initrd",
        rank: rank::SERVICE,
        frames: Share { part: 6, least: 1024, most: 1 << 14 },
        objects: 1 << 16,
        grants: &[Grant::Archive, Grant::Account { slot: slot::PROGRAMS, fund: Fund::Images }],
        is_vital: false,
    },
    Server {
        name: "pipe",
        path: "server/pipe",
        rank: rank::SERVICE,
        frames: Share { part: 20, least: 512, most: 1 << 12 },
        objects: 1 << 16,
        grants: &[],
        is_vital: false,
    },
    Server {
        name: "console",
        path: "server/console",
        rank: rank::SERVICE,
        frames: Share { part: 64, least: 384, most: 1 << 10 },
        objects: 1 << 12,
        grants: &[
            Grant::Ports { slot: slot::HARDWARE, first: SERIAL.0, count: SERIAL.1 },
            Grant::Interrupt { line: SERIAL_LINE },
            Grant::Ports { slot: slot::RESULTS, first: results::PORT, count: 1 },
            Grant::Identity { slot: slot::PROCESS, of: place::PROCESS, badge: CONSOLE_BADGE },
        ],
        // Nobody could see or say anything any more, and no result would reach the host.
        is_vital: true,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_name_the_servers() {
        for (place, name) in [
            (place::PROCESS, "process"),
            (place::INITRD, "initrd"),
            (place::PIPE, "pipe"),
            (place::CONSOLE, "console"),
        ] {
            assert_eq!(SERVERS[place].name, name);
            assert_eq!(SERVERS[place].path.strip_prefix("server/"), Some(name));
        }
    }

    #[test]
    fn identities_are_of_servers_before_and_of_lower_rank() {
        for (index, server) in SERVERS.iter().enumerate() {
            for grant in server.grants {
                if let Grant::Identity { of, .. } = grant {
                    assert!(*of < index && SERVERS[*of].rank < server.rank);
                }
            }
        }
    }

    #[test]
    fn no_slot_is_given_twice() {
        let fixed = [slot::SERVICE, slot::ACCOUNT];
        for server in SERVERS {
            let given = server.grants.iter().map(|grant| match grant {
                Grant::Hardware(_) => slot::HARDWARE,
                Grant::Archive => slot::ARCHIVE,
                Grant::Interrupt { .. } => slot::INTERRUPT,
                Grant::Ports { slot, .. }
                | Grant::Identity { slot, .. }
                | Grant::Account { slot, .. } => *slot,
            });
            let mut seen = 0u64;
            for slot in fixed.into_iter().chain(given) {
                assert_eq!(seen & 1 << slot, 0, "{}: slot {slot}", server.name);
                seen |= 1 << slot;
            }
        }
    }
}
