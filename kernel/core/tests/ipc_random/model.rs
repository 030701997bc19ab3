//! The naive model of messages: lists, and holders counted by looking everywhere.
//!
//! Owns what there is (programs, ports, identities, Events), who gets what is in a port's FIFO, and
//! what follows when something goes. What programs do is `calls.rs`.

mod calls;

use std::collections::{BTreeMap, VecDeque};

use tine_abi::{
    Error,
    capability::Rights,
    message::{ArrivedSlots, SendMode},
    notification::Notification,
};

/// Programs.
pub(crate) const PEERS: usize = 5;
/// Descriptor slots that are played with.
pub(crate) const SLOTS: u16 = 12;
/// First private slot of arrivals.
pub(crate) const ARRIVALS: u16 = 12;
/// Badge of the EXIT of program `n`, at the port of the root server: `EXITS + n`.
pub(crate) const EXITS: u64 = 1000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Object {
    Port(usize),
    Grant(usize),
    Event(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cap {
    pub(crate) object: Object,
    pub(crate) rights: Rights,
}

#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Call(usize),
    Exit(usize),
    NoSenders(usize),
    Event(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Doing {
    Nothing,
    Calling,
    Receiving(usize),
    Dead,
}

/// What a program must find in its registers.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    Error(Error),
    Call { from: usize, words: [u64; 8], badge: u64, arrived: u8, missing: u8, protocol: u16 },
    Notice { words: [u64; 3], badge: u64 },
    Reply { words: [u64; 8], slots: ArrivedSlots },
    Restarted { words: [u64; 8] },
    Done,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) port: usize,
    pub(crate) is_served: bool,
    pub(crate) words: [u64; 8],
    pub(crate) badge: u64,
    pub(crate) protocol: u16,
    pub(crate) carried: Vec<Cap>,
    /// Receive slots: number of the slot, if it could be reserved.
    pub(crate) slots: Vec<Option<u16>>,
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) doing: Doing,
    pub(crate) slots: BTreeMap<u16, Cap>,
    /// Reserved slots, and by which call.
    pub(crate) reserved: BTreeMap<u16, u64>,
    pub(crate) record: Option<Record>,
    /// Number of the call in the record.
    pub(crate) call: u64,
    pub(crate) expected: Option<Expected>,
}

#[derive(Debug, Default)]
pub(crate) struct Port {
    pub(crate) is_closed: bool,
    pub(crate) fifo: VecDeque<Entry>,
    pub(crate) receivers: VecDeque<usize>,
}

/// The naive model.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) peers: Vec<Peer>,
    pub(crate) ports: Vec<Port>,
    /// Port, badge, whether its end was told.
    pub(crate) grants: Vec<(usize, u64, bool)>,
    /// Port and bits.
    pub(crate) events: Vec<(usize, u64)>,
    pub(crate) calls: u64,
    /// Closed ports that are not emptied yet.
    pub(crate) closing: VecDeque<usize>,
    /// Caller and number of each call ever received, in that order.
    pub(crate) received: Vec<(usize, u64)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Send {
    pub(crate) slot: u16,
    pub(crate) mode: SendMode,
    pub(crate) rights: Rights,
    pub(crate) badge: u64,
}

impl Model {
    /// Programs that have nothing yet.
    pub(crate) fn new() -> Model {
        Model {
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
        }
    }

    fn caps(&self) -> impl Iterator<Item = &Cap> {
        let slots = self.peers.iter().flat_map(|peer| peer.slots.values());
        let carried =
            self.peers.iter().flat_map(|peer| &peer.record).flat_map(|record| &record.carried);
        slots.chain(carried)
    }

    /// Tells what must be told after one capability has gone.
    pub(crate) fn closed(&mut self, cap: Cap) {
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

    pub(crate) fn settle(&mut self) {
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

    pub(crate) fn finish(&mut self, peer: usize, expected: Expected) {
        if self.peers[peer].doing != Doing::Dead {
            self.peers[peer].doing = Doing::Nothing;
            self.peers[peer].expected = Some(expected);
        }
    }

    pub(crate) fn post(&mut self, port: usize, entry: Entry) {
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

    pub(crate) fn free_slot(&self, peer: usize, from: u16) -> u16 {
        let peer = &self.peers[peer];
        (from..)
            .find(|slot| !peer.slots.contains_key(slot) && !peer.reserved.contains_key(slot))
            .expect("there are many slots")
    }

    pub(crate) fn kill(&mut self, who: usize) {
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
