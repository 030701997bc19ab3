//! The tool itself with a person's keys: a shell at the prompt, Ctrl-C during a command.
//!
//! Owns: conversations with this very program. Called by: `suite`. They need a booting guest
//! and nothing else; waiting is always for words, never for time, and a guest that does not say
//! them is ended by the tool's own watch or by the end of the conversation.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tine_abi::results::Outcome;

use super::tally::Tally;

/// What the shell says when it waits for a command.
const PROMPT: &str = "$ ";

/// How long the guest may take to say the next words.
const PATIENCE: Duration = Duration::from_secs(120);

/// One conversation: its name, the tool's words, what is said.
type Scene = (&'static str, &'static str, fn(&mut Conversation) -> Result<(), String>);

/// With the keyboard and the screen on pipes.
const SCENES: &[Scene] = &[
    ("boot/shell", "boot --direct", shell),
    ("boot/piped", "boot --direct", piped),
    ("boot/keys", "boot --direct", keys),
    ("boot/interrupt", "exec --direct -- echo ready; sleep 1000", interrupt),
    ("boot/starved", "boot --direct --memory 64", starved),
];

/// At a terminal, which `script` makes.
const AT_A_TERMINAL: Scene = ("boot/terminal", "boot --direct", terminal);

/// Runs them.
pub(super) fn run(tally: &mut Tally) {
    for (name, words, conversation) in SCENES {
        if tally.wants(name) {
            let words: Vec<_> = words.split(' ').collect();
            let begun = own_program().and_then(|program| Conversation::begin(&program, &words));
            tally.judged(name, &begun.and_then(|mut talk| conversation(&mut talk)));
        }
    }
    let (name, words, conversation) = AT_A_TERMINAL;
    if tally.wants(name) {
        if Command::new("script").arg("--version").stdout(Stdio::null()).status().is_err() {
            tally.case(name, Outcome::Skipped("there is no `script` to make a terminal"));
            return;
        }
        let begun = own_program().and_then(|program| {
            let command = format!("'{program}' {words}");
            Conversation::begin("script", &["-q", "-e", "-c", &command, "/dev/null"])
        });
        tally.judged(name, &begun.and_then(|mut talk| conversation(&mut talk)));
    }
}

/// The file of this program.
fn own_program() -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(program.to_string_lossy().into_owned())
}

/// A command at the prompt, then `poweroff`.
fn shell(talk: &mut Conversation) -> Result<(), String> {
    talk.hear(PROMPT)?;
    talk.say("echo one two | wc\n")?;
    talk.hear("1")?;
    talk.hear(PROMPT)?;
    talk.say("poweroff\n")?;
    talk.end(0)
}

/// What the log says is shown on lines of its own when it comes; Ctrl-A X leaves.
fn terminal(talk: &mut Conversation) -> Result<(), String> {
    talk.hear("tine: leave with `poweroff` or Ctrl-A X\r\n")?;
    talk.hear(PROMPT)?;
    talk.say("tests fault.panic\n")?;
    talk.hear("\r\ntine: the guest's log: tests[")?;
    talk.hear("\r\ntine: the guest's log: on purpose\r\n")?;
    talk.hear(PROMPT)?;
    talk.say("\x01x")?;
    talk.hear("\rtine: left\r\n")?;
    talk.end(0)
}

/// More lines than the console can hold.
const LINES: usize = 1000;

/// Everything is there before the guest is, and then it ends: nothing is lost, the shell finds the
/// end, and with it the guest ends.
fn piped(talk: &mut Conversation) -> Result<(), String> {
    talk.say("read X\nline of its own\necho got $X\ncat | wc\n")?;
    talk.say(&"some words\n".repeat(LINES))?;
    talk.close();
    talk.hear("got line of its own\r\n")?;
    talk.hear(&format!("    {LINES}    2000   11000\r\n"))?;
    talk.end(0)
}

/// What is typed before each Ctrl-C, and what is waited for in between: nothing means that the key
/// is on its way with the line, so that it comes while the shell reads, starts the job or waits.
const INTERRUPTED: &[(&str, &str)] = &[
    ("echo dropped", ""),
    ("sleep 1000; echo never\n", ""),
    ("sleep 1000 | sleep 1000 | sleep 1000; echo never\n", ""),
    ("true | (sleep 1000; echo never) | sleep 1000\n", ""),
    ("read x; echo never\n", ""),
    ("echo job$?; sleep 1000; echo never\n", "job130"),
    ("for i in 1 2 3; do echo turn$i; sleep 1000; done; echo never\n", "turn1"),
    ("while :; do echo loop$?; done; echo never\n", "loop0"),
    ("sleep 1000 & wait; echo never\n", "]"),
    ("if true\n", "> "),
];

/// How often they are typed: the key comes at another moment each time.
const ROUNDS: usize = 8;

/// Ctrl-C at the prompt drops the line, in a job it ends the job and what stands after it, in a loop
/// of the shell it ends the loop; the shell lives. Ctrl-D at the prompt ends it.
fn keys(talk: &mut Conversation) -> Result<(), String> {
    talk.hear(PROMPT)?;
    for (typed, said) in INTERRUPTED.repeat(ROUNDS) {
        if said.is_empty() {
            talk.say(&format!("{typed}\x03"))?;
        } else {
            talk.say(typed)?;
            talk.hear(said)?;
            talk.say("\x03")?;
        }
        let answer = talk.hear(PROMPT).map_err(|error| format!("{typed:?}: {error}"))?;
        if answer.contains("\nnever") {
            return Err(format!("what stood after the interrupted part of {typed:?} ran"));
        }
    }
    talk.say("echo status$?\n")?;
    talk.hear("\nstatus130")?;
    talk.hear(PROMPT)?;
    talk.say("A=1; sh\n")?;
    talk.hear(PROMPT)?;
    talk.say("echo inner$A\n")?;
    talk.hear("inner\r\n")?;
    talk.hear(PROMPT)?;
    talk.say("\x04")?;
    talk.hear(PROMPT)?;
    // A shell that becomes another program leaves it the foreground.
    talk.say("sh\n")?;
    talk.hear(PROMPT)?;
    talk.say("exec sh -c 'echo told; sleep 1000'\n")?;
    talk.hear("told\r\n")?;
    talk.say("\x03")?;
    talk.hear(PROMPT)?;
    talk.say("echo outer$A; poweroff\n")?;
    talk.hear("outer1")?;
    talk.end(0)
}

/// Ctrl-C reaches the foreground group of the guest.
fn interrupt(talk: &mut Conversation) -> Result<(), String> {
    talk.hear("ready")?;
    talk.signal("INT").map_err(|error| error.to_string())?;
    talk.end(130)
}

/// A process has all memory when the last shell is killed: init makes room for the next one.
fn starved(talk: &mut Conversation) -> Result<(), String> {
    talk.hear(PROMPT)?;
    talk.say("tests --helper hog &\n")?;
    talk.hear("hog has all")?;
    talk.say("kill -9 $$\n")?;
    talk.hear("all other processes are ended")?;
    talk.hear(PROMPT)?;
    talk.say("echo alive; poweroff\n")?;
    talk.hear("\nalive")?;
    talk.end(0)
}

/// This program, run again, and what it says.
#[derive(Debug)]
struct Conversation {
    child: Child,
    words: mpsc::Receiver<Vec<u8>>,
    heard: String,
}

impl Conversation {
    fn begin(program: &str, words: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (sender, receiver) = mpsc::channel();
        if let Some(mut output) = child.stdout.take() {
            std::thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(count @ 1..) = output.read(&mut buffer) {
                    if sender.send(buffer[..count].to_vec()).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { child, words: receiver, heard: String::new() })
    }

    /// Sends a signal, by the shell's own `kill`: a small system lacks the program.
    fn signal(&self, name: &str) -> io::Result<ExitStatus> {
        let line = format!("kill -{name} {}", self.child.id());
        Command::new("sh").args(["-c", &line]).status()
    }

    /// Waits for `words`, and forgets everything up to them, which is returned.
    fn hear(&mut self, words: &str) -> Result<String, String> {
        loop {
            if let Some(at) = self.heard.find(words) {
                return Ok(self.heard.drain(..at + words.len()).collect());
            }
            let Ok(bytes) = self.words.recv_timeout(PATIENCE) else {
                return Err(format!("{words:?} was not said; last words: {:?}", self.tail()));
            };
            self.heard.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    fn say(&mut self, words: &str) -> Result<(), String> {
        let pipe = self.child.stdin.as_mut().ok_or("no pipe")?;
        pipe.write_all(words.as_bytes()).and_then(|()| pipe.flush()).map_err(|e| e.to_string())
    }

    /// Says nothing more.
    fn close(&mut self) {
        self.child.stdin = None;
    }

    /// Waits for the end with this exit code.
    fn end(&mut self, code: i32) -> Result<(), String> {
        loop {
            match self.words.recv_timeout(PATIENCE) {
                Ok(bytes) => self.heard.push_str(&String::from_utf8_lossy(&bytes)),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(format!("no end; last words: {:?}", self.tail()));
                }
            }
        }
        let status = self.child.wait().map_err(|error| error.to_string())?;
        match status.code() {
            Some(seen) if seen == code => Ok(()),
            _ => Err(format!("ended with {status} instead of {code}: {:?}", self.tail())),
        }
    }

    fn tail(&self) -> String {
        let characters: Vec<char> = self.heard.chars().collect();
        characters[characters.len().saturating_sub(120)..].iter().collect()
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // The tool ends its QEMU when it is asked to end.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.signal("TERM"));
            drop(self.child.wait());
        }
    }
}
