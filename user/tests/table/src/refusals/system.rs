//! `event_signal`, `event_wait`, `event_arm`, `hw_control`, `debug_log`.

use tine_abi::Call::{DebugLog, EventArm, EventSignal, EventWait, HardwareControl};
use tine_abi::Error::{
    BadAddress, BadArgument, BadCapability, Busy, MissingRight, TimedOut, WrongKind,
};
use tine_abi::hardware::HardwareOperation;
use tine_abi::layout;

use super::subject::{
    ANYWHERE, EMPTY, EVENT, EVENT_BOUND, EVENT_SIGNAL, EVENT_WAIT, PORT, STATISTICS,
};
use super::{KERNEL, NOWHERE, Row, Value, row, word};

const NOW: Value = word(0);

const fn operation(operation: HardwareOperation) -> Value {
    word(operation as u64)
}

pub(super) const ROWS: &[Row] = &[
    row(EventSignal, EVENT_SIGNAL, &[word(1 << 60)], None, "with SIGNAL alone"),
    row(EventSignal, EMPTY, &[word(1)], Some(BadCapability), "an empty slot"),
    row(EventSignal, PORT, &[word(1)], Some(WrongKind), "a Port"),
    row(EventSignal, EVENT_WAIT, &[word(1)], Some(MissingRight), "no SIGNAL"),
    row(EventWait, EVENT_WAIT, &[word(1), NOW], Some(TimedOut), "nothing is set"),
    row(EventWait, EVENT_WAIT, &[word(1), word(1)], Some(TimedOut), "a deadline in the past"),
    row(EventWait, EMPTY, &[word(1), NOW], Some(BadCapability), "an empty slot"),
    row(EventWait, PORT, &[word(1), NOW], Some(WrongKind), "a Port"),
    row(EventWait, EVENT_SIGNAL, &[word(1), NOW], Some(MissingRight), "no WAIT"),
    row(EventWait, EVENT_WAIT, &[word(0), NOW], Some(BadArgument), "an empty mask"),
    row(EventWait, EVENT_BOUND, &[word(1), NOW], Some(Busy), "bound to a port"),
    row(EventArm, EVENT, &[word(63), word(0)], None, "disarming"),
    row(EventArm, EMPTY, &[word(1), word(0)], Some(BadCapability), "an empty slot"),
    row(EventArm, PORT, &[word(1), word(0)], Some(WrongKind), "a Port"),
    row(EventArm, EVENT_WAIT, &[word(1), word(0)], Some(MissingRight), "no SIGNAL"),
    row(EventArm, EVENT, &[word(64), word(0)], Some(BadArgument), "bit 64"),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::Statistics), Value::Room],
        None,
        "counters",
    ),
    row(
        HardwareControl,
        EMPTY,
        &[operation(HardwareOperation::Statistics), Value::Room],
        Some(BadCapability),
        "an empty slot",
    ),
    row(
        HardwareControl,
        EVENT,
        &[operation(HardwareOperation::Statistics), Value::Room],
        Some(WrongKind),
        "an Event",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::PortRead), word(0x3f8), word(1)],
        Some(WrongKind),
        "a port of the machine itself",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::MakePortRange), word(0x3f8), word(8), word(ANYWHERE.bits())],
        Some(MissingRight),
        "ports without DEVICE",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::MakeInterrupt), word(4), word(ANYWHERE.bits())],
        Some(MissingRight),
        "an interrupt without DEVICE",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::PowerOff)],
        Some(MissingRight),
        "power without POWER",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::Reboot)],
        Some(MissingRight),
        "a reset without POWER",
    ),
    row(HardwareControl, STATISTICS, &[word(0)], Some(BadArgument), "operation 0"),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::Statistics), word(NOWHERE)],
        Some(BadAddress),
        "counters to nowhere",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::Statistics), word(KERNEL)],
        Some(BadAddress),
        "counters into the kernel",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::LogRead), word(0), Value::Room, word(u64::MAX)],
        None,
        "the log",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::LogRead), word(u64::MAX), word(NOWHERE), word(256)],
        None,
        "what is not logged yet",
    ),
    row(
        HardwareControl,
        EVENT,
        &[operation(HardwareOperation::LogRead), word(0), Value::Room, word(1)],
        Some(WrongKind),
        "the log of an Event",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::LogRead), word(0), word(NOWHERE), word(1)],
        Some(BadAddress),
        "the log to nowhere",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::LogRead), word(0), word(KERNEL), word(256)],
        Some(BadAddress),
        "the log into the kernel",
    ),
    row(
        HardwareControl,
        STATISTICS,
        &[operation(HardwareOperation::LogRead), word(0), word(layout::TEXT), word(1)],
        Some(BadAddress),
        "the log into text",
    ),
    row(DebugLog, EMPTY, &[word(layout::TEXT), word(0)], None, "nothing"),
    row(DebugLog, EMPTY, &[word(NOWHERE), word(1)], Some(BadAddress), "from nowhere"),
    row(DebugLog, EMPTY, &[word(KERNEL), word(256)], Some(BadAddress), "from the kernel"),
    row(DebugLog, EMPTY, &[word(layout::TEXT), word(257)], Some(BadArgument), "257 bytes"),
    row(DebugLog, EMPTY, &[word(layout::TEXT), word(u64::MAX)], Some(BadArgument), "all bytes"),
];
