//! The model against the naive reference, over random histories.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use tine_abi::Errno;
use tine_abi::protocol::process::State;
use tine_process_model::{
    Badge, Completion, Config, DescriptorId, Effect, ExitRecord, Input, Instant, Model, Name,
    ProcessId, Request, Reservation, Sender, Token,
};

use super::reference::Reference;
use super::script::{BLANK, Sink, started};

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
        let model = started(config);
        Self { model, descriptors: BTreeMap::new(), made: 0, effects: Vec::new() }
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
}
