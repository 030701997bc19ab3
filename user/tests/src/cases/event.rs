//! Events: bits, waiters, deadlines.

use core::time::Duration;

use tine::abi::Error;
use tine::abi::{CapRef, Kind};
use tine::clock_gettime;
use tine::sys::capability::{LOWEST_DESCRIPTOR, close, create};
use tine::sys::clock;
use tine::sys::event::{AT_ONCE, FOREVER, arm, signal, wait};

use super::{Case, case};
use crate::process::{Waiting, child, exits};
use crate::verdict::{Verdict, check, equal, refused};

pub(super) const CASES: &[Case] = &[
    case("event.bits", bits),
    case("event.wakes-another", wakes_another),
    case("event.two-waiters", two_waiters),
    case("event.deadline-of-wait", deadline_of_wait),
    case("event.deadline-armed", deadline_armed),
    case("event.killed-waiter", killed_waiter),
];

/// An Event that forks inherit.
fn event() -> Verdict<CapRef> {
    Ok(create(CapRef::SELF, Kind::Event, LOWEST_DESCRIPTOR, [0; 3])?)
}

/// Nanoseconds since boot, so much later.
fn after(time: Duration) -> u64 {
    clock::now() + time.as_nanos() as u64
}

fn bits() -> Verdict {
    let event = event()?;
    signal(event, 0b1010)?;
    signal(event, 0b0100)?;
    equal(wait(event, 0b0110, FOREVER)?, 0b0110, "only masked bits are taken")?;
    equal(wait(event, !0, AT_ONCE)?, 0b1000, "the others stay")?;
    refused(wait(event, !0, AT_ONCE), Error::TimedOut, "then there are none")?;
    signal(event, 1 << 63)?;
    equal(wait(event, !0, FOREVER)?, 1 << 63, "the highest bit")
}

fn wakes_another() -> Verdict {
    let (there, back) = (event()?, event()?);
    let pid = child(|| {
        for bit in 0..64 {
            equal(wait(there, 1 << bit, FOREVER)?, 1 << bit, "the bit that was set")?;
            signal(back, 1 << bit)?;
        }
        Ok(0)
    })?;
    for bit in 0..64 {
        signal(there, 1 << bit)?;
        equal(wait(back, !0, FOREVER)?, 1 << bit, "the answer")?;
    }
    exits(pid, 0)
}

fn two_waiters() -> Verdict {
    let event = event()?;
    let pid = child(|| Ok(wait(event, 1, FOREVER)? as u8))?;
    // The child waits as soon as this is no longer in time.
    while wait(event, 2, AT_ONCE) == Err(Error::TimedOut) {
        tine::sys::domain::yield_now();
    }
    refused(wait(event, 2, FOREVER), Error::Busy, "a second waiter")?;
    signal(event, 1)?;
    exits(pid, 1)
}

fn deadline_of_wait() -> Verdict {
    let event = event()?;
    let time = Duration::from_millis(3);
    let begin = clock_gettime();
    refused(wait(event, 1, after(time)), Error::TimedOut, "a deadline")?;
    check(clock_gettime() >= begin + time, "the deadline is not early")?;
    signal(event, 1)?;
    equal(wait(event, 1, after(time))?, 1, "what is set is taken at once")
}

fn deadline_armed() -> Verdict {
    let event = event()?;
    let time = Duration::from_millis(3);
    let begin = clock_gettime();
    arm(event, 5, after(time))?;
    equal(wait(event, 1 << 5, FOREVER)?, 1 << 5, "the armed bit")?;
    check(clock_gettime() >= begin + time, "the deadline is not early")?;
    arm(event, 6, after(Duration::from_secs(1000)))?;
    arm(event, 7, after(time))?;
    equal(wait(event, !0, FOREVER)?, 1 << 7, "a second deadline replaces the first")?;
    arm(event, 8, after(time))?;
    arm(event, 8, 0)?;
    refused(wait(event, !0, after(2 * time)), Error::TimedOut, "a disarmed deadline")?;
    arm(event, 9, 1)?;
    equal(wait(event, !0, FOREVER)?, 1 << 9, "a deadline in the past")?;
    close(event)?;
    Ok(())
}

fn killed_waiter() -> Verdict {
    let event = event()?;
    let pid = child(|| Ok(wait(event, 1, FOREVER)? as u8))?;
    while wait(event, 2, AT_ONCE) == Err(Error::TimedOut) {
        tine::sys::domain::yield_now();
    }
    tine::kill(pid, tine::signal::SIGKILL)?;
    crate::process::is_killed(pid, tine::signal::SIGKILL)?;
    signal(event, 1)?;
    equal(wait(event, 1, FOREVER)?, 1, "the bit was not taken by the dead")?;
    Waiting::start()?.release()
}
