//! poll(2), made of one Event and the WATCH operation that every descriptor server answers.
//!
//! Owns: the bookkeeping: which bit of the Event stands for which descriptor, asking again those
//! that were signalled, ending every watch.
//!
//! Invariants: every watch that was begun is ended before [`poll`] returns; a condition that begins
//! after it was asked for sets the bit, so none is missed.

use core::time::Duration;

use bitflags::bitflags;
use tine_abi::message::{SendCapability, SendMode};
use tine_abi::protocol::file::{self, WatchMask};
use tine_abi::protocol::process;
use tine_abi::{CapRef, Rights};
use tine_rt::control;
use tine_sys::message::Message;

use crate::descriptor::{Fd, is_process};
use crate::error::{Errno, Result, answer, request};
use crate::ipc::Event;
use crate::time::deadline_after;

bitflags! {
    /// Conditions, with poll(2)'s numbers.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct PollFlags: u16 {
        /// A read would not wait.
        const POLLIN = 1;
        /// A write would not wait.
        const POLLOUT = 4;
        /// The server failed; only told.
        const POLLERR = 8;
        /// The other side is gone, or the process has ended; only told.
        const POLLHUP = 16;
        /// No such descriptor; only told.
        const POLLNVAL = 32;
    }
}

/// One descriptor to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PollFd {
    /// Which; `None` is left out, as a negative number is in C.
    pub fd: Option<Fd>,
    /// What is asked for.
    pub events: PollFlags,
    /// What holds.
    pub revents: PollFlags,
}

impl PollFd {
    /// Asks `fd` for `events`.
    #[must_use]
    pub const fn new(fd: Fd, events: PollFlags) -> Self {
        Self { fd: Some(fd), events, revents: PollFlags::empty() }
    }
}

/// Bits of an Event: descriptors at most.
pub const DESCRIPTORS: usize = 64;

/// Waits until a condition holds, at most for `timeout` (`None`: without end); tells for how many
/// descriptors one holds.
///
/// # Errors
/// EINVAL for more than [`DESCRIPTORS`]; ENOMEM and the like if no Event can be made.
pub fn poll(descriptors: &mut [PollFd], timeout: Option<Duration>) -> Result<usize> {
    let deadline = deadline_after(timeout);
    let event = Event::new()?;
    ask(&mut Servers { event: &event }, descriptors, deadline)
}

/// What [`ask`] needs from the world.
trait World {
    /// Begins (or with an empty mask ends) a watch; tells what holds already.
    fn watch(&mut self, fd: Fd, bit: usize, mask: WatchMask) -> Result<WatchMask>;
    /// Waits for bits; none when the deadline passed.
    fn wait(&mut self, bits: u64, deadline: u64) -> Result<u64>;
}

/// The servers behind the descriptors.
struct Servers<'a> {
    event: &'a Event,
}

/// Names a watch among all those of a description, whoever made them: by the process, its Event
/// and the bit.
fn key(process: u32, event: CapRef, bit: usize) -> u64 {
    u64::from(process) << 32 | u64::from(event.slot()) << 8 | bit as u64
}

impl World for Servers<'_> {
    fn watch(&mut self, fd: Fd, bit: usize, mask: WatchMask) -> Result<WatchMask> {
        let operation = if is_process(fd)? {
            process::Operation::Watch as u64
        } else {
            file::Operation::Watch as u64
        };
        let source = self.event.capability()?;
        let key = key(control::process(), source, bit);
        let mut message = Message::new(request(operation, 0, [bit as u64, mask.bits(), key]));
        if !mask.is_empty() {
            let (mode, rights) = (SendMode::Copy, Rights::SIGNAL);
            message = message.send(SendCapability { source, mode, rights, badge: 0 });
        }
        let reply = answer(message.call(fd.capability()))?;
        Ok(WatchMask::from_bits_truncate(reply.words[1]))
    }

    fn wait(&mut self, bits: u64, deadline: u64) -> Result<u64> {
        match self.event.wait_until(bits, deadline) {
            Err(Errno::TIMEDOUT) => Ok(0),
            result => result,
        }
    }
}

/// Poll itself.
fn ask(world: &mut impl World, descriptors: &mut [PollFd], deadline: u64) -> Result<usize> {
    if descriptors.len() > DESCRIPTORS {
        return Err(Errno::INVAL);
    }
    let mut watched = 0;
    let result = conditions(world, descriptors, deadline, &mut watched);
    for (bit, entry) in descriptors.iter().enumerate() {
        if let Some(fd) = entry.fd.filter(|_| watched >> bit & 1 == 1) {
            // A server that is gone has forgotten the watch by itself.
            world.watch(fd, bit, WatchMask::empty()).ok();
        }
    }
    result
}

fn conditions(
    world: &mut impl World,
    descriptors: &mut [PollFd],
    deadline: u64,
    watched: &mut u64,
) -> Result<usize> {
    let mut asked = u64::MAX;
    loop {
        let mut holding = 0;
        for (bit, entry) in descriptors.iter_mut().enumerate() {
            let Some(fd) = entry.fd.filter(|_| asked >> bit & 1 == 1) else {
                continue;
            };
            let mask = WatchMask::from_bits_truncate(u64::from(entry.events.bits()));
            entry.revents = match world.watch(fd, bit, mask | WatchMask::HANGUP) {
                Ok(holds) => {
                    *watched |= 1 << bit;
                    PollFlags::from_bits_truncate(holds.bits() as u16)
                        & (entry.events | PollFlags::POLLHUP)
                }
                Err(Errno::BADF) => PollFlags::POLLNVAL,
                Err(_) => PollFlags::POLLERR,
            };
            holding += usize::from(!entry.revents.is_empty());
        }
        if holding > 0 {
            return Ok(holding);
        }
        // With nothing to watch this is a sleep: the bit is never set.
        asked = world.wait(if *watched == 0 { 1 } else { *watched }, deadline)?;
        if asked == 0 {
            return Ok(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    /// Descriptors that become ready after some waits, and a trace of everything asked.
    struct Script {
        /// Per descriptor: after how many waits it is readable.
        ready_after: Vec<usize>,
        waits: Vec<u64>,
        trace: Vec<String>,
    }

    impl World for Script {
        fn watch(&mut self, fd: Fd, bit: usize, mask: WatchMask) -> Result<WatchMask> {
            self.trace.push(format!("watch {fd} bit {bit} mask {}", mask.bits()));
            let after = *self.ready_after.get(usize::from(fd.0)).ok_or(Errno::BADF)?;
            let passed = self.trace.iter().filter(|line| line.starts_with("wait ")).count();
            Ok(if passed >= after { WatchMask::READABLE } else { WatchMask::empty() } & mask)
        }

        fn wait(&mut self, bits: u64, deadline: u64) -> Result<u64> {
            self.trace.push(format!("wait {bits:#b} until {deadline}"));
            Ok(self.waits.pop().unwrap_or(0))
        }
    }

    fn script(ready_after: &[usize], waits: &[u64]) -> Script {
        Script { ready_after: ready_after.to_vec(), waits: waits.to_vec(), trace: Vec::new() }
    }

    #[test]
    fn keys_differ_by_process_event_and_bit() {
        let (one, other) = (CapRef::private(16), CapRef::private(17));
        let keys = [key(1, one, 0), key(2, one, 0), key(1, other, 0), key(1, one, 63)];
        assert!((0..4).all(|index| !keys[..index].contains(&keys[index])));
    }

    #[test]
    fn what_holds_at_once_is_told_without_waiting() {
        let mut world = script(&[0, 9], &[]);
        let mut fds =
            [PollFd::new(Fd(0), PollFlags::POLLIN), PollFd::new(Fd(1), PollFlags::POLLIN)];
        assert_eq!(ask(&mut world, &mut fds, 5), Ok(1));
        assert_eq!(fds[0].revents, PollFlags::POLLIN);
        assert_eq!(
            world.trace,
            [
                "watch 0 bit 0 mask 17",
                "watch 1 bit 1 mask 17",
                "watch 0 bit 0 mask 0",
                "watch 1 bit 1 mask 0"
            ]
        );
    }

    #[test]
    fn only_signalled_descriptors_are_asked_again() {
        // The first signal of descriptor 1 is a false one: somebody else took the byte.
        let mut world = script(&[9, 2], &[0b10, 0b10]);
        let mut fds =
            [PollFd::new(Fd(0), PollFlags::POLLIN), PollFd::new(Fd(1), PollFlags::POLLIN)];
        assert_eq!(ask(&mut world, &mut fds, 5), Ok(1));
        assert_eq!(fds.map(|fd| fd.revents), [PollFlags::empty(), PollFlags::POLLIN]);
        assert_eq!(
            world.trace[2..6],
            [
                "wait 0b11 until 5",
                "watch 1 bit 1 mask 17",
                "wait 0b11 until 5",
                "watch 1 bit 1 mask 17"
            ]
        );
    }

    #[test]
    fn the_deadline_ends_it_and_the_watches() {
        let mut world = script(&[9], &[]);
        let mut fds = [PollFd::new(Fd(0), PollFlags::POLLOUT)];
        assert_eq!(ask(&mut world, &mut fds, 7), Ok(0));
        assert_eq!(
            world.trace,
            ["watch 0 bit 0 mask 20", "wait 0b1 until 7", "watch 0 bit 0 mask 0"]
        );
    }

    #[test]
    fn bad_descriptors_are_told_and_left_out_ones_are_not_asked() {
        let mut world = script(&[], &[]);
        let mut fds = [PollFd { fd: None, ..PollFd::new(Fd(0), PollFlags::POLLIN) }; 2];
        fds[1].fd = Some(Fd(7));
        assert_eq!(ask(&mut world, &mut fds, 0), Ok(1));
        assert_eq!(fds[1].revents, PollFlags::POLLNVAL);
        assert_eq!(world.trace, ["watch 7 bit 1 mask 17"]);
        assert_eq!(ask(&mut world, &mut [fds[0]; 65], 0), Err(Errno::INVAL));
        let mut world = script(&[], &[]);
        assert_eq!(ask(&mut world, &mut [], 9), Ok(0), "a sleep");
        assert_eq!(world.trace, ["wait 0b1 until 9"]);
    }
}
