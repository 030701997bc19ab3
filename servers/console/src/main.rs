//! The console server: a terminal on the first serial line, and the results channel.
//!
//! Owns: the way between messages, the interrupt line and [`tine_console_model::Console`]
//! ([`server`]), the registers as I/O ports ([`registers`]), the call that the interrupt character
//! makes ([`foreground`]). Never enters it: line discipline and the meaning of registers; those are
//! the model's.
//!
//! Started by the root server with the line's ports in the private slot HARDWARE, its interrupt in
//! INTERRUPT, the port of the results channel in RESULTS and the process server in PROCESS; its
//! second argument is the kernel's command line. The terminal is the identity TERMINAL_BADGE of its
//! port, which root gives to the first process.
//!
//! Invariants: it calls only the process server, and only when the interrupt character was typed;
//! it waits in one place, for calls and for the interrupt, which is an Event bound to its port.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

mod foreground;
mod registers;
mod server;

use tine_abi::CapRef;
use tine_abi::capability::slot;
use tine_abi::results::{Mode, is_piped};
use tine_console_model::{Console, Keyboard};
use tine_rt::Arguments;
use tine_server::{Service, log, serve};
use tine_sys::hardware::{Interrupt, Ports};

use foreground::ForegroundGroup;
use registers::SerialPorts;
use server::Terminal;

/// Who types, by the kernel's command line.
fn keyboard(command_line: &str) -> Keyboard {
    match Mode::of(command_line) {
        Mode::Exec => Keyboard::Command,
        _ if is_piped(command_line) => Keyboard::Pipe,
        _ => Keyboard::Person,
    }
}

fn run(mut arguments: Arguments) -> i32 {
    let command_line = arguments.nth(1).and_then(|line| core::str::from_utf8(line).ok());
    let keyboard = keyboard(command_line.unwrap_or_default());
    let ports = SerialPorts::new(Ports::new(CapRef::private(slot::HARDWARE)));
    let console = match Console::new(ports, ForegroundGroup, keyboard) {
        Ok(console) => console,
        Err(errno) => {
            log!("console: {errno}");
            return 1;
        }
    };
    let interrupt = Interrupt::new(CapRef::private(slot::INTERRUPT));
    let results = Ports::new(CapRef::private(slot::RESULTS));
    let mut terminal = Terminal::new(console, interrupt, results);
    let ended = Service::start().and_then(|mut service| {
        terminal.listen(&mut service)?;
        Ok(serve(&mut terminal, &mut service))
    });
    log!("console: {}", ended.unwrap_or_else(|error| error));
    1
}

tine_rt::entry!(run);
