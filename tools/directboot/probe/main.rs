//! A kernel that only says what it was told: every answer and the state it was started in.
//!
//! Owned here: the requests, the reading of the answers, the dump on COM1. Never here: the dump's
//! format (`model::dump`). Called by: direct boot or Limine; run by host tests to compare the two.
//! Invariants: it trusts the loader's addresses; it ends the machine by QEMU's debug-exit device
//! with the value 0x10 (QEMU's own status is then 33).
//! Source: the Limine boot protocol.

#![no_std]
#![no_main]

mod console;
mod report;
mod requests;
mod state;

use core::panic::PanicInfo;

use console::Console;
use tine_directboot_model::dump;

/// The first Rust code, from `state::probe_entry`, with the registers it was started with.
extern "C" fn main(registers: &state::Registers) -> ! {
    let console = &mut Console::new();
    report::answers(console);
    state::report(console, "boot", registers);
    state::mappings(console);
    state::processors(console);
    console.say(&dump::END);
    console::exit()
}

#[panic_handler]
fn panic(information: &PanicInfo<'_>) -> ! {
    Console::new().say(information);
    console::exit()
}
