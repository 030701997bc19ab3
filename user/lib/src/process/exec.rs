//! exec: a program file, its arguments and environment, made ready and run.
//!
//! Owns: the argument block as it is sent ([`Program`]), the search along `PATH`.
//!
//! A [`Program`] is made ready before a vfork, for the child cannot free what it allocates: the
//! memory is its parent's.

use alloc::vec::Vec;

use tine_abi::CapRef;
use tine_abi::capability::Rights;
use tine_abi::message::{SendCapability, SendMode};
use tine_abi::protocol::file::{NAME_MAX, OpenFlags};
use tine_abi::protocol::process::Operation;
use tine_abi::start::ARGUMENTS_MAX;
use tine_rt::fork::PROCESS;
use tine_sys::capability::ANYWHERE;
use tine_sys::message::Message;

use crate::descriptor::open_message;
use crate::environment::{environ, getenv};
use crate::error::{Errno, Result, answer, request};
use crate::path;

/// A program ready to be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Files to try, in this order.
    candidates: Vec<Vec<u8>>,
    /// Name, then argument block.
    buffer: Vec<u8>,
    name: usize,
    arguments: usize,
    environment: usize,
}

impl Program {
    /// The program in the file `path`.
    ///
    /// # Errors
    /// E2BIG if arguments and environment are too long, EINVAL if one holds a NUL byte.
    pub fn new(
        path: impl AsRef<[u8]>,
        arguments: &[impl AsRef<[u8]>],
        environment: &[impl AsRef<[u8]>],
    ) -> Result<Self> {
        let path = path.as_ref();
        Self::prepare(path::basename(path), [path.to_vec()].into(), arguments, environment)
    }

    /// The program called `name`, looked for in the folders of `PATH` (`/bin` if there is none)
    /// unless it holds a slash; with the environment of this program.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn find(name: impl AsRef<[u8]>, arguments: &[impl AsRef<[u8]>]) -> Result<Self> {
        let folders = getenv("PATH").unwrap_or_else(|| b"/bin".to_vec());
        Self::search(name, &folders, arguments, &environ())
    }

    /// The same with folders, separated by colons, and an environment of the caller's choice.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn search(
        name: impl AsRef<[u8]>,
        folders: &[u8],
        arguments: &[impl AsRef<[u8]>],
        environment: &[impl AsRef<[u8]>],
    ) -> Result<Self> {
        let name = name.as_ref();
        Self::prepare(path::basename(name), candidates(name, folders), arguments, environment)
    }

    /// The files that are tried, in this order.
    pub fn candidates(&self) -> impl Iterator<Item = &[u8]> {
        self.candidates.iter().map(Vec::as_slice)
    }

    fn prepare(
        name: &[u8],
        candidates: Vec<Vec<u8>>,
        arguments: &[impl AsRef<[u8]>],
        environment: &[impl AsRef<[u8]>],
    ) -> Result<Self> {
        let name = &name[..name.len().min(NAME_MAX)];
        let mut buffer = name.to_vec();
        let strings = arguments.iter().map(AsRef::as_ref);
        for string in strings.chain(environment.iter().map(AsRef::as_ref)) {
            if string.contains(&0) {
                return Err(Errno::INVAL);
            }
            buffer.extend_from_slice(string);
            buffer.push(0);
        }
        if (buffer.len() - name.len()) as u64 > ARGUMENTS_MAX {
            return Err(Errno::TOOBIG);
        }
        Ok(Self {
            candidates,
            buffer,
            name: name.len(),
            arguments: arguments.len(),
            environment: environment.len(),
        })
    }

    /// Runs it in this process; returns only on failure. Allocates nothing.
    #[must_use]
    pub fn exec(&self) -> Errno {
        let mut failure = Errno::NOENT;
        let searches = self.candidates.len() > 1;
        for path in &self.candidates {
            let error = match self.exec_file(path) {
                Ok(()) => Errno::IO,
                Err(error) => error,
            };
            match error {
                Errno::NOENT | Errno::NOTDIR if searches => {}
                // Found, and not to be had: the search goes on, and this is what is told at last.
                Errno::ACCES => failure = error,
                error => return error,
            }
        }
        failure
    }

    fn exec_file(&self, path: &[u8]) -> Result<()> {
        let reply = open_message(path::base(path), path, OpenFlags::EXECUTE, ANYWHERE)?;
        let memory = SendCapability {
            source: CapRef::private(reply.arrived.slot(0).ok_or(Errno::MFILE)?),
            mode: SendMode::Move,
            rights: Rights::ALL,
            badge: 0,
        };
        let counts = [
            self.name as u64,
            (self.buffer.len() - self.name) as u64,
            self.arguments as u64,
            self.environment as u64,
        ];
        let message = Message::new(request(Operation::Exec as u64, 0, counts))
            .readable(&self.buffer)
            .send(memory);
        answer(message.call(PROCESS)).map(drop)
    }
}

/// The files that a name may stand for.
fn candidates(name: &[u8], folders: &[u8]) -> Vec<Vec<u8>> {
    if name.contains(&b'/') {
        return [name.to_vec()].into();
    }
    if name.is_empty() {
        return Vec::new();
    }
    folders.split(|&byte| byte == b':').map(|folder| path::join(folder, name)).collect()
}

/// Runs the program in the file `path`; returns only on failure.
#[must_use]
pub fn execve(
    path: impl AsRef<[u8]>,
    arguments: &[impl AsRef<[u8]>],
    environment: &[impl AsRef<[u8]>],
) -> Errno {
    match Program::new(path, arguments, environment) {
        Ok(program) => program.exec(),
        Err(error) => error,
    }
}

/// Runs the program called `name`, as [`Program::find`] finds it; returns only on failure.
#[must_use]
pub fn execvp(name: impl AsRef<[u8]>, arguments: &[impl AsRef<[u8]>]) -> Errno {
    match Program::find(name, arguments) {
        Ok(program) => program.exec(),
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_name_arguments_environment() {
        let program = Program::new("/bin/ls", &["ls", "-l"], &["A=1"]).unwrap();
        assert_eq!(program.buffer, b"lsls\0-l\0A=1\0");
        assert_eq!((program.name, program.arguments, program.environment), (2, 2, 1));
        let block = tine_rt::arguments::ArgumentBlock::new(&program.buffer[2..], 2, 1);
        assert_eq!(block.arguments().collect::<Vec<_>>(), [&b"ls"[..], b"-l"]);
        assert_eq!(block.environment().collect::<Vec<_>>(), [&b"A=1"[..]]);
    }

    #[test]
    fn nul_bytes_and_long_blocks_are_refused() {
        let none: [&str; 0] = [];
        assert_eq!(Program::new("x", &["a\0b"], &none), Err(Errno::INVAL));
        let long = "x".repeat(ARGUMENTS_MAX as usize - 1);
        assert!(Program::new("x", &[&long], &none).is_ok());
        assert_eq!(Program::new("x", &[&long], &["A="]), Err(Errno::TOOBIG));
    }

    #[test]
    fn names_are_looked_for_along_the_path() {
        let found = |name: &str, folders: &str| candidates(name.as_bytes(), folders.as_bytes());
        assert_eq!(found("ls", "/bin:/usr/bin"), [&b"/bin/ls"[..], b"/usr/bin/ls"]);
        assert_eq!(found("./ls", "/bin"), [&b"./ls"[..]]);
        assert_eq!(found("ls", ""), [&b"ls"[..]]);
        assert!(found("", "/bin").is_empty());
    }

    #[test]
    fn nothing_is_executed_on_the_host() {
        assert_eq!(execvp("ls", &["ls"]), Errno::NOSYS);
        let none: [&str; 0] = [];
        assert_eq!(execve("", &none, &none), Errno::NOSYS);
        assert_eq!(execvp("", &none), Errno::NOENT);
    }
}
