//! Files as sealed Memories, to be mapped and executed.
//!
//! Owns: making and closing them. Never enters it: which are kept; that is
//! [`tine_initrd_model::Programs`]. Called by OPEN with EXECUTE.

use tine_abi::capability::slot;
use tine_abi::{CapRef, Errno};
use tine_initrd_model::{Files, NodeId, Programs};
use tine_sys::capability::{self, ANYWHERE};
use tine_sys::memory::{Remote, copy_out, create, seal};

/// Makes a Memory of a file's content and keeps it. When frames are short, all that were kept go.
///
/// # Errors
/// ENOEXEC for an empty file, ENOMEM.
pub(crate) fn make(
    files: &Files<'_>,
    programs: &mut Programs<CapRef>,
    node: NodeId,
    version: u32,
    length: usize,
) -> Result<CapRef, Errno> {
    if length == 0 {
        return Err(Errno::NOEXEC);
    }
    // Of this file only other versions are kept, or it would not have to be made.
    while let Some(stale) = programs.evict_stale(|kept| kept != node && files.exists(kept)) {
        close(stale);
    }
    while programs.is_full(length) {
        evict(programs);
    }
    let memory = match copy(files, node, length) {
        Err(Errno::NOMEM | Errno::AGAIN) => {
            while evict(programs) {}
            copy(files, node, length)
        }
        made => made,
    }?;
    if programs.keep(node, version, length, memory) {
        Ok(memory)
    } else {
        close(memory);
        Err(Errno::NOMEM)
    }
}

fn evict(programs: &mut Programs<CapRef>) -> bool {
    programs.evict().map(close).is_some()
}

fn close(memory: CapRef) {
    // It holds what this server put there; an empty slot would be as good.
    capability::close(memory).ok();
}

/// A sealed Memory with the bytes of a file.
fn copy(files: &Files<'_>, node: NodeId, length: usize) -> Result<CapRef, Errno> {
    // An account of their own: files must not leave programs without memory.
    let memory = create(CapRef::private(slot::PROGRAMS), length.max(1), ANYWHERE)?;
    let filled = fill(files, node, length, memory);
    if filled.is_err() {
        close(memory);
    }
    filled.map(|()| memory)
}

fn fill(files: &Files<'_>, node: NodeId, length: usize, memory: CapRef) -> Result<(), Errno> {
    let mut position = 0;
    while position < length {
        let piece = files.content(node, position);
        let piece = &piece[..piece.len().min(length - position)];
        if piece.is_empty() {
            return Err(Errno::IO);
        }
        let to = Remote::Memory(memory, position as u64);
        copy_out(to, piece).map_err(|failed| Errno::from(failed.error))?;
        position += piece.len();
    }
    Ok(seal(memory)?)
}
