//! A console between a device made of data and clients made of byte vectors.

extern crate std;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::vec::Vec;

use super::*;
use crate::output::OUTPUT_MAX;
use crate::terminal::{INPUT_MAX, LINE_MAX};
use crate::uart::tests::Shared;

/// How many reads had been answered whenever the foreground group was ended.
#[derive(Clone, Default)]
struct Group {
    answered: Rc<Cell<usize>>,
    ended: Rc<RefCell<Vec<usize>>>,
}

impl Foreground for Group {
    fn interrupt(&mut self) {
        self.ended.borrow_mut().push(self.answered.get());
    }
}

/// Writers all write `text`; what readers get is kept.
#[derive(Default)]
struct Fake {
    text: Vec<u8>,
    fault: Option<usize>,
    pending: Vec<u8>,
    read: Vec<u8>,
    answers: Vec<(u64, Result<u64, Errno>)>,
    group: Group,
}

impl Clients for Fake {
    fn send_to_client(&mut self, _: Token, offset: usize, bytes: &[u8]) -> Result<(), Errno> {
        self.pending.truncate(offset);
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn fetch_from_client(
        &mut self,
        _: Token,
        offset: usize,
        bytes: &mut [u8],
    ) -> Result<(), Errno> {
        if self.fault.is_some_and(|fault| offset + bytes.len() > fault) {
            return Err(Errno::FAULT);
        }
        bytes.copy_from_slice(&self.text[offset..offset + bytes.len()]);
        Ok(())
    }

    fn reply(&mut self, call: Token, result: Result<u64, Errno>) {
        self.read.append(&mut self.pending);
        self.answers.push((call.0, result));
        self.group.answered.set(self.answers.len());
    }

    fn signal(&mut self, _: WatchHandle) {}

    fn forget(&mut self, _: WatchHandle) {}
}

fn setting(keyboard: Keyboard) -> (Shared, Console<Shared, Group>, Fake) {
    let (device, clients) = (Shared::default(), Fake::default());
    let console = Console::new(device.clone(), clients.group.clone(), keyboard).unwrap();
    (device, console, clients)
}

/// Puts bytes into the device and lets it interrupt as long as it does.
fn typed(device: &Shared, console: &mut Console<Shared, Group>, clients: &mut Fake, bytes: &[u8]) {
    device.0.borrow_mut().received.extend(bytes);
    interrupts(device, console, clients);
}

/// Lets the device interrupt as long as it does: once for each edge.
fn interrupts(device: &Shared, console: &mut Console<Shared, Group>, clients: &mut Fake) {
    loop {
        let before = {
            let mut device = device.0.borrow_mut();
            device.settle();
            core::mem::take(&mut device.edges)
        };
        if before == 0 {
            break;
        }
        console.interrupt(clients);
    }
}

#[test]
fn what_is_typed_is_echoed_and_read() {
    let (device, mut console, mut clients) = setting(Keyboard::Person);
    console.read(Token(1), 80, &mut clients);
    typed(&device, &mut console, &mut clients, b"ls\r");
    assert_eq!(clients.read, b"ls\n");
    assert_eq!(device.0.borrow().sent, b"ls\r\n");
    assert!(!console.is_interrupted());
}

#[test]
fn the_foreground_group_ends_before_anybody_is_told() {
    let (device, mut console, mut clients) = setting(Keyboard::Person);
    console.read(Token(1), 80, &mut clients);
    typed(&device, &mut console, &mut clients, b"one\r\x03\x03two\r");
    assert_eq!(clients.group.ended.borrow()[..], [1, 1]);
    console.read(Token(2), 80, &mut clients);
    assert!(console.take_interrupt(&mut clients) && !console.is_interrupted());
    console.read(Token(3), 80, &mut clients);
    assert_eq!(clients.answers, [(1, Ok(4)), (2, Err(Errno::INTR)), (3, Ok(4))]);
    assert_eq!(clients.read, b"one\ntwo\n");
}

#[test]
fn a_writer_is_answered_when_its_last_byte_is_queued() {
    let (device, mut console, mut clients) = setting(Keyboard::Person);
    clients.text = b"one\ntwo".to_vec();
    console.write(Token(1), 7, &mut clients);
    console.write(Token(2), 0, &mut clients);
    assert_eq!(clients.answers, [(1, Ok(7)), (2, Ok(0))]);
    assert_eq!(device.0.borrow().sent, b"one\r\ntwo");
}

#[test]
fn a_busy_device_parks_writers_and_loses_nothing() {
    let (device, mut console, mut clients) = setting(Keyboard::Person);
    clients.text = (0..=255).cycle().take(WRITE_MAX).collect();
    console.set_mode(Mode::COOKED - Mode::NEWLINE, &mut clients);
    device.0.borrow_mut().takes = Some(0);
    console.write(Token(1), WRITE_MAX + 5, &mut clients);
    console.write(Token(2), 3, &mut clients);
    assert_eq!(clients.answers, []);
    // The device takes 16 bytes from time to time.
    while clients.answers.len() < 2 || device.0.borrow().takes == Some(0) {
        device.0.borrow_mut().takes = Some(16);
        interrupts(&device, &mut console, &mut clients);
        if device.0.borrow().sent.len() == WRITE_MAX + 3 {
            break;
        }
    }
    assert_eq!(clients.answers, [(1, Ok(WRITE_MAX as u64)), (2, Ok(3))]);
    let mut expected = clients.text.clone();
    expected.extend([0, 1, 2]);
    assert!(device.0.borrow().sent == expected);
    assert_eq!(device.0.borrow().interrupts & 2, 0, "an idle transmitter keeps quiet");
}

#[test]
fn echo_has_room_while_a_program_floods_the_line() {
    let (device, mut console, mut clients) = setting(Keyboard::Person);
    clients.text = std::vec![b'.'; WRITE_MAX];
    device.0.borrow_mut().takes = Some(0);
    console.write(Token(1), WRITE_MAX, &mut clients);
    typed(&device, &mut console, &mut clients, b"hi");
    device.0.borrow_mut().takes = None;
    interrupts(&device, &mut console, &mut clients);
    let sent = &device.0.borrow().sent;
    assert!(sent[..OUTPUT_MAX].windows(2).any(|pair| pair == b"hi"));
    assert_eq!((sent.len(), &clients.answers[..]), (WRITE_MAX + 2, &[(1, Ok(16 << 10))][..]));
}

#[test]
fn a_writer_that_cannot_be_read_is_told_what_was_taken() {
    let (_, mut console, mut clients) = setting(Keyboard::Person);
    clients.text = std::vec![b'.'; 2000];
    clients.fault = Some(600);
    console.write(Token(1), 2000, &mut clients);
    clients.fault = Some(0);
    console.write(Token(2), 1, &mut clients);
    assert_eq!(clients.answers, [(1, Ok(512)), (2, Err(Errno::FAULT))]);
}

#[test]
fn the_console_of_a_command_is_marked_and_shows_nothing_typed() {
    let (device, mut console, mut clients) = setting(Keyboard::Command);
    assert_eq!(device.0.borrow().sent, CONSOLE_START);
    typed(&device, &mut console, &mut clients, b"secret\x03\n");
    assert_eq!(device.0.borrow().sent, CONSOLE_START);
    assert_eq!(clients.group.ended.borrow()[..], [0], "^C works without echo");
}

#[test]
fn piped_input_waits_in_the_device_until_there_is_room() {
    for keyboard in [Keyboard::Pipe, Keyboard::Command] {
        wait_in_the_device(keyboard);
    }
}

fn wait_in_the_device(keyboard: Keyboard) {
    let (device, mut console, mut clients) = setting(keyboard);
    let line = [[b'x'; 99].as_slice(), b"\n"].concat();
    let input = line.repeat(200);
    typed(&device, &mut console, &mut clients, &input);
    let left = device.0.borrow().received.len();
    assert!(left >= input.len() - INPUT_MAX - LINE_MAX && left < input.len());
    assert_eq!(device.0.borrow().interrupts & 1, 0, "no interrupt while they wait");
    for call in 0..200 {
        console.read(Token(call), 4096, &mut clients);
        interrupts(&device, &mut console, &mut clients);
    }
    assert!(clients.read == input, "byte for byte");
    assert!(!device.0.borrow().sent[CONSOLE_START.len()..].contains(&7), "no bell");
}

#[test]
fn a_person_hears_a_bell_instead() {
    let (device, mut console, mut clients) = setting(Keyboard::Person);
    typed(&device, &mut console, &mut clients, &[b'x'; LINE_MAX]);
    assert!(device.0.borrow().received.is_empty());
    assert_eq!(device.0.borrow().sent.last(), Some(&7));
}
