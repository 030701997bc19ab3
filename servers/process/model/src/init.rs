//! The first process: init.
//!
//! Owns: the one process that nobody forked - pid 1, root of all reapers, leader of the first
//! session, whose controlling terminal the console is from the start.

use tine_abi::Errno;

use crate::links;
use crate::model::{Model, Open};
use crate::pid::Allocation;
use crate::process::{Credentials, Process, State};
use crate::{Answer, Effect, Effects, Name, ProcessId, Token};

/// The making of init between its halves.
#[derive(Clone, Copy)]
pub(crate) struct Creating {
    token: Token,
    pub(crate) process: ProcessId,
    allocation: Allocation,
}

impl Model {
    /// First half: reserve, then have the Domain built.
    pub(crate) fn start_init(
        &mut self,
        token: Token,
        name: Name,
        effects: &mut dyn Effects,
    ) -> Result<Option<Answer>, Errno> {
        if self.init.is_some() {
            return Err(Errno::EXIST);
        }
        self.reserve_session()?;
        let user = self.join_user(0)?;
        let user_limit = self.config.user_limit;
        let credentials = Credentials { user, user_id: 0, user_limit };
        match self.reserve_init(credentials, name) {
            Ok((process, allocation)) => {
                let pid = allocation.value;
                effects.emit(Effect::CreateInit { token, process, pid });
                self.open = Some(Open::Create(Creating { token, process, allocation }));
                Ok(None)
            }
            Err(errno) => {
                self.leave_user(user);
                Err(errno)
            }
        }
    }

    fn reserve_init(
        &mut self,
        credentials: Credentials,
        name: Name,
    ) -> Result<(ProcessId, Allocation), Errno> {
        let process = self.processes.reserve_id()?;
        let allocation = self.numbers.allocate(process)?;
        let profile = self.config.profile;
        self.processes.insert(Process::embryo(&allocation, profile, credentials, name))?;
        Ok((process, allocation))
    }

    /// Second half: undo, or make it init.
    pub(crate) fn created(
        &mut self,
        create: Creating,
        result: Result<(), Errno>,
        effects: &mut dyn Effects,
    ) {
        let Creating { token, process, allocation } = create;
        match result.and_then(|()| Ok(self.new_session(process)?)) {
            Ok(()) => {
                links::root(&mut self.processes, process);
                let record = &mut self.processes[process];
                record.is_reaper = true;
                record.state = State::Live;
                self.numbers.update(allocation.number, |number| number.subtree += 1);
                self.init = Some(process);
                self.hand_console(process);
                let answer = Answer::word(allocation.value.into());
                effects.emit(Effect::ReplyAndStart { token, answer, child: process });
            }
            Err(errno) => {
                let user = self.processes[process].credentials.user;
                self.processes.discard(process);
                self.numbers.undo(allocation);
                self.leave_user(user);
                effects.emit(Effect::Reply { token, outcome: Err(errno) });
            }
        }
    }
}
