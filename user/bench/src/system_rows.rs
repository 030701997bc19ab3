//! What the system costs before anybody uses it.

use tine::Result;
use tine::abi::memory::PAGE;

use crate::measure::{Measured, drained};

/// Nanoseconds since boot, which under counted instructions are instructions, when the first
/// program runs.
pub(crate) fn boot_to_prompt() -> Result<Measured> {
    Ok(Measured::single(tine::sys::clock::now(), "instructions"))
}

/// Memory in use with the servers, init and this program.
pub(crate) fn idle_memory() -> Result<Measured> {
    let now = drained()?;
    Ok(Measured::single((now.frames_total - now.frames_free) * PAGE / 1024, "KiB"))
}
