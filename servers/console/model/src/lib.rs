//! The console without its messages: what typed bytes mean, who reads them, what is echoed, and how
//! a serial device is driven.
//!
//! Owns: [`Terminal`] (the line being edited, finished input, parked readers, the mode), the queue
//! of output and its parked writers, [`Uart`](uart::Uart) (the meaning of a 16550's registers), and
//! [`Console`], which joins them. Never enters it: capabilities, system calls. Registers are reached
//! through [`uart::Registers`], readers and writers through [`tine_server_model::Clients`], the
//! processes that the interrupt character ends through [`Foreground`].
//!
//! Editing keys in canonical mode: Backspace or Delete (one character), ^W (word), ^U (line), ^R
//! (print the line again), ^D (end of file on an empty line, else gives out what is there), ^C
//! (with SIGNALS: drops what is not read yet, ends the foreground group, leaves an interrupt
//! pending), ^V (the next byte stands for itself, as the host's tool types the input of `exec`),
//! Return; from a pipe, `INPUT_END` (nothing is typed after it). UTF-8 characters are erased whole. In raw mode every byte is input as it comes.
//!
//! Invariants: at most [`LINE_MAX`] bytes are edited and [`INPUT_MAX`] bytes wait; more input is
//! answered with BEL and dropped, or left in the device where nobody sits at the keyboard. Readers
//! and writers are served first come, first served; a reader never sees a part of an unfinished
//! line, and of what a writer wrote nothing is dropped.
//!
//! Sources: termios(4) of FreeBSD; ECMA-48 for the erase sequence; the PC16550D data sheet.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod console;
mod output;
mod terminal;
pub mod uart;

pub use console::{Console, Foreground, WRITE_MAX};
pub use output::OUTPUT_MAX;
pub use terminal::{INPUT_MAX, Keyboard, LINE_MAX, Screen, Terminal};
