//! No interrupt is lost between the terminal, a shell with job control and its jobs.
//!
//! The terminal is the real one. The shell and its children are the steps that the header of
//! `user/programs/sh/src/terminal.rs` tells, each one message long; the group in the foreground is
//! kept as the process server keeps it. Steps interleave at random, the interrupt character comes
//! at any of them, and the last command of every line never ends by itself.

use proptest::collection::vec;
use proptest::prelude::*;
use tine_abi::Errno;
use tine_console_model::{Keyboard, Screen, Terminal};
use tine_server_model::{Clients, Token, WatchHandle};

/// What a process of a job runs, and how it is started.
#[derive(Clone, Copy, Debug)]
struct Program {
    /// By fork; else by vfork, so that the shell waits until it runs.
    forked: bool,
    /// It never ends by itself.
    sleeps: bool,
}

/// One command of a line: what the shell runs itself, or the programs of a pipeline.
type Command = Option<Vec<Program>>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Forked,
    InGroup,
    InForeground,
    Runs,
    /// It ends by itself; a signal does nothing any more.
    Ending,
    Ended,
}

#[derive(Debug)]
struct Process {
    program: Program,
    is_leader: bool,
    stage: Stage,
    in_group: bool,
}

impl Process {
    fn end(&mut self) {
        if self.stage < Stage::Ending {
            self.stage = Stage::Ended;
        }
    }

    fn can_step(&self) -> bool {
        self.stage < Stage::Runs
            || self.stage == Stage::Ending
            || self.stage == Stage::Runs && !self.program.sleeps
    }
}

/// The processes of the one job, and whether its group is in the foreground.
#[derive(Debug, Default)]
struct Job {
    processes: Vec<Process>,
    in_foreground: bool,
}

impl Job {
    fn end_group(&mut self) {
        self.processes.iter_mut().filter(|process| process.in_group).for_each(Process::end);
    }

    fn step(&mut self, index: usize, terminal: &Terminal) {
        let process = &mut self.processes[index];
        process.stage = match process.stage {
            Stage::Forked => {
                process.in_group = true;
                Stage::InGroup
            }
            Stage::InGroup => {
                self.in_foreground |= process.is_leader;
                Stage::InForeground
            }
            Stage::InForeground if terminal.is_interrupted() => Stage::Ended,
            Stage::InForeground => Stage::Runs,
            Stage::Runs => Stage::Ending,
            Stage::Ending | Stage::Ended => Stage::Ended,
        };
    }
}

impl Screen for Job {
    fn show(&mut self, _: &[u8]) {}

    fn interrupt(&mut self) {
        if self.in_foreground {
            self.end_group();
        }
    }
}

/// The answer to the shell's read.
#[derive(Debug, Default)]
struct Answer(Option<Result<u64, Errno>>);

impl Clients for Answer {
    fn send_to_client(&mut self, _: Token, _: usize, _: &[u8]) -> Result<(), Errno> {
        Ok(())
    }

    fn fetch_from_client(&mut self, _: Token, _: usize, _: &mut [u8]) -> Result<(), Errno> {
        Err(Errno::FAULT)
    }

    fn reply(&mut self, _: Token, result: Result<u64, Errno>) {
        self.0 = Some(result);
    }

    fn signal(&mut self, _: WatchHandle) {}

    fn forget(&mut self, _: WatchHandle) {}
}

/// What the shell does next; the first number is that of the command, the second of the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shell {
    Prompt,
    Read,
    Reading,
    Begin(usize),
    Fork(usize, usize),
    SetGroup(usize, usize),
    Ask(usize, usize),
    Wait(usize, usize),
    Rest(usize),
}

struct World {
    line: Vec<Command>,
    terminal: Terminal,
    job: Job,
    answer: Answer,
    shell: Shell,
    /// Commands that were begun.
    begun: usize,
    /// Interrupts that the shell took.
    taken: usize,
}

impl World {
    fn new(line: Vec<Command>) -> Self {
        Self {
            line,
            terminal: Terminal::new(Keyboard::Person).expect("there is memory"),
            job: Job::default(),
            answer: Answer::default(),
            shell: Shell::Prompt,
            begun: 0,
            taken: 0,
        }
    }

    fn typed(&mut self, keys: &[u8]) {
        for key in keys {
            self.terminal.typed(*key, &mut self.job, &mut self.answer);
        }
    }

    fn shell_can_step(&self) -> bool {
        match self.shell {
            Shell::Reading => self.answer.0.is_some(),
            Shell::SetGroup(_, process) => {
                let process = &self.job.processes[process];
                process.program.forked || process.stage >= Stage::Runs
            }
            Shell::Wait(_, process) => self.job.processes[process].stage == Stage::Ended,
            _ => true,
        }
    }

    fn step_shell(&mut self) {
        let is_interrupted = self.terminal.is_interrupted();
        let programs = |command: usize| self.line[command].as_deref().unwrap_or_default();
        self.shell = match self.shell {
            Shell::Prompt => {
                self.taken += usize::from(self.terminal.take_interrupt(&mut self.answer));
                Shell::Read
            }
            Shell::Read => {
                self.terminal.read(Token(1), 80, &mut self.answer);
                Shell::Reading
            }
            Shell::Reading => match self.answer.0.take() {
                Some(Ok(_)) => Shell::Begin(0),
                _ => Shell::Prompt,
            },
            Shell::Begin(command) if command == self.line.len() || is_interrupted => Shell::Prompt,
            Shell::Begin(command) => {
                self.begun += 1;
                self.job.processes.clear();
                if self.line[command].is_some() {
                    Shell::Fork(command, 0)
                } else {
                    Shell::Begin(command + 1)
                }
            }
            Shell::Fork(command, process) => match programs(command).get(process) {
                Some(program) => {
                    self.job.processes.push(Process {
                        program: *program,
                        is_leader: process == 0,
                        stage: Stage::Forked,
                        in_group: false,
                    });
                    Shell::SetGroup(command, process)
                }
                None => Shell::Ask(command, 0),
            },
            Shell::SetGroup(command, process) => {
                self.job.processes[process].in_group = true;
                Shell::Fork(command, process + 1)
            }
            Shell::Ask(command, process) if process == programs(command).len() => {
                Shell::Rest(command)
            }
            Shell::Ask(command, process) => {
                if is_interrupted {
                    self.job.end_group();
                }
                Shell::Wait(command, process)
            }
            Shell::Wait(command, process) => Shell::Ask(command, process + 1),
            Shell::Rest(command) => {
                self.job.in_foreground = false;
                Shell::Begin(command + 1)
            }
        };
    }

    /// One step of whom `choice` names among those who can do one; `false` if nobody can.
    fn step(&mut self, choice: usize) -> bool {
        let able: Vec<usize> = self
            .job
            .processes
            .iter()
            .enumerate()
            .filter_map(|(index, process)| process.can_step().then_some(index))
            .collect();
        let all = able.len() + usize::from(self.shell_can_step());
        if all == 0 {
            return false;
        }
        match able.get(choice % all) {
            Some(process) => self.job.step(*process, &self.terminal),
            None => self.step_shell(),
        }
        true
    }

    fn run(&mut self, steps: impl IntoIterator<Item = usize>) {
        for choice in steps {
            if !self.step(choice) {
                break;
            }
        }
    }
}

fn program() -> impl Strategy<Value = Program> {
    (any::<bool>(), any::<bool>()).prop_map(|(forked, sleeps)| Program { forked, sleeps })
}

fn line() -> impl Strategy<Value = Vec<Command>> {
    let command = prop_oneof![Just(None), vec(program(), 1..4).prop_map(Some)];
    let last = (vec(program(), 0..3), any::<bool>(), 0..3_usize);
    (vec(command, 0..4), last).prop_map(|(mut line, (mut last, forked, at))| {
        last.insert(at.min(last.len()), Program { forked, sleeps: true });
        line.push(Some(last));
        line
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn one_interrupt_ends_one_line(
        line in line(),
        before_line in vec(any::<usize>(), 0..4),
        before_interrupt in vec(any::<usize>(), 0..60),
        after in vec(any::<usize>(), 400),
    ) {
        let mut world = World::new(line);
        world.run(before_line);
        world.typed(b"line\r");
        world.run(before_interrupt);
        world.typed(b"\x03");
        let begun = world.begun;
        world.run(after);
        prop_assert!(!world.step(0), "everybody waits");
        prop_assert_eq!(world.shell, Shell::Reading, "for the next line");
        prop_assert!(world.job.processes.iter().all(|process| process.stage == Stage::Ended));
        prop_assert_eq!((world.taken, world.begun - begun), (1, 0), "and it drops the rest");
        // What is typed now is for the shell, and nothing is left of the interrupt.
        world.typed(b"next\r");
        prop_assert_eq!(world.answer.0, Some(Ok(5)));
    }
}
