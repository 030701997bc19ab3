//! The tree: finding, making, removing and renaming names.

use alloc::vec::Vec;

use tine_abi::Errno;
use tine_archive::{Damage, EntryKind, entries};

use crate::node::{Content, NODES_MAX, Name, Node, NodeId};
use crate::path::{names, split_last};

/// Name of the writable directory.
const WRITABLE: &[u8] = b"tmp";
/// Path of the one device.
const NULL: &[u8] = b"dev/null";

/// All nodes. Nothing here follows an open description; see [`crate::Files`].
#[derive(Debug)]
pub struct Tree {
    /// With their serial numbers.
    nodes: Vec<Option<(u32, Node)>>,
    serials: u32,
}

/// Why a tree could not be made of an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unusable {
    /// The archive is damaged.
    Archive(Damage),
    /// A path in it cannot be made.
    Path(Errno),
}

impl core::fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Archive(damage) => write!(formatter, "the boot archive is damaged: {damage}"),
            Self::Path(errno) => write!(formatter, "a path of the archive cannot be made: {errno}"),
        }
    }
}

impl Tree {
    /// The tree of an archive, with an empty writable directory and `/dev/null`.
    ///
    /// # Errors
    /// Says what is wrong with the archive, or that memory is short.
    pub fn new(archive: &[u8]) -> Result<Self, Unusable> {
        let mut tree = Self { nodes: Vec::new(), serials: 0 };
        let root = NodeId { index: 0, serial: 1 };
        tree.add(directory(root, true)).map_err(Unusable::Path)?;
        for entry in entries(archive) {
            let entry = entry.map_err(Unusable::Archive)?;
            let content = match entry.kind {
                EntryKind::File => Content::Archived(entry.content),
                EntryKind::Directory => Content::Directory(Vec::new()),
            };
            tree.add_member(entry.path, content).map_err(Unusable::Path)?;
        }
        tree.add_member(NULL, Content::Null).map_err(Unusable::Path)?;
        tree.make_directory(root, WRITABLE).map_err(Unusable::Path)?;
        for (_, node) in tree.nodes.iter_mut().flatten() {
            node.writable = false;
        }
        let writable = tree.find(root, WRITABLE).map_err(Unusable::Path)?;
        tree.node_mut(writable).map_err(Unusable::Path)?.writable = true;
        Ok(tree)
    }

    /// The root directory.
    #[must_use]
    pub const fn root(&self) -> NodeId {
        NodeId { index: 0, serial: 1 }
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.iter().flatten().count()
    }

    /// Never: there is a root.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Adds a member and the directories on its way.
    fn add_member(&mut self, path: &[u8], content: Content) -> Result<(), Errno> {
        let (directories, last) = split_last(path);
        let mut parent = self.root();
        for name in names(directories)? {
            parent = match self.find(parent, name) {
                Err(Errno::NOENT) => self.make_directory(parent, name)?,
                found => found?,
            };
        }
        match self.find(parent, last) {
            Err(Errno::NOENT) => {
                let node = Node { content, ..directory(parent, true) };
                self.link(parent, last, node).map(|_| ())
            }
            // A directory that a member before it needed.
            Ok(_) if matches!(content, Content::Directory(_)) => Ok(()),
            Ok(_) => Err(Errno::EXIST),
            Err(error) => Err(error),
        }
    }

    fn add(&mut self, node: Node) -> Result<NodeId, Errno> {
        let index = match self.nodes.iter().position(Option::is_none) {
            Some(index) => index,
            None if self.nodes.len() >= NODES_MAX => return Err(Errno::NOSPC),
            None => {
                self.nodes.try_reserve(1).map_err(|_| Errno::NOSPC)?;
                self.nodes.push(None);
                self.nodes.len() - 1
            }
        };
        self.serials = self.serials.wrapping_add(1).max(1);
        self.nodes[index] = Some((self.serials, node));
        Ok(NodeId { index: index as u32, serial: self.serials })
    }

    pub(crate) fn node(&self, id: NodeId) -> Result<&Node, Errno> {
        match self.nodes.get(id.index as usize) {
            Some(Some((serial, node))) if *serial == id.serial => Ok(node),
            _ => Err(Errno::NOENT),
        }
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> Result<&mut Node, Errno> {
        match self.nodes.get_mut(id.index as usize) {
            Some(Some((serial, node))) if *serial == id.serial => Ok(node),
            _ => Err(Errno::NOENT),
        }
    }

    pub(crate) fn names_of(&self, id: NodeId) -> Result<&Vec<Name>, Errno> {
        match &self.node(id)?.content {
            Content::Directory(names) => Ok(names),
            _ => Err(Errno::NOTDIR),
        }
    }

    fn names_mut(&mut self, id: NodeId) -> Result<&mut Vec<Name>, Errno> {
        match &mut self.node_mut(id)?.content {
            Content::Directory(names) => Ok(names),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// The node a path names, from a directory on.
    pub(crate) fn find(&self, from: NodeId, path: &[u8]) -> Result<NodeId, Errno> {
        let found = names(path)?.try_fold(from, |node, name| {
            let list = self.names_of(node)?;
            if name == b".." {
                return Ok(self.node(node)?.parent);
            }
            match list.binary_search_by(|entry| (*entry.name).cmp(name)) {
                Ok(position) => Ok(list[position].node),
                Err(_) => Err(Errno::NOENT),
            }
        })?;
        // A slash at the end says that it is a directory.
        if path.ends_with(b"/") {
            self.names_of(found)?;
        }
        Ok(found)
    }

    /// The directory in which a path's last name is to be made or removed, and that name.
    fn place<'p>(&self, from: NodeId, path: &'p [u8]) -> Result<(NodeId, &'p [u8]), Errno> {
        let _checked = names(path)?;
        let (directory, name) = split_last(path);
        if name.is_empty() || name == b"." || name == b".." {
            return Err(Errno::INVAL);
        }
        let parent = self.find(from, directory)?;
        self.names_of(parent)?;
        if self.node(parent)?.writable { Ok((parent, name)) } else { Err(Errno::ROFS) }
    }

    /// Adds a node under a name that does not exist.
    fn link(&mut self, parent: NodeId, name: &[u8], node: Node) -> Result<NodeId, Errno> {
        let mut owned = Vec::new();
        owned.try_reserve_exact(name.len()).map_err(|_| Errno::NOSPC)?;
        owned.extend_from_slice(name);
        let list = self.names_mut(parent)?;
        let Err(position) = list.binary_search_by(|entry| (*entry.name).cmp(name)) else {
            return Err(Errno::EXIST);
        };
        list.try_reserve(1).map_err(|_| Errno::NOSPC)?;
        let node = self.add(node)?;
        let name = Name { name: owned.into_boxed_slice(), node };
        self.names_mut(parent)?.insert(position, name);
        Ok(node)
    }

    fn make_directory(&mut self, parent: NodeId, name: &[u8]) -> Result<NodeId, Errno> {
        self.link(parent, name, directory(parent, true))
    }

    /// MAKE_DIRECTORY.
    ///
    /// # Errors
    /// EEXIST, ENOENT, ENOTDIR, EROFS, ENOSPC, EINVAL.
    pub(crate) fn create_directory(&mut self, from: NodeId, path: &[u8]) -> Result<(), Errno> {
        if self.find(from, path).is_ok() {
            return Err(Errno::EXIST);
        }
        let (parent, name) = self.place(from, path)?;
        self.make_directory(parent, name).map(|_| ())
    }

    /// Makes an empty file; the name must not exist.
    pub(crate) fn create_file(&mut self, from: NodeId, path: &[u8]) -> Result<NodeId, Errno> {
        let (parent, name) = self.place(from, path)?;
        let content = Content::Pieces { pieces: Vec::new(), length: 0 };
        self.link(parent, name, Node { content, ..directory(parent, true) })
    }

    /// UNLINK: a file, or an empty directory.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EROFS, ENOTEMPTY, EINVAL.
    pub(crate) fn unlink(&mut self, from: NodeId, path: &[u8]) -> Result<(), Errno> {
        let (parent, name) = self.place(from, path)?;
        let node = self.find(parent, name)?;
        self.check_removable(node)?;
        self.remove_name(parent, name);
        self.node_mut(node)?.linked = false;
        self.release(node);
        Ok(())
    }

    fn check_removable(&self, node: NodeId) -> Result<(), Errno> {
        match &self.node(node)?.content {
            Content::Directory(names) if !names.is_empty() => Err(Errno::NOTEMPTY),
            _ => Ok(()),
        }
    }

    fn remove_name(&mut self, parent: NodeId, name: &[u8]) -> Option<Name> {
        let list = self.names_mut(parent).ok()?;
        let position = list.binary_search_by(|entry| (*entry.name).cmp(name)).ok()?;
        Some(list.remove(position))
    }

    /// RENAME; an existing target of the same kind is replaced.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EISDIR, EROFS, ENOTEMPTY, EINVAL (a directory into itself), ENOSPC.
    pub(crate) fn rename(&mut self, from: NodeId, old: &[u8], new: &[u8]) -> Result<(), Errno> {
        let (old_parent, old_name) = self.place(from, old)?;
        let (new_parent, new_name) = self.place(from, new)?;
        let node = self.find(old_parent, old_name)?;
        let mut above = new_parent;
        while above != self.root() {
            if above == node {
                return Err(Errno::INVAL);
            }
            above = self.node(above)?.parent;
        }
        let mut owned = Vec::new();
        owned.try_reserve_exact(new_name.len()).map_err(|_| Errno::NOSPC)?;
        owned.extend_from_slice(new_name);
        self.names_mut(new_parent)?.try_reserve(1).map_err(|_| Errno::NOSPC)?;
        match self.find(new_parent, new_name) {
            Ok(target) if target == node => return Ok(()),
            Ok(target) => {
                let is_directory = |id| self.names_of(id).is_ok();
                match (is_directory(node), is_directory(target)) {
                    (true, false) => return Err(Errno::NOTDIR),
                    (false, true) => return Err(Errno::ISDIR),
                    _ => self.check_removable(target)?,
                }
                self.remove_name(new_parent, new_name);
                self.node_mut(target)?.linked = false;
                self.release(target);
            }
            Err(_) => {}
        }
        self.remove_name(old_parent, old_name);
        let list = self.names_mut(new_parent)?;
        let position = list
            .binary_search_by(|entry| (*entry.name).cmp(new_name))
            .unwrap_or_else(|position| position);
        list.insert(position, Name { name: owned.into_boxed_slice(), node });
        self.node_mut(node)?.parent = new_parent;
        Ok(())
    }

    /// Frees a node that has neither name nor description. A removed directory that is still open
    /// names the root as its parent, so that `..` leads somewhere.
    pub(crate) fn release(&mut self, id: NodeId) {
        let root = self.root();
        let Ok(node) = self.node_mut(id) else { return };
        if !node.linked {
            node.parent = root;
            node.writable = node.writable && !matches!(node.content, Content::Directory(_));
            if node.open == 0 {
                self.nodes[id.index as usize] = None;
            }
        }
    }
}

/// A fresh directory node.
fn directory(parent: NodeId, writable: bool) -> Node {
    Node {
        content: Content::Directory(Vec::new()),
        parent,
        writable,
        linked: true,
        open: 0,
        version: 0,
    }
}
