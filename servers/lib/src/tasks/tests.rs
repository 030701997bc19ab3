//! Futures over a scripted kernel: exact sequences of calls.

extern crate std;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::format;
use std::rc::Rc;
use std::string::String;
use std::vec::Vec;

use futures_util::future::{Either, select};
use tine_abi::capability::Destination;
use tine_abi::error::Result as KernelResult;
use tine_abi::message::{Extras, MessageKind, NO_TOKEN};
use tine_abi::notification::Notification;
use tine_abi::{CapRef, Error};
use tine_sys::message::Received;

use super::*;
use crate::reply::ok;
use crate::service::serve;

/// Gives out messages in order and writes down every kernel entry.
#[derive(Clone, Default)]
struct Script {
    messages: Rc<RefCell<VecDeque<Received>>>,
    trace: Rc<RefCell<Vec<String>>>,
}

impl Script {
    fn message(&self, kind: MessageKind, token: u64, words: Words) {
        let (badge, arrived, missing, rights) = (5, 0, 0, 0);
        let message = Received { kind, token, words, badge, arrived, missing, rights };
        self.messages.borrow_mut().push_back(message);
    }

    fn call(&self, token: u64, operation: u64) {
        self.message(MessageKind::Call, token, [operation, 0, 0, 0, 0, 0, 0, 0]);
    }
}

impl Kernel for Script {
    fn reply_recv(
        &mut self,
        _: CapRef,
        token: u64,
        words: &Words,
        _: Option<&Extras>,
    ) -> KernelResult<Received> {
        let answer = if token == NO_TOKEN {
            String::new()
        } else {
            format!("answer {token} {:?} and ", &words[..2])
        };
        // At the end of the script the port is gone; the service asks once more without an answer.
        let message = self.messages.borrow_mut().pop_front();
        if message.is_some() || token != NO_TOKEN {
            self.trace.borrow_mut().push(format!("{answer}wait"));
        }
        message.ok_or(Error::Gone)
    }

    fn reply(
        &mut self,
        _: CapRef,
        token: u64,
        words: &Words,
        _: Option<&Extras>,
    ) -> KernelResult<()> {
        self.trace.borrow_mut().push(format!("answer {token} {:?}", &words[..2]));
        Ok(())
    }

    fn fetch(&mut self, _: u64, _: u8, _: u64, _: &mut [u8]) -> Result<(), Errno> {
        Err(Errno::FAULT)
    }

    fn send(&mut self, _: u64, _: u8, _: u64, _: &[u8]) -> Result<(), Errno> {
        Err(Errno::FAULT)
    }

    fn supervised_as(&mut self, _: CapRef, _: u64) -> KernelResult<Option<u64>> {
        Err(Error::BadToken)
    }

    fn move_to(&mut self, _: CapRef, _: Destination) -> KernelResult<CapRef> {
        Err(Error::NoSlots)
    }

    fn close(&mut self, _: CapRef) {}

    fn signal(&mut self, _: CapRef, _: u64) {}
}

/// Operation 1 waits for a token, 2 gives one, 3 waits for a token or for a notification, all else
/// is answered at once.
fn trace_of(script: &Script) -> (Vec<String>, usize) {
    let tokens = Rc::new((Cell::new(0_u64), Signal::new(), Signal::new()));
    let told = Rc::clone(&tokens);
    let take = |tokens: &Cell<u64>| {
        let left = tokens.get().checked_sub(1)?;
        tokens.set(left);
        Some(left)
    };
    let mut server = Tasks::new(
        |request: Request, _: Script| {
            let tokens = Rc::clone(&tokens);
            async move {
                match request.operation() {
                    1 => Ok(ok(&[tokens.1.wait_for(|| take(&tokens.0)).await])),
                    2 => {
                        tokens.0.set(tokens.0.get() + 1);
                        tokens.1.notify();
                        Ok(ok(&[]))
                    }
                    3 => {
                        let token = core::pin::pin!(tokens.1.wait_for(|| take(&tokens.0)));
                        match select(token, tokens.2.wait()).await {
                            Either::Left(_) => Ok(ok(&[])),
                            Either::Right(_) => Err(Errno::TIMEDOUT),
                        }
                    }
                    _ => Err(Errno::NOSYS),
                }
            }
        },
        |_, _| told.2.notify(),
    );
    let mut service = Service::new(script.clone(), CapRef::private(4));
    assert_eq!(serve(&mut server, &mut service), Error::Gone);
    (script.trace.take(), server.running())
}

#[test]
fn what_finishes_at_once_is_one_entry_a_message() {
    let script = Script::default();
    script.call(10, 2);
    script.call(11, 1);
    script.call(12, 9);
    let expected = [
        "wait",
        "answer 10 [0, 0] and wait",
        "answer 11 [0, 0] and wait",
        "answer 12 [78, 0] and wait",
    ];
    assert_eq!(trace_of(&script), (expected.map(String::from).to_vec(), 0));
}

#[test]
fn a_waiter_is_answered_before_the_call_that_woke_it() {
    let script = Script::default();
    script.call(10, 1);
    script.call(11, 1);
    script.call(12, 2);
    let expected = ["wait", "wait", "wait", "answer 10 [0, 0]", "answer 12 [0, 0] and wait"];
    assert_eq!(trace_of(&script), (expected.map(String::from).to_vec(), 1));
}

#[test]
fn combinators_wait_for_the_first_of_two() {
    let script = Script::default();
    script.call(10, 3);
    script.call(11, 3);
    script.call(12, 2);
    script.message(
        MessageKind::Notification,
        0,
        [Notification::NoSenders as u64, 0, 0, 0, 0, 0, 0, 0],
    );
    let expected = [
        "wait",
        "wait",
        "wait",
        "answer 10 [0, 0]",
        "answer 12 [0, 0] and wait",
        "answer 11 [60, 0] and wait",
    ];
    assert_eq!(trace_of(&script), (expected.map(String::from).to_vec(), 0));
}

#[test]
fn too_many_calls_are_told_so() {
    let script = Script::default();
    for token in 1..=TASKS as u64 + 1 {
        script.call(token, 1);
    }
    let (trace, running) = trace_of(&script);
    assert_eq!(running, TASKS);
    let last = format!("answer {} [{}, 0] and wait", TASKS + 1, Errno::AGAIN.number());
    assert_eq!(trace.last(), Some(&last));
}
