//! Programs: found, started by vfork, told apart from scripts.
//!
//! Invariants: the child allocates nothing and writes only to what it shares with the waiting
//! parent ([`Launch::failure`]); its descriptors are its own copy.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use tine::process::exec::Program;
use tine::process::{Pid, WaitFlags, waitpid};
use tine::rt::fork::Stack;
use tine::{_exit, Errno, Fd, Result, dup2, eprintln, vfork};

use crate::redirect::Steps;
use crate::shell::Shell;
use crate::terminal::Group;

/// Standard input and output of a command in a pipeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ends {
    /// The pipe it reads, if not the shell's input.
    pub(crate) input: Option<Fd>,
    /// The pipe it writes, if not the shell's output.
    pub(crate) output: Option<Fd>,
}

impl Ends {
    /// Makes them descriptors 0 and 1. Allocates nothing.
    pub(crate) fn connect(self) -> Result<()> {
        if let Some(input) = self.input {
            dup2(input, Fd::STDIN)?;
        }
        if let Some(output) = self.output {
            dup2(output, Fd::STDOUT)?;
        }
        Ok(())
    }
}

/// Why a child did not become its program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failure {
    /// A descriptor could not be used.
    Descriptor(Fd, Errno),
    /// The program could not be executed.
    Program(Errno),
}

impl Failure {
    /// `$?` of it.
    const fn status(self) -> i32 {
        match self {
            Self::Descriptor(..) => 1,
            Self::Program(error) => status_of_failure(error),
        }
    }
}

/// What parent and child share.
struct Launch<'a> {
    name: &'a str,
    program: &'a Program,
    place: Place<'a>,
    failure: Option<Failure>,
}

/// What becomes of a child before it executes.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    ends: Ends,
    steps: &'a Steps,
    group: Group,
}

fn child(launch: &mut Launch<'_>) -> ! {
    launch.place.group.enter();
    let failure = match launch.prepare() {
        Err(failure) => failure,
        Ok(()) => Failure::Program(launch.program.exec()),
    };
    launch.failure = Some(failure);
    // Where the command's own messages go.
    match failure {
        Failure::Program(Errno::NOEXEC) => {}
        Failure::Program(error) => drop(tell_failure(launch.name, error)),
        Failure::Descriptor(fd, error) => eprintln!("sh: {fd}: {error}"),
    }
    _exit(127)
}

impl Launch<'_> {
    fn prepare(&self) -> core::result::Result<(), Failure> {
        self.place.ends.connect().map_err(|error| Failure::Descriptor(Fd::STDIN, error))?;
        self.place.steps.apply().map_err(|(fd, error)| Failure::Descriptor(fd, error))
    }
}

/// Bytes of the child's stack: messages, system calls, a line of text.
const STACK: usize = 16 << 10;

/// What a shell's `$?` is when a program could not be run.
pub(crate) const fn status_of_failure(error: Errno) -> i32 {
    match error {
        Errno::NOENT | Errno::NOTDIR => 127,
        _ => 126,
    }
}

/// Says why a program could not be run; `$?`.
pub(crate) fn tell_failure(name: &str, error: Errno) -> i32 {
    if error == Errno::NOENT && !name.contains('/') {
        eprintln!("sh: {name}: not found");
    } else {
        eprintln!("sh: {name}: {error}");
    }
    status_of_failure(error)
}

impl Shell {
    /// The program of a command, looked for along `PATH`.
    ///
    /// # Errors
    /// E2BIG, EINVAL.
    pub(crate) fn program(&self, fields: &[String], extra: &[(String, String)]) -> Result<Program> {
        let folders = self.parameters.variables.get("PATH").unwrap_or("/bin");
        let environment = self.environment(extra);
        Program::search(&fields[0], folders.as_bytes(), fields, &environment)
    }

    /// The environment of a command with assignments before it.
    fn environment(&self, extra: &[(String, String)]) -> Vec<String> {
        if extra.is_empty() {
            return self.parameters.variables.environment();
        }
        let mut variables = self.parameters.variables.clone();
        for (name, value) in extra {
            variables.set(name, value.as_str());
            variables.export(name);
        }
        variables.environment()
    }

    /// The shell itself on the script that a program turned out to be.
    pub(crate) fn script(
        &self,
        program: &Program,
        fields: &[String],
        extra: &[(String, String)],
    ) -> Result<Program> {
        let readable = |path: &&[u8]| tine::descriptor::stat(path).is_ok();
        let path = program.candidates().find(readable).ok_or(Errno::NOEXEC)?;
        let mut arguments = alloc::vec!["sh".to_string(), String::from_utf8_lossy(path).into()];
        arguments.extend_from_slice(&fields[1..]);
        Program::new("/bin/sh", &arguments, &self.environment(extra))
    }

    /// Starts a program in a child; tells its pid, or `$?` after saying what is wrong.
    pub(crate) fn start_program(
        &mut self,
        fields: &[String],
        extra: &[(String, String)],
        ends: Ends,
        steps: &Steps,
        group: Group,
    ) -> core::result::Result<Pid, i32> {
        let tell = |error| tell_failure(&fields[0], error);
        let program = self.program(fields, extra).map_err(tell)?;
        let place = Place { ends, steps, group };
        let (pid, failure) = self.start(&fields[0], &program, place).map_err(tell)?;
        match failure {
            // Neither a program nor anything else that says what it is: a script.
            Some(Failure::Program(Errno::NOEXEC)) => {}
            failure => return failure.map_or(Ok(pid), |failure| Err(failure.status())),
        }
        let script = self.script(&program, fields, extra).map_err(tell)?;
        let (pid, failure) = self.start(&fields[0], &script, place).map_err(tell)?;
        failure.map_or(Ok(pid), |failure| Err(failure.status()))
    }

    /// The vfork itself. A child that failed is already reaped.
    fn start(
        &mut self,
        name: &str,
        program: &Program,
        place: Place<'_>,
    ) -> Result<(Pid, Option<Failure>)> {
        let stack = match &mut self.stack {
            Some(stack) => stack,
            none => none.insert(Stack::new(STACK)?),
        };
        let mut launch = Launch { name, program, place, failure: None };
        let pid = vfork(stack, &mut launch, child)?;
        if launch.failure.is_some() {
            waitpid(pid, WaitFlags::empty())?;
        }
        Ok((pid, launch.failure))
    }
}
