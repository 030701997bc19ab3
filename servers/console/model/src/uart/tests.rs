//! A device made of data, and what the driver does to it.

extern crate std;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec::Vec;

use super::*;

/// A 16550 as far as the driver can tell.
#[derive(Debug, Default)]
pub(crate) struct Device {
    pub(crate) absent: bool,
    pub(crate) received: VecDeque<u8>,
    pub(crate) sent: Vec<u8>,
    /// The transmitter takes so many bytes, then stays busy.
    pub(crate) takes: Option<usize>,
    pub(crate) interrupts: u8,
    /// An empty transmitter that nobody was told of.
    told: bool,
    line: u8,
    divisor: u8,
    scratch: u8,
    /// Looks at the status.
    pub(crate) looks: usize,
    pub(crate) edges: usize,
    high: bool,
}

impl Device {
    fn is_empty(&self) -> bool {
        self.takes != Some(0)
    }

    /// Where the interrupt line stands; counts when it rises.
    pub(crate) fn settle(&mut self) {
        let received = self.interrupts & ON_RECEIVED != 0 && !self.received.is_empty();
        let empty = self.interrupts & ON_EMPTY != 0 && self.is_empty() && !self.told;
        let high = received || empty;
        self.edges += usize::from(high && !self.high);
        self.high = high;
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(pub(crate) Rc<RefCell<Device>>);

impl Registers for Shared {
    fn read(&mut self, register: u8) -> u8 {
        let device = &mut *self.0.borrow_mut();
        if device.absent {
            return 0xff;
        }
        let value = match register {
            register::DATA => device.received.pop_front().unwrap_or(0),
            register::CAUSE => {
                if device.interrupts & ON_RECEIVED != 0 && !device.received.is_empty() {
                    0xc4
                } else if device.interrupts & ON_EMPTY != 0 && device.is_empty() && !device.told {
                    device.told = true;
                    0xc2
                } else {
                    0xc1
                }
            }
            register::STATUS => {
                device.looks += 1;
                let received = if device.received.is_empty() { 0 } else { RECEIVED };
                received | if device.is_empty() { EMPTY | IDLE } else { 0 }
            }
            register::SCRATCH => device.scratch,
            _ => 0,
        };
        device.settle();
        value
    }

    fn write(&mut self, register: u8, value: u8) {
        let device = &mut *self.0.borrow_mut();
        match register {
            register::DATA if device.line & LATCH != 0 => device.divisor = value,
            register::DATA => {
                device.told = false;
                device.sent.push(value);
                if let Some(takes) = &mut device.takes {
                    *takes = takes.saturating_sub(1);
                }
            }
            register::INTERRUPTS if device.line & LATCH == 0 => {
                // Enabling it tells of a transmitter that is empty already.
                if value & ON_EMPTY != 0 && device.interrupts & ON_EMPTY == 0 {
                    device.told = false;
                }
                device.interrupts = value;
            }
            register::LINE => device.line = value,
            register::SCRATCH => device.scratch = value,
            _ => {}
        }
        device.settle();
    }

    fn write_all(&mut self, register: u8, bytes: &[u8]) {
        assert!(bytes.len() <= FIFO_BYTES, "the FIFO has {FIFO_BYTES} bytes");
        for byte in bytes {
            self.write(register, *byte);
        }
    }
}

#[test]
fn set_up_selects_the_speed_and_leaves_the_divisor_alone_afterwards() {
    let device = Shared::default();
    Uart::new(device.clone());
    let device = device.0.borrow();
    assert_eq!((device.divisor, device.line, device.interrupts), (1, EIGHT_BITS, ON_RECEIVED));
    assert_eq!(device.sent, []);
}

#[test]
fn bytes_leave_in_pieces_of_the_fifo() {
    let device = Shared::default();
    let mut uart = Uart::new(device.clone());
    assert_eq!(uart.send(&[7; 40]), FIFO_BYTES);
    assert_eq!(uart.send(b"ab"), 2);
    assert_eq!(device.0.borrow().sent.len(), FIFO_BYTES + 2);
}

#[test]
fn a_busy_transmitter_is_not_waited_for() {
    let device = Shared::default();
    let mut uart = Uart::new(device.clone());
    device.0.borrow_mut().takes = Some(0);
    let before = device.0.borrow().looks;
    assert_eq!(uart.send(b"x"), 0);
    assert_eq!(device.0.borrow().looks - before, POLLS as usize);
}

#[test]
fn causes_are_told_one_by_one() {
    let device = Shared::default();
    let mut uart = Uart::new(device.clone());
    uart.announce_empty(true);
    device.0.borrow_mut().received.push_back(b'x');
    assert_eq!(uart.cause(), Some(Cause::Received));
    assert_eq!((uart.receive(), uart.receive()), (Some(b'x'), None));
    assert_eq!((uart.cause(), uart.cause()), (Some(Cause::Empty), None));
}

#[test]
fn an_edge_can_be_made_again() {
    let device = Shared::default();
    let mut uart = Uart::new(device.clone());
    {
        let mut device = device.0.borrow_mut();
        device.received.extend(*b"ab");
        device.settle();
    }
    assert_eq!(uart.receive(), Some(b'a'));
    assert_eq!(device.0.borrow().edges, 1, "still high");
    uart.rearm();
    assert_eq!(device.0.borrow().edges, 2);
}

#[test]
fn without_a_device_everything_goes_nowhere() {
    let device = Shared::default();
    device.0.borrow_mut().absent = true;
    let mut uart = Uart::new(device.clone());
    uart.listen(true);
    assert_eq!(uart.send(&[0; 100]), 100);
    assert_eq!((uart.receive(), uart.cause()), (None, None));
    assert_eq!(device.0.borrow().sent, []);
}
