//! `cap_dup`, `cap_close`, `cap_revoke`, `cap_info`, `cap_move`, `create`.

use tine_abi::Call::{CapClose, CapDuplicate, CapInfo, CapMove, CapRevoke, Create};
use tine_abi::CapRef;
use tine_abi::Error::{
    BadArgument, BadCapability, BadToken, Gone, MissingRight, NoSlots, Revoked, WrongKind,
};
use tine_abi::Kind;
use tine_abi::capability::{Destination, Rights};
use tine_abi::domain::rank;
use tine_abi::memory::PAGE;

use super::subject::{
    ANYWHERE, DOMAIN, DOMAIN_ENDED, DOMAIN_READ, EMPTY, EVENT, EVENT_SIGNAL, PORT, PORT_RECEIVE,
    PORT_REVOKED, PORT_SEND, SPACE, SPACE_GONE, SPACE_READ,
};
use super::{Row, Value, reference, row, word};

const TO: Value = word(ANYWHERE.bits());
const IN_USE: Value = word(Destination::exactly(PORT).bits());
const UNDEFINED: Value = word(ANYWHERE.bits() | 1 << 45);
const NO_SUCH_TABLE: Value = word(3 << 30);
const ALL: Value = word(Rights::ALL.bits() as u64);
const NO_SUCH_RIGHT: Value = word(1 << 32);
const NO_BADGE: Value = word(0);
const MINT: Value = word(1);
const REPLACE: Value = word(2);
const PLAIN: Value = word(0);
/// A token of no call.
const NO_CALL: Value = word(0x1_0000_0000_0007);

/// Options that mean the table of another Domain.
const fn table_of(domain: CapRef) -> Value {
    word((domain.bits() as u64) << 32)
}

const fn kind(kind: Kind) -> Value {
    word(kind as u64)
}

pub(super) const ROWS: &[Row] = &[
    row(CapDuplicate, EVENT, &[TO, ALL, NO_BADGE, PLAIN], None, "an Event"),
    row(CapDuplicate, EVENT, &[IN_USE, ALL, NO_BADGE, REPLACE], None, "over another slot"),
    row(CapDuplicate, PORT, &[TO, ALL, word(7), MINT], None, "a new identity"),
    row(CapDuplicate, EMPTY, &[TO, ALL, NO_BADGE, PLAIN], Some(BadCapability), "an empty slot"),
    row(CapDuplicate, CapRef::SELF, &[TO, ALL, NO_BADGE, PLAIN], Some(BadCapability), "SELF"),
    row(CapDuplicate, EVENT, &[TO, ALL, NO_BADGE, MINT], Some(WrongKind), "minting an Event"),
    row(CapDuplicate, EVENT, &[TO, ALL, NO_BADGE, table_of(PORT)], Some(WrongKind), "into a Port"),
    row(
        CapDuplicate,
        EVENT_SIGNAL,
        &[TO, ALL, NO_BADGE, PLAIN],
        Some(MissingRight),
        "no DUPLICATE",
    ),
    row(CapDuplicate, PORT_RECEIVE, &[TO, ALL, NO_BADGE, MINT], Some(MissingRight), "no MINT"),
    row(
        CapDuplicate,
        EVENT,
        &[TO, ALL, NO_BADGE, table_of(DOMAIN_READ)],
        Some(MissingRight),
        "no CONTROL",
    ),
    row(
        CapDuplicate,
        EVENT,
        &[TO, ALL, NO_BADGE, word(4)],
        Some(BadArgument),
        "an undefined option",
    ),
    row(
        CapDuplicate,
        EVENT,
        &[UNDEFINED, ALL, NO_BADGE, PLAIN],
        Some(BadArgument),
        "an undefined destination",
    ),
    row(
        CapDuplicate,
        EVENT,
        &[NO_SUCH_TABLE, ALL, NO_BADGE, PLAIN],
        Some(BadArgument),
        "a fourth table",
    ),
    row(
        CapDuplicate,
        EVENT,
        &[word(0), ALL, NO_BADGE, PLAIN],
        Some(BadArgument),
        "the slot of SELF",
    ),
    row(
        CapDuplicate,
        EVENT,
        &[TO, NO_SUCH_RIGHT, NO_BADGE, PLAIN],
        Some(BadArgument),
        "an undefined right",
    ),
    row(CapDuplicate, EVENT, &[IN_USE, ALL, NO_BADGE, PLAIN], Some(NoSlots), "a slot in use"),
    row(
        CapDuplicate,
        EVENT,
        &[TO, ALL, NO_BADGE, table_of(DOMAIN_ENDED)],
        Some(Gone),
        "into a Domain that has ended",
    ),
    row(CapClose, EVENT, &[], None, "an Event"),
    row(CapClose, EMPTY, &[], Some(BadCapability), "an empty slot"),
    row(CapClose, CapRef::SELF, &[], Some(BadCapability), "SELF"),
    row(CapRevoke, EMPTY, &[], Some(BadCapability), "an empty slot"),
    row(CapRevoke, EVENT, &[], Some(WrongKind), "an Event"),
    row(CapRevoke, PORT, &[], Some(WrongKind), "the port itself"),
    row(CapRevoke, PORT_SEND, &[], Some(MissingRight), "no MINT"),
    row(CapRevoke, PORT_REVOKED, &[], Some(Revoked), "twice"),
    row(CapInfo, EVENT_SIGNAL, &[], None, "an Event"),
    row(CapInfo, EMPTY, &[], Some(BadCapability), "an empty slot"),
    row(CapInfo, EMPTY, &[NO_CALL], Some(BadCapability), "a call on an empty slot"),
    row(CapInfo, EVENT, &[NO_CALL], Some(WrongKind), "a call on an Event"),
    row(CapInfo, PORT_SEND, &[NO_CALL], Some(MissingRight), "a call without RECEIVE"),
    row(CapInfo, PORT_RECEIVE, &[NO_CALL], Some(BadToken), "no such call"),
    row(CapInfo, PORT, &[word(u64::MAX)], Some(BadToken), "no token at all"),
    row(CapMove, EVENT_SIGNAL, &[TO, ALL, PLAIN], None, "an Event, without DUPLICATE"),
    row(
        CapMove,
        EVENT,
        &[word(Destination::exactly(EVENT).bits()), ALL, PLAIN],
        None,
        "onto itself",
    ),
    row(CapMove, EMPTY, &[TO, ALL, PLAIN], Some(BadCapability), "an empty slot"),
    row(CapMove, EVENT, &[TO, ALL, table_of(PORT)], Some(WrongKind), "into a Port"),
    row(CapMove, EVENT, &[TO, ALL, table_of(DOMAIN_READ)], Some(MissingRight), "no CONTROL"),
    row(CapMove, EVENT, &[TO, ALL, MINT], Some(BadArgument), "an undefined option"),
    row(CapMove, EVENT, &[UNDEFINED, ALL, PLAIN], Some(BadArgument), "an undefined destination"),
    row(CapMove, EVENT, &[TO, NO_SUCH_RIGHT, PLAIN], Some(BadArgument), "an undefined right"),
    row(CapMove, EVENT, &[IN_USE, ALL, PLAIN], Some(NoSlots), "a slot in use"),
    row(
        CapMove,
        EVENT,
        &[TO, ALL, table_of(DOMAIN_ENDED)],
        Some(Gone),
        "into a Domain that has ended",
    ),
    row(Create, CapRef::SELF, &[kind(Kind::Event), TO], None, "an Event"),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Event), TO, reference(PORT), word(1)],
        None,
        "an Event bound to a port",
    ),
    row(Create, CapRef::SELF, &[kind(Kind::Port), TO, word(rank::PROGRAM)], None, "a Port"),
    row(Create, CapRef::SELF, &[kind(Kind::Memory), TO, word(PAGE)], None, "a Memory"),
    row(Create, CapRef::SELF, &[kind(Kind::AddressSpace), TO], None, "an AddressSpace"),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Domain), TO, reference(SPACE), word(rank::PROGRAM)],
        None,
        "a Domain",
    ),
    row(Create, CapRef::SELF, &[kind(Kind::Thread), TO, reference(DOMAIN)], None, "a Thread"),
    row(Create, EMPTY, &[kind(Kind::Event), TO], Some(BadCapability), "no account"),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Domain), TO, reference(EMPTY), word(rank::PROGRAM)],
        Some(BadCapability),
        "a Domain without space",
    ),
    row(Create, EVENT, &[kind(Kind::Event), TO], Some(WrongKind), "an Event as account"),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Domain), TO, reference(EVENT), word(rank::PROGRAM)],
        Some(WrongKind),
        "a Domain in an Event",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Account), TO, word(1), word(1)],
        Some(MissingRight),
        "an account of the own account",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Domain), TO, reference(SPACE_READ), word(rank::PROGRAM)],
        Some(MissingRight),
        "a Domain in a space without CONTROL",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Event), TO, reference(PORT_SEND)],
        Some(MissingRight),
        "binding without MINT",
    ),
    row(Create, CapRef::SELF, &[word(0), TO], Some(BadArgument), "kind 0"),
    row(Create, CapRef::SELF, &[kind(Kind::Hardware), TO], Some(BadArgument), "hardware"),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Event), UNDEFINED],
        Some(BadArgument),
        "an undefined destination",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Memory), TO, word(0)],
        Some(BadArgument),
        "a Memory of 0 bytes",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Memory), TO, word(PAGE + 1)],
        Some(BadArgument),
        "a Memory of a page and a byte",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Memory), TO, word(!(PAGE - 1))],
        Some(BadArgument),
        "a Memory of everything",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Port), TO, word(rank::PROGRAM + 1)],
        Some(BadArgument),
        "a rank that does not exist",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Domain), TO, reference(SPACE), word(rank::SERVICE)],
        Some(BadArgument),
        "a rank below the own",
    ),
    row(Create, CapRef::SELF, &[kind(Kind::Event), IN_USE], Some(NoSlots), "a slot in use"),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Domain), TO, reference(SPACE_GONE), word(rank::PROGRAM)],
        Some(Gone),
        "a Domain in a torn down space",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Thread), TO, reference(DOMAIN_ENDED)],
        Some(Gone),
        "a Thread in a Domain that has ended",
    ),
    row(
        Create,
        CapRef::SELF,
        &[kind(Kind::Thread), TO, reference(DOMAIN_READ)],
        Some(MissingRight),
        "a Thread without CONTROL",
    ),
];
