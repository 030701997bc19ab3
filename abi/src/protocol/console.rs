//! The console: a terminal on the first serial line. Its descriptors answer the operations of
//! [`super::file`], and these.

use bitflags::bitflags;

use super::operations;

operations! {
    /// Operations of a console descriptor; numbers beyond those of [`super::file::Operation`].
    Operation {
        32 SetMode "Sets the mode of the terminal.", request: "2: Mode", reply: "1: the mode before";
        33 GetMode "Reads the mode.", request: "-", reply: "1: Mode";
        34 OpenResults "Opens the results channel to the host; writes to it are lines of it.", request: "receive slot 0", reply: "-";
        35 PendingInterrupt "Tells whether the interrupt character was typed since an interrupt was last taken. Until it is taken every Read answers EINTR.", request: "2: 1 takes it, 0 asks only", reply: "1: 1 if it was typed, else 0";
    }
}

/// Badge of the terminal: what a process has as standard input and output.
pub const TERMINAL_BADGE: u64 = 1;
/// Badge of the results channel: what [`Operation::OpenResults`] gives.
pub const RESULTS_BADGE: u64 = 2;

bitflags! {
    /// Mode of the terminal.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Mode: u64 {
        /// Input is given out line by line, after editing.
        const CANONICAL = 1;
        /// Input is echoed.
        const ECHO = 2;
        /// The interrupt character ends the foreground group, and an interrupt is pending.
        const SIGNALS = 4;
        /// Output: a line feed also returns the carriage.
        const NEWLINE = 8;
    }
}

impl Mode {
    /// What a shell starts with.
    pub const COOKED: Self = Self::all();
}
