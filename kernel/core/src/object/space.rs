//! Address spaces as objects: who uses them and who can name them.
//!
//! Owns: [`AddressSpace`], the counts around a [`Space`]. Never here: page tables and mappings (those
//! are `memory`).
//!
//! Invariant A1: teardown follows use. When the last Domain using it goes, or the last capability to
//! one that no Domain ever used, the space is taken apart; capabilities left keep an empty shell.

use crate::{
    machine::Machine,
    memory::{CHUNK, Progress, Space},
    object::SpaceId,
    state::State,
};

/// An address space with its counts.
#[derive(Debug)]
pub struct AddressSpace {
    /// The tables and mappings.
    pub space: Space,
    /// Domains that use it.
    pub users: u32,
    /// Capabilities that name it.
    pub holders: u32,
}

impl AddressSpace {
    /// A space that nobody uses or names yet.
    #[must_use]
    pub const fn new(space: Space) -> AddressSpace {
        AddressSpace { space, users: 0, holders: 0 }
    }
}

impl<M: Machine> State<M> {
    /// One Domain fewer uses the space. True: it was the last one, and memory is to be released.
    pub(crate) fn leave_space(&mut self, id: SpaceId) -> bool {
        let Some(space) = self.spaces.get_mut(id) else { return false };
        space.users -= 1;
        if space.users > 0 {
            return false;
        }
        self.empty_space(id);
        true
    }

    /// A capability to the space is gone; one that nobody uses or names is taken apart.
    pub(crate) fn close_space(&mut self, id: SpaceId) {
        let Some(space) = self.spaces.get_mut(id) else { return };
        space.holders -= 1;
        if space.users == 0 && space.holders == 0 {
            self.empty_space(id);
        }
    }

    /// Makes the space an empty shell, which goes with its last name; the reaper releases the memory.
    fn empty_space(&mut self, id: SpaceId) {
        let root = self.spaces.get(id).and_then(|space| space.space.root());
        if let Some(root) = root {
            self.leave_root(root);
            let (mut cx, spaces) = self.memory();
            if let Some(space) = spaces.get_mut(id) {
                let _is_finished = space.space.teardown(&mut cx, 0) == Progress::Done;
            }
            self.wake_reaper();
        }
        let is_over = self.spaces.get(id).is_some_and(|space| space.holders == 0);
        if is_over && let Some(space) = self.spaces.remove(id) {
            self.uncharge(space.space.account());
        }
    }

    /// Takes a space apart that is in no slab.
    pub(crate) fn tear_down(&mut self, mut space: AddressSpace) {
        let (mut cx, _) = self.memory();
        let _is_finished = space.space.teardown(&mut cx, CHUNK) == Progress::Done;
        self.wake_reaper();
    }
}
