//! Typed bytes in, exact screen and answers out.

extern crate std;

use std::string::String;
use std::vec::Vec;

use super::*;

#[derive(Default)]
struct Fake {
    screen: Vec<u8>,
    interrupts: usize,
    answers: Vec<(u64, Result<String, Errno>)>,
    pending: Vec<u8>,
    signals: usize,
}

impl Screen for Fake {
    fn show(&mut self, bytes: &[u8]) {
        self.screen.extend_from_slice(bytes);
    }

    fn interrupt(&mut self) {
        self.interrupts += 1;
    }
}

#[derive(Default)]
struct Readers(Fake);

impl Clients for Readers {
    fn send_to_client(&mut self, _: Token, offset: usize, bytes: &[u8]) -> Result<(), Errno> {
        self.0.pending.truncate(offset);
        self.0.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn fetch_from_client(&mut self, _: Token, _: usize, _: &mut [u8]) -> Result<(), Errno> {
        Err(Errno::FAULT)
    }

    fn reply(&mut self, call: Token, result: Result<u64, Errno>) {
        let text = String::from_utf8(std::mem::take(&mut self.0.pending)).unwrap();
        self.0.answers.push((
            call.0,
            result.map(|count| {
                assert_eq!(count, text.len() as u64);
                text
            }),
        ));
    }

    fn signal(&mut self, _: WatchHandle) {
        self.0.signals += 1;
    }

    fn forget(&mut self, _: WatchHandle) {}
}

/// Types `input` with one read call of `length` bytes parked before; screen and answers.
fn check(mode: Mode, length: usize, input: &[u8], screen: &str, answers: &[&str]) {
    let mut terminal = Terminal::new(Keyboard::Person).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    terminal.set_mode(mode, &mut readers);
    for call in 0..answers.len() as u64 {
        terminal.read(Token(call), length, &mut readers);
    }
    for byte in input {
        terminal.typed(*byte, &mut out, &mut readers);
    }
    assert_eq!(String::from_utf8(out.screen).unwrap(), screen);
    let expected: Vec<_> =
        answers.iter().enumerate().map(|(call, text)| (call as u64, Ok((*text).into()))).collect();
    assert_eq!(readers.0.answers, expected);
}

#[test]
fn a_line_is_given_out_when_it_ends() {
    check(Mode::COOKED, 80, b"ls\r", "ls\r\n", &["ls\n"]);
    check(Mode::COOKED, 80, b"ls", "ls", &[]);
}

#[test]
fn long_lines_take_several_reads() {
    check(Mode::COOKED, 3, b"abcd\r", "abcd\r\n", &["abc", "d\n"]);
}

#[test]
fn editing_keys() {
    check(Mode::COOKED, 80, b"ax\x7fb\r", "ax\x08 \x08b\r\n", &["ab\n"]);
    check(Mode::COOKED, 80, b"\x7f\r", "\r\n", &["\n"]);
    check(Mode::COOKED, 80, "é\x7fe\r".as_bytes(), "é\x08 \x08e\r\n", &["e\n"]);
    let erase = "\x08 \x08";
    check(
        Mode::COOKED,
        80,
        b"a bc \x17d\r",
        &std::format!("a bc {}d\r\n", erase.repeat(3)),
        &["a d\n"],
    );
    check(Mode::COOKED, 80, b"ab\x15c\r", &std::format!("ab{}c\r\n", erase.repeat(2)), &["c\n"]);
    check(Mode::COOKED, 80, b"ab\x12\r", "ab^R\r\nab\r\n", &["ab\n"]);
}

#[test]
fn a_literal_byte_stands_for_itself() {
    check(Mode::COOKED, 80, b"a\x16\x03\x16\x04\x16\x7f\r", "a^C^D^?\r\n", &["a\x03\x04\x7f\n"]);
    check(Mode::COOKED, 80, b"\x16\x16\x16\t\x16\r\r", "^V\t^M\r\n", &["\x16\t\r\n"]);
    check(Mode::COOKED, 80, b"\x16\x03\x7f\r", "^C\x08 \x08\x08 \x08\r\n", &["\n"]);
    check(Mode::COOKED - Mode::CANONICAL - Mode::ECHO, 80, b"\x16a", "", &["\x16", "a"]);
}

#[test]
fn there_is_room_until_the_last_whole_line_is_taken() {
    let mut terminal = Terminal::new(Keyboard::Person).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    let mut typed = 0;
    while terminal.has_room() {
        for _ in 1..LINE_MAX {
            terminal.typed(b'x', &mut out, &mut readers);
        }
        terminal.typed(b'\r', &mut out, &mut readers);
        typed += LINE_MAX;
    }
    assert_eq!(typed, INPUT_MAX);
    assert!(!out.screen.contains(&BELL), "nothing was dropped");
    terminal.read(Token(1), LINE_MAX, &mut readers);
    assert!(terminal.has_room());
}

#[test]
fn end_of_file_is_an_empty_read_once() {
    check(Mode::COOKED, 80, b"\x04x\r", "x\r\n", &["", "x\n"]);
    check(Mode::COOKED, 80, b"ab\x04", "ab", &["ab"]);
}

#[test]
fn piped_input_ends_for_good() {
    let mut terminal = Terminal::new(Keyboard::Command).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    for byte in b"a\rb\x19" {
        terminal.typed(*byte, &mut out, &mut readers);
    }
    for call in 0..4 {
        terminal.read(Token(call), 80, &mut readers);
    }
    let handle = WatchHandle(1);
    let holds = terminal.watch(1, handle, WatchMask::READABLE, &mut readers);
    assert_eq!(holds, Ok(WatchMask::READABLE));
    terminal.typed(control(b'C'), &mut out, &mut readers);
    assert!(terminal.take_interrupt(&mut readers));
    terminal.set_mode(Mode::empty(), &mut readers);
    terminal.read(Token(4), 80, &mut readers);
    let texts = readers.0.answers.iter().map(|(_, result)| result.as_deref());
    assert_eq!(texts.collect::<Vec<_>>(), ["a\n", "b", "", "", ""].map(Ok));
    assert_eq!(out.screen, b"", "nothing typed is shown");
}

#[test]
fn the_end_of_a_pipe_is_not_a_key() {
    let mut terminal = Terminal::new(Keyboard::Pipe).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    for byte in b"\x04a\x16\x19\r\x19" {
        terminal.typed(*byte, &mut out, &mut readers);
    }
    for call in 0..4 {
        terminal.read(Token(call), 80, &mut readers);
    }
    let texts = readers.0.answers.iter().map(|(_, result)| result.as_deref());
    assert_eq!(texts.collect::<Vec<_>>(), ["", "a\x19\n", "", ""].map(Ok));
    assert_eq!(out.screen, b"a^Y\r\n");
    // A person's keyboard has no end.
    check(Mode::COOKED, 80, b"a\x19\r", "a\x07\r\n", &["a\n"]);
}

#[test]
fn the_interrupt_character_drops_what_was_typed_before_it() {
    let mut terminal = Terminal::new(Keyboard::Person).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    for byte in b"ahead\rab\x03c\r" {
        terminal.typed(*byte, &mut out, &mut readers);
    }
    assert_eq!(out.interrupts, 1);
    assert!(terminal.take_interrupt(&mut readers) && !terminal.is_interrupted());
    terminal.read(Token(1), 80, &mut readers);
    assert_eq!(readers.0.answers, [(1, Ok("c\n".into()))]);
}

#[test]
fn an_interrupt_ends_the_reads_that_wait_and_those_that_come_until_it_is_taken() {
    let mut terminal = Terminal::new(Keyboard::Person).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    terminal.read(Token(1), 80, &mut readers);
    terminal.read(Token(2), 80, &mut readers);
    // The line behind the character, in the same piece, is not for those that wait.
    for byte in b"\x03c\r" {
        terminal.typed(*byte, &mut out, &mut readers);
    }
    terminal.read(Token(3), 80, &mut readers);
    assert!(terminal.is_interrupted(), "to ask takes nothing");
    terminal.read(Token(4), 0, &mut readers);
    assert!(terminal.take_interrupt(&mut readers));
    assert!(!terminal.take_interrupt(&mut readers));
    terminal.read(Token(5), 80, &mut readers);
    let ended = |call| (call, Err(Errno::INTR));
    let expected = [ended(1), ended(2), ended(3), ended(4), (5, Ok("c\n".into()))];
    assert_eq!(readers.0.answers, expected);
}

#[test]
fn a_pending_interrupt_can_be_watched_for_and_ends_with_the_terminal() {
    let mut terminal = Terminal::new(Keyboard::Person).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    terminal.watch(7, WatchHandle(1), WatchMask::READABLE, &mut readers).unwrap();
    terminal.typed(3, &mut out, &mut readers);
    assert_eq!(readers.0.signals, 1, "a read would not wait");
    terminal.take_interrupt(&mut readers);
    terminal.typed(3, &mut out, &mut readers);
    assert_eq!(readers.0.signals, 2, "and it is told anew");
    terminal.closed(&mut readers);
    assert!(!terminal.is_interrupted());
}

#[test]
fn raw_mode_gives_every_byte_and_no_echo() {
    check(Mode::empty(), 80, b"\x03\x7f\r", "", &["\x03", "\x7f", "\r"]);
}

#[test]
fn too_much_input_rings_the_bell_and_is_dropped() {
    let mut terminal = Terminal::new(Keyboard::Person).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    for _ in 0..INPUT_MAX + LINE_MAX + 10 {
        terminal.typed(b'x', &mut out, &mut readers);
    }
    assert_eq!(out.screen.iter().filter(|byte| **byte == BELL).count(), INPUT_MAX + 11);
    for _ in 0..10 * INPUT_MAX {
        terminal.typed(b'\r', &mut out, &mut readers);
    }
    assert!(terminal.input.len() <= INPUT_MAX && terminal.ends.len() <= INPUT_MAX);
}

#[test]
fn leaving_canonical_mode_gives_out_the_line() {
    let mut terminal = Terminal::new(Keyboard::Person).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    terminal.typed(b'x', &mut out, &mut readers);
    terminal.read(Token(1), 5, &mut readers);
    terminal.set_mode(Mode::empty(), &mut readers);
    assert_eq!(readers.0.answers, [(1, Ok("x".into()))]);
}

#[test]
fn a_watch_is_signalled_when_a_line_is_there() {
    let mut terminal = Terminal::new(Keyboard::Person).unwrap();
    let (mut out, mut readers) = (Fake::default(), Readers::default());
    let level = terminal.watch(7, WatchHandle(1), WatchMask::READABLE, &mut readers);
    assert_eq!(level, Ok(WatchMask::empty()));
    terminal.typed(b'x', &mut out, &mut readers);
    assert_eq!(readers.0.signals, 0);
    terminal.typed(b'\r', &mut out, &mut readers);
    assert_eq!(readers.0.signals, 1);
}

#[test]
fn output_returns_the_carriage_only_with_newline_mode() {
    let mut terminal = Terminal::new(Keyboard::Person).unwrap();
    let mut out = Fake::default();
    terminal.show(b"a\nb", &mut out);
    terminal.set_mode(Mode::empty(), &mut Readers::default());
    terminal.show(b"c\n", &mut out);
    assert_eq!(out.screen, b"a\r\nbc\n");
}
