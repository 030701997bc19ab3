//! The loop over a scripted kernel: exact sequences of calls.

extern crate std;

use std::collections::VecDeque;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use tine_abi::Rights;
use tine_abi::capability::Destination;
use tine_abi::error::Result as KernelResult;
use tine_abi::message::{Extras, SendCapability, SendMode};
use tine_sys::message::Received;

use super::*;
use crate::reply::ok;
use crate::request::Watch;

/// Gives out messages in order and writes down what is asked of it.
#[derive(Default)]
struct Script {
    messages: VecDeque<Received>,
    refuse: Option<Error>,
    trace: Vec<String>,
}

impl Script {
    fn answered(&mut self, token: u64, words: &Words) -> KernelResult<()> {
        match self.refuse.take_if(|_| token != NO_TOKEN) {
            Some(error) => {
                self.trace.push(format!("refused {token}"));
                Err(error)
            }
            None => {
                if token != NO_TOKEN {
                    self.trace.push(format!("answer {token}: {:?}", &words[..2]));
                }
                Ok(())
            }
        }
    }
}

impl Kernel for Script {
    fn reply_recv(
        &mut self,
        _: CapRef,
        token: u64,
        words: &Words,
        extras: Option<&Extras>,
    ) -> KernelResult<Received> {
        self.answered(token, words)?;
        for started in extras.iter().flat_map(|extras| extras.starts).flatten() {
            self.trace.push(format!("start {}", started.slot()));
        }
        match self.messages.pop_front() {
            Some(message) => {
                self.trace.push("wait".into());
                Ok(message)
            }
            None if token == NO_TOKEN => Err(Error::Gone),
            // An answer was given, so this is no failure; the end comes with the next wait.
            None => Ok(notification(99)),
        }
    }

    fn reply(
        &mut self,
        _: CapRef,
        token: u64,
        words: &Words,
        _: Option<&Extras>,
    ) -> KernelResult<()> {
        self.trace.push("at once".into());
        self.answered(token, words)
    }

    fn fetch(&mut self, _: u64, _: u8, _: u64, _: &mut [u8]) -> Result<(), Errno> {
        Err(Errno::FAULT)
    }

    fn send(&mut self, _: u64, _: u8, _: u64, _: &[u8]) -> Result<(), Errno> {
        Err(Errno::FAULT)
    }

    fn supervised_as(&mut self, port: CapRef, token: u64) -> KernelResult<Option<u64>> {
        self.trace.push(format!("who {} {token}", port.slot()));
        self.refuse.take().map_or(Ok(Some(30).filter(|_| token != 11)), Err)
    }

    fn move_to(&mut self, source: CapRef, _: Destination) -> KernelResult<CapRef> {
        self.trace.push(format!("move {}", source.slot()));
        Ok(CapRef::private(40))
    }

    fn close(&mut self, capability: CapRef) {
        self.trace.push(format!("close {}", capability.slot()));
    }

    fn signal(&mut self, event: CapRef, bits: u64) {
        self.trace.push(format!("signal {} {bits}", event.slot()));
    }
}

/// Parks operation 1, answers operation 2 together with what is parked, watches with operation 3.
#[derive(Default)]
struct Parking {
    parked: Vec<Token>,
    gone: Vec<u64>,
}

impl Server<Script> for Parking {
    fn call(&mut self, request: &Request, service: &mut Service<Script>) -> Outcome {
        match request.operation() {
            1 => {
                self.parked.push(request.token());
                Outcome::Parked
            }
            2 => {
                for call in self.parked.drain(..) {
                    service.answer(call, &ok(&[7]));
                }
                Outcome::Answer(ok(&[1]))
            }
            3 => match request.watch(&mut service.kernel) {
                Ok(Watch::Begin { handle, .. }) => {
                    Clients::signal(service, handle);
                    Clients::forget(service, handle);
                    Outcome::Answer(ok(&[]))
                }
                Ok(Watch::End { .. }) => Outcome::Answer(ok(&[9])),
                Err(errno) => Outcome::Answer(error(errno)),
            },
            6 => {
                service.start_with_wait(CapRef::private(60));
                Outcome::Parked
            }
            4 => {
                let moved = SendCapability {
                    source: CapRef::private(50),
                    mode: SendMode::Move,
                    rights: Rights::ALL,
                    badge: 0,
                };
                let reply = Reply::new(ok(&[])).with_capability(moved);
                service.answer_with(request.token(), &reply);
                Outcome::Parked
            }
            5 => {
                let port = service.port();
                let reply = Reply::new(ok(&[])).minting(port, 61, 0).minting(port, 62, 0);
                service.answer_with(request.token(), &reply);
                Outcome::Parked
            }
            7 => Outcome::from(
                service.caller(request.token()).map(|who| ok(&[who.map_or(0, |who| who.0)])),
            ),
            _ => Outcome::Answer(error(Errno::NOSYS)),
        }
    }

    fn no_senders(&mut self, badge: Badge, _: &mut Service<Script>) {
        self.gone.push(badge.0);
    }
}

fn call(token: u64, words: Words, arrived: u8) -> Received {
    let kind = MessageKind::Call;
    Received { kind, token, words, badge: 5, arrived, missing: 15, rights: 0 }
}

fn notification(word: u64) -> Received {
    Received { kind: MessageKind::Notification, words: [word; 8], ..call(0, [0; 8], 0) }
}

fn check(messages: Vec<Received>, refuse: Option<Error>, trace: &[&str]) -> Parking {
    let script = Script { messages: messages.into(), refuse, trace: vec![] };
    let mut service = Service::new(script, CapRef::private(4));
    let mut server = Parking::default();
    assert_eq!(serve(&mut server, &mut service), Error::Gone);
    assert_eq!(service.kernel.trace, trace);
    server
}

#[test]
fn an_answer_is_carried_by_the_next_wait() {
    check(
        vec![call(10, [9; 8], 0), call(11, [2, 0, 0, 0, 0, 0, 0, 0], 0)],
        None,
        &["wait", "answer 10: [78, 0]", "wait", "answer 11: [0, 1]"],
    );
}

#[test]
fn parked_calls_are_answered_later_and_only_the_last_answer_is_carried() {
    check(
        vec![call(10, [1; 8], 0), call(11, [2; 8], 0)],
        None,
        &["wait", "wait", "at once", "answer 10: [0, 7]", "answer 11: [0, 1]"],
    );
}

#[test]
fn what_no_handler_kept_is_closed_before_the_next_message() {
    check(
        vec![call(10, [9; 8], 0b101)],
        None,
        &["wait", "close 12", "close 14", "answer 10: [78, 0]"],
    );
}

#[test]
fn a_watch_keeps_its_event_and_signals_its_bit() {
    check(
        vec![call(10, [3, 0, 6, 1, 0, 0, 0, 0], 1)],
        None,
        &["wait", "move 12", "signal 40 64", "close 40", "close 12", "answer 10: [0, 0]"],
    );
    let ended = "answer 10: [0, 9]";
    check(vec![call(10, [3, 0, 6, 0, 0, 0, 0, 0], 0)], None, &["wait", ended]);
    let invalid = "answer 10: [22, 0]";
    check(vec![call(10, [3, 0, 64, 1, 0, 0, 0, 0], 0)], None, &["wait", invalid]);
}

#[test]
fn who_calls_is_asked_of_the_kernel_about_the_own_port() {
    let asking = |token| vec![call(token, [7; 8], 0)];
    check(asking(10), None, &["wait", "who 4 10", "answer 10: [0, 30]"]);
    check(asking(11), None, &["wait", "who 4 11", "answer 11: [0, 0]"]);
    check(asking(10), Some(Error::CallerGone), &["wait", "who 4 10", "answer 10: [3, 0]"]);
}

#[test]
fn a_caller_that_is_gone_is_forgotten() {
    check(vec![call(10, [9; 8], 0)], Some(Error::BadToken), &["wait", "refused 10"]);
}

#[test]
fn a_reply_that_cannot_be_given_becomes_an_errno_and_leaks_nothing() {
    check(
        vec![call(10, [4; 8], 0)],
        Some(Error::NoObjects),
        &["wait", "refused 10", "close 50", "at once", "answer 10: [35, 0]"],
    );
}

#[test]
fn an_identity_that_was_never_given_has_no_senders() {
    let minting = || call(10, [5; 8], 0);
    let gone = check(vec![minting()], Some(Error::BadToken), &["wait", "refused 10"]).gone;
    assert_eq!(gone, [62, 61]);
    let told = ["wait", "refused 10", "at once", "answer 10: [35, 0]"];
    assert_eq!(check(vec![minting()], Some(Error::NoObjects), &told).gone, [62, 61]);
    let given = check(vec![minting()], None, &["wait", "answer 10: [0, 0]"]).gone;
    assert_eq!(given, [], "the kernel says when these are gone");
}

#[test]
fn an_answer_given_at_once_can_fail_as_well() {
    let parked = call(9, [1; 8], 0);
    let minting = call(10, [5; 8], 0);
    let other = call(11, [2, 0, 0, 0, 0, 0, 0, 0], 0);
    // The refusal meets the first answer, which is the parked call's.
    let server = check(
        vec![parked, other, minting],
        Some(Error::BadToken),
        &["wait", "wait", "at once", "refused 9", "answer 11: [0, 1]", "wait", "answer 10: [0, 0]"],
    );
    assert_eq!(server.gone, [], "words alone lose nothing");
}

#[test]
fn notifications_reach_their_handler_and_unknown_ones_are_ignored() {
    let server = check(vec![notification(2), notification(99)], None, &["wait", "wait"]);
    assert_eq!(server.gone, [5]);
}

#[test]
fn faults_kill_without_a_rule() {
    let kind = MessageKind::Fault;
    let fault = Received { kind, words: [1, 2, 3, 0, 14, 0, 0, 0], ..call(10, [0; 8], 0) };
    check(vec![fault], None, &["wait", "answer 10: [1, 0]"]);
}

#[test]
fn a_start_travels_with_the_wait_or_with_an_answer() {
    let start = || call(10, [6, 0, 0, 0, 0, 0, 0, 0], 0);
    check(vec![start()], None, &["wait", "start 60"]);
    check(
        vec![start(), call(11, [9; 8], 0)],
        None,
        &["wait", "start 60", "wait", "answer 11: [78, 0]"],
    );
}
