//! How a case goes, and where it went wrong.

use alloc::string::String;
use core::fmt::{self, Debug, Display};
use core::panic::Location;

use tine::Errno;
use tine::abi::Error;

/// What was wrong, with its place in the source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure(String);

/// How a case goes.
pub(crate) type Verdict<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure at the caller's place.
    #[track_caller]
    pub(crate) fn new(text: impl Display) -> Self {
        let place = Location::caller();
        let file = place.file().rsplit('/').next().unwrap_or_default();
        Self(alloc::format!("{file}:{}: {text}", place.line()))
    }

    /// The same in a context.
    pub(crate) fn within(self, context: impl Display) -> Self {
        Self(alloc::format!("{context}: {}", self.0))
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Errno> for Failure {
    #[track_caller]
    fn from(error: Errno) -> Self {
        Self::new(error.label())
    }
}

impl From<Error> for Failure {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::new(error.label())
    }
}

impl From<tine::sys::memory::CopyError> for Failure {
    #[track_caller]
    fn from(error: tine::sys::memory::CopyError) -> Self {
        Self::new(format_args!("{} after {} bytes", error.error.label(), error.copied))
    }
}

/// Goes on only if something holds.
#[track_caller]
pub(crate) fn check(holds: bool, what: impl Display) -> Verdict {
    if holds { Ok(()) } else { Err(Failure::new(format_args!("not so: {what}"))) }
}

/// Goes on only if two values are the same.
#[track_caller]
pub(crate) fn equal<L: PartialEq<R> + Debug, R: Debug>(
    found: L,
    expected: R,
    what: impl Display,
) -> Verdict {
    if found == expected {
        Ok(())
    } else {
        Err(Failure::new(format_args!("{what}: {found:?}, not {expected:?}")))
    }
}

/// Goes on only if something was refused like this.
#[track_caller]
pub(crate) fn refused<T: Debug, E: PartialEq + Debug>(
    result: Result<T, E>,
    error: E,
    what: impl Display,
) -> Verdict {
    match result {
        Err(found) if found == error => Ok(()),
        other => Err(Failure::new(format_args!("{what}: {other:?}, not {error:?}"))),
    }
}

/// The value of something that must be there.
pub(crate) trait Present<T> {
    /// It, or a failure that names it.
    fn present(self, what: &str) -> Verdict<T>;
}

impl<T> Present<T> for Option<T> {
    #[track_caller]
    fn present(self, what: &str) -> Verdict<T> {
        match self {
            Some(value) => Ok(value),
            None => Err(Failure::new(format_args!("there is no {what}"))),
        }
    }
}
