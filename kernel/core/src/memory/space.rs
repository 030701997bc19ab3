//! Address spaces: a root of page tables and the trees of mappings.
//!
//! Owns: [`Space`], what it consists of, lookups in its trees, the one job it may have in progress.
//! Never here: threads, domains, capabilities. Called by kernel core for every memory call, fault
//! and copy; the operations live in `resolve`, `fork`, `map`, `unmap`, `protect`, `teardown`.
//!
//! There are two trees: what forks inherit, which forks share, and what they do not (inheritance
//! NONE), which is this space's alone. The address says which one is meant.
//!
//! A chunked operation leaves a [`Job`] in the space. Its logical part is already done: the trees
//! say what is true, faults go by them and never wait. Until [`Space::advance`] has finished the
//! job, other changes of the space answer [`Error::Busy`]; whoever meets that may advance the job
//! itself, so none is orphaned by the death of the thread that began it.

use core::ops::Range;

use tine_abi::{Error, memory::Protection};

use super::{
    Access, FrameTable, MappingNodes, MemoryContext,
    address::{self, Zone},
    frame::KernelPages,
    mapping::Mapping,
    tree::{FramesAndPages, Tree, TreeContext},
};
use crate::{
    account::AccountId,
    machine::{Frame, PhysicalMemory, Translation},
};

/// What is left to do of an operation whose logical part is done.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    /// Take entries away: nothing is mapped there any more.
    Unmap(Range<u64>),
    /// Lower entries to a protection.
    Protect(Range<u64>, Protection),
    /// Fill entries of a Memory in advance. Only an optimisation: anything else cancels it.
    Fill(Range<u64>),
}

/// An address space.
#[derive(Debug)]
pub struct Space {
    /// `None` once it was torn down.
    pub(crate) root: Option<Frame>,
    pub(crate) account: AccountId,
    /// The mappings that a fork inherits.
    pub(crate) inherited: Tree,
    /// The mappings that a fork skips.
    pub(crate) own: Tree,
    /// The mapping found last; `EMPTY` after each edit.
    pub(crate) recent: Mapping,
    pub(crate) job: Option<Job>,
    /// Where to look first for free addresses, by zone; 0: at the zone's start.
    pub(crate) hints: [u64; Zone::COUNT],
}

impl Space {
    /// An empty space whose tables and pages are charged to `account`.
    pub fn new<M: Translation>(
        cx: &mut MemoryContext<'_, M>,
        account: AccountId,
    ) -> Result<Space, Error> {
        let mut reservation = cx.frames.reserve(cx.accounts, account, 1)?;
        let root = cx.frames.take_root(cx.machine, &mut reservation);
        Ok(Space::with(root, account, Tree::default()))
    }

    pub(crate) fn with(root: Frame, account: AccountId, inherited: Tree) -> Space {
        Space {
            root: Some(root),
            account,
            inherited,
            own: Tree::default(),
            recent: Mapping::EMPTY,
            job: None,
            hints: [0; Zone::COUNT],
        }
    }

    /// The root table, for [`Translation::activate`]; `None` once the space was torn down.
    #[inline]
    #[must_use]
    pub fn root(&self) -> Option<Frame> {
        self.root
    }

    /// Whether a change is unfinished that others must wait for; see [`Space::advance`].
    #[inline]
    #[must_use]
    pub fn is_changing(&self) -> bool {
        matches!(self.job, Some(Job::Unmap(_) | Job::Protect(..)))
    }

    /// Whether entries of a mapping are being filled in advance; see [`Space::advance`].
    #[inline]
    #[must_use]
    pub fn is_filling(&self) -> bool {
        matches!(self.job, Some(Job::Fill(_)))
    }

    /// Who pays for its tables and pages.
    #[inline]
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The mapping at `address`.
    #[must_use]
    pub fn mapping(&self, nodes: &MappingNodes, address: u64) -> Option<Mapping> {
        self.tree(address).find(nodes, address)
    }

    /// The first mapping that ends above `address`, in the order of addresses: for reports.
    #[must_use]
    pub fn next_mapping(&self, nodes: &MappingNodes, address: u64) -> Option<Mapping> {
        self.inherited.next(nodes, address).or_else(|| self.own.next(nodes, address))
    }

    #[inline]
    pub(crate) fn tree(&self, address: u64) -> &Tree {
        if address::is_own(address) { &self.own } else { &self.inherited }
    }

    /// As [`Space::mapping`], remembering the answer.
    #[inline]
    pub(crate) fn find(&mut self, nodes: &MappingNodes, address: u64) -> Option<&Mapping> {
        if address < self.recent.start || self.recent.end <= address {
            self.recent = self.tree(address).find(nodes, address)?;
        }
        Some(&self.recent)
    }

    /// Replaces what is mapped in `range`; see [`Tree::replace`].
    pub(crate) fn edit<M: PhysicalMemory>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        range: &Range<u64>,
        insert: &[Mapping],
    ) -> Result<(), Error> {
        let mut tree_cx = TreeContext {
            nodes: cx.nodes,
            objects: cx.objects,
            frames_and_pages: KernelPages { machine: cx.machine, frames: cx.frames },
            accounts: cx.accounts,
            account: self.account,
        };
        let tree = if address::is_own(range.start) { &mut self.own } else { &mut self.inherited };
        tree.replace(&mut tree_cx, range, insert)?;
        self.recent = Mapping::EMPTY;
        Ok(())
    }

    /// The root, unless the space is gone or a job is in progress that must end first.
    pub(crate) fn idle_root(&mut self) -> Result<Frame, Error> {
        match self.job {
            Some(Job::Unmap(_) | Job::Protect(..)) => return Err(Error::Busy),
            Some(Job::Fill(_)) => self.job = None,
            None => {}
        }
        self.root.ok_or(Error::Gone)
    }
}

/// Whether `mapping` allows the access; [`Access::Force`] passes over a missing WRITE where a
/// private copy would take the store.
#[inline]
pub(crate) fn allows(mapping: &Mapping, access: Access) -> bool {
    match access {
        Access::Read => mapping.protection.contains(Protection::READ),
        Access::Write => mapping.protection.contains(Protection::WRITE),
        Access::Execute => mapping.protection.contains(Protection::EXECUTE),
        Access::Force => {
            mapping.protection.contains(Protection::WRITE)
                || !matches!(mapping.kind, super::mapping::MappingKind::Shared)
        }
    }
}

impl<M: PhysicalMemory> FramesAndPages for KernelPages<'_, M> {
    fn frames(&mut self) -> &mut FrameTable {
        self.frames
    }
}
