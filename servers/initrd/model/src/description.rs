//! Open file descriptions: position, mode, and every operation of a descriptor.

use tine_abi::Errno;
use tine_abi::protocol::file::{FileKind, OpenFlags, WatchMask};
use tine_server_model::{Badge, Clients, Descriptions, Token};

use crate::node::NodeId;
use crate::tree::{Tree, Unusable};

/// Descriptions at one time at most; more is ENFILE.
const DESCRIPTIONS_MAX: usize = 16 << 10;

/// What `open` gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opened {
    /// A description with this badge.
    Description {
        /// To mint.
        badge: Badge,
        /// What it is.
        kind: FileKind,
    },
    /// The caller wants the content as a sealed Memory; see [`Files::content`].
    Program {
        /// The file.
        node: NodeId,
        /// Its version: a Memory made of another version is stale.
        version: u32,
        /// Its bytes.
        length: usize,
    },
}

#[derive(Debug)]
struct Description {
    node: NodeId,
    position: usize,
    flags: OpenFlags,
}

/// The tree and what is open in it.
#[derive(Debug)]
pub struct Files<'a> {
    archive: &'a [u8],
    tree: Tree,
    descriptions: Descriptions<Description>,
}

impl<'a> Files<'a> {
    /// The files of an archive.
    ///
    /// # Errors
    /// Says what is wrong with the archive, or that memory is short.
    pub fn new(archive: &'a [u8]) -> Result<Self, Unusable> {
        let tree = Tree::new(archive)?;
        Ok(Self { archive, tree, descriptions: Descriptions::new(DESCRIPTIONS_MAX) })
    }

    /// Number of descriptions.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.descriptions.len()
    }

    /// Number of nodes.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.tree.len()
    }

    /// Whether there still is such a node.
    #[must_use]
    pub fn exists(&self, node: NodeId) -> bool {
        self.tree.node(node).is_ok()
    }

    /// A description of the root directory, for the first process.
    ///
    /// # Errors
    /// ENFILE, ENOMEM.
    pub fn open_root(&mut self) -> Result<Badge, Errno> {
        self.describe(self.tree.root(), OpenFlags::READ | OpenFlags::DIRECTORY)
    }

    fn describe(&mut self, node: NodeId, flags: OpenFlags) -> Result<Badge, Errno> {
        let badge = self.descriptions.insert(Description { node, position: 0, flags })?;
        self.tree.node_mut(node)?.open += 1;
        Ok(badge)
    }

    fn find(&mut self, badge: Badge) -> Result<&mut Description, Errno> {
        self.descriptions.get_mut(badge).ok_or(Errno::BADF)
    }

    fn directory(&mut self, badge: Badge) -> Result<NodeId, Errno> {
        let node = self.find(badge)?.node;
        self.tree.names_of(node).map(|_| node)
    }

    /// OPEN below a directory.
    ///
    /// # Errors
    /// EBADF, ENOTDIR, ENOENT, EEXIST, EISDIR, EROFS, EACCES, EINVAL, ENAMETOOLONG, ENFILE, ENOSPC.
    pub fn open(&mut self, badge: Badge, path: &[u8], flags: OpenFlags) -> Result<Opened, Errno> {
        let from = self.directory(badge)?;
        let changes = OpenFlags::WRITE | OpenFlags::TRUNCATE | OpenFlags::APPEND;
        if flags.contains(OpenFlags::EXECUTE) && flags != OpenFlags::EXECUTE
            || !flags.intersects(OpenFlags::READ | OpenFlags::WRITE | OpenFlags::EXECUTE)
            || flags.contains(OpenFlags::EXCLUSIVE) && !flags.contains(OpenFlags::CREATE)
        {
            return Err(Errno::INVAL);
        }
        let node = match self.tree.find(from, path) {
            Ok(_) if flags.contains(OpenFlags::EXCLUSIVE) => return Err(Errno::EXIST),
            Ok(node) => node,
            Err(Errno::NOENT) if flags.contains(OpenFlags::CREATE) => {
                self.tree.create_file(from, path)?
            }
            Err(error) => return Err(error),
        };
        let found = self.tree.node_mut(node)?;
        let kind = found.kind();
        match kind {
            FileKind::Directory if flags.intersects(changes | OpenFlags::EXECUTE) => {
                return Err(Errno::ISDIR);
            }
            FileKind::Regular | FileKind::Device if flags.contains(OpenFlags::DIRECTORY) => {
                return Err(Errno::NOTDIR);
            }
            FileKind::Device if flags.contains(OpenFlags::EXECUTE) => return Err(Errno::ACCES),
            FileKind::Regular if flags.intersects(changes) && !found.writable => {
                return Err(Errno::ROFS);
            }
            _ => {}
        }
        if flags.contains(OpenFlags::EXECUTE) {
            return Ok(Opened::Program { node, version: found.version, length: found.length() });
        }
        let badge = self.describe(node, flags)?;
        if flags.contains(OpenFlags::TRUNCATE) {
            self.tree.node_mut(node)?.set_length(0)?;
        }
        Ok(Opened::Description { badge, kind })
    }

    /// The content of a file in pieces, from `position` on; empty at the end.
    #[must_use]
    pub fn content(&self, node: NodeId, position: usize) -> &[u8] {
        self.tree
            .node(node)
            .map(|found| found.bytes(self.archive, position, usize::MAX))
            .unwrap_or_default()
    }

    /// READ into the caller's range; bytes read.
    ///
    /// # Errors
    /// EBADF, EISDIR, and what the transfer says when nothing was moved yet.
    pub fn read(
        &mut self,
        badge: Badge,
        call: Token,
        wanted: usize,
        clients: &mut impl Clients,
    ) -> Result<u64, Errno> {
        let description = self.descriptions.get_mut(badge).ok_or(Errno::BADF)?;
        if !description.flags.contains(OpenFlags::READ) {
            return Err(Errno::BADF);
        }
        let node = self.tree.node(description.node)?;
        if node.kind() == FileKind::Directory {
            return Err(Errno::ISDIR);
        }
        let mut moved = 0;
        while moved < wanted {
            let piece = node.bytes(self.archive, description.position, wanted - moved);
            if piece.is_empty() {
                break;
            }
            match clients.send_to_client(call, moved, piece) {
                Ok(()) => {}
                Err(error) if moved == 0 => return Err(error),
                Err(_) => break,
            }
            moved += piece.len();
            description.position += piece.len();
        }
        Ok(moved as u64)
    }

    /// WRITE from the caller's range; bytes written.
    ///
    /// # Errors
    /// EBADF, EFBIG, ENOSPC, and what the transfer says when nothing was moved yet.
    pub fn write(
        &mut self,
        badge: Badge,
        call: Token,
        length: usize,
        clients: &mut impl Clients,
    ) -> Result<u64, Errno> {
        let description = self.descriptions.get_mut(badge).ok_or(Errno::BADF)?;
        if !description.flags.contains(OpenFlags::WRITE) {
            return Err(Errno::BADF);
        }
        let node = self.tree.node_mut(description.node)?;
        if node.kind() == FileKind::Device {
            return Ok(length as u64);
        }
        if description.flags.contains(OpenFlags::APPEND) {
            description.position = node.length();
        }
        let mut moved = 0;
        while moved < length {
            let position = description.position;
            let done = node.room(position, length - moved).and_then(|room| {
                let count = room.len();
                clients.fetch_from_client(call, moved, room).map(|()| count)
            });
            match done {
                Ok(count) => {
                    node.written(position, count);
                    description.position += count;
                    moved += count;
                }
                Err(error) if moved == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(moved as u64)
    }

    /// SEEK; the new position.
    ///
    /// # Errors
    /// EBADF, EINVAL for a whence above 2 or a position that is negative or beyond 2^62.
    pub fn seek(&mut self, badge: Badge, offset: i64, whence: u64) -> Result<u64, Errno> {
        let description = self.descriptions.get_mut(badge).ok_or(Errno::BADF)?;
        let base = match whence {
            0 => 0,
            1 => description.position,
            2 => self.tree.node(description.node)?.length(),
            _ => return Err(Errno::INVAL),
        };
        let position = (base as i64).checked_add(offset).filter(|new| (0..1 << 62).contains(new));
        description.position = position.ok_or(Errno::INVAL)? as usize;
        Ok(description.position as u64)
    }

    /// STATUS: kind, length, serial number.
    ///
    /// # Errors
    /// EBADF.
    pub fn status(&mut self, badge: Badge) -> Result<(FileKind, u64, u32), Errno> {
        let id = self.find(badge)?.node;
        let node = self.tree.node(id)?;
        Ok((node.kind(), node.length() as u64, id.serial))
    }

    /// What WATCH answers: files are always ready.
    ///
    /// # Errors
    /// EBADF.
    pub fn level(&mut self, badge: Badge) -> Result<WatchMask, Errno> {
        self.find(badge).map(|_| WatchMask::READABLE | WatchMask::WRITABLE)
    }

    /// TRUNCATE.
    ///
    /// # Errors
    /// EBADF, EFBIG, EISDIR.
    pub fn truncate(&mut self, badge: Badge, length: u64) -> Result<(), Errno> {
        let description = self.find(badge)?;
        if !description.flags.contains(OpenFlags::WRITE) {
            return Err(Errno::BADF);
        }
        let node = description.node;
        let length = usize::try_from(length).map_err(|_| Errno::FBIG)?;
        self.tree.node_mut(node)?.set_length(length)
    }

    /// LIST: entries from a position on, into the caller's range of `room` bytes; bytes written
    /// and the next position, 0 at the end.
    ///
    /// # Errors
    /// EBADF, ENOTDIR, EINVAL when not even one entry fits, and what the transfer says.
    pub fn list(
        &mut self,
        badge: Badge,
        call: Token,
        position: u64,
        room: usize,
        clients: &mut impl Clients,
    ) -> Result<(u64, u64), Errno> {
        let node = self.directory(badge)?;
        let names = self.tree.names_of(node)?;
        let start = usize::try_from(position).unwrap_or(usize::MAX);
        let mut written = 0;
        for (index, entry) in names.iter().enumerate().skip(start) {
            let padded = entry.name.len().next_multiple_of(8);
            if written + 16 + padded > room {
                return if written == 0 {
                    Err(Errno::INVAL)
                } else {
                    Ok((written as u64, index as u64))
                };
            }
            let mut image = [0u8; 16 + 256];
            let kind = self.tree.node(entry.node)?.kind();
            image[..8].copy_from_slice(&(kind as u64).to_le_bytes());
            image[8..16].copy_from_slice(&(entry.name.len() as u64).to_le_bytes());
            image[16..16 + entry.name.len()].copy_from_slice(&entry.name);
            clients.send_to_client(call, written, &image[..16 + padded])?;
            written += 16 + padded;
        }
        Ok((written as u64, 0))
    }

    /// UNLINK below a directory.
    ///
    /// # Errors
    /// EBADF, ENOTDIR, ENOENT, EROFS, ENOTEMPTY, EINVAL.
    pub fn unlink(&mut self, badge: Badge, path: &[u8]) -> Result<(), Errno> {
        let from = self.directory(badge)?;
        self.tree.unlink(from, path)
    }

    /// MAKE_DIRECTORY below a directory.
    ///
    /// # Errors
    /// EBADF, ENOTDIR, ENOENT, EEXIST, EROFS, ENOSPC, EINVAL.
    pub fn make_directory(&mut self, badge: Badge, path: &[u8]) -> Result<(), Errno> {
        let from = self.directory(badge)?;
        self.tree.create_directory(from, path)
    }

    /// RENAME below a directory.
    ///
    /// # Errors
    /// EBADF, ENOTDIR, ENOENT, EISDIR, EROFS, ENOTEMPTY, ENOSPC, EINVAL.
    pub fn rename(&mut self, badge: Badge, old: &[u8], new: &[u8]) -> Result<(), Errno> {
        let from = self.directory(badge)?;
        self.tree.rename(from, old, new)
    }

    /// The last capability of a description is gone.
    pub fn closed(&mut self, badge: Badge) {
        let Some(description) = self.descriptions.remove(badge) else { return };
        if let Ok(node) = self.tree.node_mut(description.node) {
            node.open = node.open.saturating_sub(1);
        }
        self.tree.release(description.node);
    }
}

#[cfg(test)]
mod tests;
