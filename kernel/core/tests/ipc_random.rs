//! Messages under random histories, against a naive model.
//!
//! Five programs, each with a port, an Event bound to it and identities on the ports of others, do
//! anything to each other: call, receive, reply, send, close, mint, kill. The model keeps lists and
//! recounts holders by looking everywhere; it says what each program gets, in which order, with
//! which rights, and who waits. After each step the kernel must agree and all invariants hold.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use tine_abi::{
    Call, CapRef, Error, Kind,
    capability::{Destination, Rights},
    domain::{DomainOperation, ThreadOperation, rank},
    message::{ArrivedSlots, Disposition, Extras, MessageKind, SendCapability, SendMode, Status},
    notification::Notification,
};
use tine_kcore::{
    object::thread::ThreadState,
    testing::system::{MEMORY, MEMORY_LENGTH, Program, System},
};

/// Programs.
const PEERS: usize = 5;
/// Descriptor slots that are played with.
const SLOTS: u16 = 12;
/// First private slot of arrivals.
const ARRIVALS: u16 = 12;
/// Badge of the EXIT of program `n`, at the port of the root server: `EXITS + n`.
const EXITS: u64 = 1000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Object {
    Port(usize),
    Grant(usize),
    Event(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cap {
    object: Object,
    rights: Rights,
}

#[derive(Clone, Debug)]
enum Entry {
    Call(usize),
    Exit(usize),
    NoSenders(usize),
    Event(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Nothing,
    Calling,
    Receiving(usize),
    Dead,
}

/// What a program must find in its registers.
#[derive(Clone, Debug)]
enum Expected {
    Error(Error),
    Call { from: usize, words: [u64; 8], badge: u64, arrived: u8, missing: u8, protocol: u16 },
    Notice { words: [u64; 3], badge: u64 },
    Reply { words: [u64; 8], slots: ArrivedSlots },
    Restarted { words: [u64; 8] },
    Done,
}

#[derive(Clone, Debug, Default)]
struct Record {
    port: usize,
    is_served: bool,
    words: [u64; 8],
    badge: u64,
    protocol: u16,
    carried: Vec<Cap>,
    /// Receive slots: number of the slot, if it could be reserved.
    slots: Vec<Option<u16>>,
}

#[derive(Debug)]
struct Peer {
    doing: Doing,
    slots: BTreeMap<u16, Cap>,
    /// Reserved slots, and by which call.
    reserved: BTreeMap<u16, u64>,
    record: Option<Record>,
    /// Number of the call in the record.
    call: u64,
    expected: Option<Expected>,
}

#[derive(Debug, Default)]
struct Port {
    is_closed: bool,
    fifo: VecDeque<Entry>,
    receivers: VecDeque<usize>,
}

/// The naive model.
#[derive(Debug)]
struct Model {
    peers: Vec<Peer>,
    ports: Vec<Port>,
    /// Port, badge, whether its end was told.
    grants: Vec<(usize, u64, bool)>,
    /// Port and bits.
    events: Vec<(usize, u64)>,
    calls: u64,
    /// Closed ports that are not emptied yet.
    closing: VecDeque<usize>,
    /// Caller and number of each call ever received, in that order.
    received: Vec<(usize, u64)>,
}

impl Model {
    fn caps(&self) -> impl Iterator<Item = &Cap> {
        let slots = self.peers.iter().flat_map(|peer| peer.slots.values());
        let carried =
            self.peers.iter().flat_map(|peer| &peer.record).flat_map(|record| &record.carried);
        slots.chain(carried)
    }

    /// Tells what must be told after one capability has gone.
    fn closed(&mut self, cap: Cap) {
        match cap.object {
            Object::Grant(grant) => {
                let is_held = self.caps().any(|other| other.object == cap.object);
                if !is_held && !self.grants[grant].2 {
                    self.grants[grant].2 = true;
                    self.post(self.grants[grant].0, Entry::NoSenders(grant));
                }
            }
            Object::Port(port) => {
                let is_received = self
                    .caps()
                    .any(|it| it.object == cap.object && it.rights.contains(Rights::RECEIVE));
                if !is_received && !self.ports[port].is_closed {
                    self.close_port(port);
                }
            }
            Object::Event(event) => {
                let is_held = self.caps().any(|other| other.object == cap.object);
                if !is_held {
                    let port = self.events[event].0;
                    self.ports[port]
                        .fifo
                        .retain(|entry| !matches!(entry, Entry::Event(it) if *it == event));
                }
            }
        }
    }

    /// Nobody receives any more; what waits there is told when everything else has been done.
    fn close_port(&mut self, port: usize) {
        self.ports[port].is_closed = true;
        self.closing.push_back(port);
    }

    fn settle(&mut self) {
        while let Some(port) = self.closing.pop_front() {
            self.empty_port(port);
        }
    }

    fn empty_port(&mut self, port: usize) {
        for receiver in core::mem::take(&mut self.ports[port].receivers) {
            self.finish(receiver, Expected::Error(Error::BadCapability));
        }
        // What is in the FIFO first, then what is in service, by the index of the caller.
        let fifo = core::mem::take(&mut self.ports[port].fifo);
        for entry in fifo {
            if let Entry::Call(caller) = entry {
                self.fail(caller);
            }
        }
        for caller in 0..PEERS {
            if self.peers[caller].record.as_ref().is_some_and(|it| it.port == port && it.is_served)
            {
                self.fail(caller);
            }
        }
    }

    /// Ends a call with PEER_DIED.
    fn fail(&mut self, caller: usize) {
        self.drop_record(caller);
        self.finish(caller, Expected::Error(Error::PeerDied));
    }

    fn drop_record(&mut self, caller: usize) {
        let call = self.peers[caller].call;
        self.peers[caller].reserved.retain(|_, by| *by != call);
        if let Some(mut record) = self.peers[caller].record.take() {
            // One by one: each close is seen by itself.
            while !record.carried.is_empty() {
                let cap = record.carried.remove(0);
                self.peers[caller].record = Some(record.clone());
                self.closed(cap);
                record = match self.peers[caller].record.take() {
                    Some(record) => record,
                    None => return,
                };
            }
        }
    }

    fn finish(&mut self, peer: usize, expected: Expected) {
        if self.peers[peer].doing != Doing::Dead {
            self.peers[peer].doing = Doing::Nothing;
            self.peers[peer].expected = Some(expected);
        }
    }

    fn post(&mut self, port: usize, entry: Entry) {
        if self.ports[port].is_closed {
            return;
        }
        self.ports[port].fifo.push_back(entry);
        if let Some(receiver) = self.ports[port].receivers.pop_front() {
            self.deliver(port, receiver);
        }
    }

    /// The first entry goes to `receiver`.
    fn deliver(&mut self, port: usize, receiver: usize) {
        let Some(entry) = self.ports[port].fifo.pop_front() else { return };
        let expected = match entry {
            Entry::Call(caller) => {
                let mut record = self.peers[caller].record.take().expect("it calls");
                let carried = core::mem::take(&mut record.carried);
                record.is_served = true;
                let missing = (0..4)
                    .filter(|index| !matches!(record.slots.get(*index), Some(Some(_))))
                    .fold(0, |mask, index| mask | 1 << index);
                let expected = Expected::Call {
                    from: caller,
                    words: record.words,
                    badge: record.badge,
                    arrived: (1 << carried.len()) - 1,
                    missing,
                    protocol: record.protocol,
                };
                self.received.push((caller, self.peers[caller].call));
                self.peers[caller].record = Some(record);
                for (slot, cap) in (100..).zip(carried) {
                    self.peers[receiver].slots.insert(slot, cap);
                }
                expected
            }
            Entry::Exit(peer) => Expected::Notice {
                words: [Notification::Exit as u64, 2, 9],
                badge: EXITS + peer as u64,
            },
            Entry::NoSenders(grant) => Expected::Notice {
                words: [Notification::NoSenders as u64, 0, 0],
                badge: self.grants[grant].1,
            },
            Entry::Event(event) => {
                let bits = core::mem::take(&mut self.events[event].1);
                Expected::Notice {
                    words: [Notification::Event as u64, bits, 0],
                    badge: 500 + event as u64,
                }
            }
        };
        self.finish(receiver, expected);
    }

    fn free_slot(&self, peer: usize, from: u16) -> u16 {
        let peer = &self.peers[peer];
        (from..)
            .find(|slot| !peer.slots.contains_key(slot) && !peer.reserved.contains_key(slot))
            .expect("there are many slots")
    }

    /// Takes what a message sends from `who`.
    fn take(&mut self, who: usize, sends: &[Send]) -> Result<Vec<Cap>, Error> {
        let mut moved = Vec::new();
        let mut taken = Vec::new();
        for send in sends {
            let cap = self.peers[who].slots.get(&send.slot).copied().ok_or(Error::BadCapability)?;
            if moved.contains(&send.slot) {
                return Err(Error::BadCapability);
            }
            match send.mode {
                SendMode::Copy if !cap.rights.contains(Rights::DUPLICATE) => {
                    return Err(Error::MissingRight);
                }
                SendMode::Copy => {}
                SendMode::Move => moved.push(send.slot),
                SendMode::Mint => match cap.object {
                    Object::Port(_) if cap.rights.contains(Rights::MINT) => {}
                    Object::Port(_) | Object::Grant(_) => return Err(Error::MissingRight),
                    Object::Event(_) => return Err(Error::WrongKind),
                },
            }
            taken.push(cap);
        }
        let mut result = Vec::new();
        for (send, cap) in sends.iter().zip(taken) {
            let rights = cap.rights & send.rights;
            match (send.mode, cap.object) {
                (SendMode::Mint, Object::Port(port)) => {
                    self.grants.push((port, send.badge, false));
                    let object = Object::Grant(self.grants.len() - 1);
                    result.push(Cap { object, rights: rights - Rights::RECEIVE });
                }
                _ => result.push(Cap { object: cap.object, rights }),
            }
        }
        // A narrowed move may take the last RECEIVE of a port away: seen when all are taken.
        for (send, cap) in sends.iter().zip(&result) {
            if send.mode == SendMode::Move {
                let original = self.peers[who].slots.remove(&send.slot);
                if let Some(original) = original
                    && original.rights.contains(Rights::RECEIVE)
                    && !cap.rights.contains(Rights::RECEIVE)
                {
                    self.moved_without_receive(original, &result);
                }
            }
        }
        Ok(result)
    }

    fn moved_without_receive(&mut self, original: Cap, on_the_way: &[Cap]) {
        let Object::Port(port) = original.object else { return };
        let is_received = self
            .caps()
            .chain(on_the_way)
            .any(|it| it.object == original.object && it.rights.contains(Rights::RECEIVE));
        if !is_received && !self.ports[port].is_closed {
            self.close_port(port);
        }
    }

    fn call(&mut self, who: usize, slot: u16, words: [u64; 8], sends: &[Send], receive: u8) {
        let result = self.try_call(who, slot, words, sends, receive);
        if let Err(error) = result {
            self.finish(who, Expected::Error(error));
        }
    }

    fn try_call(
        &mut self,
        who: usize,
        slot: u16,
        words: [u64; 8],
        sends: &[Send],
        receive: u8,
    ) -> Result<(), Error> {
        let cap = self.peers[who].slots.get(&slot).copied().ok_or(Error::BadCapability)?;
        let (port, badge) = match cap.object {
            Object::Port(port) => (port, 0),
            Object::Grant(grant) => (self.grants[grant].0, self.grants[grant].1),
            Object::Event(_) => return Err(Error::WrongKind),
        };
        if !cap.rights.contains(Rights::SEND) {
            return Err(Error::MissingRight);
        }
        if self.ports[port].is_closed {
            return Err(Error::PeerDied);
        }
        let carried = self.take(who, sends)?;
        self.calls += 1;
        let call = self.calls;
        self.peers[who].call = call;
        let mut slots = Vec::new();
        for _ in 0..receive {
            let slot = self.free_slot(who, 3);
            self.peers[who].reserved.insert(slot, call);
            slots.push(Some(slot));
        }
        let protocol = cap.rights.protocol();
        self.peers[who].doing = Doing::Calling;
        self.peers[who].record =
            Some(Record { port, is_served: false, words, badge, protocol, carried, slots });
        if self.ports[port].is_closed {
            // Its last RECEIVE went with the message itself.
            self.ports[port].fifo.push_back(Entry::Call(who));
            return Ok(());
        }
        self.post(port, Entry::Call(who));
        Ok(())
    }

    /// The port that `who` receives from by a slot.
    fn receiving(&self, who: usize, slot: u16) -> Result<usize, Error> {
        let cap = self.peers[who].slots.get(&slot).ok_or(Error::BadCapability)?;
        match cap.object {
            Object::Port(port) if cap.rights.contains(Rights::RECEIVE) => Ok(port),
            Object::Port(_) | Object::Grant(_) => Err(Error::MissingRight),
            Object::Event(_) => Err(Error::WrongKind),
        }
    }

    fn receive(&mut self, who: usize, port: usize) {
        if self.ports[port].fifo.is_empty() {
            self.peers[who].doing = Doing::Receiving(port);
            self.ports[port].receivers.push_back(who);
        } else {
            self.deliver(port, who);
        }
    }

    /// Answers call `index` of those ever received.
    fn answer(
        &mut self,
        who: usize,
        port: usize,
        index: usize,
        words: [u64; 8],
        sends: &[Send],
        disposition: Disposition,
    ) -> Result<(), Error> {
        let (caller, call) = self.received[index];
        let is_served = self.peers[caller].call == call
            && self.peers[caller].record.as_ref().is_some_and(|record| record.is_served);
        if is_served && self.peers[caller].record.as_ref().is_some_and(|it| it.port != port) {
            return Err(Error::BadToken);
        }
        if !is_served && self.peers[caller].doing != Doing::Dead {
            return Err(Error::BadToken);
        }
        let sent = self.take(who, sends)?;
        let slots = if is_served {
            self.peers[caller].record.as_ref().map(|record| record.slots.clone())
        } else {
            None
        };
        let Some(slots) = slots.filter(|_| disposition == Disposition::Answer) else {
            if is_served {
                let record = self.peers[caller].record.clone().unwrap_or_default();
                self.drop_record(caller);
                let expected = match disposition {
                    Disposition::Drop => Expected::Error(Error::PeerDied),
                    _ => Expected::Restarted { words: record.words },
                };
                self.finish(caller, expected);
            }
            self.close_sent(who, sent);
            return Ok(());
        };
        let mut arrived = ArrivedSlots::NONE;
        let mut sent = VecDeque::from(sent);
        let mut index = 0;
        while let Some(cap) = sent.pop_front() {
            let slot = slots.get(index).copied().flatten();
            let place = slot.filter(|slot| self.peers[caller].reserved.get(slot) == Some(&call));
            if let Some(slot) = place {
                self.peers[caller].reserved.remove(&slot);
                self.peers[caller].slots.insert(slot, cap);
                arrived = arrived.with(index, slot);
            } else {
                self.peers[who].slots.extend(hold(&sent));
                self.closed(cap);
                self.peers[who].slots.retain(|slot, _| *slot < 200);
            }
            index += 1;
        }
        self.drop_record(caller);
        self.finish(caller, Expected::Reply { words, slots: arrived });
        Ok(())
    }

    /// Closes what a message carried to nobody, in its order.
    fn close_sent(&mut self, who: usize, sent: Vec<Cap>) {
        let mut sent = VecDeque::from(sent);
        while let Some(cap) = sent.pop_front() {
            self.peers[who].slots.extend(hold(&sent));
            self.closed(cap);
            self.peers[who].slots.retain(|slot, _| *slot < 200);
        }
    }

    fn kill(&mut self, who: usize) {
        let doing = core::mem::replace(&mut self.peers[who].doing, Doing::Dead);
        self.peers[who].expected = None;
        match doing {
            Doing::Dead => return,
            Doing::Nothing => {}
            Doing::Receiving(port) => self.ports[port].receivers.retain(|other| *other != who),
            Doing::Calling => {
                let port = self.peers[who].record.as_ref().map_or(0, |record| record.port);
                self.ports[port]
                    .fifo
                    .retain(|entry| !matches!(entry, Entry::Call(it) if *it == who));
                self.drop_record(who);
            }
        }
        self.peers[who].reserved.clear();
        while let Some((_, cap)) = self.peers[who].slots.pop_first() {
            self.closed(cap);
        }
        self.post(PEERS, Entry::Exit(who));
    }
}

/// Capabilities that are still on their way, in slots beyond all others.
fn hold(sent: &VecDeque<Cap>) -> impl Iterator<Item = (u16, Cap)> {
    sent.iter().enumerate().map(|(index, cap)| (200 + index as u16, *cap))
}

#[derive(Clone, Copy, Debug)]
struct Send {
    slot: u16,
    mode: SendMode,
    rights: Rights,
    badge: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Call { who: usize, slot: u16, word: u64, sends: Vec<Send>, receive: u8 },
    Receive { who: usize, slot: u16 },
    Reply { who: usize, slot: u16, which: usize, word: u64, sends: Vec<Send>, how: u8, wait: bool },
    Close { who: usize, slot: u16 },
    Duplicate { who: usize, slot: u16, rights: Rights },
    Signal { who: usize, slot: u16, bit: u8 },
    Kill { who: usize },
}

fn rights() -> impl Strategy<Value = Rights> {
    prop_oneof![
        3 => Just(Rights::ALL),
        1 => any::<u32>().prop_map(|bits| Rights::from_bits_truncate(bits | 1 << 3)),
    ]
}

fn sends() -> impl Strategy<Value = Vec<Send>> {
    let mode = prop_oneof![Just(SendMode::Copy), Just(SendMode::Move), Just(SendMode::Mint)];
    let send = (0..SLOTS, mode, rights(), 0u64..50).prop_map(|(slot, mode, rights, badge)| Send {
        slot,
        mode,
        rights,
        badge,
    });
    prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(send, 1..4)]
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEERS;
    prop_oneof![
        6 => (who.clone(), 0..SLOTS, any::<u64>(), sends(), 0u8..3)
            .prop_map(|(who, slot, word, sends, receive)| Step::Call { who, slot, word, sends, receive }),
        6 => (who.clone(), 0..2u16).prop_map(|(who, slot)| Step::Receive { who, slot: slot * 5 }),
        8 => (who.clone(), any::<usize>(), any::<u64>(), sends(), 0u8..8, any::<bool>())
            .prop_map(|(who, which, word, sends, how, wait)| Step::Reply {
                who, slot: 0, which, word, sends, how, wait,
            }),
        2 => (who.clone(), 0..SLOTS).prop_map(|(who, slot)| Step::Close { who, slot }),
        2 => (who.clone(), 0..SLOTS, rights())
            .prop_map(|(who, slot, rights)| Step::Duplicate { who, slot, rights }),
        1 => (who.clone(), 0..SLOTS, 0u8..64).prop_map(|(who, slot, bit)| Step::Signal { who, slot, bit }),
        1 => (1..PEERS).prop_map(|who| Step::Kill { who }),
    ]
}

/// The kernel and the model, side by side.
struct Both {
    system: System,
    peers: Vec<Program>,
    model: Model,
    tokens: Vec<u64>,
    supervisor: CapRef,
}

impl Both {
    fn new() -> Both {
        let system = System::new(1024);
        system.unchecked();
        let peers: Vec<Program> = (0..PEERS).map(|_| system.spawn(rank::PROGRAM)).collect();
        let mut model = Model {
            peers: (0..PEERS)
                .map(|_| Peer {
                    doing: Doing::Nothing,
                    slots: BTreeMap::new(),
                    reserved: BTreeMap::new(),
                    record: None,
                    call: 0,
                    expected: None,
                })
                .collect(),
            ports: (0..=PEERS).map(|_| Port::default()).collect(),
            grants: Vec::new(),
            events: Vec::new(),
            calls: 0,
            closing: VecDeque::new(),
            received: Vec::new(),
        };
        let all = Rights::ALL;
        let supervisor = system.port(system.root);
        for (index, peer) in peers.iter().enumerate() {
            let port = Destination::exactly(CapRef::descriptor(0)).bits();
            let words = [Kind::Port as u64, port, rank::PROGRAM];
            system.call(peer.thread, Call::Create, CapRef::SELF, &words).value();
            let event = Destination::exactly(CapRef::descriptor(4)).bits();
            let port = u64::from(CapRef::descriptor(0).bits());
            let words = [Kind::Event as u64, event, port, 500 + index as u64];
            system.call(peer.thread, Call::Create, CapRef::SELF, &words).value();
            let words = [ThreadOperation::SetArrivals as u64, u64::from(ARRIVALS)];
            system.call(peer.thread, Call::ThreadControl, CapRef::SELF, &words).value();
            model.peers[index].slots.insert(0, Cap { object: Object::Port(index), rights: all });
            model.peers[index].slots.insert(4, Cap { object: Object::Event(index), rights: all });
            model.events.push((index, 0));
            // The pages that extras are written to.
            system.put_words(peer.thread, MEMORY + MEMORY_LENGTH - 256, &[0]);
        }
        for (index, peer) in peers.iter().enumerate() {
            for (slot, other) in [(1, (index + 1) % PEERS), (2, (index + 2) % PEERS)] {
                let badge = 100 + (index * 2) as u64 + u64::from(slot);
                let place = CapRef::descriptor(slot);
                system.client(
                    peers[other].thread,
                    CapRef::descriptor(0),
                    badge,
                    peer.thread,
                    place,
                );
                model.grants.push((other, badge, false));
                let object = Object::Grant(model.grants.len() - 1);
                model.peers[index]
                    .slots
                    .insert(slot, Cap { object, rights: all - Rights::RECEIVE });
            }
            let words = [
                DomainOperation::SetSupervisor as u64,
                u64::from(supervisor.bits()),
                EXITS + index as u64,
            ];
            system.call(system.root, Call::DomainControl, peer.domain_slot, &words).value();
        }
        Both { system, peers, model, tokens: Vec::new(), supervisor }
    }

    fn extras(sends: &[Send], receive: u8, how: Disposition) -> Option<Extras> {
        if sends.is_empty() && receive == 0 && how == Disposition::Answer {
            return None;
        }
        let mut extras = Extras { disposition: how, ..Extras::NONE };
        for (place, send) in extras.capabilities.iter_mut().zip(sends) {
            *place = Some(SendCapability {
                source: CapRef::descriptor(send.slot),
                mode: send.mode,
                rights: send.rights,
                badge: send.badge,
            });
        }
        for place in extras.receive.iter_mut().take(usize::from(receive)) {
            *place = Some(Destination::lowest_from(CapRef::descriptor(3)));
        }
        Some(extras)
    }

    fn perform(&mut self, step: &Step) {
        let message = |word: u64| [word, 2, 3, 4, 5, 6, 7, !word];
        let (system, model) = (&self.system, &mut self.model);
        let is_ready = |model: &Model, who: usize| model.peers[who].doing == Doing::Nothing;
        match step {
            Step::Call { who, slot, word, sends, receive } if is_ready(model, *who) => {
                let extras = Self::extras(sends, *receive, Disposition::Answer);
                let port = CapRef::descriptor(*slot);
                let thread = self.peers[*who].thread;
                system.message(thread, Call::Call, port, 0, message(*word), extras.as_ref());
                model.call(*who, *slot, message(*word), sends, *receive);
            }
            Step::Receive { who, slot } if is_ready(model, *who) => {
                system.receive(self.peers[*who].thread, CapRef::descriptor(*slot));
                match model.receiving(*who, *slot) {
                    Ok(port) => model.receive(*who, port),
                    Err(error) => model.finish(*who, Expected::Error(error)),
                }
            }
            Step::Reply { who, slot, which, word, sends, how, wait }
                if is_ready(model, *who) && !self.tokens.is_empty() =>
            {
                // Mostly the last ones: older ones are answered already.
                let count = self.tokens.len();
                let index = count - 1 - which % count.min(4);
                let how = match how {
                    0 => Disposition::Drop,
                    1 => Disposition::Restart,
                    _ => Disposition::Answer,
                };
                let call = if *wait { Call::ReplyReceive } else { Call::Reply };
                let extras = Self::extras(sends, 0, how);
                let port = CapRef::descriptor(*slot);
                let thread = self.peers[*who].thread;
                let token = self.tokens[index];
                system.message(thread, call, port, token, message(*word), extras.as_ref());
                let answered = model.receiving(*who, *slot).and_then(|port| {
                    model.answer(*who, port, index, message(*word), sends, how).map(|()| port)
                });
                match answered {
                    Err(error) => model.finish(*who, Expected::Error(error)),
                    Ok(port) if *wait => model.receive(*who, port),
                    Ok(_) => model.finish(*who, Expected::Done),
                }
            }
            Step::Close { who, slot } if is_ready(model, *who) => {
                let thread = self.peers[*who].thread;
                system.call(thread, Call::CapClose, CapRef::descriptor(*slot), &[]);
                let peer = &mut model.peers[*who];
                if peer.reserved.remove(slot).is_some() {
                    model.finish(*who, Expected::Done);
                } else if let Some(cap) = peer.slots.remove(slot) {
                    model.finish(*who, Expected::Done);
                    model.closed(cap);
                } else {
                    model.finish(*who, Expected::Error(Error::BadCapability));
                }
            }
            Step::Duplicate { who, slot, rights } if is_ready(model, *who) => {
                let to = Destination::lowest_from(CapRef::descriptor(0)).bits();
                let words = [to, u64::from(rights.bits()), 0, 0];
                let thread = self.peers[*who].thread;
                system.call(thread, Call::CapDuplicate, CapRef::descriptor(*slot), &words);
                let expected = match model.peers[*who].slots.get(slot).copied() {
                    None => Expected::Error(Error::BadCapability),
                    Some(cap) if !cap.rights.contains(Rights::DUPLICATE) => {
                        Expected::Error(Error::MissingRight)
                    }
                    Some(cap) => {
                        let to = model.free_slot(*who, 0);
                        let copy = Cap { rights: cap.rights & *rights, ..cap };
                        model.peers[*who].slots.insert(to, copy);
                        Expected::Done
                    }
                };
                model.finish(*who, expected);
            }
            Step::Signal { who, slot, bit } if is_ready(model, *who) => {
                let thread = self.peers[*who].thread;
                let words = [1 << bit];
                system.call(thread, Call::EventSignal, CapRef::descriptor(*slot), &words);
                let expected = match model.peers[*who].slots.get(slot).copied() {
                    None => Expected::Error(Error::BadCapability),
                    Some(Cap { object: Object::Event(event), rights }) => {
                        if rights.contains(Rights::SIGNAL) {
                            let (port, before) = model.events[event];
                            model.events[event].1 |= 1 << bit;
                            model.finish(*who, Expected::Done);
                            if before == 0 || model.ports[port].is_closed {
                                model.post(port, Entry::Event(event));
                            }
                            return;
                        }
                        Expected::Error(Error::MissingRight)
                    }
                    Some(_) => Expected::Error(Error::WrongKind),
                };
                model.finish(*who, expected);
            }
            Step::Kill { who } => {
                let root = system.root;
                let words = [DomainOperation::Kill as u64, 9];
                let slot = self.peers[*who].domain_slot;
                let killed = system.call(root, Call::DomainControl, slot, &words).result();
                let is_dead = model.peers[*who].doing == Doing::Dead;
                assert_eq!(killed.is_err(), is_dead, "a Domain is killed once");
                model.kill(*who);
            }
            _ => {}
        }
    }

    /// Compares everything that programs can see.
    fn compare(&mut self) {
        self.system.settle();
        self.system.check();
        self.model.settle();
        for (index, peer) in self.peers.iter().enumerate() {
            let state = self.system.state(peer.thread);
            let expected = match self.model.peers[index].doing {
                Doing::Nothing => ThreadState::Runnable,
                Doing::Calling => ThreadState::Calling,
                Doing::Receiving(_) => ThreadState::Receiving,
                Doing::Dead => ThreadState::Ended,
            };
            assert_eq!(state, expected, "program {index}");
        }
        // Tokens first: a call may have been received and ended in one step.
        for index in 0..PEERS {
            if let Some(expected) = self.model.peers[index].expected.take() {
                self.compare_registers(index, &expected);
            }
        }
        assert_eq!(self.tokens.len(), self.model.received.len(), "every receipt was seen");
        self.move_arrivals();
        for (index, peer) in self.peers.iter().enumerate() {
            if self.model.peers[index].doing == Doing::Dead {
                continue;
            }
            for slot in 0..40 {
                let is = self.system.capability(peer.thread, CapRef::descriptor(slot));
                let must = self.model.peers[index].slots.get(&slot);
                assert_eq!(
                    is.map(|it| it.rights()),
                    must.map(|it| it.rights),
                    "program {index}, slot {slot}"
                );
            }
        }
    }

    fn compare_registers(&mut self, index: usize, expected: &Expected) {
        let registers = self.system.registers(self.peers[index].thread);
        let status = Status(registers.rax);
        let words = registers.words();
        match expected {
            Expected::Done => assert_eq!(status.result(), Ok(()), "program {index}"),
            Expected::Error(error) => {
                assert_eq!(status.result(), Err(*error), "program {index}");
            }
            Expected::Call { from, words: sent, badge, arrived, missing, protocol } => {
                assert_eq!((status.result(), status.kind()), (Ok(()), MessageKind::Call));
                assert_eq!((words, registers.r15), (*sent, *badge), "program {index}");
                assert_eq!(status.arrived(), *arrived, "from program {from}");
                assert_eq!(status.missing_slots(), *missing);
                assert_eq!(status.protocol_rights(), *protocol);
                assert!(!self.tokens.contains(&registers.rdi), "a token is new");
                self.tokens.push(registers.rdi);
            }
            Expected::Notice { words: told, badge } => {
                assert_eq!(status.kind(), MessageKind::Notification, "program {index}");
                assert_eq!((&words[..3], registers.r15), (&told[..], *badge), "program {index}");
                assert_eq!(registers.rdi, 0);
            }
            Expected::Reply { words: sent, slots } => {
                assert_eq!((status.result(), words), (Ok(()), *sent), "program {index}");
                assert_eq!(ArrivedSlots(registers.rdi), *slots, "program {index}");
            }
            Expected::Restarted { words: sent } => {
                let number = u64::from(Call::Call.number());
                assert_eq!(registers.rax & 0xffff_ffff, number, "program {index}");
                assert_eq!(words, *sent);
            }
        }
    }

    /// Receivers put what arrived among their descriptors.
    fn move_arrivals(&mut self) {
        for (index, peer) in self.peers.iter().enumerate() {
            for arrival in 0..4 {
                let Some(cap) = self.model.peers[index].slots.remove(&(100 + arrival)) else {
                    continue;
                };
                let to = self.model.free_slot(index, 3);
                self.model.peers[index].slots.insert(to, cap);
                let words = [
                    Destination::lowest_from(CapRef::descriptor(3)).bits(),
                    u64::from(Rights::ALL.bits()),
                    0,
                ];
                let from = CapRef::private(ARRIVALS + arrival);
                // The registers of the message are the test's no more.
                let moved = self.system.call(peer.thread, Call::CapMove, from, &words);
                assert_eq!(moved.value(), u64::from(to));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn programs_get_what_the_model_says(steps in proptest::collection::vec(step(), 1..80)) {
        let mut both = Both::new();
        for step in &steps {
            both.perform(step);
            both.compare();
        }
        // In the end everything goes.
        for who in (0..PEERS).rev() {
            both.perform(&Step::Kill { who });
            both.compare();
        }
        // The root server is told of all ends, in their order.
        let exits: Vec<u64> = both.model.ports[PEERS]
            .fifo
            .iter()
            .map(|entry| match entry {
                Entry::Exit(peer) => EXITS + *peer as u64,
                _ => 0,
            })
            .collect();
        for badge in exits {
            both.system.receive(both.system.root, both.supervisor).result().expect("an end");
            prop_assert_eq!(both.system.registers(both.system.root).r15, badge);
        }
        both.system.call(both.system.root, Call::CapClose, both.supervisor, &[]).value();
        let left = both.system.with(|state| {
            (state.ports.len(), state.grants.len(), state.events.len())
        });
        prop_assert_eq!(left, (0, 0, 0));
    }
}
