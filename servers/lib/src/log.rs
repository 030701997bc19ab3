//! One line in the kernel's log, without allocation.

use core::fmt::{Arguments, Write};

use tine_sys::domain::{LOG_MAX, debug_log};

/// A line that is cut where the log would cut it.
struct Line {
    bytes: [u8; LOG_MAX],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let free = &mut self.bytes[self.length..LOG_MAX - 1];
        let length = text.len().min(free.len());
        free[..length].copy_from_slice(&text.as_bytes()[..length]);
        self.length += length;
        Ok(())
    }
}

/// Writes one line; what [`crate::log!`] does.
pub fn line(text: Arguments<'_>) {
    let mut line = Line { bytes: [0; LOG_MAX], length: 0 };
    // The line never fails: it cuts. A log that cannot be written has nobody to tell.
    line.write_fmt(text).ok();
    line.bytes[line.length] = b'\n';
    debug_log(&line.bytes[..=line.length]).ok();
}

/// Writes one line into the kernel's log.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => { $crate::log::line(::core::format_args!($($argument)*)) };
}
