//! The kernel's log: where lines go.
//!
//! Owns: the [`Log`] that is kept, the choice between COM1 and the results channel. Never here:
//! devices' registers. Called by everything that has something to say, through [`log!`].
//!
//! All lines are kept, and `hw_control` reads them. COM1 is the console: the kernel also writes there
//! until the console server takes the line, which it does by writing to one of its ports. From then
//! on lines go to the results channel instead, where the harness reads them. The epitaph always goes
//! to both, and is not kept: nobody could read it.

use core::{
    fmt::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use tine_abi::results::{self, Line};
use tine_kcore::log::Log;

use crate::arch::{debugcon, serial};

/// What was logged last.
static KEPT: Log = Log::new();

/// COM1 belongs to somebody else.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Writes a line to the kernel's log.
macro_rules! log {
    ($($argument:tt)*) => { $crate::log::line(format_args!($($argument)*)) };
}
pub(crate) use log;

/// COM1 is not the kernel's any more.
pub(crate) fn leave_serial() {
    TAKEN.store(true, Ordering::Relaxed);
}

/// One line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let mut buffer = Buffer::default();
    // The buffer never fails: it cuts.
    buffer.write_fmt(text).ok();
    write(buffer.bytes());
    write(b"\n");
}

/// Bytes as they are; on the results channel each line of them is one line there.
pub(crate) fn write(bytes: &[u8]) {
    KEPT.write(bytes);
    if !TAKEN.load(Ordering::Relaxed) {
        serial::write(bytes);
        return;
    }
    for part in bytes.split(|byte| *byte == b'\n').filter(|part| !part.is_empty()) {
        let mut buffer = Buffer::default();
        buffer.push(part);
        debugcon::send(&Line::Log(buffer.text()));
    }
}

/// What was kept, as [`Log::read`].
pub(crate) fn read(position: u64, into: &mut [u8]) -> (u64, usize) {
    KEPT.read(position, into)
}

/// A line of text on COM1, whoever has it.
pub(crate) fn epitaph(text: fmt::Arguments<'_>) {
    Epitaph.write_fmt(text).ok();
    serial::write(b"\n");
}

/// COM1 without asking.
struct Epitaph;

impl Write for Epitaph {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write(text.as_bytes());
        Ok(())
    }
}

/// Text of one line, cut at the end of the buffer; what is not printable ASCII becomes `?`.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: [u8; results::MAX],
    length: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { bytes: [0; results::MAX], length: 0 }
    }
}

impl Buffer {
    /// The bytes so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The same as text.
    pub(crate) fn text(&self) -> &str {
        core::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let Some(place) = self.bytes.get_mut(self.length) else { return };
            *place = if matches!(byte, b' '..=b'~') { *byte } else { b'?' };
            self.length += 1;
        }
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}
