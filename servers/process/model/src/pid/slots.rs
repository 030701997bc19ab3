//! NetBSD's way to number: a table slot and a generation (2.8/11).
//!
//! Owns: the table. A number is the generation its slot remembers, plus the table's size, plus the
//! slot; above the maximum only the slot is left of it. Free slots queue up, so a number comes
//! back late, and consecutive numbers are not consecutive in use. The table doubles before it is
//! full; a slot's number then decides by one more bit where it lives, and the free twin goes to
//! the front of the queue.
//!
//! Invariants: `number & mask` is the slot of every number in use; slot 0 is never given; the queue
//! of free slots is never empty.

use alloc::vec::Vec;

use super::NoNumber;
use crate::model::OutOfMemory;

/// Slots of the first table.
const INITIAL: u32 = 32;
/// `next` of a slot that is not free.
const IN_USE: u32 = u32::MAX;
/// `next` of the last free slot.
const END: u32 = u32::MAX - 1;

#[derive(Clone, Copy)]
struct Slot {
    /// In use: its number. Free: the generation, a multiple of the table's size.
    number: u32,
    /// The next free slot, [`END`] or [`IN_USE`].
    next: u32,
}

/// The table.
pub(super) struct Slots {
    slots: Vec<Slot>,
    head: u32,
    tail: u32,
    in_use: u32,
    /// The table grows rather than have more in use.
    at_most: u32,
    pid_max: u32,
    /// What the slot taken last remembered, so that taking it can be undone.
    remembered: u32,
}

impl Slots {
    /// The first table. Its generations are such that the first round gives the bare slots.
    pub(super) fn new(pid_max: u32) -> Result<Self, OutOfMemory> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(INITIAL as usize)?;
        let generation = pid_max.next_multiple_of(INITIAL);
        for slot in 0..INITIAL {
            let next = if slot == 0 { IN_USE } else { slot + 1 };
            slots.push(Slot { number: if slot == 0 { 0 } else { generation }, next });
        }
        slots[INITIAL as usize - 1].next = END;
        let tail = INITIAL - 1;
        let at_most = INITIAL - 2;
        Ok(Self { slots, head: 1, tail, in_use: 1, at_most, pid_max, remembered: 0 })
    }

    /// Takes the next number.
    pub(super) fn take(&mut self) -> Result<u32, NoNumber> {
        while self.in_use >= self.at_most || self.head == self.tail {
            self.grow()?;
        }
        let size = self.size();
        let index = self.head;
        let slot = &mut self.slots[index as usize];
        let wish = slot.number + size + index;
        let number = if wish > self.pid_max { index } else { wish };
        self.remembered = core::mem::replace(&mut slot.number, number);
        self.head = core::mem::replace(&mut slot.next, IN_USE);
        self.in_use += 1;
        Ok(number)
    }

    /// Gives a number back; its slot is the last to be taken again.
    pub(super) fn put(&mut self, number: u32) {
        let index = number & (self.size() - 1);
        let generation = number - index;
        self.slots[index as usize] = Slot { number: generation, next: END };
        self.slots[self.tail as usize].next = index;
        self.tail = index;
        self.in_use -= 1;
    }

    /// Gives back the number taken last, as if it had not been taken.
    pub(super) fn undo(&mut self, number: u32) {
        let index = number & (self.size() - 1);
        self.slots[index as usize] = Slot { number: self.remembered, next: self.head };
        self.head = index;
        self.in_use -= 1;
    }

    /// Whether a number is in use.
    pub(super) fn contains(&self, number: u32) -> bool {
        let slot = self.slots[(number & (self.size() - 1)) as usize];
        slot.next == IN_USE && slot.number == number
    }

    /// How many numbers are in use, 0 among them.
    pub(super) const fn len(&self) -> u32 {
        self.in_use
    }

    const fn size(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Doubles the table.
    fn grow(&mut self) -> Result<(), NoNumber> {
        let size = self.size();
        if size > 1 << 20 {
            return Err(NoNumber::Exhausted);
        }
        self.slots.try_reserve_exact(size as usize).map_err(|_| NoNumber::OutOfMemory)?;
        self.slots.resize(size as usize * 2, Slot { number: 0, next: END });
        for index in (0..size).rev() {
            let slot = self.slots[index as usize];
            let twin = if slot.next == IN_USE && slot.number & size != 0 {
                self.slots[(index + size) as usize] = slot;
                index
            } else {
                if slot.next != IN_USE {
                    // A multiple of the new size, not below the old generation's.
                    self.slots[index as usize].number = (slot.number + size) & !size;
                }
                index + size
            };
            let generation = self.slots[(index + size - (twin - index)) as usize].number;
            self.slots[twin as usize] =
                Slot { number: generation & !(2 * size - 1), next: self.head };
            self.head = twin;
        }
        let mask = 2 * size - 1;
        if mask > self.pid_max {
            self.pid_max = mask * 2 + 1;
        }
        self.at_most *= 2;
        Ok(())
    }
}
