//! The foreground group, as a call of the process server.

use tine_abi::CapRef;
use tine_abi::capability::slot;
use tine_abi::protocol::process::Operation;
use tine_console_model::Foreground;
use tine_sys::message;

/// SIGINT.
const INTERRUPT_SIGNAL: u64 = 2;

/// Whatever group the process server has in the foreground.
#[derive(Debug)]
pub(crate) struct ForegroundGroup;

impl Foreground for ForegroundGroup {
    fn interrupt(&mut self) {
        let words = [Operation::Interrupt as u64, 0, INTERRUPT_SIGNAL, 0, 0, 0, 0, 0];
        // Without a foreground group, or a process server, there is nobody to end.
        message::call(CapRef::private(slot::PROCESS), &words).ok();
    }
}
