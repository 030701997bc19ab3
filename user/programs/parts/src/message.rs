//! Complaints: `program: what: why`, on standard error.

use tine::text::Lossy;
use tine::{Errno, eprintln};

/// Says that something could not be done with `subject`; the exit code of a failure.
pub fn complain(program: &str, subject: &[u8], error: Errno) -> i32 {
    eprintln!("{program}: {}: {error}", Lossy(subject));
    1
}
