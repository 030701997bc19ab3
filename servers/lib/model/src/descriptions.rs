//! The table behind badges: generational slots, so that a badge never means something else.

use alloc::vec::Vec;

use tine_abi::Errno;

/// What the kernel delivers with each message: generation in the high half, index in the low one.
/// Generations begin at 1, so that badge 0 is nobody's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Badge(pub u64);

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Values by badge. Growth is bounded by the limit given at creation and fails as ENFILE.
#[derive(Debug)]
pub struct Descriptions<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    limit: usize,
}

impl<T> Descriptions<T> {
    /// An empty table that never holds more than `limit` values.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { slots: Vec::new(), free: Vec::new(), limit }
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a value.
    ///
    /// # Errors
    /// ENFILE at the limit, ENOMEM without memory; nothing is changed then.
    pub fn insert(&mut self, value: T) -> Result<Badge, Errno> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                if self.slots.len() >= self.limit {
                    return Err(Errno::NFILE);
                }
                self.slots.try_reserve(1).map_err(|_| Errno::NOMEM)?;
                // Room for every slot on the free list, so that removal never allocates.
                let wanted = self.slots.len() + 1 - self.free.len();
                self.free.try_reserve(wanted).map_err(|_| Errno::NOMEM)?;
                self.slots.push(Slot { generation: 0, value: None });
                (self.slots.len() - 1) as u32
            }
        };
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1).max(1);
        slot.value = Some(value);
        Ok(Badge(u64::from(slot.generation) << 32 | u64::from(index)))
    }

    fn slot(&self, badge: Badge) -> Option<usize> {
        let index = (badge.0 & 0xffff_ffff) as usize;
        let slot = self.slots.get(index)?;
        (slot.value.is_some() && u64::from(slot.generation) == badge.0 >> 32).then_some(index)
    }

    /// The value of a badge.
    #[must_use]
    pub fn get(&self, badge: Badge) -> Option<&T> {
        self.slots[self.slot(badge)?].value.as_ref()
    }

    /// The value of a badge.
    #[must_use]
    pub fn get_mut(&mut self, badge: Badge) -> Option<&mut T> {
        let index = self.slot(badge)?;
        self.slots[index].value.as_mut()
    }

    /// Removes the value of a badge.
    pub fn remove(&mut self, badge: Badge) -> Option<T> {
        let index = self.slot(badge)?;
        self.free.push(index as u32);
        self.slots[index].value.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_outlived_by_its_slot_means_nothing() {
        let mut table = Descriptions::new(2);
        let first = table.insert('a').unwrap();
        assert_eq!(table.remove(first), Some('a'));
        let second = table.insert('b').unwrap();
        assert_eq!(second.0 & 0xffff_ffff, first.0 & 0xffff_ffff, "the slot is used again");
        assert_eq!((table.get(first), table.get(second)), (None, Some(&'b')));
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(Badge(0)), None);
    }

    #[test]
    fn the_limit_holds_and_removal_makes_room() {
        let mut table = Descriptions::new(2);
        let first = table.insert(1).unwrap();
        table.insert(2).unwrap();
        assert_eq!(table.insert(3), Err(Errno::NFILE));
        table.remove(first);
        assert!(table.insert(3).is_ok());
        assert_eq!(table.len(), 2);
    }
}
