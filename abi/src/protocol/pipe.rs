//! The pipe server: makes pipes. The ends answer the operations of [`super::file`].

use super::operations;

operations! {
    /// Operations on the pipe server's own port (badge 0 in the private slot PIPE).
    Operation {
        1 Create "pipe(2).", request: "receive slots 0 and 1: read end, write end", reply: "-";
    }
}

/// Bytes that a pipe holds.
pub const CAPACITY: usize = 16 << 10;
/// Writes of at most this many bytes are never interleaved with others (PIPE_BUF).
pub const ATOMIC: usize = 512;
