//! QEMU's process: its start, its pipes, its certain end.
//!
//! Owns: the child, the FIFO of the results channel, the terminal's settings while QEMU has it.
//! Called by: `run`. Invariant: a dropped [`Process`] is a dead one, its FIFO is removed and the
//! terminal is as it was.
//!
//! The channel is a FIFO because QEMU's `file` device can write to it without a handshake. This
//! side holds a writing end itself, so that no `open` waits and the channel does not end before
//! QEMU has opened it; once QEMU is dead that end is closed and the reader comes to the end.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::machine::Machine;

/// How COM1 is connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wiring {
    /// QEMU uses this process's terminal, with its escape character.
    Terminal,
    /// Pipes.
    Piped,
}

/// A running QEMU.
#[derive(Debug)]
pub(crate) struct Process {
    /// The child; its pipes are taken by `run`.
    pub(crate) child: Child,
    /// A writing end of the results channel that keeps it open.
    keeper: Option<File>,
    /// The reading end, taken by `run`.
    pub(crate) channel: Option<File>,
    fifo: PathBuf,
    transcript: PathBuf,
    terminal: Option<String>,
}

impl Process {
    /// Starts QEMU. `folder` takes the FIFO, and in a terminal the transcript.
    pub(crate) fn start(machine: &Machine, wiring: Wiring, folder: &Path) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |what: &str| folder.join(format!("{what}-{}-{number}", std::process::id()));
        let (fifo, transcript) = (name("results"), name("console"));
        drop(std::fs::remove_file(&fifo));
        let made = Command::new("mkfifo").arg(&fifo).status()?;
        if !made.success() {
            return Err(io::Error::other(format!("mkfifo {} failed", fifo.display())));
        }
        let keeper = File::options().read(true).write(true).open(&fifo)?;
        let channel = File::open(&fifo)?;
        let device = match wiring {
            Wiring::Terminal => {
                let log = transcript.to_string_lossy().replace(',', ",,");
                format!("stdio,mux=on,signal=off,logfile={log}")
            }
            Wiring::Piped => "stdio,signal=off".to_owned(),
        };
        let mut command = Command::new(&machine.program);
        command.args(machine.arguments(&device, &fifo)).stderr(Stdio::piped());
        match wiring {
            // The monitor shares the terminal; Ctrl-A X belongs to it.
            Wiring::Terminal => command.args(["-mon", "chardev=console"]),
            // A group of its own, so that Ctrl-C reaches this process alone.
            Wiring::Piped => command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0),
        };
        let terminal = (wiring == Wiring::Terminal && io::stdin().is_terminal())
            .then(|| stty(&["-g"]))
            .flatten();
        match command.spawn() {
            Ok(child) => Ok(Self {
                child,
                keeper: Some(keeper),
                channel: Some(channel),
                fifo,
                transcript,
                terminal,
            }),
            Err(error) => {
                drop(std::fs::remove_file(&fifo));
                Err(error)
            }
        }
    }

    /// Asks QEMU to end, as its window's close button would; it then restores the terminal.
    pub(crate) fn ask_to_end(&mut self) {
        // The shell's own `kill`: a small system lacks the program.
        let line = format!("kill -TERM {}", self.child.id());
        drop(Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status());
    }

    /// Waits for QEMU, which is ending by itself, and lets the channel end.
    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait();
        self.keeper = None;
        status
    }

    /// Ends QEMU if it still runs.
    pub(crate) fn kill(&mut self) {
        // Fails only if it has already ended.
        drop(self.child.kill());
        drop(self.wait());
    }

    /// What the console said, where QEMU itself wrote it to the terminal.
    pub(crate) fn transcript(&self) -> Vec<u8> {
        std::fs::read(&self.transcript).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        drop(std::fs::remove_file(&self.fifo));
        drop(std::fs::remove_file(&self.transcript));
        if let Some(settings) = &self.terminal {
            stty(&[settings.trim()]);
        }
    }
}

/// Runs `stty` on this process's terminal; its output if it worked.
fn stty(arguments: &[&str]) -> Option<String> {
    let output = Command::new("stty").args(arguments).stdin(Stdio::inherit()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
