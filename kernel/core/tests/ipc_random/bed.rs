//! The bed: the kernel and the model do the same, and everything that programs see is compared.

use tine_abi::{
    Call, CapRef, Error, Kind,
    capability::{Destination, Rights},
    domain::{DomainOperation, ThreadOperation, rank},
    message::{ArrivedSlots, Disposition, Extras, MessageKind, SendCapability, Status},
};
use tine_kcore::{
    object::thread::ThreadState,
    testing::system::{MEMORY, MEMORY_LENGTH, Program, System},
};

use super::{
    model::{ARRIVALS, Cap, Doing, EXITS, Entry, Expected, Model, Object, PEERS, Send},
    step::Step,
};

/// The kernel and the model, side by side.
pub(crate) struct Both {
    pub(crate) system: System,
    pub(crate) peers: Vec<Program>,
    pub(crate) model: Model,
    pub(crate) tokens: Vec<u64>,
    pub(crate) supervisor: CapRef,
}

impl Both {
    pub(crate) fn new() -> Both {
        let system = System::new(1024);
        system.unchecked();
        let peers: Vec<Program> = (0..PEERS).map(|_| system.spawn(rank::PROGRAM)).collect();
        let mut model = Model::new();
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

    pub(crate) fn perform(&mut self, step: &Step) {
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
    pub(crate) fn compare(&mut self) {
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
