//! What is known of one frame beside its reference count.
//!
//! Owns: [`FrameKind`] and [`FrameRecord`], 24 bytes a frame. Never here: lists, counts, charges.
//! Called by the frame table, whose invariants say what the fields mean in which kind.

use crate::memory::address::{self, PARTS};

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
    /// A page table that no entry points to, of which other tables still borrow parts.
    Lender,
    /// No longer referenced; its entries, but for what is borrowed, are yet to be dropped.
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
    pub(super) word: u64,
    /// Tables: how many tables borrow each part: four bits a part, where the occupancy map has four
    /// groups.
    pub(super) borrowers: u64,
    /// Index of the account that pays.
    pub(super) owner: u32,
    /// Tables: how many entries are not zero (of a root: in the user half); a marker counts as a
    /// large table.
    pub(super) live: u16,
    pub(super) kind: FrameKind,
    /// Tables: 1 to 4; of a Memory's tables the height above its pages.
    pub(super) level: u8,
}

impl FrameRecord {
    /// An anonymous page.
    #[inline]
    pub(super) const fn page(owner: u32) -> FrameRecord {
        FrameRecord { word: 0, borrowers: 0, owner, live: 0, kind: FrameKind::Anonymous, level: 0 }
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

    /// How many tables borrow the part.
    #[inline]
    #[must_use]
    pub const fn borrowers(&self, part: usize) -> u64 {
        self.borrowers >> (4 * (part % PARTS)) & 15
    }

    /// The bits of the occupancy map whose parts are borrowed.
    #[inline]
    #[must_use]
    pub const fn lent_groups(&self) -> u64 {
        address::parts_of(self.borrowers) * address::groups_of(0)
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
            FrameKind::Table
            | FrameKind::Root
            | FrameKind::Lender
            | FrameKind::DeadTable
            | FrameKind::DeadRoot
            | FrameKind::Anonymous
            | FrameKind::Memory => Some(self.owner),
            FrameKind::Reserved
            | FrameKind::Free
            | FrameKind::Zeroed
            | FrameKind::SpareRoot
            | FrameKind::Kernel => None,
        }
    }
}
