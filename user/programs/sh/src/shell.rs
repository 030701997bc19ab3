//! The shell: what it knows, and its loop over lines.

use alloc::string::String;
use alloc::vec::Vec;

use tine::process::wait::Words;
use tine::rt::fork::Stack;
use tine::{Errno, Pid, WaitStatus, eprint, eprintln};
use tine_sh_language::{Parameters as _, expand_field, parse, syntax::CommandKind};
use tine_sh_model::{Assembler, Parameters, Progress, Variables};

use crate::execute::Flow;
use crate::input::Input;
use crate::terminal::Terminal;

/// A background command that was not waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Background {
    /// Its process, the last of the pipeline; also `$!`.
    pub(crate) process: Pid,
    /// How it ended, if it has.
    pub(crate) status: Option<WaitStatus>,
}

/// Ended background commands that are remembered for `wait` at most.
const REMEMBERED: usize = 256;

/// A shell.
#[derive(Debug)]
pub(crate) struct Shell {
    /// Variables and the rest of what `$` names.
    pub(crate) parameters: Parameters,
    /// A person types the commands: prompts, job control, errors do not end it.
    pub(crate) interactive: bool,
    /// With job control: what is given to jobs.
    pub(crate) terminal: Option<Terminal>,
    /// Commands that were started with `&`.
    pub(crate) background: Vec<Background>,
    /// Loops around the command that runs.
    pub(crate) loops: usize,
    /// Files that are being sourced.
    pub(crate) sources: usize,
    /// The stack of vfork's children.
    pub(crate) stack: Option<Stack>,
}

impl Shell {
    /// A shell called `name` with the variables of the environment.
    pub(crate) fn new(name: String) -> Self {
        let environment = tine::environment::environ();
        let parameters = Parameters {
            variables: Variables::from_environment(&environment),
            name,
            process: tine::getpid(),
            ..Parameters::default()
        };
        Self {
            parameters,
            interactive: false,
            terminal: None,
            background: Vec::new(),
            loops: 0,
            sources: 0,
            stack: None,
        }
    }

    /// Prompts, and gives each pipeline a group of its own.
    pub(crate) fn become_interactive(&mut self) {
        self.interactive = true;
        self.find_terminal();
    }

    /// What a fork's child begins with: no terminal, no children of its own.
    pub(crate) fn become_subshell(&mut self) {
        self.interactive = false;
        self.terminal = None;
        self.background.clear();
    }

    /// Runs commands until the input ends or one says so.
    pub(crate) fn run(&mut self, input: &mut Input) -> Flow {
        let mut command = Assembler::default();
        loop {
            if self.interactive {
                if self.take_interrupt() {
                    command.forget();
                }
                self.reap();
                self.tell_ended();
                self.prompt(command.is_open());
            }
            let line = match input.line() {
                Ok(Some(line)) => line,
                Ok(None) => {
                    if command.is_open() {
                        eprintln!("sh: syntax error: unexpected end of input");
                        self.parameters.status = 2;
                    }
                    if self.interactive {
                        eprint!("\n");
                    }
                    return Flow::Next;
                }
                Err(Errno::INTR) if self.interactive && self.terminal.is_some() => continue,
                Err(error) => {
                    eprintln!("sh: input: {error}");
                    self.parameters.status = 2;
                    return Flow::Exit;
                }
            };
            match command.push(&line) {
                Ok(Progress::More) => {}
                Ok(Progress::Complete(list)) => match self.list(&list) {
                    Flow::Next => {}
                    Flow::Interrupt if self.interactive => {}
                    flow => return flow,
                },
                Err(error) => {
                    eprintln!("sh: {error}");
                    self.parameters.status = 2;
                    if !self.interactive {
                        return Flow::Exit;
                    }
                }
            }
        }
    }

    /// Asks for a line: `PS1`, or `PS2` where a command goes on. Parameters in them are replaced.
    fn prompt(&self, goes_on: bool) {
        let (name, default) = if goes_on { ("PS2", "> ") } else { ("PS1", "$ ") };
        match self.parameters.value(name) {
            None => eprint!("{default}"),
            Some(text) => eprint!("{}", self.replaced(&text)),
        }
    }

    /// A text with its parameters replaced, where it has the form of a word in double quotes.
    fn replaced(&self, text: &str) -> String {
        let parsed = parse(&alloc::format!("X=\"{text}\"")).ok();
        let word = parsed.as_ref().and_then(|list| {
            match &list.0.first()?.pipelines.first()?.1.commands.first()?.kind {
                CommandKind::Simple { assignments, .. } => Some(&assignments.first()?.1),
                _ => None,
            }
        });
        word.map_or_else(|| text.into(), |word| expand_field(word, &self.parameters))
    }

    /// Learns which background commands have ended, without waiting.
    pub(crate) fn reap(&mut self) {
        for job in self.background.iter_mut().filter(|job| job.status.is_none()) {
            match tine::waitpid(job.process, tine::process::WaitFlags::NOHANG) {
                Ok(None) => {}
                Ok(Some((_, status))) => job.status = Some(status),
                // Somebody else took it: nothing more will be known.
                Err(_) => job.status = Some(WaitStatus::exited(127)),
            }
        }
        let ended = self.background.iter().filter(|job| job.status.is_some()).count();
        let mut surplus = ended.saturating_sub(REMEMBERED);
        self.background.retain(|job| {
            let drop = surplus > 0 && job.status.is_some();
            surplus -= usize::from(drop);
            !drop
        });
    }

    /// Tells the person which background commands have ended, once.
    fn tell_ended(&mut self) {
        for job in &self.background {
            if let Some(status) = job.status {
                eprintln!("[{}] ended: {}", job.process, Words(status));
            }
        }
        self.background.retain(|job| job.status.is_none());
    }
}
