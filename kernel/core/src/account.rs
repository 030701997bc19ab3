//! Accounts: how much memory and how many objects a user or service may hold.
//!
//! Owns: [`Account`] and its two budgets. Never here: who may use an account (capabilities), or
//! what a frame or object is. Called by the frame table, the mapping nodes and every creation of a
//! kernel object.
//!
//! A thing is charged once, to the account named when it was made; its index is kept in the thing's
//! metadata, and whoever frees the thing gives the charge back. So an account outlives every
//! process that used it, and may be removed only when [`Account::is_idle`].
//!
//! Invariant A1: `used` of a budget is the number of live things that name the account, plus what
//! operations in progress have reserved. `used` may exceed `limit` only after the limit was lowered.

use tine_ksync::{Id, Slab};

/// Names an account.
pub type AccountId = Id<Account>;

/// All accounts.
pub type Accounts = Slab<Account>;

/// A limit and how much of it is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    limit: u32,
    used: u32,
}

impl Budget {
    /// A budget with nothing used.
    #[must_use]
    pub const fn new(limit: u32) -> Budget {
        Budget { limit, used: 0 }
    }

    /// Takes `count`, all or nothing.
    #[inline]
    #[must_use = "a refused charge must stop the operation"]
    pub fn take(&mut self, count: u32) -> bool {
        match self.used.checked_add(count) {
            Some(used) if used <= self.limit => {
                self.used = used;
                true
            }
            _ => false,
        }
    }

    /// Gives `count` back.
    #[inline]
    pub fn give(&mut self, count: u32) {
        debug_assert!(count <= self.used, "more is given back than was taken");
        self.used = self.used.saturating_sub(count);
    }

    /// How much is in use.
    #[must_use]
    pub const fn used(&self) -> u32 {
        self.used
    }

    /// How much may be in use.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// Changes the limit; what is in use above it stays.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }
}

/// Limit and use of frames and of kernel objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Account {
    /// 4 KiB frames: pages, page tables and Memory objects' pages.
    pub frames: Budget,
    /// Kernel objects, mapping-tree nodes included.
    pub objects: Budget,
    /// Capabilities that name it, and Domains that use it.
    pub holders: u32,
    /// The account that is charged with it as an object.
    pub payer: Option<AccountId>,
}

impl Account {
    /// An unused account.
    #[must_use]
    pub const fn new(frames: u32, objects: u32) -> Account {
        Account {
            frames: Budget::new(frames),
            objects: Budget::new(objects),
            holders: 0,
            payer: None,
        }
    }

    /// Whether nothing is charged to it: only then may it be removed from its slab, because charges
    /// name accounts by index.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.frames.used == 0 && self.objects.used == 0
    }
}

/// Gives `count` frames back to the account at `owner`.
#[inline]
pub(crate) fn give_frames(accounts: &mut Accounts, owner: u32, count: u32) {
    if let Some(account) = accounts.id_at(owner).and_then(|id| accounts.get_mut(id)) {
        account.frames.give(count);
    }
}

/// Gives `count` objects back to the account at `owner`.
#[inline]
pub(crate) fn give_objects(accounts: &mut Accounts, owner: u32, count: u32) {
    if let Some(account) = accounts.id_at(owner).and_then(|id| accounts.get_mut(id)) {
        account.objects.give(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_charge_changes_nothing() {
        let mut budget = Budget::new(5);
        assert!(budget.take(3));
        assert!(!budget.take(3));
        assert_eq!(budget.used(), 3);
        assert!(budget.take(2));
        assert!(!budget.take(u32::MAX), "no wrap-around");
        budget.give(5);
        assert_eq!(budget, Budget::new(5));
    }

    #[test]
    fn lowering_a_limit_keeps_what_is_in_use() {
        let mut account = Account::new(4, 1);
        assert!(account.frames.take(4));
        account.frames.set_limit(2);
        assert!(!account.frames.take(0), "above the limit nothing more is granted");
        account.frames.give(4);
        assert!(account.is_idle());
    }
}
