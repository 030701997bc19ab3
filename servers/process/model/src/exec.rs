//! execve, as the model sees it: a name, and the end of a vfork wait.
//!
//! Owns: what changes when a process runs another program, and what does not when that fails. The
//! memory, the CLOEXEC slots and the arguments are the kernel's and the shell's.
//!
//! Invariants: a refused exec changes nothing and does not let a vfork parent go on (subtle 13);
//! after the point of no return there is no way back to the caller, only its end.

use tine_abi::Errno;

use crate::model::{Model, Open};
use crate::{Answer, Effect, Effects, ExecFailure, Log, LogKind, Name, ProcessId, Token};

/// SIGABRT: how a process ends that lost its program.
const SIGABRT: u32 = 6;

/// An exec between its halves.
#[derive(Clone, Copy)]
pub(crate) struct Executing {
    token: Token,
    pub(crate) caller: ProcessId,
    name: Name,
}

impl Model {
    /// First half: ask the kernel.
    pub(crate) fn exec(
        &mut self,
        token: Token,
        caller: ProcessId,
        name: Name,
        effects: &mut dyn Effects,
    ) -> Result<Option<Answer>, Errno> {
        effects.emit(Effect::ExecCaller { token, process: caller });
        self.open = Some(Open::Exec(Executing { token, caller, name }));
        Ok(None)
    }

    /// Second half. The answer to the call starts the new program; the vfork parent goes on once
    /// the new memory is in place (rule 122).
    pub(crate) fn executed(
        &mut self,
        exec: Executing,
        result: Result<(), ExecFailure>,
        effects: &mut dyn Effects,
    ) {
        let Executing { token, caller, name } = exec;
        match result {
            Ok(()) => {
                let process = &mut self.processes[caller];
                process.name = name;
                process.executed = true;
                effects.emit(Effect::Reply { token, outcome: Ok(Answer::default()) });
                self.release_vfork(caller, effects);
            }
            Err(ExecFailure::Refused(errno)) => {
                effects.emit(Effect::Reply { token, outcome: Err(errno) });
            }
            Err(ExecFailure::Lost) => {
                let process = &self.processes[caller];
                let (user, pid) = (process.credentials.user_id, Some(process.pid));
                effects.emit(Effect::Log(Log { kind: LogKind::ExecLost, user, pid }));
                self.terminate(caller, SIGABRT, effects);
            }
            Err(ExecFailure::CallerGone) => {}
        }
    }
}
