//! Frames: what each 4 KiB of physical memory is, who points to it, who pays for it.
//!
//! Owns: [`FrameTable`]: the reference counts, one [`FrameRecord`] a frame, the free lists, the list
//! of dead tables, reservations. Never here: the content of frames, and the meaning of entries.
//! Called by everything in `memory`; boot makes the table and adds free ranges to it.
//!
//! Cost: 28 bytes a frame. Counts lie in an array of their own, because breaking a shared table
//! raises up to 512 of them. Every operation is bounded: lists are pushed and popped at the head.
//!
//! A dead table's references are none, so the place of their count links the list of dead tables.
//!
//! Three lists of free frames, so that work already done is kept: frames with stale content, frames
//! known to be zero (a table that was taken apart is), and roots whose kernel half is still filled.
//!
//! Invariants:
//! - F1 `references` of a live frame is the number of entries that point to it, wherever they are:
//!   in a page table (one in a shared table counts once) or in a Memory's own table; a root counts
//!   its space. A reserved frame has one more, so it never becomes free.
//! - F2 a frame is on exactly the list its kind says, and on none when it is in use.
//! - F3 `available` is the number of frames on the three lists less those promised to reservations.
//! - F4 a frame that is not free is charged to the account in its record.
//! - F5 frame 0 is never managed: it marks the end of every list.
//! - F6 `borrowers` of a table counts the markers in other tables that name it, by part. A lent part
//!   is never empty and only ever lowered. A table without references that lends is a lender: it
//!   holds the parts that are lent, and nothing else.

use super::entry;
use crate::machine::{Frame, PhysicalMemory};

mod claim;
mod dead;
#[cfg(any(test, feature = "testing"))]
mod failure;
mod lend;
mod pages;
mod record;

pub use claim::Reservation;
pub use pages::KernelPages;
pub use record::{FrameKind, FrameRecord};

/// The most frames a table manages: 32 GiB. Were every frame a full table, their entries would
/// still be fewer than 2^32, so no count can overflow and none is checked.
pub const MAXIMUM_FRAMES: usize = 1 << 23;

/// Nobody pays for the frame.
const NOBODY: u32 = u32::MAX;

/// End of a list: frame 0 is never on one (F5).
const END: u32 = 0;

/// The counts of all frames, to be raised.
pub(crate) struct Counts<'f>(&'f mut [u32]);

impl Counts<'_> {
    /// One more entry points to the frame that `entry` holds. Nothing for device memory.
    #[inline(always)]
    pub(crate) fn raise(&mut self, entry: u64) {
        if let Some(count) = self.0.get_mut(entry::frame(entry).0 as usize) {
            *count = count.wrapping_add(1);
        }
    }

    /// One entry fewer points to the frame, and another still does.
    pub(crate) fn lower(&mut self, entry: u64) {
        if let Some(count) = self.0.get_mut(entry::frame(entry).0 as usize) {
            *count = count.wrapping_sub(1);
        }
    }
}

/// All frames of the machine.
#[derive(Debug)]
pub struct FrameTable {
    references: &'static mut [u32],
    records: &'static mut [FrameRecord],
    /// Heads of the lists.
    free: u32,
    zeroed: u32,
    roots: u32,
    dead: u32,
    available: u32,
    zero_page: Frame,
    #[cfg(any(test, feature = "testing"))]
    failure: Option<u32>,
}

impl FrameTable {
    /// A table over boot's arrays, one element of each a frame, every frame reserved.
    ///
    /// `None` if the arrays differ in length or exceed [`MAXIMUM_FRAMES`].
    pub fn new(
        references: &'static mut [u32],
        records: &'static mut [FrameRecord],
    ) -> Option<FrameTable> {
        if references.len() != records.len() || references.len() > MAXIMUM_FRAMES {
            return None;
        }
        references.fill(1);
        records.fill(FrameRecord { owner: NOBODY, ..FrameRecord::default() });
        Some(FrameTable {
            references,
            records,
            free: END,
            zeroed: END,
            roots: END,
            dead: END,
            available: 0,
            zero_page: Frame(0),
            #[cfg(any(test, feature = "testing"))]
            failure: None,
        })
    }

    /// Makes reserved frames free: RAM found by boot, later what the boot loader used.
    pub fn add_free(&mut self, frames: core::ops::Range<u32>) {
        for number in frames {
            if number != END && self.record(Frame(number)).kind == FrameKind::Reserved {
                self.push_free(Frame(number), FrameKind::Free);
            }
        }
    }

    /// Sets aside the page that unwritten anonymous memory reads from. Once, before the first
    /// space; `false` if no frame is free.
    pub fn set_aside_zero_page<M: PhysicalMemory>(&mut self, machine: &mut M) -> bool {
        let Some(frame) = self.pop_dirty() else { return false };
        self.available -= 1;
        machine.zero(frame);
        self.set(frame, FrameRecord { owner: NOBODY, ..FrameRecord::default() });
        self.zero_page = frame;
        true
    }

    /// The page that unwritten anonymous memory reads from.
    #[inline]
    #[must_use]
    pub fn zero_page(&self) -> Frame {
        self.zero_page
    }

    /// Whether the frame is one of the table: RAM, which the kernel can reach.
    #[inline]
    #[must_use]
    pub fn manages(&self, frame: Frame) -> bool {
        (frame.0 as usize) < self.records.len()
    }

    /// How many frames the table has, reserved ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the table has no frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Frames that could be allocated now.
    #[inline]
    #[must_use]
    pub fn available(&self) -> u32 {
        self.available
    }

    /// The record of a frame; of a frame outside the table (device memory) a reserved one.
    #[inline]
    #[must_use]
    pub fn record(&self, frame: Frame) -> FrameRecord {
        self.records.get(frame.0 as usize).copied().unwrap_or_default()
    }

    /// How many entries point to a frame in use; of one outside the table a number above one.
    #[inline]
    #[must_use]
    pub fn references(&self, frame: Frame) -> u32 {
        self.references.get(frame.0 as usize).copied().unwrap_or(u32::MAX)
    }

    /// Whether the frame is private memory with a single entry: it may be taken over (I5).
    #[inline]
    pub(crate) fn is_only_anonymous(&self, frame: Frame) -> bool {
        self.references(frame) == 1 && self.record(frame).kind == FrameKind::Anonymous
    }

    /// One more entry points to the frame that `entry` holds. Nothing for device memory.
    #[inline]
    pub(crate) fn raise(&mut self, entry: u64) {
        self.counts().raise(entry);
    }

    /// The counts alone, for loops.
    #[inline]
    pub(crate) fn counts(&mut self) -> Counts<'_> {
        Counts(self.references)
    }

    #[inline]
    fn set(&mut self, frame: Frame, record: FrameRecord) {
        if let Some(place) = self.records.get_mut(frame.0 as usize) {
            *place = record;
        }
        if let Some(count) = self.references.get_mut(frame.0 as usize) {
            *count = 1;
        }
    }

    /// The occupancy map and live count of a table.
    #[inline]
    pub(crate) fn usage(&self, table: Frame) -> (u64, u16) {
        let record = self.record(table);
        (record.word, record.live)
    }

    /// Sets occupancy map and live count of a table.
    #[inline]
    pub(crate) fn set_usage(&mut self, table: Frame, occupancy: u64, live: u16) {
        if let Some(record) = self.records.get_mut(table.0 as usize) {
            record.word = occupancy;
            record.live = live;
        }
    }

    /// Notes that entry `index` of `table` is in use now.
    #[inline]
    pub(crate) fn occupy(&mut self, table: Frame, index: usize) {
        if let Some(record) = self.records.get_mut(table.0 as usize) {
            record.word |= 1 << (index / super::address::GROUP);
            record.live += 1;
        }
    }

    /// Makes an uncharged frame free. `kind` is one of the three free kinds and tells what its
    /// content is.
    #[inline]
    pub(crate) fn push_free(&mut self, frame: Frame, kind: FrameKind) {
        let head = match kind {
            FrameKind::Zeroed => &mut self.zeroed,
            FrameKind::SpareRoot => &mut self.roots,
            _ => &mut self.free,
        };
        let Some(record) = self.records.get_mut(frame.0 as usize) else { return };
        *record =
            FrameRecord { word: u64::from(*head), owner: NOBODY, kind, ..FrameRecord::default() };
        *head = frame.0;
        self.available += 1;
        if let Some(count) = self.references.get_mut(frame.0 as usize) {
            *count = 0;
        }
    }

    #[inline]
    fn pop(&mut self, list: impl Fn(&mut FrameTable) -> &mut u32) -> Option<Frame> {
        let head = *list(self);
        if head == END {
            return None;
        }
        *list(self) = self.record(Frame(head)).word as u32;
        Some(Frame(head))
    }

    #[inline]
    fn pop_zeroed<M: PhysicalMemory>(&mut self, machine: &mut M) -> Frame {
        if let Some(frame) = self.pop(|table| &mut table.zeroed) {
            return frame;
        }
        let frame = self.pop_dirty().expect("a reservation is backed by free frames (F3)");
        machine.zero(frame);
        frame
    }

    #[inline]
    fn pop_dirty(&mut self) -> Option<Frame> {
        self.pop(|table| &mut table.free)
            .or_else(|| self.pop(|table| &mut table.zeroed))
            .or_else(|| self.pop(|table| &mut table.roots))
    }
}
