//! A panic: a line on descriptor 2, or in the kernel's log if that fails; then a fault.
//!
//! The program ends by an undefined instruction, so its supervisor sees a fault as for any other
//! crash, and a debugger stops at the place with all frames in sight.

use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use tine_abi::CapRef;
use tine_abi::protocol::file::Operation;
use tine_sys::domain::debug_log;
use tine_sys::message::Message;

use crate::{control, start};

/// Text of at most so many bytes; what does not fit is left out.
struct Line {
    bytes: [u8; 512],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let free = &mut self.bytes[self.length..];
        let length = text.len().min(free.len());
        free[..length].copy_from_slice(&text.as_bytes()[..length]);
        self.length += length;
        Ok(())
    }
}

/// Ends the program by a fault.
pub(crate) fn abort() -> ! {
    // SAFETY: raises #UD, which is this function's purpose; nothing runs after it.
    unsafe { core::arch::asm!("ud2", options(noreturn, nostack)) }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    static PANICKING: AtomicBool = AtomicBool::new(false);
    if PANICKING.swap(true, Ordering::Relaxed) {
        abort();
    }
    let mut line = Line { bytes: [0; 512], length: 0 };
    for &byte in start::arguments().next().unwrap_or(b"server") {
        line.write_char(char::from(byte)).ok();
    }
    writeln!(line, "[{}]: {info}", control::process()).ok();
    let text = &line.bytes[..line.length];
    let words = [Operation::Write as u64, 0, text.len() as u64, 0, 0, 0, 0, 0];
    let written = Message::new(words).readable(text).call(CapRef::descriptor(2));
    if written.is_err() || written.is_ok_and(|reply| reply.words[0] != 0) {
        debug_log(text).ok();
    }
    abort()
}
