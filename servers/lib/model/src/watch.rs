//! The state of the operation WATCH for one open file description.
//!
//! A watch is level-sensitive at registration and edge-sensitive after it: the answer tells which
//! conditions hold already, and each time a masked condition *begins* to hold the Event's bit is
//! set. A poller re-reads the level whenever it wakes, so an early or repeated signal does no harm
//! and none is lost.

use tine_abi::Errno;
use tine_abi::protocol::file::WatchMask;

use crate::clients::Clients;

/// The Event and bit of one watch, as the shell numbers them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct WatchHandle(pub u64);

/// Watches of one description at most.
pub const WATCHES: usize = 8;

/// The watches of one description.
#[derive(Debug, Default)]
pub struct WatchList {
    watches: [Option<(WatchHandle, WatchMask)>; WATCHES],
    level: WatchMaskLevel,
}

/// The conditions that held when last looked at.
#[derive(Debug, Clone, Copy)]
struct WatchMaskLevel(WatchMask);

impl Default for WatchMaskLevel {
    fn default() -> Self {
        Self(WatchMask::empty())
    }
}

impl WatchList {
    /// Adds a watch; `level` is what holds now. HANGUP is always watched.
    ///
    /// # Errors
    /// EAGAIN when the description has [`WATCHES`] watches; the caller keeps the Event.
    pub fn add(
        &mut self,
        handle: WatchHandle,
        mask: WatchMask,
        level: WatchMask,
    ) -> Result<WatchMask, Errno> {
        let mask = mask | WatchMask::HANGUP;
        let free = self.watches.iter_mut().find(|watch| watch.is_none()).ok_or(Errno::AGAIN)?;
        *free = Some((handle, mask));
        self.level = WatchMaskLevel(level);
        Ok(level & mask)
    }

    /// Ends the watch with this handle.
    pub fn remove(&mut self, handle: WatchHandle, clients: &mut impl Clients) {
        for watch in &mut self.watches {
            if watch.is_some_and(|(held, _)| held == handle) {
                *watch = None;
                clients.forget(handle);
            }
        }
    }

    /// Ends all watches.
    pub fn clear(&mut self, clients: &mut impl Clients) {
        for (handle, _) in self.watches.iter_mut().filter_map(Option::take) {
            clients.forget(handle);
        }
    }

    /// Says what holds now; signals the watches for which something began to hold.
    pub fn update(&mut self, level: WatchMask, clients: &mut impl Clients) {
        let begun = level & !self.level.0;
        self.level = WatchMaskLevel(level);
        if begun.is_empty() {
            return;
        }
        for (handle, mask) in self.watches.iter().flatten() {
            if mask.intersects(begun) {
                clients.signal(*handle);
            }
        }
    }
}
