//! Allocation: charging and handing out frames.
//!
//! Owns: [`Reservation`] and every way a free frame gets into use for an account. Never here: what
//! the frame is used for. Called by `resolve` (one page at once) and by operations that need several
//! frames or none (reserve, then take).

use tine_abi::Error;

use super::{FrameKind, FrameRecord, FrameTable};
use crate::{
    account::{self, AccountId, Accounts},
    machine::{Frame, PhysicalMemory, Translation},
    memory::address,
};

/// Frames promised to one operation and already charged. Taking from it cannot fail; give what is
/// left to [`FrameTable::cancel`].
#[derive(Debug)]
#[must_use = "a forgotten reservation is a leaked charge"]
pub struct Reservation {
    owner: u32,
    left: u32,
}

impl FrameTable {
    /// Charges one frame that is taken at once.
    #[inline]
    fn charge(&mut self, accounts: &mut Accounts, account: AccountId) -> bool {
        #[cfg(any(test, feature = "testing"))]
        if self.fails() {
            return false;
        }
        let Some(payer) = accounts.get_mut(account) else { return false };
        if self.available == 0 || !payer.frames.take(1) {
            return false;
        }
        self.available -= 1;
        true
    }

    /// A zeroed anonymous page charged to `account`, if it can be had.
    #[inline]
    pub(crate) fn claim_zeroed<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        accounts: &mut Accounts,
        account: AccountId,
    ) -> Option<Frame> {
        if !self.charge(accounts, account) {
            return None;
        }
        let frame = self.pop_zeroed(machine);
        self.set(frame, FrameRecord::page(account.index()));
        Some(frame)
    }

    /// An anonymous page with the content of `source`, charged to `account`, if it can be had.
    #[inline]
    pub(crate) fn claim_copy<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        accounts: &mut Accounts,
        account: AccountId,
        source: Frame,
    ) -> Option<Frame> {
        if !self.charge(accounts, account) {
            return None;
        }
        let frame = self.pop_dirty().expect("an available frame is on a list (F3)");
        machine.copy(frame, source);
        self.set(frame, FrameRecord::page(account.index()));
        Some(frame)
    }

    /// Promises and charges `count` frames, all or nothing.
    #[inline]
    pub fn reserve(
        &mut self,
        accounts: &mut Accounts,
        account: AccountId,
        count: u32,
    ) -> Result<Reservation, Error> {
        #[cfg(any(test, feature = "testing"))]
        if count > 0 && self.fails() {
            return Err(Error::NoMemory);
        }
        if count > 0 {
            let payer = accounts.get_mut(account).ok_or(Error::Gone)?;
            if self.available < count || !payer.frames.take(count) {
                return Err(Error::NoMemory);
            }
            self.available -= count;
        }
        Ok(Reservation { owner: account.index(), left: count })
    }

    /// Gives back what an operation did not take.
    pub fn cancel(&mut self, accounts: &mut Accounts, reservation: Reservation) {
        if reservation.left > 0 {
            self.available += reservation.left;
            account::give_frames(accounts, reservation.owner, reservation.left);
        }
    }

    /// A zeroed table of `level` from the reservation, referenced once.
    #[inline]
    pub(crate) fn take_table<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        reservation: &mut Reservation,
        level: u8,
    ) -> Frame {
        let frame = self.pop_zeroed(machine);
        self.hand_out(frame, reservation, FrameKind::Table, level);
        frame
    }

    /// A root from the reservation: user half zero, kernel half filled.
    pub(crate) fn take_root<M: Translation>(
        &mut self,
        machine: &mut M,
        reservation: &mut Reservation,
    ) -> Frame {
        let frame = if let Some(frame) = self.pop(|table| &mut table.roots) {
            frame
        } else {
            let frame = self.pop_zeroed(machine);
            let kernel_half = machine.kernel_half();
            for index in address::USER_ENTRIES..address::ENTRIES {
                machine.store(frame, index, machine.load(kernel_half, index));
            }
            frame
        };
        self.hand_out(frame, reservation, FrameKind::Root, address::ROOT_LEVEL as u8);
        frame
    }

    /// A zeroed page from the reservation, referenced once.
    #[inline]
    pub(crate) fn take_zeroed<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        reservation: &mut Reservation,
        kind: FrameKind,
    ) -> Frame {
        let frame = self.pop_zeroed(machine);
        self.hand_out(frame, reservation, kind, 0);
        frame
    }

    /// An anonymous page from the reservation that holds what `source` does, referenced once.
    #[inline]
    pub(crate) fn take_copy<M: PhysicalMemory>(
        &mut self,
        machine: &mut M,
        reservation: &mut Reservation,
        source: Frame,
    ) -> Frame {
        let frame = self.pop_dirty().expect("a reservation is backed by free frames (F3)");
        machine.copy(frame, source);
        self.hand_out(frame, reservation, FrameKind::Anonymous, 0);
        frame
    }

    #[inline]
    fn hand_out(
        &mut self,
        frame: Frame,
        reservation: &mut Reservation,
        kind: FrameKind,
        level: u8,
    ) {
        debug_assert!(reservation.left > 0, "more is taken than was reserved");
        reservation.left -= 1;
        self.set(
            frame,
            FrameRecord { owner: reservation.owner, kind, level, ..FrameRecord::default() },
        );
    }
}
