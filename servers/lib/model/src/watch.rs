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

/// One watch.
#[derive(Clone, Copy, Debug)]
struct Watch {
    /// The client's name for it.
    key: u64,
    handle: WatchHandle,
    mask: WatchMask,
}

/// The watches of one description.
#[derive(Debug)]
pub struct WatchList {
    watches: [Option<Watch>; WATCHES],
    /// The conditions that held when last looked at.
    level: WatchMask,
}

impl Default for WatchList {
    fn default() -> Self {
        Self { watches: [None; WATCHES], level: WatchMask::empty() }
    }
}

impl WatchList {
    /// Adds a watch, or replaces the one with this key; `level` is what holds now. HANGUP is
    /// always watched. The result is what of the mask holds already.
    ///
    /// # Errors
    /// EAGAIN when the description has [`WATCHES`] watches; the caller keeps the Event.
    pub fn add(
        &mut self,
        key: u64,
        handle: WatchHandle,
        mask: WatchMask,
        level: WatchMask,
        clients: &mut impl Clients,
    ) -> Result<WatchMask, Errno> {
        let mask = mask | WatchMask::HANGUP;
        self.remove(key, clients);
        let free = self.watches.iter_mut().find(|watch| watch.is_none()).ok_or(Errno::AGAIN)?;
        *free = Some(Watch { key, handle, mask });
        self.level = level;
        Ok(level & mask)
    }

    /// Ends the watch with this key, if there is one.
    pub fn remove(&mut self, key: u64, clients: &mut impl Clients) {
        for watch in &mut self.watches {
            if let Some(ended) = watch.take_if(|watch| watch.key == key) {
                clients.forget(ended.handle);
            }
        }
    }

    /// Ends all watches.
    pub fn clear(&mut self, clients: &mut impl Clients) {
        for watch in self.watches.iter_mut().filter_map(Option::take) {
            clients.forget(watch.handle);
        }
    }

    /// Says what holds now; signals the watches for which something began to hold.
    pub fn update(&mut self, level: WatchMask, clients: &mut impl Clients) {
        let begun = level & !self.level;
        self.level = level;
        for watch in self.watches.iter().flatten() {
            if watch.mask.intersects(begun) {
                clients.signal(watch.handle);
            }
        }
    }
}
