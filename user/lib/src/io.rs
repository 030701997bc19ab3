//! Printed text: `print!` through a buffer, `eprint!` at once, lines of input.
//!
//! Owns: the buffer of standard output, and when it is written: into a file or pipe when it is
//! full, else at each line; before a fork, at the end of the program, and whenever [`flush`] is
//! called.
//!
//! Never enters it: [`crate::write`], which goes past the buffer.
//!
//! Invariants: a fork finds the buffer empty, so nothing is written twice. What descriptor 1 is, is
//! asked once and forgotten when the library changes that descriptor.

pub mod buffer;
pub mod lines;

use core::fmt::{Arguments, Write};

use buffer::{Buffer, Flushing, Sink};
use tine_abi::protocol::file::FileKind;
use tine_rt::heap::Lock;

use crate::descriptor::{Fd, fstat, write_all};
use crate::error::Result;

pub use lines::Lines;

static OUTPUT: Lock<Buffer> = Lock::new(Buffer::new());

impl Sink for Fd {
    fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        write_all(*self, bytes)
    }

    fn flushing(&mut self) -> Flushing {
        match fstat(*self) {
            Ok(status) => match status.kind {
                FileKind::Regular | FileKind::Pipe => Flushing::Full,
                FileKind::Directory | FileKind::Device | FileKind::Process => Flushing::Line,
            },
            Err(_) => Flushing::Line,
        }
    }
}

/// What [`crate::print!`] does. Failures are kept and told by [`flush`].
#[doc(hidden)]
pub fn print_arguments(arguments: Arguments<'_>) {
    // The buffer never fails by itself.
    OUTPUT.lock().writer(&mut { Fd::STDOUT }).write_fmt(arguments).ok();
}

/// Puts bytes into the buffer of standard output.
pub fn print_bytes(bytes: &[u8]) {
    OUTPUT.lock().put(bytes, &mut { Fd::STDOUT });
}

/// What [`crate::eprint!`] does.
#[doc(hidden)]
pub fn eprint_arguments(arguments: Arguments<'_>) {
    let mut buffer = Buffer::new();
    buffer.writer(&mut Unbuffered).write_fmt(arguments).ok();
    buffer.flush(&mut Unbuffered).ok();
}

/// Standard error: whole pieces, never line by line.
struct Unbuffered;

impl Sink for Unbuffered {
    fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        write_all(Fd::STDERR, bytes)
    }

    fn flushing(&mut self) -> Flushing {
        Flushing::Full
    }
}

/// Writes what was printed.
///
/// # Errors
/// The first failure since the last flush, as write(2).
pub fn flush() -> Result<()> {
    OUTPUT.lock().flush(&mut { Fd::STDOUT })
}

/// Writes what was printed, so that the memory that a fork copies holds none of it. A failure is
/// kept for [`finish`].
pub(crate) fn before_fork() {
    OUTPUT.lock().write(&mut { Fd::STDOUT });
}

/// The library is about to change what a descriptor is.
pub(crate) fn descriptor_changed(fd: Fd) {
    if fd == Fd::STDOUT {
        let mut output = OUTPUT.lock();
        output.write(&mut { Fd::STDOUT });
        output.forget_kind();
    }
}

/// Ends a program with this code: writes what was printed, and turns a failure to do so into the
/// code 1 and a message.
#[must_use]
pub fn finish(code: i32) -> i32 {
    match flush() {
        Ok(()) => code,
        Err(error) => {
            crate::eprintln!("standard output: {error}");
            if code == 0 { 1 } else { code }
        }
    }
}

/// Prints text to standard output, through the buffer.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::io::print_arguments(::core::format_args!($($argument)*)) };
}

/// Prints text and a newline to standard output, through the buffer.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($argument:tt)*) => {
        $crate::io::print_arguments(::core::format_args!("{}\n", ::core::format_args!($($argument)*)))
    };
}

/// Prints text to standard error at once.
#[macro_export]
macro_rules! eprint {
    ($($argument:tt)*) => { $crate::io::eprint_arguments(::core::format_args!($($argument)*)) };
}

/// Prints text and a newline to standard error at once.
#[macro_export]
macro_rules! eprintln {
    ($($argument:tt)*) => {
        $crate::io::eprint_arguments(::core::format_args!("{}\n", ::core::format_args!($($argument)*)))
    };
}
