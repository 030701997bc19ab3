//! The probe's COM1 and the machine's end.
//!
//! Owned here: sending lines, exiting. Never here: what is said. Called by: all of the probe.

use core::arch::asm;
use core::fmt::{self, Display, Write};

/// COM1, as QEMU has it without set-up.
#[derive(Debug)]
pub(crate) struct Console;

impl Console {
    pub(crate) fn new() -> Console {
        Console
    }

    /// Says one line.
    pub(crate) fn say(&mut self, line: &dyn Display) {
        let _said = write!(self, "{line}\r\n").is_ok();
    }
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while read(0x3fd) & 0x20 == 0 {}
            write(0x3f8, byte);
        }
        Ok(())
    }
}

/// Ends the machine.
pub(crate) fn exit() -> ! {
    write(0xf4, 0x10);
    loop {
        // SAFETY: the probe has no interrupts and nothing left to do.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

fn write(port: u16, value: u8) {
    // SAFETY: ports of the serial line and of the debug-exit device; neither moves memory.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack)) };
}

fn read(port: u16) -> u8 {
    let value;
    // SAFETY: as for `write`.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack)) };
    value
}
