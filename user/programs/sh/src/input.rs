//! Where commands come from: the console, a pipe, or a text in memory.
//!
//! Invariants: of an input that programs read as well nothing is read ahead: a pipe is read byte
//! by byte, a console gives out one line at a time.

use alloc::string::String;
use alloc::vec::Vec;

use tine::abi::protocol::file::{FileKind, OpenFlags};
use tine::{Errno, Fd, Result, close, fstat, read};

/// Bytes of a script at most.
const SCRIPT_MAX: usize = 16 << 20;

/// Lines of commands.
#[derive(Debug)]
pub(crate) struct Input {
    source: Source,
    /// What was read and not yet given out.
    rest: Vec<u8>,
    /// So much of `rest` was given out.
    position: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// All of it is in memory.
    Memory,
    /// Standard input, with so many bytes asked for at once.
    Standard(usize),
}

impl Input {
    /// The lines of a text.
    pub(crate) const fn text(text: Vec<u8>) -> Self {
        Self { source: Source::Memory, rest: text, position: 0 }
    }

    /// Standard input.
    pub(crate) fn standard() -> Self {
        let device = fstat(Fd::STDIN).is_ok_and(|status| status.kind == FileKind::Device);
        let source = Source::Standard(if device { 1024 } else { 1 });
        Self { source, rest: Vec::new(), position: 0 }
    }

    /// The next line without its newline; `None` at the end.
    ///
    /// # Errors
    /// As read(2).
    pub(crate) fn line(&mut self) -> Result<Option<String>> {
        loop {
            let rest = &self.rest[self.position..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line = text_of(&rest[..end]);
                self.position += end + 1;
                return Ok(Some(line));
            }
            let mut chunk = [0; 1024];
            let length = match self.source {
                Source::Memory => 0,
                Source::Standard(count) => read(Fd::STDIN, &mut chunk[..count])?,
            };
            if length == 0 {
                let line = (!rest.is_empty()).then(|| text_of(rest));
                self.rest.clear();
                self.position = 0;
                return Ok(line);
            }
            self.rest.drain(..self.position);
            self.position = 0;
            self.rest.extend_from_slice(&chunk[..length]);
        }
    }
}

/// Bytes as text; `\r` before the end of the line is no part of it.
fn text_of(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

/// Reads a script.
///
/// # Errors
/// As open(2) and read(2); EFBIG beyond what a script may have; EISDIR.
pub(crate) fn contents(path: &str) -> Result<Vec<u8>> {
    let fd = tine::descriptor::open_cloexec(path, OpenFlags::READ)?;
    let text = all_of(fd);
    close(fd)?;
    text
}

fn all_of(fd: Fd) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match read(fd, &mut chunk)? {
            0 => return Ok(text),
            length if text.len() + length > SCRIPT_MAX => return Err(Errno::FBIG),
            length => text.extend_from_slice(&chunk[..length]),
        }
    }
}
