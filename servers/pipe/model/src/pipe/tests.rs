//! Pipes against scripted clients: exact order of answers, and a property against a byte vector.

use std::collections::BTreeMap;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

extern crate std;

/// Clients as byte vectors; answers in order.
#[derive(Default)]
struct Fake {
    memory: BTreeMap<Token, Vec<u8>>,
    faulty: Vec<Token>,
    answers: Vec<(u64, Result<u64, Errno>)>,
    signals: Vec<u64>,
    forgotten: Vec<u64>,
}

impl Clients for Fake {
    fn send_to_client(&mut self, call: Token, offset: usize, bytes: &[u8]) -> Result<(), Errno> {
        if self.faulty.contains(&call) {
            return Err(Errno::FAULT);
        }
        let memory = self.memory.entry(call).or_default();
        memory.truncate(offset);
        memory.extend_from_slice(bytes);
        Ok(())
    }

    fn fetch_from_client(
        &mut self,
        call: Token,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<(), Errno> {
        if self.faulty.contains(&call) {
            return Err(Errno::FAULT);
        }
        bytes.copy_from_slice(&self.memory[&call][offset..offset + bytes.len()]);
        Ok(())
    }

    fn reply(&mut self, call: Token, result: Result<u64, Errno>) {
        self.answers.push((call.0, result));
    }

    fn signal(&mut self, watch: WatchHandle) {
        self.signals.push(watch.0);
    }

    fn forget(&mut self, watch: WatchHandle) {
        self.forgotten.push(watch.0);
    }
}

impl Fake {
    fn write(&mut self, pipes: &mut Pipes, end: Badge, call: u64, bytes: &[u8]) {
        self.memory.insert(Token(call), bytes.to_vec());
        pipes.write(end, Token(call), bytes.len(), self);
    }

    fn take(&mut self) -> Vec<(u64, Result<u64, Errno>)> {
        std::mem::take(&mut self.answers)
    }
}

#[test]
fn a_reader_waits_for_bytes_and_gets_what_there_is() {
    let (mut pipes, mut clients) = (Pipes::new(), Fake::default());
    let (read, write) = pipes.create().unwrap();
    pipes.read(read, Token(1), 10, &mut clients);
    assert_eq!(clients.take(), []);
    clients.write(&mut pipes, write, 2, b"abc");
    assert_eq!(clients.take(), [(2, Ok(3)), (1, Ok(3))]);
    assert_eq!(clients.memory[&Token(1)], b"abc");
}

#[test]
fn the_last_close_of_the_write_end_is_end_of_file() {
    let (mut pipes, mut clients) = (Pipes::new(), Fake::default());
    let (read, write) = pipes.create().unwrap();
    clients.write(&mut pipes, write, 1, b"x");
    pipes.closed(write, &mut clients);
    pipes.read(read, Token(2), 9, &mut clients);
    pipes.read(read, Token(3), 9, &mut clients);
    assert_eq!(clients.take(), [(1, Ok(1)), (2, Ok(1)), (3, Ok(0))]);
    pipes.closed(read, &mut clients);
    assert!(pipes.is_empty());
}

#[test]
fn a_parked_reader_sees_end_of_file_at_the_close() {
    let (mut pipes, mut clients) = (Pipes::new(), Fake::default());
    let (read, write) = pipes.create().unwrap();
    pipes.read(read, Token(1), 5, &mut clients);
    pipes.closed(write, &mut clients);
    assert_eq!(clients.take(), [(1, Ok(0))]);
}

#[test]
fn writing_to_nobody_is_epipe_also_for_parked_writers() {
    let (mut pipes, mut clients) = (Pipes::new(), Fake::default());
    let (read, write) = pipes.create().unwrap();
    clients.write(&mut pipes, write, 1, &[7; CAPACITY + 1]);
    assert_eq!(clients.take(), []);
    pipes.closed(read, &mut clients);
    clients.write(&mut pipes, write, 2, b"y");
    assert_eq!(clients.take(), [(1, Err(Errno::PIPE)), (2, Err(Errno::PIPE))]);
}

#[test]
fn small_writes_enter_whole_and_in_order() {
    let (mut pipes, mut clients) = (Pipes::new(), Fake::default());
    let (read, write) = pipes.create().unwrap();
    clients.write(&mut pipes, write, 1, &[1; CAPACITY - 10]);
    clients.write(&mut pipes, write, 2, &[2; 20]);
    clients.write(&mut pipes, write, 3, &[3; 5]);
    assert_eq!(clients.take(), [(1, Ok(CAPACITY as u64 - 10))], "the third must not overtake");
    pipes.read(read, Token(4), 10, &mut clients);
    assert_eq!(clients.take(), [(4, Ok(10)), (2, Ok(20))]);
    pipes.read(read, Token(5), 5, &mut clients);
    assert_eq!(clients.take(), [(5, Ok(5)), (3, Ok(5))]);
}

#[test]
fn the_wrong_end_is_ebadf() {
    let (mut pipes, mut clients) = (Pipes::new(), Fake::default());
    let (read, write) = pipes.create().unwrap();
    pipes.read(write, Token(1), 1, &mut clients);
    clients.write(&mut pipes, read, 2, b"z");
    pipes.read(Badge(0), Token(3), 1, &mut clients);
    assert_eq!(
        clients.take(),
        [(1, Err(Errno::BADF)), (2, Err(Errno::BADF)), (3, Err(Errno::BADF))]
    );
}

#[test]
fn a_faulty_buffer_loses_no_bytes() {
    let (mut pipes, mut clients) = (Pipes::new(), Fake::default());
    let (read, write) = pipes.create().unwrap();
    clients.faulty.push(Token(1));
    pipes.read(read, Token(1), 4, &mut clients);
    clients.write(&mut pipes, write, 2, b"data");
    pipes.read(read, Token(3), 4, &mut clients);
    assert_eq!(clients.take(), [(2, Ok(4)), (1, Err(Errno::FAULT)), (3, Ok(4))]);
    assert_eq!(clients.memory[&Token(3)], b"data");
}

#[test]
fn watches_tell_the_level_then_each_beginning() {
    let (mut pipes, mut clients) = (Pipes::new(), Fake::default());
    let (read, write) = pipes.create().unwrap();
    let (readable, writable) = (WatchMask::READABLE, WatchMask::WRITABLE);
    let level = pipes.watch(read, 7, WatchHandle(1), readable, &mut clients);
    assert_eq!(level, Ok(WatchMask::empty()));
    let level = pipes.watch(write, 7, WatchHandle(2), writable, &mut clients);
    assert_eq!(level, Ok(writable));
    clients.write(&mut pipes, write, 1, b"a");
    clients.write(&mut pipes, write, 2, b"b");
    assert_eq!(clients.signals, [1], "still readable is no beginning");
    pipes.closed(read, &mut clients);
    assert_eq!(clients.signals, [1, 2], "hang-up of the write end");
    assert_eq!(clients.forgotten, [1]);
    pipes.closed(write, &mut clients);
    assert_eq!(clients.forgotten, [1, 2]);
}

proptest! {
    /// Whatever the sizes, what is read is what was written, in order, and a final drain answers
    /// every call.
    #[test]
    fn bytes_come_out_in_order(
        steps in prop::collection::vec((any::<bool>(), 0usize..40_000), 1..40),
    ) {
        let (mut pipes, mut clients) = (Pipes::new(), Fake::default());
        let (read, write) = pipes.create().unwrap();
        let (mut sent, mut next, mut reads) = (Vec::new(), 0u8, Vec::new());
        let mut call = 0;
        for (is_write, length) in steps {
            call += 1;
            if is_write {
                let bytes: Vec<u8> = (0..length)
                    .map(|_| {
                        next = next.wrapping_mul(5).wrapping_add(3);
                        next
                    })
                    .collect();
                sent.extend(&bytes);
                clients.write(&mut pipes, write, call, &bytes);
            } else {
                reads.push(call);
                pipes.read(read, Token(call), length, &mut clients);
            }
        }
        while pipes.available(read).unwrap() > 0 {
            call += 1;
            reads.push(call);
            pipes.read(read, Token(call), CAPACITY, &mut clients);
        }
        clients.write(&mut pipes, write, call + 1, &[9; CAPACITY]);
        sent.extend([9; CAPACITY]);
        pipes.closed(write, &mut clients);
        for _ in 0..=reads.len() {
            call += 2;
            reads.push(call);
            pipes.read(read, Token(call), 2 * CAPACITY, &mut clients);
        }
        let mut received = Vec::new();
        for call in reads {
            received.extend(clients.memory.remove(&Token(call)).unwrap_or_default());
        }
        prop_assert!(received == sent);
    }
}
