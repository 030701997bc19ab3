//! Memory objects: shareable memory with an identity.
//!
//! Owns: [`MemoryObject`]: its pages, who may reach it, the seal. Never here: where it is mapped
//! (there is no reverse map: a Memory never shrinks and is never unmapped from outside). Called by
//! `map`, `resolve`, `copy` and by the capability layer, which holds and drops.
//!
//! Pages hang in a table of the same form as page tables, of height 0 (one page, no table) to 3, so
//! that taking a large Memory apart is the frame table's chunked work. They are made when first
//! touched and charged to the Memory's account. A physical Memory is a range of frames given by
//! boot: device memory or a boot module; its frames are never freed.
//!
//! Invariants: O1 `holders` counts capabilities, tree records and whatever else names the Memory.
//! O2 `writers` counts the tree records through which a store may ever reach it. O3 a sealed Memory
//! has no writers and never gets one, so its content is fixed. Only a sealed Memory is executable.

use tine_abi::Error;
use tine_ksync::{Id, PageSource, Slab};

use super::{
    FrameKind, FrameTable,
    address::{ENTRIES, PAGE},
    entry,
    mapping::Mapping,
    table,
};
use crate::{
    account::{self, AccountId, Accounts},
    machine::{Frame, PhysicalMemory},
};

/// Names a Memory.
pub type MemoryId = Id<MemoryObject>;

/// All Memory objects.
pub type MemoryObjects = Slab<MemoryObject>;

/// The most pages a Memory can have: 512 GiB.
pub const MAXIMUM_PAGES: u64 = 1 << 27;

/// A shareable memory object.
#[derive(Debug)]
pub struct MemoryObject {
    /// The page (height 0) or topmost table; of a physical Memory its first frame.
    root: Option<Frame>,
    height: u8,
    is_physical: bool,
    is_sealed: bool,
    /// Bits that entries need for device memory.
    caching: u64,
    pages: u32,
    holders: u32,
    writers: u32,
    account: AccountId,
}

impl MemoryObject {
    /// Size in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.pages as u64 * PAGE
    }

    /// Whether the content is fixed.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// How many capabilities and mappings name it.
    #[must_use]
    pub const fn holders(&self) -> u32 {
        self.holders
    }

    /// How many mappings may ever store to it.
    #[must_use]
    pub const fn writers(&self) -> u32 {
        self.writers
    }

    /// Who pays for its pages.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Bits that leaves for its pages carry: caching of device memory.
    #[inline]
    pub(crate) const fn caching(&self) -> u64 {
        self.caching
    }

    /// Fixes the content. [`Error::Busy`] while a mapping may store to it.
    pub fn seal(&mut self) -> Result<(), Error> {
        if self.writers > 0 {
            return Err(Error::Busy);
        }
        self.is_sealed = true;
        Ok(())
    }

    /// One more capability names it.
    pub fn hold(&mut self) {
        self.holders += 1;
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn owned_root(&self) -> Option<Frame> {
        if self.is_physical { None } else { self.root }
    }

    /// The frame of page `page`, if it was ever touched.
    #[inline]
    pub(crate) fn frame<M: PhysicalMemory>(&self, machine: &M, page: u32) -> Option<Frame> {
        let mut frame = self.root?;
        if page >= self.pages {
            return None;
        }
        if self.is_physical {
            return Some(Frame(frame.0 + page));
        }
        for height in (0..self.height).rev() {
            match machine.load(frame, index(page, height)) {
                0 => return None,
                entry => frame = entry::frame(entry),
            }
        }
        Some(frame)
    }

    /// The frame of page `page`, made and charged if it was never touched.
    pub(crate) fn populate<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        frames: &mut FrameTable,
        accounts: &mut Accounts,
        page: u32,
    ) -> Result<Frame, Error> {
        if page >= self.pages {
            return Err(Error::BadArgument);
        }
        if let Some(frame) = self.frame(machine, page) {
            return Ok(frame);
        }
        let missing = u32::from(self.height) + 1 - self.depth_present(machine, page);
        let mut reservation = frames.reserve(accounts, self.account, missing)?;
        let mut parent = None;
        for height in (0..=self.height).rev() {
            let present = match parent {
                None => self.root,
                Some(table) => match machine.load(table, index(page, height)) {
                    0 => None,
                    entry => Some(entry::frame(entry)),
                },
            };
            let frame = match present {
                Some(frame) => frame,
                None => {
                    let frame = if height == 0 {
                        frames.take_zeroed(machine, &mut reservation, FrameKind::Memory)
                    } else {
                        frames.take_table(machine, &mut reservation, height)
                    };
                    match parent {
                        None => self.root = Some(frame),
                        Some(parent) => {
                            let value = entry::table(frame) & !entry::WRITABLE;
                            table::install(machine, frames, parent, index(page, height), value);
                        }
                    }
                    frame
                }
            };
            parent = Some(frame);
        }
        frames.cancel(accounts, reservation);
        parent.ok_or(Error::NoMemory)
    }

    /// How many of the frames on the way to `page` exist.
    fn depth_present<M: PhysicalMemory>(&self, machine: &M, page: u32) -> u32 {
        let Some(mut frame) = self.root else { return 0 };
        let mut present = 1;
        for height in (0..self.height).rev() {
            match machine.load(frame, index(page, height)) {
                0 => break,
                entry => frame = entry::frame(entry),
            }
            present += 1;
        }
        present
    }
}

/// Index of `page` in the table whose children have height `height`.
const fn index(page: u32, height: u8) -> usize {
    (page >> (9 * height as u32)) as usize & (ENTRIES - 1)
}

/// Makes a Memory of `bytes` zero bytes with one holder, charged as one object to `account`; no
/// page exists yet. [`Error::BadArgument`] for a size that is no positive number of pages.
pub fn create(
    objects: &mut MemoryObjects,
    pages: &mut impl PageSource,
    accounts: &mut Accounts,
    account: AccountId,
    bytes: u64,
) -> Result<MemoryId, Error> {
    let count = bytes / PAGE;
    if bytes == 0 || !bytes.is_multiple_of(PAGE) || count > MAXIMUM_PAGES {
        return Err(Error::BadArgument);
    }
    let height = match count {
        1 => 0,
        2..=0x200 => 1,
        0x201..=0x4_0000 => 2,
        _ => 3,
    };
    let object = MemoryObject {
        root: None,
        height,
        is_physical: false,
        is_sealed: false,
        caching: 0,
        pages: count as u32,
        holders: 1,
        writers: 0,
        account,
    };
    insert(objects, pages, accounts, object)
}

/// Makes a Memory of the physical frames `first..first + count` with one holder. Frames of RAM must
/// be reserved ones. `is_device`: entries say uncached.
pub fn create_physical(
    objects: &mut MemoryObjects,
    pages: &mut impl PageSource,
    accounts: &mut Accounts,
    account: AccountId,
    frames: (Frame, u32),
    is_device: bool,
) -> Result<MemoryId, Error> {
    let (first, count) = frames;
    if count == 0 || first.0.checked_add(count).is_none() {
        return Err(Error::BadArgument);
    }
    let object = MemoryObject {
        root: Some(first),
        height: 0,
        is_physical: true,
        is_sealed: false,
        caching: if is_device { entry::CACHE_DISABLE | entry::WRITE_THROUGH } else { 0 },
        pages: count,
        holders: 1,
        writers: 0,
        account,
    };
    insert(objects, pages, accounts, object)
}

fn insert(
    objects: &mut MemoryObjects,
    pages: &mut impl PageSource,
    accounts: &mut Accounts,
    object: MemoryObject,
) -> Result<MemoryId, Error> {
    let account = object.account;
    if !accounts.get_mut(account).ok_or(Error::Gone)?.objects.take(1) {
        return Err(Error::NoObjects);
    }
    objects.insert(pages, object).map_err(|_| {
        account::give_objects(accounts, account.index(), 1);
        Error::NoMemory
    })
}

/// One holder fewer. The last one takes the Memory with it; its frames are free, or dead tables to
/// be reaped.
pub fn release(
    objects: &mut MemoryObjects,
    frames: &mut FrameTable,
    accounts: &mut Accounts,
    memory: MemoryId,
) {
    let Some(object) = objects.get_mut(memory) else { return };
    object.holders -= 1;
    if object.holders > 0 {
        return;
    }
    let Some(object) = objects.remove(memory) else { return };
    account::give_objects(accounts, object.account.index(), 1);
    if let (Some(root), false) = (object.root, object.is_physical) {
        frames.lower(accounts, root);
    }
}

/// A tree record names the Memory behind `mapping`.
#[inline]
pub(crate) fn retain_mapping(objects: &mut MemoryObjects, mapping: &Mapping) {
    if let Some(object) = mapping.memory().and_then(|memory| objects.get_mut(memory)) {
        object.holders += 1;
        object.writers += u32::from(mapping.is_writer());
    }
}

/// The opposite of [`retain_mapping`].
#[inline]
pub(crate) fn release_mapping(
    objects: &mut MemoryObjects,
    frames: &mut FrameTable,
    accounts: &mut Accounts,
    mapping: &Mapping,
) {
    let Some(memory) = mapping.memory() else { return };
    if let Some(object) = objects.get_mut(memory) {
        object.writers -= u32::from(mapping.is_writer());
    }
    release(objects, frames, accounts, memory);
}
