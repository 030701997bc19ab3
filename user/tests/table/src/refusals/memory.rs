//! `map`, `unmap`, `protect`, `space_copy`.

use tine_abi::Call::{Map, Protect, SpaceCopy, Unmap};
use tine_abi::CapRef;
use tine_abi::Error::{
    BadAddress, BadArgument, BadCapability, BadToken, Busy, Denied, Gone, MissingRight, NoMemory,
    NotMapped, Overlap, WrongKind,
};
use tine_abi::layout;
use tine_abi::memory::PAGE;

use super::subject::{
    EMPTY, EVENT, MEMORY, MEMORY_MAPPED, MEMORY_READ, MEMORY_SEALED, SPACE, SPACE_GONE, SPACE_READ,
};
use super::{KERNEL, NOWHERE, Row, Value, row, word};

const READ: u64 = 1;
const WRITE: u64 = 2;
const EXECUTE: u64 = 4;
/// Inheritance SHARE, in bits 8..16.
const SHARE: u64 = 1 << 8;
/// Sources, in bits 16 and on.
const SHARED: u64 = 1 << 16;
const PRIVATE: u64 = 2 << 16;

/// The image of a MapRequest.
macro_rules! request {
    ($address:expr, $length:expr, $bits:expr) => {
        request!($address, $length, $bits, CapRef::SELF, 0)
    };
    ($address:expr, $length:expr, $bits:expr, $memory:expr, $offset:expr) => {
        Value::Words(&[$address, $length, $bits, $memory.bits() as u64, $offset])
    };
}

/// The image of a CopyRequest.
macro_rules! copy {
    ([$($to:expr),*], [$($from:expr),*], $length:expr) => {
        Value::Words(&[$($to),*, $($from),*, $length])
    };
}

/// The first argument of the calls below is the address of a request; these name their places.
const OWN: u64 = 0;
const CALLER: u64 = 1;
const OF_SPACE: u64 = 2;
const OF_MEMORY: u64 = 3;

const fn slot(capability: CapRef) -> u64 {
    capability.bits() as u64
}

/// A page that nobody maps.
const HOLE: Value = word(layout::PRIVATE.end - PAGE);
const ONE_PAGE: Value = word(PAGE);
const SOME: u64 = READ | WRITE;

pub(super) const ROWS: &[Row] = &[
    row(Map, CapRef::SELF, &[request!(0, PAGE, SOME)], None, "a page"),
    row(Map, SPACE, &[request!(0, PAGE, SOME)], None, "a page elsewhere"),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, READ | SHARE | SHARED, MEMORY_READ, 0)],
        None,
        "a Memory",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, READ | EXECUTE | PRIVATE, MEMORY_SEALED, 0)],
        None,
        "a sealed Memory for execution",
    ),
    row(Map, EMPTY, &[request!(0, PAGE, SOME)], Some(BadCapability), "no space"),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, READ | SHARE | SHARED, EMPTY, 0)],
        Some(BadCapability),
        "no Memory",
    ),
    row(Map, EVENT, &[request!(0, PAGE, SOME)], Some(WrongKind), "into an Event"),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, READ | SHARE | SHARED, EVENT, 0)],
        Some(WrongKind),
        "an Event",
    ),
    row(Map, SPACE_READ, &[request!(0, PAGE, SOME)], Some(MissingRight), "no CONTROL"),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, SOME | SHARE | SHARED, MEMORY_READ, 0)],
        Some(MissingRight),
        "no WRITE",
    ),
    row(Map, CapRef::SELF, &[word(NOWHERE)], Some(BadAddress), "a request nowhere"),
    row(Map, CapRef::SELF, &[word(KERNEL)], Some(BadAddress), "a request in the kernel"),
    row(
        Map,
        CapRef::SELF,
        &[word(u64::MAX - 7)],
        Some(BadAddress),
        "a request at the end of all addresses",
    ),
    row(Map, CapRef::SELF, &[request!(0, 0, SOME)], Some(BadArgument), "no length"),
    row(Map, CapRef::SELF, &[request!(0, PAGE + 1, SOME)], Some(BadArgument), "half a page"),
    row(Map, CapRef::SELF, &[request!(8, PAGE, SOME)], Some(BadArgument), "an unaligned address"),
    row(
        Map,
        CapRef::SELF,
        &[request!(KERNEL, PAGE, SOME)],
        Some(BadArgument),
        "an address of the kernel",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(NOWHERE, PAGE, SOME)],
        Some(BadArgument),
        "the lowest addresses",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(!(PAGE - 1), 2 * PAGE, SOME)],
        Some(BadArgument),
        "a range that wraps around",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(layout::NOT_INHERITED.start, PAGE, SOME)],
        Some(BadArgument),
        "COPY where forks do not look",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, SOME | 8)],
        Some(BadArgument),
        "an undefined protection",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, SOME | 3 << 8)],
        Some(BadArgument),
        "an undefined inheritance",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, SOME | 3 << 16)],
        Some(BadArgument),
        "an undefined source",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, SOME | SHARE)],
        Some(BadArgument),
        "anonymous memory shared",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, 3 * PAGE, READ | SHARE | SHARED, MEMORY, 0)],
        Some(BadArgument),
        "more than the Memory has",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, READ | SHARE | SHARED, MEMORY, !(PAGE - 1))],
        Some(BadArgument),
        "an offset that wraps around",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(layout::TEXT, PAGE, SOME)],
        Some(Overlap),
        "where the program is",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, 64 * layout::TOP_ENTRY, SOME)],
        Some(NoMemory),
        "more than the private range",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, READ | WRITE | EXECUTE)],
        Some(Denied),
        "writable and executable",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, READ | EXECUTE)],
        Some(Denied),
        "anonymous and executable",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, READ | EXECUTE | SHARE | SHARED, MEMORY, 0)],
        Some(Denied),
        "executable without seal",
    ),
    row(
        Map,
        CapRef::SELF,
        &[request!(0, PAGE, SOME | SHARE | SHARED, MEMORY_SEALED, 0)],
        Some(Denied),
        "a sealed Memory for writing",
    ),
    row(Map, SPACE_GONE, &[request!(0, PAGE, SOME)], Some(Gone), "into a torn down space"),
    row(Unmap, CapRef::SELF, &[HOLE, ONE_PAGE], None, "nothing"),
    row(Unmap, EMPTY, &[HOLE, ONE_PAGE], Some(BadCapability), "no space"),
    row(Unmap, EVENT, &[HOLE, ONE_PAGE], Some(WrongKind), "of an Event"),
    row(Unmap, SPACE_READ, &[HOLE, ONE_PAGE], Some(MissingRight), "no CONTROL"),
    row(
        Unmap,
        CapRef::SELF,
        &[word(layout::PRIVATE.start + 1), ONE_PAGE],
        Some(BadArgument),
        "an unaligned address",
    ),
    row(Unmap, CapRef::SELF, &[HOLE, word(0)], Some(BadArgument), "no length"),
    row(
        Unmap,
        CapRef::SELF,
        &[HOLE, word(!(PAGE - 1))],
        Some(BadArgument),
        "a range that wraps around",
    ),
    row(
        Unmap,
        CapRef::SELF,
        &[word(KERNEL), ONE_PAGE],
        Some(BadArgument),
        "an address of the kernel",
    ),
    row(Unmap, SPACE_GONE, &[HOLE, ONE_PAGE], Some(Gone), "of a torn down space"),
    row(Protect, CapRef::SELF, &[Value::Room, ONE_PAGE, word(READ | WRITE)], None, "as it was"),
    row(Protect, EMPTY, &[HOLE, ONE_PAGE, word(READ)], Some(BadCapability), "no space"),
    row(Protect, EVENT, &[HOLE, ONE_PAGE, word(READ)], Some(WrongKind), "of an Event"),
    row(Protect, SPACE_READ, &[HOLE, ONE_PAGE, word(READ)], Some(MissingRight), "no CONTROL"),
    row(
        Protect,
        MEMORY_READ,
        &[word(0), word(0), word(READ | EXECUTE)],
        Some(MissingRight),
        "sealing without WRITE",
    ),
    row(
        Protect,
        CapRef::SELF,
        &[word(layout::TEXT + 1), ONE_PAGE, word(READ)],
        Some(BadArgument),
        "an unaligned address",
    ),
    row(
        Protect,
        CapRef::SELF,
        &[Value::Room, ONE_PAGE, word(8)],
        Some(BadArgument),
        "an undefined protection",
    ),
    row(
        Protect,
        CapRef::SELF,
        &[word(KERNEL), ONE_PAGE, word(READ)],
        Some(BadArgument),
        "an address of the kernel",
    ),
    row(Protect, CapRef::SELF, &[HOLE, ONE_PAGE, word(READ)], Some(NotMapped), "a hole"),
    row(
        Protect,
        CapRef::SELF,
        &[Value::Room, ONE_PAGE, word(READ | EXECUTE)],
        Some(Denied),
        "executing what was written",
    ),
    row(
        Protect,
        CapRef::SELF,
        &[Value::Room, ONE_PAGE, word(READ | WRITE | EXECUTE)],
        Some(Denied),
        "writable and executable",
    ),
    row(
        Protect,
        CapRef::SELF,
        &[word(layout::TEXT), ONE_PAGE, word(READ | WRITE | EXECUTE)],
        Some(Denied),
        "writable text",
    ),
    row(
        Protect,
        MEMORY_MAPPED,
        &[word(0), word(0), word(READ | EXECUTE)],
        Some(Busy),
        "sealing what is mapped for writing",
    ),
    row(Protect, SPACE_GONE, &[HOLE, ONE_PAGE, word(READ)], Some(Gone), "of a torn down space"),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(MEMORY), 0], [OF_MEMORY, slot(MEMORY_SEALED), 0], 8)],
        None,
        "between two Memories",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(MEMORY), 0], [OWN, 0, layout::TEXT], 8)],
        None,
        "from own memory",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_SPACE, slot(EMPTY), 0], [OWN, 0, layout::TEXT], 8)],
        Some(BadCapability),
        "no space",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(EVENT), 0], [OWN, 0, layout::TEXT], 8)],
        Some(WrongKind),
        "to an Event",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(MEMORY_READ), 0], [OWN, 0, layout::TEXT], 8)],
        Some(MissingRight),
        "no WRITE",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_SPACE, slot(SPACE_READ), layout::TEXT], [OWN, 0, layout::TEXT], 8)],
        Some(MissingRight),
        "to a space without WRITE",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(MEMORY), 0], [OWN, 0, NOWHERE], 8)],
        Some(BadAddress),
        "from nowhere",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(MEMORY), 0], [OWN, 0, KERNEL], 8)],
        Some(BadAddress),
        "from the kernel",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OWN, 0, layout::TEXT], [OF_MEMORY, slot(MEMORY), 0], 8)],
        Some(BadAddress),
        "to text",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_SPACE, slot(SPACE), NOWHERE], [OWN, 0, layout::TEXT], 8)],
        Some(BadAddress),
        "to a hole elsewhere",
    ),
    row(SpaceCopy, CapRef::SELF, &[word(NOWHERE)], Some(BadAddress), "a request nowhere"),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([7, 0, 0], [OWN, 0, layout::TEXT], 8)],
        Some(BadArgument),
        "an undefined place",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(MEMORY), PAGE], [OWN, 0, layout::TEXT], PAGE + 1)],
        Some(BadArgument),
        "beyond the Memory",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(MEMORY), u64::MAX], [OWN, 0, layout::TEXT], 8)],
        Some(BadArgument),
        "an offset that wraps around",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(MEMORY), 0], [CALLER, 7777, 0], 8)],
        Some(BadToken),
        "from nobody's call",
    ),
    row(
        SpaceCopy,
        CapRef::SELF,
        &[copy!([OF_MEMORY, slot(MEMORY), 0], [OF_SPACE, slot(SPACE_GONE), layout::TEXT], 8)],
        Some(Gone),
        "from a torn down space",
    ),
];
