//! Protect: changing what a range allows.
//!
//! Owns: [`Space::protect`] and its job. Never here: raising entries (`resolve` does, at the next
//! fault). Called by the memory calls.
//!
//! The tree is edited at once. What is gained shows in entries when it is first used; what is lost
//! is taken from entries in chunks. Lowering an entry of a shared table is allowed (I4): a sharer
//! that still has the permission gets it back at its next fault, in a table of its own. So this
//! never copies a table. Entries are lowered even where the way to them has no W, because W comes
//! back to the way when the last sharer goes.

use core::ops::Range;

use heapless::Vec;
use tine_abi::{Error, memory::Protection};

use super::{
    CHUNK, Mapping, MemoryContext, Progress, Space,
    address::{self, ROOT_LEVEL},
    entry,
    mapping::sound,
    space::Job,
    table,
    tree::MAXIMUM_INSERT,
    unmap,
};
use crate::machine::{Frame, Translation};

impl Space {
    /// Changes the protection of a range without holes, of at most 32 mappings.
    ///
    /// [`Error::NotMapped`]: a hole. [`Error::Denied`]: more than a mapping allows, or against W^X.
    /// [`Error::NoMemory`]: a node could not be copied, or more mappings than 32; nothing has
    /// changed. [`Error::BadArgument`], [`Error::Busy`], [`Error::Gone`]: as for unmap.
    pub fn protect<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        address: u64,
        length: u64,
        protection: Protection,
    ) -> Result<Progress, Error> {
        self.idle_root()?;
        let range = address::range(address, length)?;
        let protection = sound(protection)?;

        let mut parts: Vec<Mapping, MAXIMUM_INSERT> = Vec::new();
        let mut loses = false;
        let mut at = range.start;
        while at < range.end {
            let mapping = self.tree(range.start).find(cx.nodes, at).ok_or(Error::NotMapped)?;
            if !mapping.allowed.contains(protection) {
                return Err(Error::Denied);
            }
            let executes = protection.contains(Protection::EXECUTE);
            let object = mapping.memory().and_then(|memory| cx.objects.get(memory));
            if executes && !object.is_some_and(|object| object.is_sealed()) {
                return Err(Error::Denied);
            }
            loses |= !protection.contains(mapping.protection);
            let end = mapping.end.min(range.end);
            let part = mapping.before(end).from(at).with_protection(protection);
            parts.push(part).map_err(|_| Error::NoMemory)?;
            at = end;
        }
        self.edit(cx, &range, &parts)?;
        if loses {
            self.job = Some(Job::Protect(range, protection));
        }
        Ok(self.advance(cx))
    }

    /// One chunk of the job: lowers leaves. Returns whether the range is done.
    pub(crate) fn lower_entries<M: Translation>(
        cx: &mut MemoryContext<'_, M>,
        root: Frame,
        range: &mut Range<u64>,
        protection: Protection,
    ) -> bool {
        let begin = range.start;
        let mut steps = CHUNK;
        let mut changed = false;
        while range.start < range.end && steps > 0 {
            steps -= 1;
            let at = range.start;
            let mut table = root;
            let mut level = ROOT_LEVEL;
            loop {
                let index = address::index(at, level);
                let value = table::entry(cx.machine, cx.frames, table, index);
                if value == 0 {
                    range.start = unmap::next_live(cx, table, level, at).min(range.end);
                    break;
                }
                if level == 1 {
                    let lowered = entry::restrict(value, protection);
                    if lowered != value {
                        cx.machine.store(table, index, lowered);
                        changed = true;
                    }
                    range.start = at + address::PAGE;
                    break;
                }
                table = entry::frame(value);
                level -= 1;
            }
        }
        if changed {
            unmap::flush(cx.machine, root, &(begin..range.start));
        }
        range.start >= range.end
    }
}
