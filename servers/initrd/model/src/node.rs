//! Files and directories.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use tine_abi::Errno;
use tine_abi::protocol::file::FileKind;

/// Nodes of the tree at most; more is ENOSPC.
pub const NODES_MAX: usize = 16 << 10;
/// Bytes of a writable file at most; more is EFBIG.
pub const FILE_MAX: usize = 64 << 20;
/// Bytes of a piece of a writable file.
pub(crate) const PIECE: usize = 4096;

/// A node, by its place in the table and a serial number that is never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct NodeId {
    pub(crate) index: u32,
    /// The serial number that `fstat` shows.
    pub serial: u32,
}

/// One name in a directory.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) name: Box<[u8]>,
    pub(crate) node: NodeId,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Content {
    /// A file of the archive.
    Archived(Range<usize>),
    /// A writable file; a missing piece is zeros.
    Pieces { pieces: Vec<Option<Box<[u8; PIECE]>>>, length: usize },
    /// A directory, its names sorted.
    Directory(Vec<Name>),
    /// Takes what is written and is always at its end.
    Null,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) content: Content,
    /// Directory that names it; itself for the root. Meaningless once unlinked.
    pub(crate) parent: NodeId,
    /// Whether it and what is below may be changed.
    pub(crate) writable: bool,
    /// A directory names it.
    pub(crate) linked: bool,
    /// Open file descriptions.
    pub(crate) open: u32,
    /// Changes of its content; a Memory made of it is current while this stands still.
    pub(crate) version: u32,
}

impl Node {
    pub(crate) const fn kind(&self) -> FileKind {
        match self.content {
            Content::Directory(_) => FileKind::Directory,
            Content::Archived(_) | Content::Pieces { .. } => FileKind::Regular,
            Content::Null => FileKind::Device,
        }
    }

    pub(crate) fn length(&self) -> usize {
        match &self.content {
            Content::Archived(range) => range.len(),
            Content::Pieces { length, .. } => *length,
            Content::Directory(names) => names.len(),
            Content::Null => 0,
        }
    }

    /// Bytes from `position` on that lie in one piece, at most `wanted`; empty at the end.
    pub(crate) fn bytes<'a>(
        &'a self,
        archive: &'a [u8],
        position: usize,
        wanted: usize,
    ) -> &'a [u8] {
        static ZEROS: [u8; PIECE] = [0; PIECE];
        match &self.content {
            Content::Archived(range) => {
                let content = archive.get(range.clone()).unwrap_or_default();
                let rest = content.get(position..).unwrap_or_default();
                &rest[..rest.len().min(wanted)]
            }
            Content::Pieces { pieces, length } => {
                let wanted = wanted.min(length.saturating_sub(position));
                let inside = position % PIECE;
                let wanted = wanted.min(PIECE - inside);
                let piece = pieces.get(position / PIECE).and_then(Option::as_deref);
                &piece.unwrap_or(&ZEROS)[inside..inside + wanted]
            }
            Content::Directory(_) | Content::Null => &[],
        }
    }

    /// Room for writing at `position`: bytes up to the end of the piece, at most `wanted`. The
    /// length does not change before [`Self::written`].
    pub(crate) fn room(&mut self, position: usize, wanted: usize) -> Result<&mut [u8], Errno> {
        let Content::Pieces { pieces, .. } = &mut self.content else { return Err(Errno::ROFS) };
        if position >= FILE_MAX {
            return Err(Errno::FBIG);
        }
        let index = position / PIECE;
        if pieces.len() <= index {
            let missing = index + 1 - pieces.len();
            pieces.try_reserve(missing).map_err(|_| Errno::NOSPC)?;
            pieces.resize_with(index + 1, || None);
        }
        let piece = &mut pieces[index];
        let piece = match piece {
            Some(piece) => piece,
            None => piece.insert(zeroed_piece()?),
        };
        let inside = position % PIECE;
        let count = wanted.min(PIECE - inside);
        Ok(&mut piece[inside..inside + count])
    }

    /// `count` bytes of [`Self::room`] at `position` were filled.
    pub(crate) fn written(&mut self, position: usize, count: usize) {
        if let Content::Pieces { length, .. } = &mut self.content {
            *length = (*length).max(position + count);
            self.version = self.version.wrapping_add(1);
        }
    }

    /// Cuts or extends with zeros; a device stays as it is.
    pub(crate) fn set_length(&mut self, new: usize) -> Result<(), Errno> {
        if matches!(self.content, Content::Null) {
            return Ok(());
        }
        let Content::Pieces { pieces, length } = &mut self.content else { return Err(Errno::ROFS) };
        if new > FILE_MAX {
            return Err(Errno::FBIG);
        }
        if new < *length {
            pieces.truncate(new.div_ceil(PIECE));
            // A later extension must find zeros.
            if let Some(Some(last)) = pieces.get_mut(new / PIECE) {
                last[new % PIECE..].fill(0);
            }
        }
        *length = new;
        self.version = self.version.wrapping_add(1);
        Ok(())
    }
}

/// A zeroed piece, or ENOSPC.
fn zeroed_piece() -> Result<Box<[u8; PIECE]>, Errno> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(PIECE).map_err(|_| Errno::NOSPC)?;
    bytes.resize(PIECE, 0);
    bytes.into_boxed_slice().try_into().map_err(|_| Errno::NOSPC)
}
