//! What kernel objects cost: the bound that limits of accounts stand on.
//!
//! Owns: [`OBJECT_BYTES`]. Never here: counting and charging. The build checks it against the abi, by
//! which root sets memory aside.

use tine_ksync::{PAGE_SIZE, Slab};

use super::{
    domain::Domain, event::Event, grant::Grant, port::Port, space::AddressSpace, table::Tables,
    thread::Thread,
};
use crate::{
    account::Account,
    errand::Errand,
    machine::ExtendedState,
    memory::{MappingNodes, MemoryObject},
};

/// Bytes of a slab for each of its elements.
pub(crate) const fn bytes<T>() -> usize {
    PAGE_SIZE / Slab::<T>::PER_PAGE
}

/// Bytes that slabs hold at most for each charged object.
///
/// Slabs keep their pages, so it is one object of each kind, with what belongs to it uncharged: a
/// Domain's tables, a thread's extended state and errand.
pub const OBJECT_BYTES: usize = bytes::<Domain>()
    + 3 * Tables::BYTES
    + bytes::<Thread>()
    + bytes::<ExtendedState>()
    + bytes::<Errand>()
    + bytes::<AddressSpace>()
    + MappingNodes::BYTES
    + bytes::<MemoryObject>()
    + bytes::<Port>()
    + bytes::<Grant>()
    + bytes::<Event>()
    + bytes::<Account>();

const _: () = assert!(OBJECT_BYTES as u64 <= tine_abi::domain::OBJECT_BYTES);
