//! The capabilities that the rows are about: descriptors, so that the process of each trial, a fork
//! of the one that made them, has them too.

use tine_abi::CapRef;
use tine_abi::capability::{Destination, slot};

macro_rules! subjects {
    ($($(#[$doc:meta])* $name:ident = $slot:literal;)*) => {
        $($(#[$doc])* pub const $name: CapRef = CapRef::descriptor($slot);)*

        /// All of them with their names.
        pub const ALL: &[(&str, CapRef)] = &[$((stringify!($name), $name)),*];
    };
}

subjects! {
    /// Nothing is here.
    EMPTY = 30;
    /// An Event with all rights.
    EVENT = 31;
    /// The same Event, WAIT only.
    EVENT_WAIT = 32;
    /// The same Event, SIGNAL only.
    EVENT_SIGNAL = 33;
    /// An Event bound to a port.
    EVENT_BOUND = 34;
    /// A Port with all rights.
    PORT = 35;
    /// An identity of it, SEND only.
    PORT_SEND = 36;
    /// The port itself, RECEIVE only.
    PORT_RECEIVE = 37;
    /// An identity of a port that nobody receives from any more.
    PORT_DEAD = 38;
    /// An identity that was revoked, with MINT.
    PORT_REVOKED = 39;
    /// A Memory of two pages with all rights.
    MEMORY = 40;
    /// The same, READ only.
    MEMORY_READ = 41;
    /// A sealed Memory of a page.
    MEMORY_SEALED = 42;
    /// A Memory that is mapped for writing.
    MEMORY_MAPPED = 43;
    /// An AddressSpace with all rights.
    SPACE = 44;
    /// The same, READ only.
    SPACE_READ = 45;
    /// An AddressSpace that was torn down.
    SPACE_GONE = 46;
    /// A Domain with all rights, in SPACE; it has one thread, which was not started.
    DOMAIN = 47;
    /// The same, READ only.
    DOMAIN_READ = 48;
    /// A Domain that has ended.
    DOMAIN_ENDED = 49;
    /// The thread of DOMAIN.
    THREAD = 50;
    /// The same, READ only.
    THREAD_READ = 51;
    /// A thread that waits for somebody to answer its fault.
    THREAD_FAULTED = 52;
    /// The thread of DOMAIN_ENDED.
    THREAD_ENDED = 53;
}

/// The counters of the kernel: STATISTICS only.
pub const STATISTICS: CapRef = CapRef::private(slot::STATISTICS);

/// A free slot beyond them.
pub const ANYWHERE: Destination = Destination::lowest_from(CapRef::descriptor(64));
