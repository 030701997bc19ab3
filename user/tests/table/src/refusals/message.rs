//! `call`, `reply_recv`, `recv`, `reply`.

use tine_abi::Call::{Call, Receive, Reply, ReplyReceive};
use tine_abi::Error::{
    BadAddress, BadArgument, BadCapability, BadToken, MissingRight, PeerDied, Revoked, WrongKind,
};
use tine_abi::capability::{Destination, Rights};

use super::subject::{
    EMPTY, EVENT, EVENT_SIGNAL, PORT, PORT_DEAD, PORT_RECEIVE, PORT_REVOKED, PORT_SEND,
};
use super::{KERNEL, NOWHERE, Row, Value, message_row, row, word};

const NONE: Value = word(0);
/// A token of no call.
const NO_CALL: u64 = 0x1_0000_0000_0007;
/// Capabilities in bits 0..4, receive slots in 4..8, ranges in 8..12, starts in 12..16.
const UNDEFINED: Value = Value::Words(&[1 << 21; 22]);
const FIVE_CAPABILITIES: Value = Value::Words(&[5; 22]);
const WITH_START: Value = Value::Words(&{
    let mut words = [0; 22];
    words[0] = 1 << 12;
    words[21] = EVENT.bits() as u64;
    words
});
const ALL: u64 = Rights::ALL.bits() as u64;
const SENDS_EMPTY: Value = Value::Words(&[1, EMPTY.bits() as u64, ALL, 0]);
const COPIES_WITHOUT_RIGHT: Value = Value::Words(&[1, EVENT_SIGNAL.bits() as u64, ALL, 0]);
const MINTS_FROM_EVENT: Value = Value::Words(&[1, EVENT.bits() as u64 | 2 << 32, ALL, 0]);
const RECEIVES_NOWHERE: Value = Value::Words(&{
    let mut words = [0; 14];
    words[0] = 1 << 4;
    words[13] = Destination::exactly(EVENT).bits() | 1 << 50;
    words
});

pub(super) const ROWS: &[Row] = &[
    row(Call, EMPTY, &[], Some(BadCapability), "an empty slot"),
    row(Call, EVENT, &[], Some(WrongKind), "an Event"),
    row(Call, PORT_RECEIVE, &[], Some(MissingRight), "no SEND"),
    row(Call, PORT_REVOKED, &[], Some(Revoked), "a revoked identity"),
    row(Call, PORT_DEAD, &[], Some(PeerDied), "nobody receives any more"),
    message_row(Call, PORT_SEND, 0, word(NOWHERE), Some(BadAddress), "extras nowhere"),
    message_row(Call, PORT_SEND, 0, word(KERNEL), Some(BadAddress), "extras in the kernel"),
    message_row(Call, PORT_SEND, 0, UNDEFINED, Some(BadArgument), "undefined extras"),
    message_row(Call, PORT_SEND, 0, FIVE_CAPABILITIES, Some(BadArgument), "five capabilities"),
    message_row(Call, PORT_SEND, 0, WITH_START, Some(BadArgument), "a start in a call"),
    message_row(Call, PORT_SEND, 0, RECEIVES_NOWHERE, Some(BadArgument), "an undefined slot"),
    message_row(Call, PORT_SEND, 0, SENDS_EMPTY, Some(BadCapability), "sending nothing"),
    message_row(Call, PORT_SEND, 0, COPIES_WITHOUT_RIGHT, Some(MissingRight), "no DUPLICATE"),
    message_row(Call, PORT_SEND, 0, MINTS_FROM_EVENT, Some(WrongKind), "minting from an Event"),
    row(ReplyReceive, EMPTY, &[], Some(BadCapability), "an empty slot"),
    row(ReplyReceive, EVENT, &[], Some(WrongKind), "an Event"),
    row(ReplyReceive, PORT_SEND, &[], Some(MissingRight), "no RECEIVE"),
    message_row(ReplyReceive, PORT, NO_CALL, NONE, Some(BadToken), "no such call"),
    message_row(ReplyReceive, PORT, u64::MAX, NONE, Some(BadToken), "no token at all"),
    row(Receive, EMPTY, &[], Some(BadCapability), "an empty slot"),
    row(Receive, EVENT, &[], Some(WrongKind), "an Event"),
    row(Receive, PORT_SEND, &[], Some(MissingRight), "no RECEIVE"),
    row(Reply, EMPTY, &[], Some(BadCapability), "an empty slot"),
    row(Reply, EVENT, &[], Some(WrongKind), "an Event"),
    row(Reply, PORT_SEND, &[], Some(MissingRight), "no RECEIVE"),
    message_row(Reply, PORT, NO_CALL, NONE, Some(BadToken), "no such call"),
    message_row(Reply, PORT, 0, NONE, Some(BadToken), "token 0"),
];
