//! How the memory that is free when root starts is divided among accounts.
//!
//! Owns: the shares and the arithmetic. Never enters it: accounts themselves. Called by root's shell
//! when it makes them.
//!
//! Invariant: the frames of all accounts, and what the kernel keeps for the objects of programs, are
//! together no more than there is. So whoever uses up an account takes nothing from another.

use tine_abi::domain::OBJECT_BYTES;
use tine_abi::memory::PAGE;

use crate::table::SERVERS;

/// Limits of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Frames at most.
    pub frames: u64,
    /// Kernel objects at most.
    pub objects: u64,
}

/// A part of the free frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// One of so many parts.
    pub part: u64,
    /// Frames that it is at least, on however small a machine.
    pub least: u64,
    /// Frames that it is at most, on however large a machine.
    pub most: u64,
}

impl Share {
    /// The frames of this share.
    #[must_use]
    pub fn frames(&self, free: u64) -> u64 {
        (free / self.part).clamp(self.least, self.most)
    }
}

/// Accounts beside the servers' own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fund {
    /// All processes but the first.
    Programs,
    /// The first process, which must live whatever the others use up.
    Init,
    /// Program files as Memories, which must be there whatever files hold.
    Images,
}

/// Of the kernel's memory for the objects of programs.
const OBJECTS: Share = Share { part: 8, least: 0, most: 1 << 18 };
/// Of program files as Memories.
const IMAGES: Share = Share { part: 20, least: 640, most: 4096 };
/// The first process.
const INIT: Limits = Limits { frames: 512, objects: 256 };

impl Fund {
    /// The limits of this account where so many frames are free.
    #[must_use]
    pub fn limits(self, free: u64) -> Limits {
        match self {
            Self::Init => INIT,
            Self::Images => Limits { frames: IMAGES.frames(free), objects: 256 },
            Self::Programs => {
                let for_objects = OBJECTS.frames(free);
                let servers: u64 = SERVERS.iter().map(|server| server.frames.frames(free)).sum();
                let others = servers + for_objects + IMAGES.frames(free) + INIT.frames;
                Limits {
                    frames: free.saturating_sub(others),
                    objects: for_objects * PAGE / OBJECT_BYTES,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::FRAMES_LEAST;

    #[test]
    fn nobody_is_promised_what_another_has() {
        // Root itself, kernel and archive have had theirs: about one MiB on the smallest machine.
        for free in (FRAMES_LEAST - 256..1 << 20).step_by(1000) {
            let servers: u64 = SERVERS.iter().map(|server| server.frames.frames(free)).sum();
            let funds = [Fund::Programs, Fund::Init, Fund::Images].map(|fund| fund.limits(free));
            let frames: u64 = funds.iter().map(|limits| limits.frames).sum();
            let objects = (funds[0].objects * OBJECT_BYTES).div_ceil(PAGE);
            assert!(servers + frames + objects <= free, "{free}: {servers} {funds:?}");
            assert!(funds[0].frames >= free / 4, "{free}: programs have {}", funds[0].frames);
        }
    }

    #[test]
    fn shares_follow_the_machine_within_bounds() {
        let share = Share { part: 2, least: 512, most: 4096 };
        assert_eq!([100, 2000, 100_000].map(|free| share.frames(free)), [512, 1000, 4096]);
    }
}
