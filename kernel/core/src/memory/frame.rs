//! Frames: what each 4 KiB of physical memory is, who points to it, who pays for it.
//!
//! Owns: [`FrameTable`]: the reference counts, one [`FrameRecord`] a frame, the free lists, the list
//! of dead tables, reservations. Never here: the content of frames, and the meaning of entries.
//! Called by everything in `memory`; boot makes the table and adds free ranges to it.
//!
//! Cost: 20 bytes a frame. Counts lie in an array of their own, because breaking a shared table
//! raises up to 512 of them. Every operation is bounded: lists are pushed and popped at the head.
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
//! - F4 a frame in use is charged to the account in its record; a dead table is not charged.
//! - F5 frame 0 is never managed: it marks the end of every list.

use tine_abi::Error;
use tine_ksync::PageSource;

use super::{Progress, entry};
use crate::{
    account::{self, AccountId, Accounts},
    machine::{Frame, PhysicalMemory, Translation},
};

/// The most frames a table manages: 32 GiB. Were every frame a full table, their entries would
/// still be fewer than 2^32, so no count can overflow and none is checked.
pub const MAXIMUM_FRAMES: usize = 1 << 23;

/// Nobody pays for the frame.
const NOBODY: u32 = u32::MAX;

/// End of a list: frame 0 is never on one (F5).
const END: u32 = 0;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum FrameKind {
    /// Not managed: firmware, kernel image, boot modules, the zero page.
    #[default]
    Reserved,
    /// Free, with stale content.
    Free,
    /// Free, and all zero.
    Zeroed,
    /// Free, the user half zero, the kernel half filled.
    SpareRoot,
    /// A page table below the root, or a table of a Memory.
    Table,
    /// The root of a space.
    Root,
    /// No longer referenced; its entries are yet to be dropped.
    DeadTable,
    /// As `DeadTable`, of a root.
    DeadRoot,
    /// Private memory of whoever has the only entry.
    Anonymous,
    /// A page of a Memory object.
    Memory,
    /// In use by the kernel itself: slabs.
    Kernel,
}

/// What is known of a frame beside its count.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameRecord {
    /// Tables: bit `n` is set when one of entries `8n..8n+8` is not zero. Listed frames: the next.
    word: u64,
    /// Index of the account that pays. Dead tables: the next dead one.
    owner: u32,
    /// Tables: how many entries are not zero (of a root: in the user half).
    live: u16,
    kind: FrameKind,
    /// Tables: 1 to 4; of a Memory's tables the height above its pages.
    level: u8,
}

impl FrameRecord {
    /// An anonymous page.
    #[inline]
    const fn page(owner: u32) -> FrameRecord {
        FrameRecord { word: 0, owner, live: 0, kind: FrameKind::Anonymous, level: 0 }
    }

    /// What the frame is.
    #[must_use]
    pub const fn kind(&self) -> FrameKind {
        self.kind
    }

    /// Which groups of eight entries are in use, of a table.
    #[must_use]
    pub const fn occupancy(&self) -> u64 {
        self.word
    }

    /// How many entries are in use, of a table.
    #[must_use]
    pub const fn live(&self) -> u16 {
        self.live
    }

    /// The level of a table.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Index of the account that pays, if one does.
    #[must_use]
    pub const fn owner(&self) -> Option<u32> {
        match self.kind {
            FrameKind::Table | FrameKind::Root | FrameKind::Anonymous | FrameKind::Memory => {
                Some(self.owner)
            }
            _ => None,
        }
    }
}

/// Frames that lost their last entry and are yet to be given back to one account: many in a row
/// were usually paid by the same.
#[derive(Debug)]
struct Refund {
    owner: u32,
    count: u32,
}

impl Refund {
    const fn new() -> Refund {
        Refund { owner: NOBODY, count: 0 }
    }

    #[inline]
    fn add(&mut self, accounts: &mut Accounts, owner: u32) {
        if owner != self.owner {
            self.settle(accounts);
            self.owner = owner;
        }
        self.count += 1;
    }

    fn settle(&mut self, accounts: &mut Accounts) {
        if self.count > 0 {
            account::give_frames(accounts, self.owner, self.count);
            self.count = 0;
        }
    }
}

/// Frames promised to one operation and already charged. Taking from it cannot fail; give what is
/// left to [`FrameTable::cancel`].
#[derive(Debug)]
#[must_use = "a forgotten reservation is a leaked charge"]
pub struct Reservation {
    owner: u32,
    left: u32,
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

    /// How many entries point to the frame; of a frame outside the table a number above one.
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
    #[inline(always)]
    pub(crate) fn raise(&mut self, entry: u64) {
        if let Some(count) = self.references.get_mut(entry::frame(entry).0 as usize) {
            *count = count.wrapping_add(1);
        }
    }

    /// One entry fewer points to the frame. A frame that nothing points to any more becomes free,
    /// or a dead table.
    #[inline]
    pub(crate) fn lower(&mut self, accounts: &mut Accounts, frame: Frame) {
        if let Some(count) = self.references.get_mut(frame.0 as usize) {
            *count = count.wrapping_sub(1);
            if *count == 0 {
                let mut refund = Refund::new();
                self.bury(accounts, frame, &mut refund);
                refund.settle(accounts);
            }
        }
    }

    #[inline(always)]
    fn lower_for(&mut self, accounts: &mut Accounts, frame: Frame, refund: &mut Refund) {
        if let Some(count) = self.references.get_mut(frame.0 as usize) {
            *count = count.wrapping_sub(1);
            if *count == 0 {
                self.bury(accounts, frame, refund);
            }
        }
    }

    /// What happens to a frame whose count has become zero.
    fn bury(&mut self, accounts: &mut Accounts, frame: Frame, refund: &mut Refund) {
        let record = self.record(frame);
        match record.kind {
            FrameKind::Anonymous | FrameKind::Memory => {
                refund.add(accounts, record.owner);
                self.push_free(frame, FrameKind::Free);
            }
            FrameKind::Table => {
                refund.add(accounts, record.owner);
                self.push_dead(frame, FrameKind::DeadTable);
            }
            _ => debug_assert!(false, "{frame:?} of kind {:?} lost its last entry", record.kind),
        }
    }

    /// The only space that named a root is gone.
    pub(crate) fn bury_root(&mut self, accounts: &mut Accounts, root: Frame) {
        let record = self.record(root);
        account::give_frames(accounts, record.owner, 1);
        self.push_dead(root, FrameKind::DeadRoot);
    }

    /// Charges one frame that is taken at once.
    #[inline]
    fn charge(&mut self, accounts: &mut Accounts, account: AccountId) -> bool {
        #[cfg(any(test, feature = "testing"))]
        if self.fails() {
            return false;
        }
        let Some(payer) = accounts.get_mut(account) else { return false };
        if self.available == 0 || !payer.frames.take(1) {
            return false;
        }
        self.available -= 1;
        true
    }

    /// A zeroed anonymous page charged to `account`, if it can be had.
    #[inline]
    pub(crate) fn claim_zeroed<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        accounts: &mut Accounts,
        account: AccountId,
    ) -> Option<Frame> {
        if !self.charge(accounts, account) {
            return None;
        }
        let frame = self.pop_zeroed(machine);
        self.set(frame, FrameRecord::page(account.index()));
        Some(frame)
    }

    /// An anonymous page with the content of `source`, charged to `account`, if it can be had.
    #[inline]
    pub(crate) fn claim_copy<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        accounts: &mut Accounts,
        account: AccountId,
        source: Frame,
    ) -> Option<Frame> {
        if !self.charge(accounts, account) {
            return None;
        }
        let frame = self.pop_dirty()?;
        machine.copy(frame, source);
        self.set(frame, FrameRecord::page(account.index()));
        Some(frame)
    }

    /// Promises and charges `count` frames, all or nothing.
    #[inline]
    pub fn reserve(
        &mut self,
        accounts: &mut Accounts,
        account: AccountId,
        count: u32,
    ) -> Result<Reservation, Error> {
        #[cfg(any(test, feature = "testing"))]
        if count > 0 && self.fails() {
            return Err(Error::NoMemory);
        }
        if count > 0 {
            let payer = accounts.get_mut(account).ok_or(Error::Gone)?;
            if self.available < count || !payer.frames.take(count) {
                return Err(Error::NoMemory);
            }
            self.available -= count;
        }
        Ok(Reservation { owner: account.index(), left: count })
    }

    /// Gives back what an operation did not take.
    pub fn cancel(&mut self, accounts: &mut Accounts, reservation: Reservation) {
        if reservation.left > 0 {
            self.available += reservation.left;
            account::give_frames(accounts, reservation.owner, reservation.left);
        }
    }

    /// A zeroed table of `level` from the reservation, referenced once.
    #[inline]
    pub(crate) fn take_table<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        reservation: &mut Reservation,
        level: u8,
    ) -> Frame {
        let frame = self.pop_zeroed(machine);
        self.hand_out(frame, reservation, FrameKind::Table, level);
        frame
    }

    /// A table from the reservation for a copy of `shared`: with its record, but not its entries.
    /// It is zero, unless every entry is going to be stored. Also tells which groups to copy.
    #[inline]
    pub(crate) fn take_table_like<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        reservation: &mut Reservation,
        shared: Frame,
    ) -> (Frame, u64, bool) {
        let like = self.record(shared);
        let is_full = usize::from(like.live) == super::address::ENTRIES;
        let frame = if is_full {
            self.pop_dirty().expect("a reservation is backed by free frames (F3)")
        } else {
            self.pop_zeroed(machine)
        };
        reservation.left -= 1;
        self.set(frame, FrameRecord { owner: reservation.owner, ..like });
        (frame, like.word, is_full)
    }

    /// A root from the reservation: user half zero, kernel half filled.
    pub(crate) fn take_root<M: Translation>(
        &mut self,
        machine: &mut M,
        reservation: &mut Reservation,
    ) -> Frame {
        let frame = if let Some(frame) = self.pop(|table| &mut table.roots) {
            frame
        } else {
            let frame = self.pop_zeroed(machine);
            let kernel_half = machine.kernel_half();
            for index in super::address::USER_ENTRIES..super::address::ENTRIES {
                machine.store(frame, index, machine.load(kernel_half, index));
            }
            frame
        };
        self.hand_out(frame, reservation, FrameKind::Root, super::address::ROOT_LEVEL as u8);
        frame
    }

    /// A zeroed page from the reservation, referenced once.
    #[inline]
    pub(crate) fn take_zeroed<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        reservation: &mut Reservation,
        kind: FrameKind,
    ) -> Frame {
        let frame = self.pop_zeroed(machine);
        self.hand_out(frame, reservation, kind, 0);
        frame
    }

    /// An anonymous page from the reservation that holds what `source` does, referenced once.
    #[inline]
    pub(crate) fn take_copy<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        reservation: &mut Reservation,
        source: Frame,
    ) -> Frame {
        let frame = self.pop_dirty().expect("a reservation is backed by free frames (F3)");
        machine.copy(frame, source);
        self.hand_out(frame, reservation, FrameKind::Anonymous, 0);
        frame
    }

    #[inline]
    fn hand_out(
        &mut self,
        frame: Frame,
        reservation: &mut Reservation,
        kind: FrameKind,
        level: u8,
    ) {
        debug_assert!(reservation.left > 0, "more is taken than was reserved");
        reservation.left -= 1;
        self.set(frame, FrameRecord { word: 0, owner: reservation.owner, live: 0, kind, level });
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

    /// The dead table on top of the list, taken off it.
    pub(crate) fn pop_dead(&mut self) -> Option<Frame> {
        let frame = Frame(self.dead);
        if self.dead == END {
            return None;
        }
        self.dead = self.record(frame).owner;
        Some(frame)
    }

    /// Whether no dead table waits.
    #[inline]
    pub(crate) fn has_no_dead(&self) -> bool {
        self.dead == END
    }

    /// Puts a table on the list of dead ones.
    pub(crate) fn push_dead(&mut self, frame: Frame, kind: FrameKind) {
        let next = self.dead;
        if let Some(record) = self.records.get_mut(frame.0 as usize) {
            record.kind = kind;
            record.owner = next;
            self.dead = frame.0;
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
        *record = FrameRecord { word: u64::from(*head), owner: NOBODY, live: 0, kind, level: 0 };
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

    /// Takes dead tables apart, at most `budget` entries (rounded up to a group) of them.
    ///
    /// A table comes back zeroed at a cost of its live entries: each is cleared as it is dropped.
    pub(crate) fn reap<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        accounts: &mut Accounts,
        budget: &mut u32,
    ) -> Progress {
        let mut refund = Refund::new();
        let mut left = *budget;
        while let Some(table) = self.pop_dead() {
            let FrameRecord { word: mut occupancy, kind, .. } = self.record(table);
            while occupancy != 0 {
                if left == 0 {
                    self.set_usage(table, occupancy, 0);
                    self.push_dead(table, kind);
                    refund.settle(accounts);
                    *budget = 0;
                    return Progress::More;
                }
                left = left.saturating_sub(super::address::GROUP as u32);
                let first = super::address::first_of(occupancy);
                occupancy &= occupancy - 1;
                machine.take_entries(table, first, |entry| {
                    self.lower_for(accounts, entry::frame(entry), &mut refund);
                });
            }
            let is_root = kind == FrameKind::DeadRoot;
            self.push_free(table, if is_root { FrameKind::SpareRoot } else { FrameKind::Zeroed });
        }
        refund.settle(accounts);
        *budget = left;
        Progress::Done
    }
}

#[cfg(any(test, feature = "testing"))]
impl FrameTable {
    /// Lets `successes` more allocations succeed and the one after them fail, once.
    pub fn fail_after(&mut self, successes: u32) {
        self.failure = Some(successes);
    }

    /// No allocation fails by order any more; tells whether the failure was still to come.
    pub fn heal(&mut self) -> bool {
        self.failure.take().is_some()
    }

    /// Whether this allocation is the one to fail.
    pub(crate) fn fails(&mut self) -> bool {
        match self.failure {
            Some(0) => {
                self.failure = None;
                true
            }
            Some(left) => {
                self.failure = Some(left - 1);
                false
            }
            None => false,
        }
    }

    /// Walks every list; `false` if one is not what the kinds say (F2), or a frame is promised (F3).
    #[must_use]
    pub fn lists_are_sound(&self) -> bool {
        let mut listed = 0;
        let mut sound = |head: u32, kind: FrameKind| {
            let (mut at, mut count) = (head, 0);
            while at != END && count <= self.records.len() {
                if self.record(Frame(at)).kind != kind || self.references(Frame(at)) != 0 {
                    return false;
                }
                at = self.record(Frame(at)).word as u32;
                count += 1;
            }
            listed += count;
            count == self.records.iter().filter(|record| record.kind == kind).count()
        };
        sound(self.free, FrameKind::Free)
            && sound(self.zeroed, FrameKind::Zeroed)
            && sound(self.roots, FrameKind::SpareRoot)
            && listed == self.available as usize
    }
}

/// Gives frames to slabs as pages, charged to nobody: slabs are bounded by their objects' accounts.
#[derive(Debug)]
pub struct KernelPages<'k, M> {
    /// Turns frames into pages.
    pub machine: &'k mut M,
    /// Where the frames come from.
    pub frames: &'k mut FrameTable,
}

impl<M: PhysicalMemory> PageSource for KernelPages<'_, M> {
    fn take_page(&mut self) -> Option<tine_ksync::Page> {
        #[cfg(any(test, feature = "testing"))]
        if self.frames.fails() {
            return None;
        }
        self.frames.available = self.frames.available.checked_sub(1)?;
        let frame = self.frames.pop_zeroed(self.machine);
        let record =
            FrameRecord { kind: FrameKind::Kernel, owner: NOBODY, ..FrameRecord::default() };
        self.frames.set(frame, record);
        Some(self.machine.page(frame))
    }

    fn give_page(&mut self, page: tine_ksync::Page) {
        let frame = self.machine.frame_of(page);
        self.frames.push_free(frame, FrameKind::Free);
    }
}
