//! Hardware as objects: interrupt lines and which Event each of them sets.
//!
//! Owns: [`Line`], its binding, what happens when it fires. Never here: the interrupt controller
//! (the machine's). A line is masked when it fires and stays so until its driver acknowledges it.

use crate::{machine::Machine, object::EventId, state::State};

/// What an interrupt line does.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The Event, and the bit that it sets.
    pub target: Option<(EventId, u8)>,
}

impl Line {
    /// Nobody listens; the line is masked.
    pub const UNBOUND: Line = Line { target: None };
}

impl<M: Machine> State<M> {
    /// A line has fired; the binary has masked it.
    pub(crate) fn line_fired(&mut self, line: u32) {
        if let Some((event, bit)) = self.lines.get(line as usize).and_then(|line| line.target) {
            self.signal(event, 1 << bit);
        }
    }
}
