//! No memory, at each place that asks for some: nothing is left behind (rule 41, subtle 6).

use alloc::vec::Vec;

use super::*;
use crate::{Name, Reservation, WatchHandle};
use tine_abi::protocol::process::DescriptorRights;

#[derive(Default)]
struct Sink(Vec<Effect>);

impl Effects for Sink {
    fn emit(&mut self, effect: Effect) {
        self.0.push(effect);
    }
}

/// A model with init, and whatever else the test makes.
struct Bed(Model);

impl Bed {
    fn new() -> Self {
        let mut bed = Self(Model::new(Config::DEFAULT).unwrap());
        bed.start();
        bed
    }

    fn start(&mut self) -> Vec<Effect> {
        let request = Request::StartInit { name: Name::of_path(b"init") };
        let effects = self.request(Sender::Root, request);
        if let Some(Effect::CreateInit { .. }) = effects.last() {
            return self.step(Input::Completed(Completion::Created(Ok(()))));
        }
        effects
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut sink = Sink::default();
        self.0.step(Instant(1), input, &mut sink).unwrap();
        self.0.check().unwrap();
        sink.0
    }

    fn request(&mut self, from: Sender, request: Request) -> Vec<Effect> {
        self.step(Input::Request { token: Token(1), from, request })
    }

    fn init(&self) -> Sender {
        Sender::Process(self.0.init.unwrap())
    }

    fn fork(&mut self, flags: u64) -> Vec<Effect> {
        let request = Request::Fork { flags, slot: Reservation::Reserved };
        let effects = self.request(self.init(), request);
        match effects.last() {
            Some(Effect::CloneCaller { .. }) => {
                self.step(Input::Completed(Completion::Cloned(Ok(()))))
            }
            _ => effects,
        }
    }

    /// Everything that a failure must not change.
    fn picture(&self) -> impl PartialEq + fmt::Debug + use<> {
        (
            self.0.processes.len(),
            self.0.numbers.taken(),
            self.0.numbers.last(),
            self.0.descriptors.len(),
            self.0.groups.len(),
            self.0.sessions.len(),
            self.0.watches.len(),
            self.0.users.iter().map(|(_, user)| (user.id, user.processes)).collect::<Vec<_>>(),
            self.0.statistics,
        )
    }
}

const fn failed(errno: Errno) -> Effect {
    Effect::Reply { token: Token(1), outcome: Err(errno) }
}

/// Starves one table after another while a descriptor fork is attempted.
#[test]
fn rule_41_a_fork_without_memory_leaves_nothing_behind() {
    let tables: [fn(&mut Model, bool); 3] = [
        |model, starved| model.numbers.entries.starved = starved,
        |model, starved| model.processes.starved = starved,
        |model, starved| model.descriptors.starved = starved,
    ];
    for starve in tables {
        let mut bed = Bed::new();
        bed.0.parked.starved = true;
        let before = bed.picture();
        starve(&mut bed.0, true);
        assert_eq!(bed.fork(2), [failed(Errno::NOMEM)], "answered at once: parking failed too");
        assert_eq!(bed.picture(), before);
        starve(&mut bed.0, false);
        bed.0.parked.starved = false;
        let effects = bed.fork(2);
        let [Effect::ReplyAndStart { answer, .. }] = effects[..] else { panic!("{effects:?}") };
        assert_eq!(answer.values[0], 2, "the number is not lost");
    }
}

/// The first process, too, leaves nothing; and the next attempt makes it.
#[test]
fn init_without_memory_leaves_nothing_behind() {
    let tables: [fn(&mut Model, bool); 5] = [
        |model, starved| model.sessions.starved = starved,
        |model, starved| model.groups.starved = starved,
        |model, starved| model.users.starved = starved,
        |model, starved| model.numbers.entries.starved = starved,
        |model, starved| model.processes.starved = starved,
    ];
    for starve in tables {
        let mut bed = Bed(Model::new(Config::DEFAULT).unwrap());
        let before = bed.picture();
        starve(&mut bed.0, true);
        assert_eq!(bed.start(), [failed(Errno::NOMEM)]);
        assert_eq!(bed.picture(), before);
        starve(&mut bed.0, false);
        assert!(matches!(bed.start()[..], [Effect::ReplyAndStart { .. }]));
        assert_eq!(bed.start(), [failed(Errno::EXIST)]);
    }
}

/// A Domain that could not be built leaves nothing either.
#[test]
fn an_init_that_cannot_be_built_leaves_nothing_behind() {
    let mut bed = Bed(Model::new(Config::DEFAULT).unwrap());
    let before = bed.picture();
    bed.request(Sender::Root, Request::StartInit { name: Name::default() });
    let refused = bed.step(Input::Completed(Completion::Created(Err(Errno::NOEXEC))));
    assert_eq!(refused, [failed(Errno::NOEXEC)]);
    assert_eq!(bed.picture(), before);
    assert!(matches!(bed.start()[..], [Effect::ReplyAndStart { .. }]));
}

/// The other calls that need a record: refused with ENOMEM, unchanged.
#[test]
fn calls_without_memory_change_nothing() {
    let mut bed = Bed::new();
    let effects = bed.fork(2);
    let [Effect::ReplyAndStart { answer, child, .. }] = effects[..] else { panic!("{effects:?}") };
    let Some(Badge::Descriptor(descriptor)) = answer.mint else { panic!("{answer:?}") };
    let before = bed.picture();
    let child = Sender::Process(child);
    let holder = Sender::Holder { descriptor, rights: DescriptorRights::all() };
    let watch = WatchHandle(3);
    bed.0.sessions.starved = true;
    assert_eq!(bed.request(child, Request::SetSession), [failed(Errno::NOMEM)]);
    bed.0.sessions.starved = false;
    bed.0.groups.starved = true;
    assert_eq!(bed.request(child, Request::SetSession), [failed(Errno::NOMEM)]);
    let own = Request::SetGroup { pid: 0, group: 0 };
    assert_eq!(bed.request(child, own), [failed(Errno::NOMEM)]);
    bed.0.users.starved = true;
    assert_eq!(bed.request(child, Request::SetUser { user: 7 }), [failed(Errno::NOMEM)]);
    bed.0.parked.starved = true;
    let wait = Request::Wait { pid: 2, options: 0 };
    assert_eq!(bed.request(bed.init(), wait), [failed(Errno::NOMEM)]);
    bed.0.watches.starved = true;
    let refused = [Effect::ForgetWatch(watch), failed(Errno::NOMEM)];
    assert_eq!(bed.request(holder, Request::DescriptorWatch { key: watch.0, watch }), refused);
    assert_eq!(bed.picture(), before);
}

/// What does not fit the turn is refused and changes nothing.
#[test]
fn inputs_out_of_turn_are_refused() {
    let mut bed = Bed::new();
    let mut sink = Sink::default();
    let cloned = Input::Completed(Completion::Cloned(Ok(())));
    let executed = Input::Completed(Completion::Executed(Ok(())));
    assert_eq!(bed.0.step(Instant(1), cloned, &mut sink), Err(OutOfTurn));
    let request = Request::Fork { flags: 0, slot: Reservation::Reserved };
    assert_eq!(bed.request(bed.init(), request).len(), 1);
    let before = bed.picture();
    for input in [Input::Timer, executed, Input::NoSenders(Badge::Console)] {
        assert_eq!(bed.0.step(Instant(1), input, &mut sink), Err(OutOfTurn));
    }
    assert_eq!(bed.picture(), before);
    assert!(sink.0.is_empty());
    assert_eq!(bed.step(cloned).len(), 1);
}

/// Requests of senders that may not make them.
#[test]
fn senders_have_their_own_requests() {
    let mut bed = Bed::new();
    let answers = [
        (Sender::Root, Request::GetPid, Errno::OPNOTSUPP),
        (Sender::Console, Request::SetSession, Errno::OPNOTSUPP),
        (bed.init(), Request::Interrupt { signal: 2 }, Errno::PERM),
        (bed.init(), Request::StartInit { name: Name::default() }, Errno::PERM),
        (bed.init(), Request::DescriptorPid, Errno::BADF),
    ];
    for (from, request, errno) in answers {
        assert_eq!(bed.request(from, request), [failed(errno)]);
    }
    let effects = bed.fork(2);
    let [Effect::ReplyAndStart { answer, .. }] = effects[..] else { panic!("{effects:?}") };
    let Some(badge) = answer.mint else { panic!("{answer:?}") };
    assert_eq!(
        bed.request(Sender::from_badge(badge, 15), Request::GetPid),
        [failed(Errno::OPNOTSUPP)]
    );
    assert_eq!(bed.step(Input::NoSenders(bed.0.init.map(Badge::Process).unwrap())), []);
}
