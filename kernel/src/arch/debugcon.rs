//! The results channel and QEMU's exit device.
//!
//! Owns: writing lines of `tine_abi::results` to the port, the heartbeat, ending the emulator after
//! a fatal error. Never here: the words themselves. Called by `log`, `panic` and the timer. On a
//! machine without these devices the writes go nowhere.
//! Source: QEMU documentation, "isa-debugcon", "isa-debug-exit".

use tine_abi::results::{self, Line};

use super::port;

/// QEMU's `isa-debug-exit`, as the tools configure it.
const EXIT: u16 = 0xf4;
/// What is written there after a fatal error.
const FATAL: u32 = 0x33;

/// Writes one line, after a newline of its own that ends what another writer may have begun.
pub(crate) fn send(line: &Line<'_>) {
    let mut buffer = [0; results::MAX];
    port::write8(results::PORT, b'\n');
    for &byte in results::encode(line, &mut buffer) {
        port::write8(results::PORT, byte);
    }
}

/// Says that the kernel's timer still runs.
pub(crate) fn beat() {
    port::write8(results::PORT, results::BEAT);
}

/// Ends the emulator, if this is one and it was told to have the device.
pub(crate) fn exit_fatally() {
    port::write32(EXIT, FATAL);
}
