//! One Domain capability per process.
//!
//! Owns: the table from a process's index to the slot of its Domain. The model's generational ids
//! guarantee that an index is not used again before [`Domains::forget`].

use alloc::vec::Vec;

use tine_abi::Error;
use tine_abi::capability::{CapRef, Destination};
use tine_process_model::ProcessId;
use tine_sys::capability::close;

/// Where Domain capabilities go: behind the slots that the framework uses.
pub(crate) const PLACE: Destination = Destination::lowest_from(CapRef::private(64));

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Domains(Vec<Option<CapRef>>);

impl Domains {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes room for a process, so that [`Self::set`] cannot fail.
    pub(crate) fn reserve(&mut self, process: ProcessId) -> Result<(), Error> {
        let index = index(process);
        if index >= self.0.len() {
            let missing = index + 1 - self.0.len();
            self.0.try_reserve(missing).map_err(|_| Error::NoMemory)?;
            self.0.resize(index + 1, None);
        }
        Ok(())
    }

    /// Records a process's Domain; room was made.
    pub(crate) fn set(&mut self, process: ProcessId, domain: CapRef) {
        if let Some(entry) = self.0.get_mut(index(process)) {
            *entry = Some(domain);
        }
    }

    /// The Domain of a process.
    pub(crate) fn get(&self, process: ProcessId) -> Option<CapRef> {
        self.0.get(index(process)).copied().flatten()
    }

    /// Closes the Domain of a process that is no more.
    pub(crate) fn forget(&mut self, process: ProcessId) {
        if let Some(domain) = self.0.get_mut(index(process)).and_then(Option::take) {
            // The slot is this table's own; nobody else empties it.
            close(domain).ok();
        }
    }
}

fn index(process: ProcessId) -> usize {
    (process.raw() & 0xffff_ffff) as usize
}
