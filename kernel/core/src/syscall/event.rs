//! `event_signal`, `event_wait`, `event_arm`.
//!
//! Owns: their checks, and the beginning of a wait. Never here: the end of it (`ipc/notify.rs`).

use tine_abi::{Error, capability::Rights};

use crate::{
    deadline::Owner,
    machine::Machine,
    object::{EventId, ThreadId, thread::ThreadState},
    state::State,
    syscall::{Answer, Arguments, Done},
};

impl<M: Machine> State<M> {
    fn event(&self, me: ThreadId, reference: u32, rights: Rights) -> Result<EventId, Error> {
        let capability = self.capability(me, reference)?;
        let event = capability.event()?;
        capability.require(rights)?;
        Ok(event)
    }

    pub(super) fn event_signal(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let event = self.event(me, arguments.main, Rights::SIGNAL)?;
        self.signal(event, arguments.words[0]);
        Ok(Done::NOTHING)
    }

    pub(super) fn event_wait(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [mask, deadline, ..] = arguments.words;
        let id = self.event(me, arguments.main, Rights::WAIT)?;
        if mask == 0 {
            return Err(Error::BadArgument);
        }
        let event = self.events.get(id).ok_or(Error::BadCapability)?;
        if event.waiter.is_some() || event.binding.is_some() {
            return Err(Error::Busy);
        }
        let taken = self.take_bits(id, mask);
        if taken != 0 {
            return Ok(Done::Values(taken, 0));
        }
        let is_over = match deadline {
            0 => true,
            u64::MAX => false,
            deadline => deadline <= self.machine.now(),
        };
        if is_over {
            return Err(Error::TimedOut);
        }
        if let Some(event) = self.events.get_mut(id) {
            event.waiter = Some(me);
        }
        let thread = self.thread_mut(me)?;
        thread.state = ThreadState::Waiting;
        thread.event = Some(id);
        thread.mask = mask;
        self.run.current = None;
        if deadline != u64::MAX {
            let (mut owners, deadlines) = self.owners();
            deadlines.arm(&mut owners, Owner::Thread(me), deadline);
            self.arm_by(deadline);
        }
        Ok(Done::Later)
    }

    pub(super) fn event_arm(&mut self, me: ThreadId, arguments: &Arguments) -> Answer {
        let [bit, deadline, ..] = arguments.words;
        let id = self.event(me, arguments.main, Rights::SIGNAL)?;
        if bit >= 64 {
            return Err(Error::BadArgument);
        }
        if deadline == 0 {
            self.disarm_event(id);
            return Ok(Done::NOTHING);
        }
        self.events.get_mut(id).ok_or(Error::BadCapability)?.deadline_bit = bit as u8;
        let (mut owners, deadlines) = self.owners();
        deadlines.arm(&mut owners, Owner::Event(id), deadline);
        self.arm_by(deadline);
        Ok(Done::NOTHING)
    }
}
