//! One run: start, events, verdict, end.
//!
//! Owns: the threads that read QEMU's pipes, the one loop that decides, the order in which a run
//! is taken down. Called by: `tools/xtask`.
//!
//! Invariants: only the loop decides; readers hand over bytes and nothing else. The loop waits for
//! an event or for the nearest of its limits. A verdict once found is final; after it QEMU gets a
//! little time to end by itself, is killed, and its pipes are read to their end, so no output that
//! was written before the end is lost.

use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tine_abi::results::{INPUT_END, Line};

use crate::channel::Channel;
use crate::console::{self, Console, Output, Shown, Typist};
use crate::end::{End, Report};
use crate::process::{Process, Wiring};
use crate::signals::{Request, Watcher};
use crate::transcript::Transcript;

/// How long silence may last before it is a hang; `None` is for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// From the start to the first sign of life.
    pub start: Option<Duration>,
    /// Between two signs of life, heartbeats included.
    pub silence: Option<Duration>,
    /// Between two result lines (heartbeats do not count), for suites.
    pub progress: Option<Duration>,
    /// How long a guest may take to power off, or to finish its epitaph, after its last word.
    pub grace: Duration,
}

impl Default for Watch {
    /// Watches nothing; 5 s of grace.
    fn default() -> Self {
        Self { start: None, silence: None, progress: None, grace: Duration::from_secs(5) }
    }
}

/// How long QEMU may take to leave a terminal in order, and pipes to come to their end.
const ORDERLY: Duration = Duration::from_secs(2);

/// What QEMU says on the console, behind what stands there, when it is left by its escape character.
const LEFT: &str = "QEMU: Terminated";

/// QEMU's status when direct boot has refused a machine, by way of `isa-debug-exit`: it has said
/// why on COM1 and knows no results channel.
const REFUSED: i32 = 0x33 << 1 | 1;

/// Ctrl-C that the guest did not answer by ending: this many end the run.
const INSISTENCE: u32 = 3;

/// What the reading threads tell the loop.
enum Event {
    Console(Vec<u8>),
    ConsoleEnd,
    Results(Vec<u8>),
    ResultsEnd,
    Errors(Vec<u8>),
    ErrorsEnd,
    Request(Request),
}

/// Runs `machine` until it ends. `folder` takes the FIFO of the channel; `observe` sees each line
/// that is well formed, in order.
///
/// # Errors
/// None: whatever goes wrong is an [`End`].
pub fn run(
    machine: &crate::Machine,
    console: Console<'_>,
    watch: Watch,
    folder: &Path,
    observe: &mut dyn FnMut(&Line<'_>),
) -> Report {
    let wiring =
        if matches!(console, Console::Terminal) { Wiring::Terminal } else { Wiring::Piped };
    let process = Process::start(machine, wiring, folder)
        .map_err(|error| format!("{} cannot be started: {error}", machine.program.display()));
    let started = process.and_then(|process| {
        let (events, receiver) = mpsc::channel();
        Run::new(process, console, watch, events, observe)
            .map(|run| (run, receiver))
            .map_err(|error| error.to_string())
    });
    match started {
        Ok((run, receiver)) => run.until_the_end(&receiver),
        Err(text) => Report { end: End::Qemu(text), last_lines: Vec::new() },
    }
}

/// The state of the loop.
struct Run<'a, 'c> {
    process: Process,
    watch: Watch,
    observe: &'a mut dyn FnMut(&Line<'_>),
    output: Option<&'c mut (dyn Write + 'c)>,
    outward: Output,
    /// Tells the input thread to begin, once.
    begin_input: Option<Sender<()>>,
    channel: Channel,
    transcript: Transcript,
    errors: Vec<u8>,
    case: Option<String>,
    interrupts: u32,
    /// The verdict, once found.
    end: Option<End>,
    /// When QEMU is killed, once there is a verdict.
    kill_at: Option<Instant>,
    /// Whether QEMU is asked before it is killed, because it has the terminal.
    ask_first: bool,
    alive: bool,
    last_sign: Instant,
    last_progress: Instant,
    console_open: bool,
    errors_open: bool,
    // Dropped last: signals keep their meaning until QEMU is dead.
    _watcher: Watcher,
}

impl<'a, 'c> Run<'a, 'c> {
    fn new(
        mut process: Process,
        console: Console<'c>,
        watch: Watch,
        events: Sender<Event>,
        observe: &'a mut dyn FnMut(&Line<'_>),
    ) -> io::Result<Self> {
        let child = &mut process.child;
        let mut console_open = false;
        if let Some(pipe) = child.stdout.take() {
            console_open = true;
            pump(pipe, events.clone(), Event::Console, Event::ConsoleEnd);
        }
        if let Some(pipe) = child.stderr.take() {
            pump(pipe, events.clone(), Event::Errors, Event::ErrorsEnd);
        }
        let stdin = child.stdin.take();
        let interrupt = stdin.as_ref().map(interrupter).transpose()?;
        let (input, output, shown) = match console {
            Console::Terminal => (None, None, Shown::Everything),
            Console::Piped { input, output } => (Some(input), Some(output), Shown::Command),
            Console::Keys { input, output } => (Some(input), Some(output), Shown::Screen),
            Console::Recorded { sink } => (None, Some(sink), Shown::Everything),
        };
        let begin_input = input.zip(stdin).map(|(input, pipe)| {
            let (begin, begun) = mpsc::channel();
            std::thread::spawn(move || {
                if begun.recv().is_ok() {
                    // Ends with QEMU's side of the pipe, which is not an error of this run.
                    drop(type_in(input, pipe, Typist::new(shown == Shown::Screen)));
                }
            });
            begin
        });
        if let Some(channel) = process.channel.take() {
            pump(channel, events.clone(), Event::Results, Event::ResultsEnd);
        }
        let watcher = Watcher::new(move |request| {
            if let (Request::Interrupt, Some(interrupt)) = (request, &interrupt) {
                // Fails only if QEMU is gone, and the interrupter with it.
                interrupt.send(()).ok();
            }
            drop(events.send(Event::Request(request)));
        })?;
        let now = Instant::now();
        Ok(Self {
            process,
            watch,
            observe,
            output,
            outward: Output::new(shown),
            begin_input,
            channel: Channel::default(),
            transcript: Transcript::default(),
            errors: Vec::new(),
            case: None,
            interrupts: 0,
            end: None,
            kill_at: None,
            ask_first: !console_open,
            alive: false,
            last_sign: now,
            last_progress: now,
            console_open,
            errors_open: true,
            _watcher: watcher,
        })
    }

    fn until_the_end(mut self, events: &Receiver<Event>) -> Report {
        // QEMU holds its error pipe for life: its end is QEMU's end.
        while self.errors_open {
            let wait = self.wait();
            match events.recv_timeout(wait) {
                Ok(event) => self.event(event),
                Err(RecvTimeoutError::Timeout) => self.limit(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = self.process.wait();
        let mut channel_open = true;
        while channel_open || self.console_open {
            // The limit is for a child of QEMU's that would hold a pipe open; there is none.
            match events.recv_timeout(ORDERLY) {
                Ok(Event::ResultsEnd) => channel_open = false,
                Ok(event) => self.event(event),
                Err(_) => break,
            }
        }
        if let Some(line) = self.channel.finish() {
            self.line(&line);
        }
        let rest = self.outward.finish();
        self.write(&rest);
        let errors = String::from_utf8_lossy(&self.errors).trim().to_owned();
        self.transcript.bytes(&self.process.transcript());
        let last_lines = self.transcript.into_lines();
        let last = || last_lines.iter().rfind(|line| !line.is_empty()).cloned().unwrap_or_default();
        let end = self.end.take().unwrap_or_else(|| match status {
            Ok(status) if status.success() && last().ends_with(LEFT) => End::Left,
            Ok(status) if status.success() => End::Vanished,
            Ok(status) if status.code() == Some(REFUSED) => End::Halted(last()),
            Ok(status) if errors.is_empty() => End::Qemu(format!("ended with {status}")),
            Ok(_) => End::Qemu(errors),
            Err(error) => End::Qemu(error.to_string()),
        });
        Report { end, last_lines }
    }

    /// Time to the nearest limit.
    fn wait(&self) -> Duration {
        let now = Instant::now();
        let limits = [self.kill_at, self.silent_at(), self.stuck_at()];
        limits
            .into_iter()
            .flatten()
            .map(|limit| limit.saturating_duration_since(now))
            .min()
            .unwrap_or(Duration::from_secs(3600))
    }

    /// When silence becomes a hang; never once there is a verdict.
    fn silent_at(&self) -> Option<Instant> {
        let limit = if self.alive { self.watch.silence } else { self.watch.start };
        limit.filter(|_| self.end.is_none()).map(|limit| self.last_sign + limit)
    }

    /// When a lack of progress becomes a hang.
    fn stuck_at(&self) -> Option<Instant> {
        let limit = self.watch.progress.filter(|_| self.alive && self.end.is_none());
        limit.map(|limit| self.last_progress + limit)
    }

    /// Acts on the limits that have passed.
    fn limit(&mut self) {
        let now = Instant::now();
        if self.kill_at.is_some_and(|limit| limit <= now) {
            if std::mem::take(&mut self.ask_first) {
                self.process.ask_to_end();
                self.kill_at = Some(now + ORDERLY);
            } else {
                self.kill_at = None;
                self.process.kill();
                self.errors_open = false;
            }
        } else if self.silent_at().is_some_and(|limit| limit <= now) {
            let limit = if self.alive { self.watch.silence } else { self.watch.start };
            self.hang(limit);
        } else if self.stuck_at().is_some_and(|limit| limit <= now) {
            self.hang(self.watch.progress);
        }
    }

    fn hang(&mut self, limit: Option<Duration>) {
        let case = self.case.clone();
        self.decide(End::Hang(limit.unwrap_or_default(), case), Duration::ZERO);
    }

    /// Fixes the verdict and gives QEMU `grace` to end by itself.
    fn decide(&mut self, end: End, grace: Duration) {
        self.end = Some(end);
        self.kill_at = Some(Instant::now() + grace);
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Console(bytes) => {
                self.transcript.bytes(&bytes);
                let plain = self.outward.feed(&bytes);
                self.write(&plain);
                if self.outward.started()
                    && let Some(begin) = self.begin_input.take()
                {
                    // Fails only if the input thread is gone, and then nothing is to be typed.
                    begin.send(()).ok();
                }
            }
            Event::ConsoleEnd => self.console_open = false,
            Event::Results(bytes) => {
                self.alive = true;
                self.last_sign = Instant::now();
                for line in self.channel.feed(&bytes) {
                    self.line(&line);
                }
            }
            Event::Errors(bytes) => self.errors.extend(bytes),
            Event::ErrorsEnd => self.errors_open = false,
            Event::ResultsEnd => {}
            Event::Request(request) => self.request(request),
        }
    }

    fn request(&mut self, request: Request) {
        self.interrupts += 1;
        let typed = request == Request::Interrupt && self.outward.started();
        if self.end.is_none() && (!typed || self.interrupts >= INSISTENCE) {
            self.decide(End::Interrupted, Duration::ZERO);
        }
    }

    /// Hands output on; where it cannot go, the run ends.
    fn write(&mut self, bytes: &[u8]) {
        let Some(output) = &mut self.output else { return };
        if !bytes.is_empty()
            && let Err(error) = output.write_all(bytes).and_then(|()| output.flush())
        {
            self.output = None;
            if self.end.is_none() {
                let end = match error.kind() {
                    io::ErrorKind::BrokenPipe => End::Unread,
                    _ => End::Output(error.to_string()),
                };
                self.decide(end, Duration::ZERO);
            }
        }
    }

    fn line(&mut self, text: &str) {
        let Some(line) = Line::parse(text) else {
            self.transcript.line(&format!("(results channel) {text}"));
            return;
        };
        self.last_progress = Instant::now();
        (self.observe)(&line);
        match line {
            Line::Log(text) => self.transcript.line(text),
            Line::Case(name) => self.case = Some(name.to_owned()),
            Line::Test(..) | Line::Bench(_) => self.case = None,
            _ => {}
        }
        let grace = self.watch.grace;
        let end = match line {
            // A panic outweighs what was said before it, not the end of an epitaph after it.
            Line::Panic(text) if !matches!(self.end, Some(End::Panic(_))) => {
                Some((End::Panic(text.to_owned()), grace))
            }
            Line::Halt(text) => match self.end.take() {
                Some(panic @ End::Panic(_)) => Some((panic, Duration::ZERO)),
                _ => Some((End::Halted(text.to_owned()), Duration::ZERO)),
            },
            _ if self.end.is_some() => None,
            Line::Status(status) => Some((End::Status(status), grace)),
            Line::Signal(signal) => Some((End::Signal(signal), grace)),
            Line::Done(lines) => Some((End::Done(lines), grace)),
            Line::Off => Some((End::PoweredOff, grace)),
            _ => None,
        };
        if let Some((end, grace)) = end {
            self.decide(end, grace);
        }
    }
}

/// Types the interrupt character whenever it is told to, in a thread of its own: while the guest
/// takes no input, the pipe may be full. Until its sender is dropped it holds the pipe open, whose
/// end would be the end of QEMU's console.
fn interrupter(pipe: &std::process::ChildStdin) -> io::Result<Sender<()>> {
    let mut pipe = pipe.as_fd().try_clone_to_owned().map(std::fs::File::from)?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        while receiver.recv().is_ok() && pipe.write_all(&[console::INTERRUPT]).is_ok() {}
    });
    Ok(sender)
}

/// Reads `pipe` to its end in a thread of its own.
fn pump(
    mut pipe: impl Read + Send + 'static,
    events: Sender<Event>,
    event: fn(Vec<u8>) -> Event,
    end: Event,
) {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        loop {
            match pipe.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    if events.send(event(buffer[..count].to_vec())).is_err() {
                        break;
                    }
                }
            }
        }
        drop(events.send(end));
    });
}

/// Types `input` into the guest's console, to its end.
fn type_in(mut input: impl Read, mut pipe: impl Write, mut typist: Typist) -> io::Result<()> {
    // A third of PIPE_BUF: what is written at once is never cut by a Ctrl-C from the other handle.
    let mut buffer = [0; 1365];
    loop {
        match input.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(0) => return pipe.write_all(&[INPUT_END]),
            Ok(count) => pipe.write_all(&typist.quote(&buffer[..count]))?,
        }
    }
}
