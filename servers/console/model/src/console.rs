//! The whole console but for its messages: line discipline, output queue, device.
//!
//! Owns: what happens between a register of the device and an answered call. Never enters it:
//! capabilities, system calls.
//!
//! ```text
//!   device --typed--> Terminal --lines--> READ
//!   device <--pieces-- Output <--echo--- Terminal <--text-- WRITE
//! ```
//!
//! Writers are never lost and never waited for: what the device does not take stays in the queue,
//! an empty transmitter's interrupt goes on with it, and a writer is answered when its last byte is
//! in the queue. Readers likewise: where nobody sits at the keyboard, typed bytes stay in the device
//! while there is no room, which holds the sender back.

use tine_abi::Errno;
use tine_abi::protocol::console::Mode;
use tine_abi::protocol::file::WatchMask;
use tine_abi::results::CONSOLE_START;
use tine_server_model::{Clients, Token, WatchHandle};

use crate::output::{Output, Writer};
use crate::terminal::{Keyboard, Screen, Terminal};
use crate::uart::{Cause, Registers, Uart};

/// Bytes that one WRITE takes at most; more is a short write.
pub const WRITE_MAX: usize = 16 << 10;
/// Bytes fetched from a writer at once.
const PIECE: usize = 512;
/// Causes handled, and bytes received, in one turn; beyond that other clients come first.
const TURN: usize = 256;

/// The group of processes that the keys are meant for.
pub trait Foreground {
    /// Sends it SIGINT; those whom that ends do nothing any more when this returns.
    fn interrupt(&mut self);
}

/// What the line discipline shows goes into the queue.
struct Display<'a, F> {
    output: &'a mut Output,
    foreground: &'a mut F,
}

impl<F: Foreground> Screen for Display<'_, F> {
    fn show(&mut self, bytes: &[u8]) {
        self.output.push(bytes);
    }

    fn interrupt(&mut self) {
        self.foreground.interrupt();
    }
}

/// A console on one device.
#[derive(Debug)]
pub struct Console<R, F> {
    uart: Uart<R>,
    foreground: F,
    terminal: Terminal,
    output: Output,
    /// Typed bytes stay in the device until there is room.
    holding: bool,
}

impl<R: Registers, F: Foreground> Console<R, F> {
    /// Takes a device over, and marks where that is done if a pipe is at the other end.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new(registers: R, foreground: F, keyboard: Keyboard) -> Result<Self, Errno> {
        let (terminal, output) = (Terminal::new(keyboard)?, Output::new()?);
        let uart = Uart::new(registers);
        let mut console = Self { uart, foreground, terminal, output, holding: false };
        if keyboard != Keyboard::Person {
            console.output.push(CONSOLE_START);
            console.send();
        }
        Ok(console)
    }

    /// The device has interrupted, and may do so again.
    pub fn interrupt(&mut self, clients: &mut impl Clients) {
        for _ in 0..TURN {
            match self.uart.cause() {
                Some(Cause::Received) => self.receive(clients),
                Some(Cause::Empty | Cause::Other) => {}
                None => {
                    self.progress(clients);
                    return;
                }
            }
        }
        self.progress(clients);
        self.uart.rearm();
    }

    /// Whether an interrupt is pending.
    #[must_use]
    pub const fn is_interrupted(&self) -> bool {
        self.terminal.is_interrupted()
    }

    /// Takes the pending interrupt, if there is one.
    pub fn take_interrupt(&mut self, clients: &mut impl Clients) -> bool {
        self.terminal.take_interrupt(clients)
    }

    /// READ: answers at once or parks the call.
    pub fn read(&mut self, call: Token, length: usize, clients: &mut impl Clients) {
        self.terminal.read(call, length, clients);
        self.resume(clients);
    }

    /// WRITE: answers at once or parks the call.
    pub fn write(&mut self, call: Token, length: usize, clients: &mut impl Clients) {
        let writer = Writer { call, length: length.min(WRITE_MAX), done: 0 };
        if self.output.park(writer) {
            self.progress(clients);
        } else {
            clients.reply(call, Err(Errno::AGAIN));
        }
    }

    /// The mode of the terminal.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.terminal.mode()
    }

    /// Sets the mode and returns the one before.
    pub fn set_mode(&mut self, mode: Mode, clients: &mut impl Clients) -> Mode {
        let before = self.terminal.set_mode(mode, clients);
        self.resume(clients);
        before
    }

    /// WATCH; the result is what holds already.
    ///
    /// # Errors
    /// EAGAIN for too many watches.
    pub fn watch(
        &mut self,
        key: u64,
        handle: WatchHandle,
        mask: WatchMask,
        clients: &mut impl Clients,
    ) -> Result<WatchMask, Errno> {
        self.terminal.watch(key, handle, mask, clients)
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, key: u64, clients: &mut impl Clients) {
        self.terminal.unwatch(key, clients);
    }

    /// Ends all watches: nobody has the terminal open any more.
    pub fn closed(&mut self, clients: &mut impl Clients) {
        self.terminal.closed(clients);
    }

    /// Takes typed bytes out of the device, unless they are better left there.
    fn receive(&mut self, clients: &mut impl Clients) {
        for _ in 0..TURN {
            if self.terminal.must_hold() {
                self.holding = true;
                self.uart.listen(false);
                return;
            }
            let Some(byte) = self.uart.receive() else { return };
            let mut display =
                Display { output: &mut self.output, foreground: &mut self.foreground };
            self.terminal.typed(byte, &mut display, clients);
        }
    }

    /// Somebody may have made room for typed bytes.
    fn resume(&mut self, clients: &mut impl Clients) {
        if self.holding && !self.terminal.must_hold() {
            self.holding = false;
            // Bytes that wait in the device make an edge now.
            self.uart.listen(true);
            self.receive(clients);
            self.progress(clients);
        }
    }

    /// Moves queued bytes into the device as far as it takes them.
    fn send(&mut self) {
        while !self.output.is_empty() {
            let sent = self.uart.send(self.output.front());
            if sent == 0 {
                break;
            }
            self.output.consume(sent);
        }
    }

    /// Serves writers and the device until one of them cannot go on.
    fn progress(&mut self, clients: &mut impl Clients) {
        loop {
            self.send();
            let room = self.output.room();
            let Some(writer) = self.output.first_writer() else { break };
            let (call, done) = (writer.call, writer.done);
            // A line feed may become two bytes.
            let count = (writer.length - done).min(PIECE).min(room / 2);
            if count == 0 && done < writer.length {
                break;
            }
            let mut piece = [0; PIECE];
            let result = clients.fetch_from_client(call, done, &mut piece[..count]);
            if result.is_ok() {
                writer.done += count;
                if writer.done < writer.length {
                    self.show(&piece[..count]);
                    continue;
                }
            }
            self.output.remove_first_writer();
            match result {
                Ok(()) => {
                    self.show(&piece[..count]);
                    clients.reply(call, Ok((done + count) as u64));
                }
                // What was shown was accepted.
                Err(_) if done > 0 => clients.reply(call, Ok(done as u64)),
                Err(error) => clients.reply(call, Err(error)),
            }
        }
        self.uart.announce_empty(!self.output.is_empty());
    }

    fn show(&mut self, text: &[u8]) {
        let mut display = Display { output: &mut self.output, foreground: &mut self.foreground };
        self.terminal.show(text, &mut display);
    }
}

#[cfg(test)]
mod tests;
