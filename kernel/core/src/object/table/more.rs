//! The far slots of a capability table: pages of them, and a bitmap of two levels.
//!
//! Owns: [`More`]. Never here: inline slots, what capabilities mean. Called by `table.rs` alone. Numbers
//! here start at 0 for slot [`INLINE`](super::INLINE).

use tine_abi::Error;
use tine_ksync::{PageArray, PageSource};

use super::{SLOTS, is_inherited};
use crate::{
    account::{AccountId, Accounts},
    object::capability::Capability,
};

/// Bitmap words that lie in the object itself.
const FIRST_WORDS: usize = 4;

/// The slots of a table beyond the inline ones.
#[derive(Debug)]
pub(super) struct More {
    slots: PageArray<Capability>,
    first: [u64; FIRST_WORDS],
    words: PageArray<u64>,
    full: [u64; SLOTS.div_ceil(64 * 64)],
}

impl More {
    pub(super) fn new() -> More {
        More {
            slots: PageArray::default(),
            first: [0; FIRST_WORDS],
            words: PageArray::default(),
            full: [0; SLOTS.div_ceil(64 * 64)],
        }
    }

    pub(super) fn word(&self, index: usize) -> u64 {
        match self.first.get(index) {
            Some(word) => *word,
            None => self.words.get(index - FIRST_WORDS).copied().unwrap_or(0),
        }
    }

    pub(super) fn set_word(&mut self, index: usize, value: u64) {
        let word = match self.first.get_mut(index) {
            Some(word) => word,
            None => match self.words.get_mut(index - FIRST_WORDS) {
                Some(word) => word,
                None => return,
            },
        };
        *word = value;
        if let Some(summary) = self.full.get_mut(index / 64) {
            let bit = 1 << (index % 64);
            *summary = if value == u64::MAX { *summary | bit } else { *summary & !bit };
        }
    }

    pub(super) fn mark(&mut self, slot: usize, in_use: bool) {
        let (index, bit) = (slot / 64, 1 << (slot % 64));
        let word = self.word(index);
        self.set_word(index, if in_use { word | bit } else { word & !bit });
    }

    /// Copies the slots of `from` that a fork inherits; there is room for all of them.
    pub(super) fn fill(&mut self, from: &More, mut hold: impl FnMut(Capability)) {
        let per_page = PageArray::<Capability>::PER_PAGE;
        for page in 0..self.slots.len() / per_page {
            let source = from.slots.chunk(page);
            for index in page * per_page / 64..(page + 1) * per_page / 64 {
                let place = index * 64 - page * per_page;
                let target = self.slots.chunk_mut(page);
                let (mut left, mut copied) = (from.word(index), 0);
                while left != 0 {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    let (Some(from), Some(to)) =
                        (source.get(place + bit), target.get_mut(place + bit))
                    else {
                        break;
                    };
                    if is_inherited(from) {
                        hold(*from);
                        *to = *from;
                        copied |= 1 << bit;
                    }
                }
                self.set_word(index, copied);
            }
        }
    }

    /// As [`Tables::take_some`](super::Tables::take_some).
    pub(super) fn take_some(&mut self, cursor: &mut usize, into: &mut [Capability]) -> usize {
        let per_page = PageArray::<Capability>::PER_PAGE;
        let mut count = 0;
        let first = *cursor / 64;
        for index in first..self.slots.len() / 64 {
            let above = if index == first { u64::MAX << (*cursor % 64) } else { u64::MAX };
            let word = self.word(index);
            let mut left = word & above;
            if left == 0 {
                continue;
            }
            let page = index * 64 / per_page;
            let slots = self.slots.chunk_mut(page);
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                let slot = slots.get_mut(index * 64 - page * per_page + bit);
                let (Some(place), Some(slot)) = (into.get_mut(count), slot) else { break };
                *place = core::mem::replace(slot, Capability::EMPTY);
                left &= left - 1;
                count += 1;
                *cursor = index * 64 + bit + 1;
            }
            self.set_word(index, left | word & !above);
            if left != 0 {
                break;
            }
        }
        count
    }

    /// What a slot holds.
    pub(super) fn slot(&self, slot: usize) -> Capability {
        self.slots.get(slot).copied().unwrap_or(Capability::EMPTY)
    }

    /// Fills or empties a slot; `false` if there is no room for it.
    pub(super) fn set(&mut self, slot: usize, capability: Capability) -> bool {
        let Some(place) = self.slots.get_mut(slot) else { return false };
        *place = capability;
        self.mark(slot, !capability.is_empty());
        true
    }

    /// Whether there is room for a slot.
    pub(super) fn has_room(&self, slot: usize) -> bool {
        slot < self.slots.len()
    }

    /// The highest slot in use.
    pub(super) fn last_occupied(&self) -> Option<usize> {
        let words = (0..self.slots.len().div_ceil(64)).rev();
        words
            .map(|index| (index, self.word(index)))
            .find(|(_, word)| *word != 0)
            .map(|(index, word)| index * 64 + 63 - word.leading_zeros() as usize)
    }

    /// Gives the pages back.
    pub(super) fn release(self, pages: &mut impl PageSource) {
        self.slots.release(pages);
        self.words.release(pages);
    }

    /// The lowest free slot at or above `from`, whether or not pages for it exist.
    pub(super) fn lowest_free(&self, from: usize) -> usize {
        let start = from / 64;
        let free = !self.word(start) & u64::MAX << (from % 64);
        if free != 0 {
            return start * 64 + free.trailing_zeros() as usize;
        }
        let next = start + 1;
        for index in next / 64..self.full.len() {
            let above = if index == next / 64 { u64::MAX << (next % 64) } else { u64::MAX };
            let open = !self.full[index] & above;
            if open != 0 {
                let word = index * 64 + open.trailing_zeros() as usize;
                return word * 64 + (!self.word(word)).trailing_zeros() as usize;
            }
        }
        SLOTS
    }

    /// The lowest slot in use at or above `from`.
    pub(super) fn next_occupied(&self, from: usize) -> Option<usize> {
        let start = from / 64;
        let last = self.slots.len().div_ceil(64);
        (start..last).find_map(|index| {
            let above = if index == start { u64::MAX << (from % 64) } else { u64::MAX };
            let used = self.word(index) & above;
            (used != 0).then(|| index * 64 + used.trailing_zeros() as usize)
        })
    }

    /// Pages that slots and bitmap take.
    pub(super) fn pages(&self) -> u32 {
        (self.slots.pages() + self.words.pages()) as u32
    }

    /// Has pages for slots `0..length`, charged to `account`; all or nothing.
    pub(super) fn grow(
        &mut self,
        pages: &mut impl PageSource,
        accounts: &mut Accounts,
        account: AccountId,
        length: usize,
    ) -> Result<(), Error> {
        let (before, words_before, slots_before) =
            (self.pages(), self.words.len(), self.slots.len());
        let slots = length.next_multiple_of(PageArray::<Capability>::PER_PAGE);
        let words = slots.div_ceil(64).saturating_sub(FIRST_WORDS);
        let is_grown = self.words.grow(pages, words, 0).is_ok()
            && self.slots.grow(pages, slots, Capability::EMPTY).is_ok();
        let added = self.pages() - before;
        let is_paid =
            is_grown && accounts.get_mut(account).is_some_and(|payer| payer.frames.take(added));
        if is_paid {
            return Ok(());
        }
        self.words.truncate(pages, words_before);
        self.slots.truncate(pages, slots_before);
        Err(Error::NoMemory)
    }
}
