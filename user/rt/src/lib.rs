//! Start-up of programs and servers: first instruction, control block, heap, panic, fork.
//!
//! Owns: `_start`, what is kept of the start block ([`start`]), the control block at the base of GS
//! ([`control`]), the global allocator ([`heap`]), the panic handler, the two returns of fork and
//! vfork ([`fork`]), and the link script `link.ld` with its build script `program.rs`.
//!
//! Never enters it: Unix names, descriptors, environment variables as a table (`tine`); policy of
//! servers (`tine-server`).
//!
//! Callers: [`entry!`] in each binary; `tine` and `tine-server`.
//!
//! Invariants: nothing here remembers what a fork would make wrong. The process id stands in the
//! control block, which a fork copies and then corrects, and of which a vfork child has its own.
#![no_std]

extern crate alloc;
#[cfg(any(test, not(target_os = "none")))]
extern crate std;

pub mod arguments;
pub mod control;
pub mod fork;
pub mod heap;
pub mod start;

#[cfg(target_os = "none")]
mod panic;

pub use arguments::Arguments;
pub use tine_sys as sys;

/// What a main function returns.
pub trait Termination {
    /// The exit code.
    fn code(self) -> i32;
}

impl Termination for () {
    fn code(self) -> i32 {
        0
    }
}

impl Termination for i32 {
    fn code(self) -> i32 {
        self
    }
}

/// Declares the main function of a binary: `entry!(run)` with `fn run(arguments: Arguments) -> i32`
/// (or `()`).
///
/// The crate begins with `#![cfg_attr(target_os = "none", no_std, no_main)]`: on the host the same
/// source is an ordinary program, whose system calls all fail.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cfg(target_os = "none")]
        // SAFETY: the runtime declares this symbol with this signature; nobody else defines it.
        #[unsafe(no_mangle)]
        fn tine_main() -> i32 {
            $crate::Termination::code($main($crate::start::arguments()))
        }

        #[cfg(not(target_os = "none"))]
        fn main() -> ::std::process::ExitCode {
            let code = $crate::Termination::code($main($crate::start::arguments()));
            ::std::process::ExitCode::from((code & 0xff) as u8)
        }
    };
}

#[cfg(test)]
mod tests {
    use tine_abi::{layout, memory};

    /// The number in front of a comment that names a constant.
    fn constant(script: &str, name: &str) -> u64 {
        let comment = std::format!("/* {name} */");
        let line = script.lines().find(|line| line.contains(&comment)).unwrap();
        let digits = line.split("0x").nth(1).unwrap();
        let end = digits.find(|sign: char| !sign.is_ascii_hexdigit()).unwrap();
        u64::from_str_radix(&digits[..end], 16).unwrap()
    }

    #[test]
    fn the_link_script_agrees_with_the_layout() {
        let script = include_str!("../link.ld");
        assert_eq!(constant(script, "TEXT"), layout::TEXT);
        assert_eq!(constant(script, "REGION"), layout::REGION);
        assert_eq!(constant(script, "PAGE"), memory::PAGE);
    }
}
