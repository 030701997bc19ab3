//! The console's line discipline: what typed bytes mean, who reads them, what is echoed.
//!
//! Owns: the line being edited, finished input, parked readers, the terminal's mode. Never enters
//! it: the UART, capabilities, system calls. Bytes for the screen and signals for the foreground
//! group leave through [`Screen`], everything for readers through
//! [`tine_server_model::Clients`].
//!
//! Editing keys in canonical mode: Backspace or Delete (one character), ^W (word), ^U (line), ^R
//! (print the line again), ^D (end of file on an empty line, else gives out what is there), ^C
//! (with SIGNALS: drops the line and ends the foreground group), ^V (the next byte stands for itself,
//! as the host's tool types the input of `exec`), Return. UTF-8 characters are erased whole. In raw mode every byte is input as it comes.
//!
//! Invariants: at most [`LINE_MAX`] bytes are edited and [`INPUT_MAX`] bytes wait; more input is
//! answered with BEL and dropped. Readers are served first come, first served, and never see a
//! part of an unfinished line.
//!
//! Sources: termios(4) of FreeBSD; ECMA-48 for the erase sequence.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod terminal;

pub use terminal::{INPUT_MAX, LINE_MAX, Screen, Terminal};
