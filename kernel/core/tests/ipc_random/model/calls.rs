//! What programs do with messages, in the naive model: call, receive, answer.

use std::collections::VecDeque;

use tine_abi::{
    Error,
    capability::Rights,
    message::{ArrivedSlots, Disposition, SendMode},
};

use super::{Cap, Doing, Entry, Expected, Model, Object, Record, Send};

impl Model {
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

    pub(crate) fn call(
        &mut self,
        who: usize,
        slot: u16,
        words: [u64; 8],
        sends: &[Send],
        receive: u8,
    ) {
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
    pub(crate) fn receiving(&self, who: usize, slot: u16) -> Result<usize, Error> {
        let cap = self.peers[who].slots.get(&slot).ok_or(Error::BadCapability)?;
        match cap.object {
            Object::Port(port) if cap.rights.contains(Rights::RECEIVE) => Ok(port),
            Object::Port(_) | Object::Grant(_) => Err(Error::MissingRight),
            Object::Event(_) => Err(Error::WrongKind),
        }
    }

    pub(crate) fn receive(&mut self, who: usize, port: usize) {
        if self.ports[port].fifo.is_empty() {
            self.peers[who].doing = Doing::Receiving(port);
            self.ports[port].receivers.push_back(who);
        } else {
            self.deliver(port, who);
        }
    }

    /// Answers call `index` of those ever received.
    pub(crate) fn answer(
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
}

/// Capabilities that are still on their way, in slots beyond all others.
fn hold(sent: &VecDeque<Cap>) -> impl Iterator<Item = (u16, Cap)> {
    sent.iter().enumerate().map(|(index, cap)| (200 + index as u16, *cap))
}
