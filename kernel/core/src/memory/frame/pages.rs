//! Frames as the pages that slabs grow by.
//!
//! Owns: [`KernelPages`]. Never here: which slab. Called through `PageSource` by every slab and page
//! array of the kernel.

use tine_ksync::{Page, PageSource};

use super::{FrameKind, FrameRecord, FrameTable, NOBODY};
use crate::machine::PhysicalMemory;

/// Gives frames to slabs as pages, charged to nobody: slabs are bounded by their objects' accounts.
#[derive(Debug)]
pub struct KernelPages<'k, M> {
    /// Turns frames into pages.
    pub machine: &'k mut M,
    /// Where the frames come from.
    pub frames: &'k mut FrameTable,
}

impl<M: PhysicalMemory> PageSource for KernelPages<'_, M> {
    fn take_page(&mut self) -> Option<Page> {
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

    fn give_page(&mut self, page: Page) {
        let frame = self.machine.frame_of(page);
        self.frames.push_free(frame, FrameKind::Free);
    }
}
