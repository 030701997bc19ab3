//! Requests that tests make over and over.

use tine_abi::{
    layout,
    memory::{Inheritance, PAGE, Protection},
};

use crate::memory::{MapRequest, MapSource, MemoryId};

/// Loads only.
pub const READ: Protection = Protection::READ;
/// Loads and stores.
pub const WRITE: Protection = Protection::READ.union(Protection::WRITE);
/// Loads and fetches.
pub const EXECUTE: Protection = Protection::READ.union(Protection::EXECUTE);
/// Where small mappings lie: the hot region of a small program.
pub const HOT: u64 = layout::TEXT + layout::REGION;

/// Anonymous memory at an exact address; the zone decides about inheritance.
#[must_use]
pub fn anonymous(address: u64, pages: u64) -> MapRequest {
    MapRequest {
        address: Some(address),
        length: pages * PAGE,
        protection: WRITE,
        inheritance: if layout::NOT_INHERITED.contains(&address) {
            Inheritance::None
        } else {
            Inheritance::Copy
        },
        source: MapSource::Anonymous,
    }
}

/// The first pages of a Memory, held with all rights, shared with forks.
#[must_use]
pub fn shared(address: u64, memory: MemoryId, pages: u64, protection: Protection) -> MapRequest {
    MapRequest {
        inheritance: Inheritance::Share,
        protection,
        source: MapSource::Shared { memory, offset: 0, rights: Protection::all() },
        ..anonymous(address, pages)
    }
}

/// The first pages of a sealed Memory, held for reading and execution, copied when stored to.
#[must_use]
pub fn private(address: u64, memory: MemoryId, pages: u64, protection: Protection) -> MapRequest {
    MapRequest {
        protection,
        source: MapSource::Private { memory, offset: 0, rights: EXECUTE },
        ..anonymous(address, pages)
    }
}
