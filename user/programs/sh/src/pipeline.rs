//! Pipelines: a process for each command, a group for all of them, the terminal for the one in
//! the foreground.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use tine::abi::capability::SlotFlags;
use tine::process::wait::{Words, shell_code};
use tine::process::{Fork, Pid, WaitFlags, fork, waitpid};
use tine::{Fd, Result, WaitStatus, close, eprintln, exit, kill, pipe2, signal};
use tine_sh_language::expand_field;
use tine_sh_language::syntax::{AndOr, Command, CommandKind, List};

use crate::builtin;
use crate::execute::Flow;
use crate::launch::Ends;
use crate::redirect::{OWN, Steps, out_of_the_way};
use crate::shell::{Background, Shell};
use crate::terminal::Group;

/// One command of a pipeline, started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// In this process.
    Process(Pid),
    /// It could not be started; `$?` of it.
    Failed(i32),
}

impl Shell {
    /// Runs a pipeline and waits for all of it; `$?` is that of the last command.
    pub(crate) fn run_foreground(&mut self, commands: &[Command]) -> Flow {
        let stages = self.start_all(commands, true, None);
        let mut status = 0;
        let mut leader = None;
        for stage in stages {
            status = match stage {
                Stage::Failed(status) => status,
                Stage::Process(pid) => {
                    let leader = *leader.get_or_insert(pid);
                    if self.is_interrupted() {
                        kill(-leader, signal::SIGINT).ok();
                    }
                    wait_for(pid)
                }
            };
        }
        self.rest();
        self.parameters.status = status;
        // What stands after it on the line is not wanted either.
        if self.is_interrupted() { Flow::Interrupt } else { Flow::Next }
    }

    /// Runs a list behind the shell's back; `$!` is its last process.
    pub(crate) fn start_background(&mut self, and_or: &AndOr) {
        self.reap();
        let whole;
        let commands = match and_or.pipelines.as_slice() {
            [(_, pipeline)] if !pipeline.negated => pipeline.commands.as_slice(),
            pipelines => {
                let list = AndOr { pipelines: pipelines.to_vec(), background: false };
                let kind = CommandKind::Subshell(List(Box::from(vec![list])));
                whole = [Command { kind, redirections: Vec::new() }];
                &whole
            }
        };
        // Without job control it must not read what the shell reads.
        let input = if self.terminal.is_none() { nothing_to_read().ok() } else { None };
        let stages = self.start_all(commands, false, input);
        match stages.last() {
            Some(Stage::Process(process)) => {
                let process = *process;
                self.background.push(Background { process, status: None });
                self.parameters.background = Some(process);
                self.parameters.status = 0;
                if self.interactive {
                    eprintln!("[{process}]");
                }
            }
            Some(Stage::Failed(status)) => self.parameters.status = *status,
            None => {}
        }
    }

    /// Starts every command of a pipeline. `input` is what the first one reads; it is closed here.
    fn start_all(
        &mut self,
        commands: &[Command],
        foreground: bool,
        mut input: Option<Fd>,
    ) -> Vec<Stage> {
        let mut stages = Vec::new();
        let mut group = self.new_job(foreground);
        for (index, command) in commands.iter().enumerate() {
            let (next, output) = if index + 1 == commands.len() {
                (None, None)
            } else {
                match pipe() {
                    Ok((next, output)) => (Some(next), Some(output)),
                    Err(error) => {
                        eprintln!("sh: pipe: {error}");
                        stages.push(Stage::Failed(1));
                        break;
                    }
                }
            };
            let stage = match self.start_command(command, Ends { input, output }, next, group) {
                Ok(pid) => Stage::Process(pid),
                Err(status) => Stage::Failed(status),
            };
            if let Stage::Process(pid) = stage {
                group = group.with(pid);
            }
            stages.push(stage);
            for fd in [input, output].into_iter().flatten() {
                close(fd).ok();
            }
            input = next;
        }
        if let Some(input) = input {
            close(input).ok();
        }
        stages
    }

    /// Starts one command in a process. `unused` is the other end of its output.
    fn start_command(
        &mut self,
        command: &Command,
        ends: Ends,
        unused: Option<Fd>,
        group: Group,
    ) -> core::result::Result<Pid, i32> {
        if let CommandKind::Simple { assignments, words } = &command.kind {
            let fields = self.fields(words);
            if fields.first().is_some_and(|name| builtin::find(name).is_none()) {
                let extra: Vec<(String, String)> = assignments
                    .iter()
                    .map(|(name, word)| (name.clone(), expand_field(word, &self.parameters)))
                    .collect();
                let steps = Steps::open(&command.redirections, &self.parameters);
                let steps = steps.map_err(|trouble| {
                    trouble.tell();
                    1
                })?;
                return self.start_program(&fields, &extra, ends, &steps, group);
            }
        }
        match fork() {
            Ok(Fork::Parent(pid)) => Ok(pid),
            Ok(Fork::Child) => self.be_command(command, ends, unused, group),
            Err(error) => {
                eprintln!("sh: fork: {error}");
                Err(1)
            }
        }
    }

    /// The rest of the life of a fork's child: one command.
    fn be_command(&mut self, command: &Command, ends: Ends, unused: Option<Fd>, group: Group) -> ! {
        group.enter();
        self.become_subshell();
        if let Err(error) = ends.connect() {
            eprintln!("sh: {error}");
            exit(1);
        }
        for fd in [ends.input, ends.output, unused].into_iter().flatten() {
            close(fd).ok();
        }
        let CommandKind::Subshell(list) = &command.kind else {
            self.command(command);
            exit(self.parameters.status);
        };
        match Steps::open(&command.redirections, &self.parameters) {
            Err(trouble) => {
                trouble.tell();
                exit(1)
            }
            Ok(steps) => {
                if let Err((fd, error)) = steps.apply() {
                    eprintln!("sh: {fd}: {error}");
                    exit(1);
                }
                drop(steps);
                self.list(list);
                exit(self.parameters.status)
            }
        }
    }
}

/// A pipe of the shell's own, closed by exec, clear of the three standard descriptors.
fn pipe() -> Result<(Fd, Fd)> {
    let (read, write) = pipe2(SlotFlags::CLOEXEC)?;
    let clear = |fd: Fd| if fd > Fd::STDERR { Ok(fd) } else { out_of_the_way(fd, OWN) };
    match (clear(read), clear(write)) {
        (Ok(read), Ok(write)) => Ok((read, write)),
        (Ok(fd), Err(error)) | (Err(error), Ok(fd)) => {
            close(fd).ok();
            Err(error)
        }
        (Err(error), Err(_)) => Err(error),
    }
}

/// A descriptor whose input is at its end.
fn nothing_to_read() -> Result<Fd> {
    let (read, write) = pipe()?;
    close(write)?;
    Ok(read)
}

/// `$?` of what the interrupt character has ended.
pub(crate) const INTERRUPTED: i32 = 128 + signal::SIGINT as i32;

/// Waits for a process of the shell and tells the person if a signal ended it; `$?`.
pub(crate) fn wait_for(pid: Pid) -> i32 {
    match waitpid(pid, WaitFlags::empty()) {
        Ok(Some((_, status))) => {
            tell_signal(status);
            shell_code(status)
        }
        Ok(None) | Err(_) => 127,
    }
}

/// Says what signal ended a foreground process, unless the person sent it or expects it.
fn tell_signal(status: WaitStatus) {
    let quiet = [signal::SIGINT, signal::SIGPIPE];
    if status.signal().is_some_and(|number| !quiet.contains(&u32::from(number))) {
        eprintln!("{}", Words(status));
    }
}
