//! Effects to kernel calls.
//!
//! Invariants: an effect that needs an answer is only noted ([`Wanted`]); the server performs it
//! after the step and gives the model its completion, as the model's turns demand.

use core::fmt::Write as _;

use tine_abi::capability::{CapRef, slot};
use tine_abi::message::Words;
use tine_abi::protocol::process::DescriptorRights;
use tine_process_model::{
    Answer, Badge, Effect, Effects, ExitStatus, Log, LogKind, Memory, ProcessId, Token,
};
use tine_server::{Clients, Reply, Service, Tine, WatchHandle, error, ok};
use tine_sys::{domain, event, hardware};

use crate::SERVICE;
use crate::domains::Domains;

/// The operation that a step ended with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// `clone_caller`.
    Clone { token: Token, child: ProcessId, pid: u32, memory: Memory },
    /// A new program for the caller.
    Exec { process: ProcessId },
    /// The first process.
    Init { process: ProcessId, pid: u32 },
}

/// Performs effects as they come.
#[derive(Debug)]
pub(crate) struct Performer<'a> {
    pub(crate) service: &'a mut Service<Tine>,
    pub(crate) domains: &'a mut Domains,
    pub(crate) timer: CapRef,
    pub(crate) wanted: Option<Wanted>,
}

/// The words of a successful answer.
#[inline]
fn words(answer: &Answer) -> Words {
    ok(&answer.values)
}

/// A reply with the words of an answer and the descriptor that it mints.
fn reply_of(answer: &Answer) -> Reply {
    let reply = Reply::new(words(answer));
    match answer.mint {
        Some(badge) => reply.minting(SERVICE, badge.raw(), DescriptorRights::all().bits()),
        None => reply,
    }
}

impl Effects for Performer<'_> {
    fn emit(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { token, outcome } => self.reply(token, outcome),
            Effect::CloneCaller { token, child, pid, memory } => {
                self.wanted = Some(Wanted::Clone { token, child, pid, memory });
            }
            Effect::ReplyAndStart { token, answer, child } => {
                let reply = reply_of(&answer);
                let reply = match self.domains.get(child) {
                    Some(domain) => reply.starting(domain),
                    None => reply,
                };
                self.service.answer_with(tine_server::Token(token.0), &reply);
            }
            Effect::Start { child } => {
                if let Some(domain) = self.domains.get(child) {
                    self.service.start_with_wait(domain);
                }
            }
            Effect::Abandon { child } => {
                self.with(child, |domain| {
                    domain::kill(domain, 0).ok();
                });
                self.domains.forget(child);
            }
            Effect::ExecCaller { process, .. } => self.wanted = Some(Wanted::Exec { process }),
            Effect::CreateInit { process, pid, .. } => {
                self.wanted = Some(Wanted::Init { process, pid });
            }
            // A Domain that has ended already: its EXIT is on the way.
            Effect::Kill { process, signal } => self.with(process, |domain| {
                domain::kill(domain, u64::from(signal)).ok();
            }),
            Effect::Forget { process } => self.domains.forget(process),
            Effect::SignalWatch(watch) => {
                self.service.signal(WatchHandle(watch.0));
                self.service.forget(WatchHandle(watch.0));
            }
            Effect::ForgetWatch(watch) => self.service.forget(WatchHandle(watch.0)),
            Effect::PowerOff { token } => {
                let failed = hardware::power_off(CapRef::private(slot::HARDWARE));
                self.reply(token, Err(failed.into()));
            }
            Effect::ArmTimer { at } => {
                // The Event is this server's own; arming it cannot fail.
                event::arm(self.timer, 0, at.0.max(1)).ok();
            }
            Effect::Log(log) => write_log(&log),
            Effect::InitEnded { status } => init_ended(status),
        }
    }
}

impl Performer<'_> {
    #[inline]
    fn reply(&mut self, token: Token, outcome: Result<Answer, tine_abi::Errno>) {
        let token = tine_server::Token(token.0);
        match outcome {
            Ok(answer) if answer.mint.is_none() => self.service.answer(token, &words(&answer)),
            Ok(answer) => self.service.answer_with(token, &reply_of(&answer)),
            Err(errno) => self.service.answer(token, &error(errno)),
        }
    }

    fn with(&self, process: ProcessId, act: impl FnOnce(CapRef)) {
        if let Some(domain) = self.domains.get(process) {
            act(domain);
        }
    }
}

/// A line of the system log; it fits, or is cut.
struct Line {
    text: [u8; 128],
    length: usize,
}

impl core::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = &mut self.text[self.length..];
        let count = room.len().min(text.len());
        room[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

fn log(arguments: core::fmt::Arguments<'_>) {
    let mut line = Line { text: [0; 128], length: 0 };
    line.write_fmt(arguments).ok();
    domain::debug_log(&line.text[..line.length]).ok();
}

fn write_log(entry: &Log) {
    let what = match entry.kind {
        LogKind::TableFull => "maxproc limit exceeded",
        LogKind::UserLimit => "limit of processes of the user exceeded",
        LogKind::ExecLost => "a program could not be started after its predecessor was gone",
    };
    match entry.pid {
        Some(pid) => log(format_args!("process: {what} (uid {}, pid {pid})\n", entry.user)),
        None => log(format_args!("process: {what} (uid {})\n", entry.user)),
    }
}

/// Nobody reaps any more: ends with init, so that root says so and the machine stops.
fn init_ended(status: ExitStatus) -> ! {
    log(format_args!("process: init has ended ({status:?}); nothing more can be started\n"));
    domain::exit(1)
}

/// The badge of a process is what the kernel calls it, as supervisor and as client.
pub(crate) fn process_of(raw: u64) -> Option<ProcessId> {
    match Badge::from_raw(raw) {
        Some(Badge::Process(process)) => Some(process),
        _ => None,
    }
}
