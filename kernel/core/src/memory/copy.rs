//! Kernel copies: between user memory, Memory objects and the kernel's own buffers.
//!
//! Owns: the only ways in which the kernel touches user bytes. Never here: user addresses as
//! pointers: each page is resolved, then reached through physical memory. Called by the message
//! paths, `space_copy` and debuggers. Never waits and never runs a fault handler: an access that
//! cannot be resolved ends the copy with [`CopyFault`].
//!
//! Device memory is not RAM: a copy that meets it ends with a protection fault.

use tine_abi::notification::FaultKind;

use super::{Access, CHUNK, MemoryContext, MemoryId, Space, address::PAGE};
use crate::machine::{Frame, Translation};

/// Why a copy ended early, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CopyFault {
    /// Bytes copied before.
    pub copied: u64,
    /// The address (or the byte of a Memory) that could not be reached.
    pub address: u64,
    /// Why.
    pub kind: FaultKind,
}

/// One side of a copy between spaces and Memories.
#[derive(Debug)]
pub enum CopyPlace<'s> {
    /// A space, at this address.
    Space(&'s mut Space, u64),
    /// A Memory, from this byte on.
    Memory(MemoryId, u64),
}

impl CopyPlace<'_> {
    const fn position(&self) -> u64 {
        match *self {
            CopyPlace::Space(_, position) | CopyPlace::Memory(_, position) => position,
        }
    }

    fn resolve<M: Translation>(
        &mut self,
        cx: &mut MemoryContext<'_, M>,
        position: u64,
        access: Access,
    ) -> Result<Frame, FaultKind> {
        match self {
            CopyPlace::Space(space, _) => resolve(space, cx, position, access),
            CopyPlace::Memory(memory, _) => resolve_memory(cx, *memory, position, access),
        }
    }
}

/// Copies user memory into a kernel buffer.
#[inline]
pub fn copy_in<M: Translation>(
    space: &mut Space,
    cx: &mut MemoryContext<'_, M>,
    address: u64,
    into: &mut [u8],
) -> Result<(), CopyFault> {
    let mut copied = 0;
    while copied < into.len() {
        let at = address.wrapping_add(copied as u64);
        let frame = resolve(space, cx, at, Access::Read).map_err(|kind| CopyFault {
            copied: copied as u64,
            address: at,
            kind,
        })?;
        let offset = (at % PAGE) as usize;
        let length = (into.len() - copied).min(PAGE as usize - offset);
        if let Some(piece) = into.get_mut(copied..copied + length) {
            cx.machine.read(frame, offset, piece);
        }
        copied += length;
    }
    Ok(())
}

/// Copies a kernel buffer into user memory. On a fault the bytes before it are written.
#[inline]
pub fn copy_out<M: Translation>(
    space: &mut Space,
    cx: &mut MemoryContext<'_, M>,
    address: u64,
    from: &[u8],
) -> Result<(), CopyFault> {
    let mut copied = 0;
    while copied < from.len() {
        let at = address.wrapping_add(copied as u64);
        let frame = resolve(space, cx, at, Access::Write).map_err(|kind| CopyFault {
            copied: copied as u64,
            address: at,
            kind,
        })?;
        let offset = (at % PAGE) as usize;
        let length = (from.len() - copied).min(PAGE as usize - offset);
        if let Some(piece) = from.get(copied..copied + length) {
            cx.machine.write(frame, offset, piece);
        }
        copied += length;
    }
    Ok(())
}

/// Copies up to `length` bytes between two places of different spaces or Memories, at most
/// [`CHUNK`] pieces; returns how many bytes were copied. `stores`: how the destination is accessed,
/// [`Access::Write`] or, for debuggers, [`Access::Force`].
pub fn copy_across<M: Translation>(
    cx: &mut MemoryContext<'_, M>,
    mut to: CopyPlace<'_>,
    mut from: CopyPlace<'_>,
    length: u64,
    stores: Access,
) -> Result<u64, CopyFault> {
    let (to_position, from_position) = (to.position(), from.position());
    transfer(cx, to_position, from_position, length, |cx, is_source, position| {
        if is_source {
            from.resolve(cx, position, Access::Read)
        } else {
            to.resolve(cx, position, stores)
        }
    })
}

/// As [`copy_across`] within one space. Where the ranges overlap, bytes already overwritten may be
/// copied.
pub fn copy_within<M: Translation>(
    space: &mut Space,
    cx: &mut MemoryContext<'_, M>,
    to: u64,
    from: u64,
    length: u64,
) -> Result<u64, CopyFault> {
    transfer(cx, to, from, length, |cx, is_source, position| {
        let access = if is_source { Access::Read } else { Access::Write };
        resolve(space, cx, position, access)
    })
}

/// The loop of both. The destination is resolved first: that may replace the source's page, never
/// the other way round.
fn transfer<M: Translation>(
    cx: &mut MemoryContext<'_, M>,
    to: u64,
    from: u64,
    length: u64,
    mut resolve: impl FnMut(&mut MemoryContext<'_, M>, bool, u64) -> Result<Frame, FaultKind>,
) -> Result<u64, CopyFault> {
    let mut copied = 0;
    for _ in 0..CHUNK {
        if copied == length {
            break;
        }
        let (to, from) = (to.wrapping_add(copied), from.wrapping_add(copied));
        let target =
            resolve(cx, false, to).map_err(|kind| CopyFault { copied, address: to, kind })?;
        let source =
            resolve(cx, true, from).map_err(|kind| CopyFault { copied, address: from, kind })?;
        let room = PAGE - (to % PAGE).max(from % PAGE);
        let piece = room.min(length - copied);
        let (to, from) = ((target, (to % PAGE) as usize), (source, (from % PAGE) as usize));
        cx.machine.copy_bytes(to, from, piece as usize);
        copied += piece;
    }
    Ok(copied)
}

#[inline]
fn resolve<M: Translation>(
    space: &mut Space,
    cx: &mut MemoryContext<'_, M>,
    address: u64,
    access: Access,
) -> Result<Frame, FaultKind> {
    let frame = space.resolve(cx, address, access)?;
    if cx.frames.manages(frame) { Ok(frame) } else { Err(FaultKind::Protection) }
}

/// The page of a Memory at a byte: made when it is stored to, zero when it was never touched.
fn resolve_memory<M: Translation>(
    cx: &mut MemoryContext<'_, M>,
    memory: MemoryId,
    position: u64,
    access: Access,
) -> Result<Frame, FaultKind> {
    let object = cx.objects.get_mut(memory).ok_or(FaultKind::Unmapped)?;
    if position >= object.length() {
        return Err(FaultKind::Unmapped);
    }
    let page = (position / PAGE) as u32;
    let frame = if access == Access::Read {
        object.frame(cx.machine, page).unwrap_or(cx.frames.zero_page())
    } else if object.is_sealed() {
        return Err(FaultKind::Protection);
    } else {
        object
            .populate(cx.machine, cx.frames, cx.accounts, page)
            .map_err(|_| FaultKind::NoMemory)?
    };
    if cx.frames.manages(frame) { Ok(frame) } else { Err(FaultKind::Protection) }
}
