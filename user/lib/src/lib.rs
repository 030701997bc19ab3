//! What programs of Tine use: processes, descriptors, files, pipes, time and memory, under the
//! names of libc and FreeBSD.
//!
//! Owns: the Unix shape of things, made of messages to the servers and of system calls; buffering
//! of printed text; the environment as a table.
//!
//! Never enters it: `unsafe` (that is in `tine-sys` and `tine-rt`), numbers of the interface (those
//! are in `tine-abi`), policy of servers.
//!
//! Callers: `user/programs`, `user/tests`, `user/bench`.
//!
//! Invariants: nothing here is remembered that a fork would make wrong. The process id stands in
//! the control block (see `tine-rt`); capabilities in the private table, which a fork does not copy,
//! carry the id of the process that made them ([`ipc::Owned`]); printed text is written before a
//! fork.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod error;

pub mod console;
pub mod descriptor;
pub mod directory;
pub mod path;
pub mod pipe;
pub mod poll;

pub mod environment;
pub mod io;
pub mod ipc;
pub mod memory;
pub mod process;
pub mod signal;
pub mod text;
pub mod time;

pub use tine_abi as abi;
pub use tine_rt as rt;
pub use tine_rt::{Arguments, Termination};
pub use tine_sys as sys;

pub use descriptor::{Fd, close, dup, dup2, fstat, ftruncate, lseek, open, read, write};
pub use directory::{chdir, getcwd, mkdir, readdir, rename, rmdir, unlink};
pub use environment::{getenv, setenv, unsetenv};
pub use error::{Errno, Result};
pub use pipe::{pipe, pipe2};
pub use poll::{PollFd, PollFlags, poll};
pub use process::{
    _exit, Fork, Pid, WaitStatus, execve, execvp, exit, fork, getpgid, getpid, getppid, getsid,
    kill, pdfork, pdgetpid, pdkill, setpgid, setsid, tcgetpgrp, tcsetpgrp, vfork, wait4, waitpid,
};
pub use time::{clock_gettime, nanosleep};

/// Declares the main function of a program: `entry!(run)` with `fn run(arguments: Arguments) -> i32`
/// (or `()`). What was printed is written out when it returns.
///
/// The crate begins with `#![cfg_attr(target_os = "none", no_std, no_main)]`.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        fn flushed_main(arguments: $crate::Arguments) -> i32 {
            $crate::io::finish($crate::Termination::code($main(arguments)))
        }

        $crate::rt::entry!(flushed_main);
    };
}
