//! The model against the naive reference, over random histories; and properties of any history.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use tine_abi::Errno;
use tine_abi::protocol::process::{Limit, Record, State};
use tine_process_model::{
    Badge, CloneFailure, Completion, Config, DescriptorId, Effect, ExecFailure, ExitRecord, Input,
    Instant, Model, Name, ProcessId, Request, Reservation, Sender, Token, WatchHandle,
};

use super::reference::Reference;
use super::script::Sink;

const PID_MAX: u32 = 28;

/// What a process does next; numbers are picked from those that exist.
#[derive(Clone, Debug)]
enum Step {
    Fork { who: Index, descriptor: Option<bool> },
    Exit { who: Index, code: u8 },
    Wait { who: Index, whom: Index, sign: i32, keep: bool },
    Close { which: Index },
    SetGroup { who: Index, target: Index, group: Index, own: u8 },
    SetSession { who: Index },
    Exec { who: Index },
    Kill { who: Index, whom: Index, sign: i32, kills: bool },
    Reaper { who: Index, on: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<Index>;
    let sign = prop_oneof![3 => Just(1), 1 => Just(-1), 1 => Just(0), 3 => Just(i32::MIN)];
    let step = prop_oneof![
        6 => (index(), prop::option::weighted(0.3, any::<bool>()))
            .prop_map(|(who, descriptor)| Step::Fork { who, descriptor }),
        3 => (index(), any::<u8>()).prop_map(|(who, code)| Step::Exit { who, code }),
        4 => (index(), index(), sign.clone(), any::<bool>())
            .prop_map(|(who, whom, sign, keep)| Step::Wait { who, whom, sign, keep }),
        2 => index().prop_map(|which| Step::Close { which }),
        2 => (index(), index(), index(), 0..4_u8)
            .prop_map(|(who, target, group, own)| Step::SetGroup { who, target, group, own }),
        1 => index().prop_map(|who| Step::SetSession { who }),
        1 => index().prop_map(|who| Step::Exec { who }),
        1 => (index(), index(), sign, prop::bool::weighted(0.3))
            .prop_map(|(who, whom, sign, kills)| Step::Kill { who, whom, sign, kills }),
        1 => (index(), any::<bool>()).prop_map(|(who, on)| Step::Reaper { who, on }),
    ];
    prop::collection::vec(step, 1..120)
}

/// A pid, a group, own group (0) or any (-1), from an index and a sign.
fn whom(pids: &[u32], index: Index, sign: i32) -> i32 {
    let pid = pids[index.index(pids.len())] as i32;
    if sign == i32::MIN { -1 } else { pid * sign }
}

/// The model, driven by pids.
struct Subject {
    model: Model,
    /// Those still open, by the order in which they were made.
    descriptors: BTreeMap<usize, DescriptorId>,
    made: usize,
    effects: Vec<Effect>,
}

impl Subject {
    fn new() -> Self {
        let config = Config {
            pid_max: Some(PID_MAX),
            maxproc: 1000,
            failure_delay_ns: Some(0),
            ..Config::DEFAULT
        };
        let model = Model::new(config).unwrap();
        let mut subject =
            Self { model, descriptors: BTreeMap::new(), made: 0, effects: Vec::new() };
        let request = Request::StartInit { name: Name::of_path(b"init") };
        subject.step(Input::Request { token: Token(0), from: Sender::Root, request });
        subject.step(Input::Completed(Completion::Created(Ok(()))));
        subject
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut sink = Sink::default();
        self.model.step(Instant(1), input, &mut sink).unwrap();
        self.model.check().unwrap();
        self.effects.extend(&sink.0);
        sink.0
    }

    fn id(&self, pid: u32) -> ProcessId {
        self.model.find(pid).unwrap()
    }

    /// A call that is answered at once.
    fn call(&mut self, pid: u32, request: Request) -> Result<u32, Errno> {
        let from = Sender::Process(self.id(pid));
        let mut effects = self.step(Input::Request { token: Token(7), from, request });
        match effects.last() {
            Some(Effect::CloneCaller { .. }) => {
                effects = self.step(Input::Completed(Completion::Cloned(Ok(()))));
            }
            Some(Effect::ExecCaller { .. }) => {
                effects = self.step(Input::Completed(Completion::Executed(Ok(()))));
            }
            _ => {}
        }
        effects
            .iter()
            .find_map(|effect| match effect {
                Effect::Reply { token: Token(7), outcome } => {
                    Some(outcome.map(|answer| answer.values[0] as u32))
                }
                Effect::ReplyAndStart { answer, .. } => {
                    let pid = answer.values[0] as u32;
                    if let Some(Badge::Descriptor(descriptor)) = answer.mint {
                        self.descriptors.insert(self.made, descriptor);
                        self.made += 1;
                    }
                    Some(Ok(pid))
                }
                _ => None,
            })
            .unwrap()
    }
}

/// Plays a history to both and compares every answer and every list.
fn play(history: &[Step]) -> Result<Vec<Effect>, TestCaseError> {
    let mut subject = Subject::new();
    let mut reference = Reference::new(PID_MAX);
    for step in history {
        let pids: Vec<u32> = reference.processes.keys().copied().collect();
        let running: Vec<u32> = pids.iter().copied().filter(|pid| reference.runs(*pid)).collect();
        let pick = |index: &Index| running[index.index(running.len())];
        let (expected, outcome) = match step {
            Step::Fork { who, descriptor } => {
                let pid = pick(who);
                let flags = descriptor.map_or(0, |daemon| if daemon { 6 } else { 2 });
                let request = Request::Fork { flags, slot: Reservation::Reserved };
                let made = descriptor.map(|daemon| (subject.made, daemon));
                (reference.fork(pid, made), subject.call(pid, request))
            }
            Step::Exit { who, code } => {
                let live = |pid: &u32| *pid != 1 && reference.processes[pid].status.is_none();
                let ending: Vec<u32> = pids.iter().copied().filter(live).collect();
                if !ending.is_empty() {
                    let pid = ending[who.index(ending.len())];
                    let process = subject.id(pid);
                    let record = ExitRecord::Exited((*code).into());
                    subject.step(Input::Exit { process, record });
                    reference.exit(pid, (*code).into());
                }
                (Ok(0), Ok(0))
            }
            Step::Wait { who, whom: index, sign, keep } => {
                let (pid, whom) = (pick(who), whom(&pids, *index, *sign));
                let options = if *keep { 9 } else { 1 };
                let request = Request::Wait { pid: whom, options };
                (reference.wait(pid, whom, *keep), subject.call(pid, request))
            }
            Step::Close { which } => {
                let open: Vec<usize> = subject.descriptors.keys().copied().collect();
                if !open.is_empty() {
                    let number = open[which.index(open.len())];
                    let descriptor = subject.descriptors.remove(&number).unwrap();
                    subject.step(Input::NoSenders(Badge::Descriptor(descriptor)));
                    reference.close(number);
                }
                (Ok(0), Ok(0))
            }
            Step::SetGroup { who, target, group, own } => {
                let pid = pick(who);
                let target = if own & 1 == 1 { 0 } else { whom(&pids, *target, 1) };
                let group = if own & 2 == 2 { 0 } else { whom(&pids, *group, 1) };
                let request = Request::SetGroup { pid: target, group };
                (reference.set_group(pid, target, group), subject.call(pid, request))
            }
            Step::SetSession { who } => {
                let pid = pick(who);
                (reference.set_session(pid), subject.call(pid, Request::SetSession))
            }
            Step::Exec { who } => {
                let pid = pick(who);
                let request = Request::Exec { name: Name::default() };
                (reference.exec(pid), subject.call(pid, request))
            }
            Step::Kill { who, whom: index, sign, kills } => {
                let (pid, whom) = (pick(who), whom(&pids, *index, *sign));
                let signal = if *kills { 9 } else { 0 };
                let request = Request::Kill { pid: whom, signal };
                (reference.kill(pid, whom, *kills), subject.call(pid, request))
            }
            Step::Reaper { who, on } => {
                let pid = pick(who);
                let request = if *on { Request::AcquireReaper } else { Request::ReleaseReaper };
                (reference.reaper(pid, *on), subject.call(pid, request))
            }
        };
        prop_assert_eq!(outcome, expected, "{:?}", step);
        compare(&subject, &reference)?;
    }
    Ok(subject.effects)
}

fn compare(subject: &Subject, reference: &Reference) -> Result<(), TestCaseError> {
    prop_assert_eq!(subject.model.last_pid(), reference.last);
    prop_assert_eq!(subject.model.count() as usize, reference.processes.len());
    let mut page = [BLANK; PID_MAX as usize];
    let filled = subject.model.list(0, &mut page).filled;
    let listed = page[..filled].iter().map(|record| {
        let zombie = record.state == State::Zombie;
        (record.pid, record.parent, record.group, record.session, zombie)
    });
    let expected = reference.processes.iter().map(|(pid, naive)| {
        (*pid, naive.parent, naive.group, naive.session, naive.status.is_some())
    });
    prop_assert!(listed.eq(expected), "{:?}", reference.processes);
    Ok(())
}

const BLANK: Record =
    Record { pid: 0, parent: 0, group: 0, session: 0, user: 0, state: State::New, name: [0; 32] };

/// Any input at all, from any sender: what a hostile client and an unlucky kernel could bring.
#[derive(Clone, Debug)]
enum Anything {
    Request { who: u8, request: AnyRequest, number: i32, other: u32 },
    Exit { who: u8, kind: u8 },
    Close { which: u8 },
    Complete { outcome: u8 },
    Timer,
}

#[derive(Clone, Copy, Debug)]
enum AnyRequest {
    Fork,
    Exec,
    Wait,
    Kill,
    SetGroup,
    SetSession,
    Console,
    Foreground,
    Reaper,
    Trace,
    Untrace,
    Limit,
    User,
    Ignore,
    Watch,
    Unwatch,
    DescriptorKill,
    Interrupt,
}

fn anything() -> impl Strategy<Value = Anything> {
    let request = prop::sample::select(vec![
        AnyRequest::Fork,
        AnyRequest::Fork,
        AnyRequest::Fork,
        AnyRequest::Fork,
        AnyRequest::Exec,
        AnyRequest::Wait,
        AnyRequest::Wait,
        AnyRequest::Wait,
        AnyRequest::Kill,
        AnyRequest::SetGroup,
        AnyRequest::SetSession,
        AnyRequest::Console,
        AnyRequest::Foreground,
        AnyRequest::Reaper,
        AnyRequest::Trace,
        AnyRequest::Trace,
        AnyRequest::Untrace,
        AnyRequest::Limit,
        AnyRequest::User,
        AnyRequest::Ignore,
        AnyRequest::Watch,
        AnyRequest::Watch,
        AnyRequest::Unwatch,
        AnyRequest::DescriptorKill,
        AnyRequest::Interrupt,
    ]);
    prop_oneof![
        8 => (any::<u8>(), request, -12..12_i32, 0..24_u32).prop_map(
            |(who, request, number, other)| Anything::Request { who, request, number, other }
        ),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(who, kind)| Anything::Exit { who, kind }),
        1 => any::<u8>().prop_map(|which| Anything::Close { which }),
        3 => any::<u8>().prop_map(|outcome| Anything::Complete { outcome }),
        1 => Just(Anything::Timer),
    ]
}

/// A model under any inputs, and what it was seen to make.
struct Victim {
    model: Model,
    processes: Vec<ProcessId>,
    descriptors: Vec<DescriptorId>,
    /// Parked waits: who, for whom, with which token.
    waits: Vec<(ProcessId, i32, Token)>,
    token: u64,
}

impl Victim {
    fn input(&mut self, anything: &Anything, awaits: Option<&Effect>) -> Input {
        let mut page = [BLANK; PID_MAX as usize];
        let filled = self.model.list(0, &mut page).filled;
        let living: Vec<ProcessId> = page[..filled]
            .iter()
            .filter(|record| record.state != State::Zombie)
            .filter_map(|record| self.model.find(record.pid))
            .collect();
        // Mostly who lives; now and then anybody ever seen.
        let process = |who: u8| {
            let all = if who < 240 && !living.is_empty() { &living } else { &self.processes };
            all[usize::from(who) % all.len()]
        };
        let descriptor = |which: u8| {
            let index = usize::from(which).checked_rem(self.descriptors.len());
            index.map(|index| self.descriptors[index])
        };
        match *anything {
            Anything::Request { who, request, number, other } => {
                self.token += 1;
                let on_descriptor = matches!(
                    request,
                    AnyRequest::Watch | AnyRequest::Unwatch | AnyRequest::DescriptorKill
                );
                let from = match (on_descriptor, descriptor(who), request) {
                    (true, Some(descriptor), _) => Sender::from_badge(
                        Badge::Descriptor(descriptor),
                        if number < 0 { 3 } else { 15 },
                    ),
                    (_, _, AnyRequest::Interrupt) => Sender::Console,
                    _ => Sender::Process(process(who)),
                };
                let watch = WatchHandle(other.into());
                let request = match request {
                    AnyRequest::Fork => Request::Fork {
                        flags: if other < 20 { [0, 0, 1, 2, 6][other as usize % 5] } else { 3 },
                        slot: Reservation::Reserved,
                    },
                    AnyRequest::Exec => Request::Exec { name: Name::of_path(b"x") },
                    AnyRequest::Wait => Request::Wait { pid: number, options: other & 1 },
                    AnyRequest::Kill => Request::Kill { pid: number, signal: other },
                    AnyRequest::SetGroup => {
                        Request::SetGroup { pid: number, group: other as i32 % 12 }
                    }
                    AnyRequest::SetSession => Request::SetSession,
                    AnyRequest::Console => Request::AcquireConsole,
                    AnyRequest::Foreground => Request::SetForeground { group: number },
                    AnyRequest::Reaper if number < 0 => Request::ReleaseReaper,
                    AnyRequest::Reaper => Request::AcquireReaper,
                    AnyRequest::Trace => Request::Trace { pid: number },
                    AnyRequest::Untrace => Request::Untrace { pid: number },
                    AnyRequest::Limit => {
                        Request::SetLimit { limit: Limit::UserProcesses, value: other.into() }
                    }
                    AnyRequest::User => Request::SetUser { user: other % 3 },
                    AnyRequest::Ignore => {
                        Request::SetIgnored { signal: other, ignored: number < 0 }
                    }
                    AnyRequest::Watch => Request::DescriptorWatch { key: watch.0, watch },
                    AnyRequest::Unwatch => Request::DescriptorUnwatch { key: watch.0 },
                    AnyRequest::DescriptorKill => Request::DescriptorKill { signal: other },
                    AnyRequest::Interrupt => Request::Interrupt { signal: 2 },
                };
                Input::Request { token: Token(self.token), from, request }
            }
            Anything::Exit { who, kind } => {
                // Init goes on: without it there is nothing left to see.
                let process = process(who);
                let is_init = process == self.processes[0];
                let last = living.last().copied().unwrap_or(process);
                let process = if is_init { last } else { process };
                let record = match kind {
                    0..100 => ExitRecord::Exited(kind.into()),
                    100..200 => ExitRecord::Killed(9),
                    _ => ExitRecord::from_notification(3, u64::from(kind) % 11 + 1).unwrap(),
                };
                if process == self.processes[0] {
                    Input::Timer
                } else {
                    Input::Exit { process, record }
                }
            }
            Anything::Close { which } => match descriptor(which) {
                Some(descriptor) => Input::NoSenders(Badge::Descriptor(descriptor)),
                None => Input::NoSenders(Badge::Process(process(which))),
            },
            Anything::Complete { outcome } => Input::Completed(match (awaits, outcome) {
                (Some(Effect::ExecCaller { .. }), 0..200) => Completion::Executed(Ok(())),
                (Some(Effect::ExecCaller { .. }), 200..230) => {
                    Completion::Executed(Err(ExecFailure::Refused(Errno::NOEXEC)))
                }
                (Some(Effect::ExecCaller { .. }), _) => {
                    Completion::Executed(Err(ExecFailure::Lost))
                }
                (_, 0..200) => Completion::Cloned(Ok(())),
                (_, 200..220) => Completion::Cloned(Err(CloneFailure::NoMemory)),
                (_, 220..240) => Completion::Cloned(Err(CloneFailure::NoSlots)),
                _ => Completion::Cloned(Err(CloneFailure::CallerGone)),
            }),
            Anything::Timer => Input::Timer,
        }
    }
}

/// Plays any inputs; after each one the invariants hold and no parked wait could be answered.
fn suffer(inputs: &[Anything]) -> Result<Vec<Effect>, TestCaseError> {
    let config = Config { pid_max: Some(12), user_limit: 6, ..Config::DEFAULT };
    let mut subject = Subject::new();
    subject.model = Model::new(config).unwrap();
    let request = Request::StartInit { name: Name::of_path(b"init") };
    subject.step(Input::Request { token: Token(0), from: Sender::Root, request });
    subject.step(Input::Completed(Completion::Created(Ok(()))));
    let processes = vec![subject.id(1)];
    let model = subject.model;
    let mut victim =
        Victim { model, processes, descriptors: Vec::new(), waits: Vec::new(), token: 1 };
    let mut all = Vec::new();
    let mut awaits = None;
    for (index, anything) in inputs.iter().enumerate() {
        let input = victim.input(anything, awaits.as_ref());
        let mut sink = Sink::default();
        let now = Instant(index as u64 * 100_000_000);
        let turn = victim.model.step(now, input, &mut sink);
        let fits = awaits.is_some() == matches!(input, Input::Completed(_));
        prop_assert_eq!(turn.is_ok(), fits);
        prop_assert!(fits || sink.0.is_empty());
        if let Err(violation) = victim.model.check() {
            return Err(TestCaseError::fail(format!("{violation} after {input:?}")));
        }
        if !fits {
            continue;
        }
        let parks = match input {
            Input::Request { token, from: Sender::Process(who), request } => match request {
                Request::Wait { pid, options } if options & 1 == 0 => Some((who, pid, token)),
                _ => None,
            },
            _ => None,
        };
        victim.waits.extend(parks);
        awaits = None;
        for effect in &sink.0 {
            match effect {
                Effect::CloneCaller { child, .. } => {
                    awaits = Some(*effect);
                    victim.processes.push(*child);
                }
                Effect::ExecCaller { .. } => awaits = Some(*effect),
                Effect::ReplyAndStart { answer, .. } => {
                    if let Some(Badge::Descriptor(descriptor)) = answer.mint {
                        victim.descriptors.push(descriptor);
                    }
                }
                Effect::Reply { token, .. } => victim.waits.retain(|wait| wait.2 != *token),
                Effect::Kill { process, .. } => victim.waits.retain(|wait| wait.0 != *process),
                _ => {}
            }
        }
        if let Input::Exit { process, .. } = input {
            victim.waits.retain(|wait| wait.0 != process);
        }
        all.extend(sink.0);
        if awaits.is_none() {
            victim.nobody_waits_in_vain(now)?;
        }
    }
    Ok(all)
}

impl Victim {
    /// Asking again without waiting says "not yet" for each parked wait.
    fn nobody_waits_in_vain(&mut self, now: Instant) -> Result<(), TestCaseError> {
        for (who, pid, _) in &self.waits {
            let from = Sender::Process(*who);
            // Group 0 means the own group at the time of the call; it may have changed since.
            let request = Request::Wait { pid: *pid, options: 9 };
            let mut sink = Sink::default();
            self.model.step(now, Input::Request { token: Token(0), from, request }, &mut sink)?;
            let Some(Effect::Reply { outcome, .. }) = sink.0.first() else {
                return Err(TestCaseError::fail("no answer"));
            };
            let answer = outcome.map(|answer| answer.values[0]);
            let killed = answer == Err(Errno::SRCH);
            prop_assert!(*pid == 0 || killed || answer == Ok(0), "{pid}: {answer:?}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Every answer, every list, every number given is that of the naive reference; and the same
    /// history has the same effects.
    #[test]
    fn the_model_agrees_with_the_reference(history in steps()) {
        let effects = play(&history)?;
        prop_assert_eq!(play(&history)?, effects);
    }

    /// Whatever comes in: no panic, all invariants, no lost wake-up, the same effects again.
    #[test]
    fn any_history_keeps_the_invariants(inputs in prop::collection::vec(anything(), 1..200)) {
        let effects = suffer(&inputs)?;
        prop_assert_eq!(suffer(&inputs)?, effects);
    }
}
