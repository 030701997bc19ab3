//! Lines of the results channel.

use tine::abi::results::{Line, MAX, encode};
use tine::{Fd, write};

/// Where init opens the channel.
pub(crate) const CHANNEL: Fd = Fd(3);

/// Writes one line to the channel, or to standard output when there is none.
pub(crate) fn line(line: &Line<'_>) {
    let mut buffer = [0; MAX];
    let bytes = encode(line, &mut buffer);
    if write(CHANNEL, bytes).is_err() {
        // Nobody is left to hear of a failure.
        write(Fd::STDOUT, bytes).ok();
    }
}
