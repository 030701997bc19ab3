//! The terminal: a state machine over typed bytes and read calls.
//!
//! The interrupt character drops all that was typed before it and not read yet, has the foreground
//! group ended, leaves an interrupt pending and ends the reads that wait, before the next byte is
//! looked at. While one is pending, reads end at once: a shell that was about to read learns of it
//! like one that reads already. It is pending until it is taken, and several are one.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use tine_abi::Errno;
use tine_abi::protocol::console::Mode;
use tine_abi::protocol::file::WatchMask;
use tine_abi::results::INPUT_END;
use tine_server_model::{Clients, Token, WatchHandle, WatchList};

/// Bytes of a line under editing at most (termios MAX_CANON is 255 at least).
pub const LINE_MAX: usize = 1024;
/// Bytes of finished input at most.
pub const INPUT_MAX: usize = 4096;
/// Read calls that wait at most.
const READERS_MAX: usize = 256;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const BELL: u8 = 0x07;

/// Control character of a letter.
const fn control(letter: u8) -> u8 {
    letter & 0x1f
}

/// Where echo and signals go.
pub trait Screen {
    /// Shows bytes as they are.
    fn show(&mut self, bytes: &[u8]);

    /// The interrupt character was typed; does as [`crate::Foreground`] says.
    fn interrupt(&mut self);
}

/// Who types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keyboard {
    /// A person.
    Person,
    /// The host's tool, what a pipe gives it: keys as a person would type them.
    Pipe,
    /// The host's tool, the input of one command: nothing is shown that is typed.
    Command,
}

#[derive(Debug)]
struct Reader {
    call: Token,
    length: usize,
}

/// One terminal.
#[derive(Debug)]
pub struct Terminal {
    mode: Mode,
    line: Vec<u8>,
    /// Whether the last byte was ^V: the next one stands for itself.
    literal: bool,
    /// Finished input. A canonical end of file is an entry in `ends`.
    input: VecDeque<u8>,
    /// Lengths of finished lines in `input`, canonical mode only; 0 is an end of file.
    ends: VecDeque<usize>,
    keyboard: Keyboard,
    /// [`INPUT_END`] was typed: whoever reads after all input is told so.
    ended: bool,
    readers: VecDeque<Reader>,
    /// The interrupt character was typed, and nobody has taken it yet.
    interrupted: bool,
    watches: WatchList,
}

impl Terminal {
    /// A cooked terminal; that of a command has no echo. All memory it will ever need is taken
    /// here.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new(keyboard: Keyboard) -> Result<Self, Errno> {
        let mut mode = Mode::COOKED;
        mode.set(Mode::ECHO, keyboard != Keyboard::Command);
        let mut terminal = Self {
            mode,
            line: Vec::new(),
            literal: false,
            input: VecDeque::new(),
            ends: VecDeque::new(),
            keyboard,
            ended: false,
            readers: VecDeque::new(),
            interrupted: false,
            watches: WatchList::default(),
        };
        let memory = terminal
            .line
            .try_reserve_exact(LINE_MAX)
            .and_then(|()| terminal.input.try_reserve_exact(INPUT_MAX))
            .and_then(|()| terminal.ends.try_reserve_exact(INPUT_MAX))
            .and_then(|()| terminal.readers.try_reserve_exact(READERS_MAX));
        memory.map(|()| terminal).map_err(|_| Errno::NOMEM)
    }

    /// Nobody has the terminal any more: ends all watches; an interrupt is nobody's.
    pub(crate) fn closed(&mut self, clients: &mut impl Clients) {
        self.interrupted = false;
        self.watches.clear(clients);
    }

    /// The mode.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Sets the mode and returns the one before. A line under editing becomes input when
    /// canonical mode ends.
    pub fn set_mode(&mut self, mode: Mode, clients: &mut impl Clients) -> Mode {
        let before = core::mem::replace(&mut self.mode, mode);
        if before.contains(Mode::CANONICAL) && !mode.contains(Mode::CANONICAL) {
            self.ends.clear();
            self.give_out_line();
        } else if !before.contains(Mode::CANONICAL) && mode.contains(Mode::CANONICAL) {
            self.ends.clear();
            if !self.input.is_empty() {
                self.ends.push_back(self.input.len());
            }
        }
        self.serve(clients);
        before
    }

    /// Whether typed bytes are better left in the device, which holds the sender back: a whole
    /// line more would not be taken, and nobody sits at the keyboard who would hear a bell or type
    /// an interrupt. What is typed nevertheless is taken as long as it fits.
    #[must_use]
    pub fn must_hold(&self) -> bool {
        let is_person = self.keyboard == Keyboard::Person && self.mode.contains(Mode::ECHO);
        !is_person && !self.has_room()
    }

    /// Whether a whole line more would be taken.
    fn has_room(&self) -> bool {
        self.input.len() + LINE_MAX <= INPUT_MAX && self.ends.len() < INPUT_MAX
    }

    /// A byte was typed.
    pub fn typed(&mut self, byte: u8, screen: &mut impl Screen, clients: &mut impl Clients) {
        if core::mem::take(&mut self.literal) && self.mode.contains(Mode::CANONICAL) {
            self.insert(byte, screen);
        } else if byte == control(b'C') && self.mode.contains(Mode::SIGNALS) {
            self.line.clear();
            self.input.clear();
            self.ends.clear();
            self.echo(b"^C\n", screen);
            // First, so that of those that wait only who survives it is told.
            screen.interrupt();
            self.interrupted = true;
            for reader in self.readers.drain(..) {
                clients.reply(reader.call, Err(Errno::INTR));
            }
        } else if self.mode.contains(Mode::CANONICAL) {
            self.edit(byte, screen);
        } else if self.input.len() < INPUT_MAX {
            self.input.push_back(byte);
            self.echo(&[byte], screen);
        } else {
            screen.show(&[BELL]);
        }
        self.serve(clients);
    }

    fn edit(&mut self, byte: u8, screen: &mut impl Screen) {
        match byte {
            b'\r' | b'\n' => {
                if self.room_for_line() {
                    self.line.push(b'\n');
                    self.give_out_line();
                    self.echo(b"\n", screen);
                } else {
                    screen.show(&[BELL]);
                }
            }
            BACKSPACE | DELETE => self.erase_character(screen),
            _ if byte == control(b'W') => {
                while self.line.last() == Some(&b' ') {
                    self.erase_character(screen);
                }
                while self.line.last().is_some_and(|byte| *byte != b' ') {
                    self.erase_character(screen);
                }
            }
            _ if byte == control(b'U') => {
                while !self.line.is_empty() {
                    self.erase_character(screen);
                }
            }
            _ if byte == control(b'R') => {
                self.echo(b"^R\n", screen);
                if self.mode.contains(Mode::ECHO) {
                    screen.show(&self.line);
                }
            }
            _ if byte == control(b'D') => {
                if self.room_for_line() {
                    self.give_out_line();
                }
            }
            INPUT_END if self.keyboard != Keyboard::Person => {
                if !self.line.is_empty() && self.room_for_line() {
                    self.give_out_line();
                }
                self.ended = true;
            }
            _ if byte == control(b'V') => self.literal = true,
            _ if byte >= b' ' || byte == b'\t' => self.insert(byte, screen),
            _ => screen.show(&[BELL]),
        }
    }

    /// Adds a byte to the line; a control character is echoed with a caret.
    fn insert(&mut self, byte: u8, screen: &mut impl Screen) {
        if self.line.len() >= LINE_MAX - 1 {
            screen.show(&[BELL]);
            return;
        }
        self.line.push(byte);
        match byte {
            DELETE => self.echo(b"^?", screen),
            ..b' ' if byte != b'\t' => self.echo(&[b'^', byte | 0x40], screen),
            _ => self.echo(&[byte], screen),
        }
    }

    /// Whether the line, and its end, fit into what waits to be read.
    fn room_for_line(&self) -> bool {
        self.input.len() + self.line.len() < INPUT_MAX && self.ends.len() < INPUT_MAX
    }

    /// Makes the line input.
    fn give_out_line(&mut self) {
        let room = INPUT_MAX - self.input.len();
        self.line.truncate(room);
        if self.mode.contains(Mode::CANONICAL) {
            self.ends.push_back(self.line.len());
        }
        self.input.extend(self.line.drain(..));
    }

    /// Erases the last character, all bytes of it, from line and screen.
    fn erase_character(&mut self, screen: &mut impl Screen) {
        let Some(mut byte) = self.line.pop() else { return };
        while byte & 0xc0 == 0x80 {
            match self.line.pop() {
                Some(earlier) => byte = earlier,
                None => break,
            }
        }
        // A control character was shown as two.
        let columns = if (byte < b' ' && byte != b'\t') || byte == DELETE { 2 } else { 1 };
        for _ in 0..columns {
            self.echo(&[BACKSPACE, b' ', BACKSPACE], screen);
        }
    }

    fn echo(&self, bytes: &[u8], screen: &mut impl Screen) {
        if self.mode.contains(Mode::ECHO) {
            self.show(bytes, screen);
        }
    }

    /// Output of a program: with NEWLINE a line feed also returns the carriage.
    pub fn show(&self, bytes: &[u8], screen: &mut impl Screen) {
        if !self.mode.contains(Mode::NEWLINE) {
            screen.show(bytes);
            return;
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.split_last() {
                Some((b'\n', text)) => {
                    screen.show(text);
                    screen.show(b"\r\n");
                }
                _ => screen.show(piece),
            }
        }
    }

    /// READ: answers at once or parks the call.
    pub fn read(&mut self, call: Token, length: usize, clients: &mut impl Clients) {
        if self.interrupted {
            clients.reply(call, Err(Errno::INTR));
            return;
        }
        if self.readers.len() >= READERS_MAX {
            clients.reply(call, Err(Errno::AGAIN));
            return;
        }
        self.readers.push_back(Reader { call, length });
        self.serve(clients);
    }

    /// Whether an interrupt is pending.
    #[must_use]
    pub const fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Takes the pending interrupt, if there is one.
    pub fn take_interrupt(&mut self, clients: &mut impl Clients) -> bool {
        let interrupted = core::mem::take(&mut self.interrupted);
        self.serve(clients);
        interrupted
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
        let level = self.level();
        self.watches.add(key, handle, mask, level, clients)
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, key: u64, clients: &mut impl Clients) {
        self.watches.remove(key, clients);
    }

    fn level(&self) -> WatchMask {
        let mut level = WatchMask::WRITABLE;
        let input = !self.input.is_empty() || !self.ends.is_empty() || self.ended;
        let answers = self.interrupted || input;
        level.set(WatchMask::READABLE, answers);
        level
    }

    /// Bytes that one read may take: all of them, or up to the end of the first line.
    fn readable(&self) -> Option<usize> {
        let input = if self.mode.contains(Mode::CANONICAL) {
            self.ends.front().copied()
        } else {
            Some(self.input.len()).filter(|length| *length > 0)
        };
        input.or(self.ended.then_some(0))
    }

    fn serve(&mut self, clients: &mut impl Clients) {
        while let Some(reader) = self.readers.front() {
            let (call, length) = (reader.call, reader.length);
            let available = if length == 0 { Some(0) } else { self.readable() };
            let Some(available) = available else { break };
            let count = available.min(length);
            let bytes = &self.input.make_contiguous()[..count];
            let result = clients.send_to_client(call, 0, bytes);
            if result.is_ok() && length > 0 {
                self.input.drain(..count);
                if let Some(end) = self.ends.front_mut() {
                    *end -= count;
                    if *end == 0 {
                        self.ends.pop_front();
                    }
                }
            }
            self.readers.pop_front();
            clients.reply(call, result.map(|()| count as u64));
        }
        let level = self.level();
        self.watches.update(level, clients);
    }
}

#[cfg(test)]
mod tests;
