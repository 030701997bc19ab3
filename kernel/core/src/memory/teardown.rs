//! Teardown: taking spaces, trees and tables apart, iteratively and in pieces.
//!
//! Owns: [`Space::teardown`] and [`reap`]. Never here: when a space is torn down (when the last
//! Domain that uses it goes). Called by the exit path, which polls it in a kernel task if it does
//! not end at once, and after every operation that drops something.
//!
//! Nothing is ever walked down: what loses its last reference goes on a list of dead tables or dead
//! nodes, and each list is worked off entry by entry, which may add to it. A space that was forked
//! drops only what is its own: a table that another space shares just loses a reference.

use super::{MemoryContext, Progress, Space};
use crate::machine::Translation;

impl Space {
    /// Takes the space apart, at most about `budget` entries at a time; call again until `Done`.
    /// The space is an empty shell from the first call on. Its root must not be active.
    ///
    /// `Done` says that everything that was dead anywhere is free and no longer charged.
    pub fn teardown<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        budget: u32,
    ) -> Progress {
        if let Some(root) = self.root.take() {
            self.job = None;
            for tree in [&mut self.inherited, &mut self.own] {
                if let Some(node) = tree.root.take() {
                    cx.nodes.lower(node);
                }
            }
            self.recent = super::mapping::Mapping::EMPTY;
            cx.frames.bury_root(root);
        }
        reap(cx, budget)
    }
}

/// Works off what is dead: nodes first, since they may hold the last reference to Memories.
#[inline]
pub fn reap<M: Translation>(cx: &mut MemoryContext<'_, M>, budget: u32) -> Progress {
    let mut budget = budget;
    if !cx.nodes.has_no_dead()
        && cx.nodes.reap(cx.objects, cx.frames, cx.accounts, &mut budget) == Progress::More
    {
        return Progress::More;
    }
    if cx.frames.has_no_dead() {
        return Progress::Done;
    }
    cx.frames.reap(cx.machine, cx.accounts, &mut budget)
}
