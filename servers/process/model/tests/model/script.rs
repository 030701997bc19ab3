//! The script language of the scenarios, and the bed they run in.
//!
//! ```text
//! P fork C [!memory|!slots|!gone]     P vfork C ..     P pdfork C [daemon] [noslot] [flags=N] ..
//! P exec NAME [!refused|!lost|!gone]  P wait WHOM [nohang] [keep] [options=N]
//! P kill WHOM SIGNAL                  P ignore SIGNAL  P default SIGNAL
//! P setpgid WHOM GROUP                P getpgid WHOM   P getsid WHOM   P setsid   P getppid
//! P acquire   P foreground [GROUP]    P reaper on|off  P trace WHOM    P untrace WHOM
//! P limit user|system [N]             P user [N]       P poweroff      P getpid   P clone
//! D pid    D pdkill SIGNAL [by=P]     D watch N        D unwatch N     (D: descriptor of child D)
//! rights D pid|kill|wait ..           narrows what the next lines on D may do
//! exit P CODE   killed P SIGNAL   fault P KIND   close D   time NS   timer   console SIGNAL
//! list   stats   last
//! ```
//! WHOM: a name, a number, `any`, `own`, or `-NAME` for a group.

use std::collections::BTreeMap;
use std::fmt::Write;

use tine_abi::Errno;
use tine_abi::notification::FaultKind;
use tine_abi::protocol::process::{DescriptorRights, Limit, Record, State};
use tine_process_model::{
    Answer, Badge, CloneFailure, Completion, Config, DescriptorId, Effect, Effects, ExecFailure,
    ExitRecord, Input, Instant, Memory, Model, Name, ProcessId, Request, Reservation, Sender,
    Token, WatchHandle,
};

/// Collects effects.
#[derive(Default)]
pub(super) struct Sink(pub(super) Vec<Effect>);

impl Effects for Sink {
    fn emit(&mut self, effect: Effect) {
        self.0.push(effect);
    }
}

/// A record that a list is written over.
pub(super) const BLANK: Record =
    Record { pid: 0, parent: 0, group: 0, session: 0, user: 0, state: State::New, name: [0; 32] };

/// A model with init and nothing else.
pub(super) fn started(config: Config) -> Model {
    let mut model = Model::new(config).unwrap();
    let request = Request::StartInit { name: Name::of_path(b"init") };
    let start = Input::Request { token: Token(0), from: Sender::Root, request };
    for input in [start, Input::Completed(Completion::Created(Ok(())))] {
        model.step(Instant(1), input, &mut Sink::default()).unwrap();
    }
    model
}

/// A model with names for what is in it.
pub(super) struct Bed {
    pub(super) model: Model,
    now: u64,
    tokens: Vec<String>,
    processes: BTreeMap<String, ProcessId>,
    names: BTreeMap<ProcessId, String>,
    pids: BTreeMap<String, u32>,
    descriptors: BTreeMap<String, DescriptorId>,
    rights: BTreeMap<String, DescriptorRights>,
    trace: String,
}

/// Runs a script on a small FreeBSD 13 and compares its trace.
pub(super) fn check(script: &str, expected: &expect_test::Expect) {
    check_with(Config::DEFAULT, script, expected);
}

/// The same on a system of one's own.
pub(super) fn check_with(config: Config, script: &str, expected: &expect_test::Expect) {
    expected.assert_eq(&trace(config, script));
}

/// The trace of a script.
pub(super) fn trace(config: Config, script: &str) -> String {
    let mut bed = Bed::new(config);
    bed.run(script);
    bed.trace
}

impl Bed {
    /// A system with init.
    pub(super) fn new(config: Config) -> Self {
        let mut bed = Self {
            model: Model::new(config).unwrap(),
            now: 1,
            tokens: Vec::new(),
            processes: BTreeMap::new(),
            names: BTreeMap::new(),
            pids: BTreeMap::new(),
            descriptors: BTreeMap::new(),
            rights: BTreeMap::new(),
            trace: String::new(),
        };
        let token = bed.token("root init");
        let name = Name::of_path(b"/bin/init");
        let request = Request::StartInit { name };
        let effects = bed.step(Input::Request { token, from: Sender::Root, request });
        let Effect::CreateInit { process, pid, .. } = effects[0] else { panic!("{effects:?}") };
        bed.name("init", process, pid);
        bed.step(Input::Completed(Completion::Created(Ok(()))));
        bed
    }

    /// Runs the lines of a script.
    pub(super) fn run(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            writeln!(self.trace, "{line}").unwrap();
            self.line(line);
        }
    }

    /// One step, then all invariants.
    pub(super) fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut sink = Sink::default();
        self.model.step(Instant(self.now), input, &mut sink).unwrap();
        if let Err(violation) = self.model.check() {
            panic!("{violation} after {input:?}\n{}", self.trace);
        }
        sink.0
    }

    pub(super) const fn descriptors(&self) -> &BTreeMap<String, DescriptorId> {
        &self.descriptors
    }

    pub(super) fn process(&self, name: &str) -> ProcessId {
        *self.processes.get(name).unwrap_or_else(|| panic!("no process {name}"))
    }

    fn token(&mut self, what: &str) -> Token {
        self.tokens.push(what.to_owned());
        Token(self.tokens.len() as u64 - 1)
    }

    fn name(&mut self, name: &str, process: ProcessId, pid: u32) {
        self.processes.insert(name.to_owned(), process);
        self.names.insert(process, name.to_owned());
        self.pids.insert(name.to_owned(), pid);
    }

    fn number(&self, word: &str) -> i32 {
        match word {
            "any" => -1,
            "own" => 0,
            _ => match (word.parse(), word.strip_prefix('-')) {
                (Ok(number), _) => number,
                (_, Some(group)) => -self.number(group),
                _ => self.pids[word] as i32,
            },
        }
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let exit = |bed: &mut Self, record| {
            let process = bed.process(words[1]);
            bed.show(Input::Exit { process, record });
        };
        let value = |word: &str| word.parse::<u32>().unwrap();
        match words[0] {
            "exit" => exit(self, ExitRecord::Exited(value(words[2]))),
            "killed" => exit(self, ExitRecord::Killed(value(words[2]))),
            "fault" => {
                exit(
                    self,
                    ExitRecord::Faulted(FaultKind::from_number(value(words[2]).into()).unwrap()),
                );
            }
            "close" => {
                let descriptor = self.descriptors[words[1]];
                self.show(Input::NoSenders(Badge::Descriptor(descriptor)));
            }
            "time" => self.now += words[1].parse::<u64>().unwrap(),
            "timer" => self.show(Input::Timer),
            "console" => {
                let token = self.token("console");
                let request = Request::Interrupt { signal: value(words[1]) };
                self.show(Input::Request { token, from: Sender::Console, request });
            }
            "rights" => {
                let rights = words[2..].iter().fold(DescriptorRights::empty(), |rights, word| {
                    rights
                        | match *word {
                            "pid" => DescriptorRights::PID,
                            "kill" => DescriptorRights::KILL,
                            _ => DescriptorRights::WAIT,
                        }
                });
                self.rights.insert(words[1].to_owned(), rights);
            }
            "list" => self.list(),
            "stats" => writeln!(self.trace, "  {:?}", self.model.statistics()).unwrap(),
            "last" => writeln!(self.trace, "  {}", self.model.last_pid()).unwrap(),
            subject => self.request(subject, &words[1..]),
        }
    }

    fn request(&mut self, subject: &str, words: &[&str]) {
        let has = |flag: &str| words.contains(&flag);
        let option = |key: &str| {
            words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
        };
        let value = |index: usize| words[index].parse::<u32>().unwrap();
        let whom = |bed: &Self, index: usize| bed.number(words[index]);
        let fork = |base: u64| {
            let flags = base | if has("daemon") { 4 } else { 0 };
            let slot = if has("noslot") { Reservation::NoSlot } else { Reservation::Reserved };
            Request::Fork { flags: option("flags").unwrap_or(flags), slot }
        };
        let request = match words[0] {
            "fork" => fork(0),
            "vfork" => fork(1),
            "pdfork" => fork(2),
            "clone" => Request::ForkWithFlags,
            "exec" => Request::Exec { name: Name::of_path(words[1].as_bytes()) },
            "wait" => {
                let flags = u32::from(has("nohang")) | if has("keep") { 8 } else { 0 };
                let options = option("options").map_or(flags, |options: u64| options as u32);
                Request::Wait { pid: whom(self, 1), options }
            }
            "kill" => Request::Kill { pid: whom(self, 1), signal: value(2) },
            "ignore" => Request::SetIgnored { signal: value(1), ignored: true },
            "default" => Request::SetIgnored { signal: value(1), ignored: false },
            "setpgid" => Request::SetGroup { pid: whom(self, 1), group: whom(self, 2) },
            "getpgid" => Request::GetGroup { pid: whom(self, 1) },
            "getsid" => Request::GetSession { pid: whom(self, 1) },
            "setsid" => Request::SetSession,
            "getpid" => Request::GetPid,
            "getppid" => Request::GetParentPid,
            "acquire" => Request::AcquireConsole,
            "foreground" if words.len() > 1 => Request::SetForeground { group: whom(self, 1) },
            "foreground" => Request::GetForeground,
            "reaper" if has("on") => Request::AcquireReaper,
            "reaper" => Request::ReleaseReaper,
            "trace" => Request::Trace { pid: whom(self, 1) },
            "untrace" => Request::Untrace { pid: whom(self, 1) },
            "limit" => {
                let limit = if has("user") { Limit::UserProcesses } else { Limit::Processes };
                match words.get(2) {
                    Some(word) => Request::SetLimit { limit, value: word.parse().unwrap() },
                    None => Request::GetLimit { limit },
                }
            }
            "user" if words.len() > 1 => Request::SetUser { user: value(1) },
            "user" => Request::GetUser,
            "poweroff" => Request::PowerOff,
            "pid" => Request::DescriptorPid,
            "pdkill" => {
                let by = words.iter().find_map(|word| word.strip_prefix("by="));
                Request::DescriptorKill {
                    signal: value(1),
                    caller: by.map(|name| self.process(name)),
                }
            }
            "watch" => Request::DescriptorWatch {
                key: value(1).into(),
                watch: WatchHandle(value(1).into()),
            },
            "unwatch" => Request::DescriptorUnwatch { key: value(1).into() },
            other => panic!("no such operation: {other}"),
        };
        let from = match words[0] {
            "pid" | "pdkill" | "watch" | "unwatch" if self.descriptors.contains_key(subject) => {
                let rights = self.rights.get(subject).copied().unwrap_or(DescriptorRights::all());
                Sender::Holder { descriptor: self.descriptors[subject], rights }
            }
            _ => Sender::Process(self.process(subject)),
        };
        let token = self.token(&format!("{subject} {}", words[0]));
        let effects = self.step(Input::Request { token, from, request });
        if let Some(Effect::CloneCaller { child, pid, .. }) = effects.last() {
            self.name(words[1], *child, *pid);
        }
        self.print(&effects);
        let completion = match effects.last() {
            Some(Effect::CloneCaller { .. }) => Completion::Cloned(match () {
                () if has("!memory") => Err(CloneFailure::NoMemory),
                () if has("!slots") => Err(CloneFailure::NoSlots),
                () if has("!gone") => Err(CloneFailure::CallerGone),
                () => Ok(()),
            }),
            Some(Effect::ExecCaller { .. }) => Completion::Executed(match () {
                () if has("!refused") => Err(ExecFailure::Refused(Errno::NOEXEC)),
                () if has("!lost") => Err(ExecFailure::Lost),
                () if has("!gone") => Err(ExecFailure::CallerGone),
                () => Ok(()),
            }),
            _ => return,
        };
        let effects = self.step(Input::Completed(completion));
        for effect in &effects {
            if let Effect::ReplyAndStart { answer: Answer { mint: Some(mint), .. }, child, .. } =
                effect
                && let Badge::Descriptor(descriptor) = mint
            {
                self.descriptors.insert(self.names[child].clone(), *descriptor);
            }
        }
        self.print(&effects);
    }

    fn show(&mut self, input: Input) {
        let effects = self.step(input);
        self.print(&effects);
    }

    fn print(&mut self, effects: &[Effect]) {
        for effect in effects {
            let line = self.describe(effect);
            writeln!(self.trace, "  {line}").unwrap();
        }
    }

    fn describe(&self, effect: &Effect) -> String {
        let who = |process: &ProcessId| self.names[process].as_str();
        let call = |token: &Token| self.tokens[token.0 as usize].as_str();
        match effect {
            Effect::Reply { token, outcome: Ok(answer) } => {
                let [first, second, ..] = answer.values;
                let wait = call(token).ends_with("wait") && first != 0;
                let pair = call(token).ends_with("limit");
                if wait {
                    format!("{}: {first} status {second:#06x}", call(token))
                } else if pair {
                    format!("{}: {first} used {second}", call(token))
                } else {
                    format!("{}: {first}", call(token))
                }
            }
            Effect::Reply { token, outcome: Err(errno) } => {
                format!("{}: {}", call(token), errno.label())
            }
            Effect::CloneCaller { child, pid, memory, .. } => {
                let memory = if *memory == Memory::Copy { "copy" } else { "share" };
                format!("clone {} pid {pid} {memory}", who(child))
            }
            Effect::ReplyAndStart { token, answer, child } => {
                let mint = if answer.mint.is_some() { " + descriptor" } else { "" };
                format!("{}: {}{mint}, then start {}", call(token), answer.values[0], who(child))
            }
            Effect::Start { child } => format!("start {}", who(child)),
            Effect::Abandon { child } => format!("abandon {}", who(child)),
            Effect::ExecCaller { process, .. } => format!("exec {}", who(process)),
            Effect::CreateInit { process, .. } => format!("create {}", who(process)),
            Effect::Kill { process, signal } => format!("kill {} {signal}", who(process)),
            Effect::Forget { process } => format!("forget {}", who(process)),
            Effect::SignalWatch(handle) => format!("signal watch {}", handle.0),
            Effect::ForgetWatch(handle) => format!("forget watch {}", handle.0),
            Effect::PowerOff { token } => format!("power off for {}", call(token)),
            Effect::ArmTimer { at } => format!("timer at {}", at.0),
            Effect::Log(log) => format!("log {:?} user {} pid {:?}", log.kind, log.user, log.pid),
            Effect::InitEnded { status } => format!("init ended: {status:?}"),
        }
    }

    /// Every process.
    pub(super) fn records(&self) -> Vec<Record> {
        let mut records = vec![BLANK; self.model.count() as usize + 1];
        let page = self.model.list(0, &mut records);
        assert_eq!(page.next, None);
        records.truncate(page.filled);
        records
    }

    fn list(&mut self) {
        for record in self.records() {
            let Record { pid, parent, group, session, state, .. } = record;
            let name = String::from_utf8_lossy(&record.name);
            let name = name.trim_end_matches('\0');
            writeln!(
                self.trace,
                "  {pid} {name} parent {parent} group {group} session {session} {state:?}"
            )
            .unwrap();
        }
    }
}
