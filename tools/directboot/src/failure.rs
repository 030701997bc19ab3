//! The end of a boot that cannot go on: one line on COM1, then nothing.
//!
//! Owned here: the form of the line, the exit value, the panic handler. Never here: reasons.
//! Called by: `boot`, and by the compiler's checks. Invariant: `stop` never returns; a machine with
//! QEMU's debug-exit device ends with the value 0x33 (QEMU's own status is then 103).

use core::fmt::{Display, Write};
use core::panic::PanicInfo;

use crate::serial::Serial;
use crate::{control, ports};

/// What the debug-exit device at port 0xf4 is told.
pub(crate) const EXIT_VALUE: u8 = 0x33;

/// The port of the debug-exit device.
pub(crate) const EXIT_PORT: u16 = 0xf4;

/// Says why and stops the machine.
pub(crate) fn stop(reason: &dyn Display) -> ! {
    // The port's writer never reports an error.
    let _said = writeln!(Serial::new(), "directboot: {reason}").is_ok();
    ports::write(EXIT_PORT, EXIT_VALUE);
    control::halt()
}

#[panic_handler]
fn panic(information: &PanicInfo<'_>) -> ! {
    stop(information)
}
