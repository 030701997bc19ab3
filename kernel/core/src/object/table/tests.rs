//! Capability tables against a set of numbers, and at their limits.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tine_abi::{CapRef, capability::Rights};
use tine_ksync::HeapPages;

use super::*;
use crate::{account::Account, object::capability::Object};

/// Tables with an account, over the host's heap.
struct World {
    tables: Tables,
    pages: HeapPages,
    accounts: Accounts,
    account: AccountId,
}

impl World {
    fn new() -> World {
        let mut pages = HeapPages::new();
        let mut accounts = Accounts::new();
        let account = accounts.insert(&mut pages, Account::new(1000, 1000)).unwrap();
        World { tables: Tables::new(), pages, accounts, account }
    }

    fn table(&mut self) -> TableId {
        self.tables.insert(&mut self.pages, self.account).unwrap()
    }

    fn find(&mut self, id: TableId, from: u16) -> Result<u32, Error> {
        let destination = Destination::lowest_from(CapRef::descriptor(from));
        let mut memory = TableMemory { pages: &mut self.pages, accounts: &mut self.accounts };
        self.tables.find(&mut memory, id, destination, false)
    }

    fn copy(&mut self, id: TableId) -> (TableId, usize) {
        let mut held = 0;
        let mut memory = TableMemory { pages: &mut self.pages, accounts: &mut self.accounts };
        let copy = self.tables.begin_copy(&mut memory, id, self.account).unwrap();
        self.tables.fill_copy(id, copy, |_| held += 1);
        (copy, held)
    }
}

fn something() -> Capability {
    Capability::new(Object::Interrupt(7), Rights::ALL)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_bitmap_finds_the_lowest_free_slot(
        steps in proptest::collection::vec((0u32..700, any::<bool>()), 1..300)
    ) {
        let mut world = World::new();
        let id = world.table();
        let mut model = BTreeSet::new();
        for (slot, fill) in steps {
            if fill {
                let expected = (slot..).find(|slot| !model.contains(slot)).unwrap();
                let found = world.find(id, slot as u16).unwrap();
                prop_assert_eq!(found, expected);
                prop_assert!(world.tables.set(id, found, something()));
                model.insert(found);
            } else {
                prop_assert_eq!(world.tables.take(id, slot).is_live(), model.remove(&slot));
            }
            let next = model.range(slot..).next().copied();
            prop_assert_eq!(world.tables.next_occupied(id, slot), next);
        }
        let (copy, held) = world.copy(id);
        prop_assert_eq!(held, model.len());
        for slot in 0..720 {
            prop_assert_eq!(world.tables.slot(copy, slot).is_live(), model.contains(&slot));
        }
        // The copy is taken in the order of slots, seven at a time.
        let nexts = model.iter().skip(1).map(Some).chain([None]);
        for (taken, (slot, next)) in model.iter().zip(nexts).enumerate() {
            if taken % 7 == 0 {
                let mut some = [Capability::EMPTY; 7];
                let count = world.tables.take_some(copy, &mut some);
                prop_assert_eq!(count, 7.min(model.len() - taken));
                prop_assert!(some[..count].iter().all(Capability::is_live));
            }
            prop_assert!(next.is_none() || slot < next.unwrap());
        }
        prop_assert_eq!(world.tables.next_occupied(copy, 0), None);
        let charged = world.tables.charges(id).0 + world.tables.charges(copy).0;
        prop_assert_eq!(world.accounts.get(world.account).unwrap().frames.used(), charged);
        let World { mut tables, mut pages, accounts, .. } = world;
        tables.remove(&mut pages, copy);
        tables.remove(&mut pages, id);
        tables.tables.release(&mut pages);
        tables.more.release(&mut pages);
        accounts.release(&mut pages);
        prop_assert_eq!(pages.outstanding(), 0);
    }
}

#[test]
fn the_last_slot_can_be_used_and_the_one_after_it_not() {
    let mut world = World::new();
    let id = world.table();
    assert_eq!(world.find(id, u16::MAX), Ok(u32::from(u16::MAX)));
    world.tables.set(id, u32::from(u16::MAX), something());
    assert_eq!(world.find(id, u16::MAX), Err(Error::NoSlots));
}

#[test]
fn a_table_that_the_account_cannot_pay_for_does_not_grow() {
    let mut world = World::new();
    let id = world.table();
    world.accounts.get_mut(world.account).unwrap().frames.set_limit(2);
    assert_eq!(world.find(id, 30), Ok(30));
    assert_eq!(world.find(id, 5000), Err(Error::NoMemory));
    assert_eq!(world.tables.charges(id).0, 1);
    assert_eq!(world.accounts.get(world.account).unwrap().frames.used(), 1);
}

#[test]
fn reserved_and_clofork_slots_are_not_inherited() {
    let mut world = World::new();
    let id = world.table();
    world.tables.set(id, 3, Capability::reserved(9, SlotFlags::empty()));
    world.tables.set(id, 4, something().with_flags(SlotFlags::CLOFORK));
    world.tables.set(id, 5, something().with_flags(SlotFlags::CLOEXEC));
    let (copy, held) = world.copy(id);
    assert_eq!(held, 1);
    assert!(world.tables.slot(copy, 3).is_empty() && world.tables.slot(copy, 4).is_empty());
    assert_eq!(world.tables.slot(copy, 5).flags(), SlotFlags::CLOEXEC);
}
