//! Any inputs in any order: the invariants hold, and nobody waits in vain.

use proptest::prelude::*;
use tine_abi::Errno;
use tine_abi::protocol::process::{Limit, State};
use tine_process_model::{
    Badge, CloneFailure, Completion, Config, DescriptorId, Effect, ExecFailure, ExitRecord, Input,
    Instant, Model, Name, ProcessId, Request, Reservation, Sender, Token, WatchHandle,
};

use super::script::{BLANK, Sink, started};

const PID_MAX: u32 = 12;

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
    /// A small system with init.
    fn new() -> Self {
        let config = Config { pid_max: Some(PID_MAX), user_limit: 6, ..Config::DEFAULT };
        let model = started(config);
        let processes = vec![model.find(1).unwrap()];
        Self { model, processes, descriptors: Vec::new(), waits: Vec::new(), token: 1 }
    }

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
                    AnyRequest::DescriptorKill => Request::DescriptorKill {
                        signal: other,
                        caller: (other % 4 != 0).then(|| process(other as u8)),
                    },
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
    let mut victim = Victim::new();
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

    /// Whatever comes in: no panic, all invariants, no lost wake-up, the same effects again.
    #[test]
    fn any_history_keeps_the_invariants(inputs in prop::collection::vec(anything(), 1..200)) {
        let effects = suffer(&inputs)?;
        prop_assert_eq!(suffer(&inputs)?, effects);
    }
}
