//! Time since boot, and sleeping.

use core::time::Duration;

use tine_sys::clock;
use tine_sys::event::FOREVER;

use crate::error::{Errno, Result};
use crate::ipc::Event;

/// `CLOCK_MONOTONIC`: time since boot, read without entering the kernel. There is no other clock:
/// the machine does not know the date.
#[must_use]
pub fn clock_gettime() -> Duration {
    Duration::from_nanos(clock::now())
}

/// The deadline that lies `timeout` from now; `None` is without end.
pub(crate) fn deadline_after(timeout: Option<Duration>) -> u64 {
    let Some(timeout) = timeout else { return FOREVER };
    if timeout.is_zero() {
        return tine_sys::event::AT_ONCE;
    }
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(FOREVER);
    clock::now().saturating_add(nanoseconds)
}

/// Sleeps.
///
/// # Errors
/// ENOMEM and the like if no Event can be made.
pub fn nanosleep(time: Duration) -> Result<()> {
    if time.is_zero() {
        tine_sys::domain::yield_now();
        return Ok(());
    }
    match Event::new()?.wait_until(1, deadline_after(Some(time))) {
        Ok(_) | Err(Errno::TIMEDOUT) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_saturate() {
        assert_eq!(deadline_after(None), FOREVER);
        assert_eq!(deadline_after(Some(Duration::ZERO)), 0);
        assert_eq!(deadline_after(Some(Duration::MAX)), FOREVER);
        assert!(deadline_after(Some(Duration::from_secs(1))) >= 1_000_000_000);
    }
}
