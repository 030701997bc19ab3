//! The slab against a model, and page by page failure.
#![cfg(not(loom))]

use std::{
    collections::{BTreeMap, HashSet},
    rc::Rc,
};

use proptest::{collection::vec, prelude::*};
use tine_ksync::{HeapPages, Id, PageSource, Slab};

/// Eight bytes of header and this: 512 bytes, eight to a page.
type Wide = [u64; 63];

fn wide(value: u64) -> Wide {
    [value; 63]
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Remove(usize),
    Change(usize, u64),
    Pair(usize, usize),
    Reserve(usize),
    Fail(usize),
    Heal,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<u64>().prop_map(Step::Insert),
        5 => any::<usize>().prop_map(Step::Remove),
        2 => (any::<usize>(), any::<u64>()).prop_map(|(at, value)| Step::Change(at, value)),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Step::Pair(one, other)),
        1 => (0usize..40).prop_map(Step::Reserve),
        1 => (0usize..3).prop_map(Step::Fail),
        1 => Just(Step::Heal),
    ]
}

/// A live id; the model is ordered by their raw words, so that a history can be repeated.
fn pick(live: &BTreeMap<u64, u64>, at: usize) -> Option<Id<Wide>> {
    live.keys().nth(at % live.len().max(1)).and_then(|raw| Id::from_raw(*raw))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

    #[test]
    fn behaves_as_a_map(steps in vec(step(), 1..160)) {
        let mut pages = HeapPages::new();
        let mut slab = Slab::<Wide>::new();
        let mut live = BTreeMap::new();
        let mut dead = HashSet::new();
        for step in steps {
            let before = (slab.len(), pages.outstanding());
            match step {
                Step::Insert(value) => match slab.insert(&mut pages, wide(value)) {
                    Ok(id) => {
                        prop_assert!(!dead.contains(&id), "an id came to life again");
                        prop_assert!(live.insert(id.raw(), value).is_none());
                    }
                    Err(back) => {
                        prop_assert_eq!(back[62], value);
                        prop_assert_eq!(before, (slab.len(), pages.outstanding()));
                    }
                },
                Step::Remove(at) => if let Some(id) = pick(&live, at) {
                    prop_assert_eq!(slab.remove(id).map(|value| value[0]), live.remove(&id.raw()));
                    dead.insert(id);
                },
                Step::Change(at, value) => if let Some(id) = pick(&live, at) {
                    *slab.get_mut(id).unwrap() = wide(value);
                    live.insert(id.raw(), value);
                },
                Step::Pair(one, other) => if let (Some(one), Some(other)) = (pick(&live, one), pick(&live, other)) {
                    match slab.pair_mut(one, other) {
                        Some((first, second)) => {
                            core::mem::swap(first, second);
                            let (first, second) = (live[&one.raw()], live[&other.raw()]);
                            live.insert(one.raw(), second);
                            live.insert(other.raw(), first);
                        }
                        None => prop_assert_eq!(one, other),
                    }
                },
                Step::Reserve(count) => match slab.reserve(&mut pages, count) {
                    Ok(()) => {
                        pages.fail_after(0);
                        for value in 0..count as u64 {
                            let id = slab.insert(&mut pages, wide(value)).unwrap();
                            live.insert(id.raw(), value);
                        }
                        pages.heal();
                    }
                    Err(_) => prop_assert_eq!(before, (slab.len(), pages.outstanding())),
                },
                Step::Fail(count) => pages.fail_after(count),
                Step::Heal => pages.heal(),
            }
            prop_assert_eq!(slab.len(), live.len());
            prop_assert_eq!(slab.pages(), pages.outstanding());
        }
        for id in &dead {
            prop_assert!(slab.get(*id).is_none() && slab.remove(*id).is_none());
        }
        let seen: BTreeMap<_, _> = slab.iter().map(|(id, value)| (id.raw(), value[31])).collect();
        prop_assert_eq!(seen, live);
        slab.release(&mut pages);
        prop_assert_eq!(pages.outstanding(), 0);
    }
}

#[test]
fn fails_at_every_page_without_a_trace() {
    // 600 pages of one element each: past the first directory.
    type Whole = [u64; 510];
    let (mut slab, mut pages) = (Slab::<Whole>::new(), HeapPages::new());
    assert_eq!(Slab::<Whole>::PER_PAGE, 1);
    let count = if cfg!(miri) { 3 } else { 600 };
    for value in 0..count {
        for allowed in 0.. {
            let before = (slab.len(), slab.pages(), slab.index_bound(), pages.outstanding());
            pages.fail_after(allowed);
            match slab.insert(&mut pages, [value; 510]) {
                Ok(_) => break,
                Err(back) => assert_eq!(back, [value; 510]),
            }
            let after = (slab.len(), slab.pages(), slab.index_bound(), pages.outstanding());
            assert_eq!(before, after);
        }
    }
    assert!(slab.iter().map(|(_, value)| value[509]).eq(0..count));
    slab.release(&mut pages);
    assert_eq!(pages.outstanding(), 0);
}

#[test]
fn a_failed_reserve_gives_every_page_back() {
    for allowed in 0..10 {
        let mut pages = HeapPages::with_limit(allowed);
        let mut slab = Slab::<Wide>::new();
        // 64 elements are eight pages and a directory.
        assert_eq!(slab.reserve(&mut pages, 64).is_ok(), allowed >= 9);
        assert_eq!(pages.outstanding(), if allowed >= 9 { 9 } else { 0 });
        assert_eq!(slab.pages(), pages.outstanding());
        slab.release(&mut pages);
        assert_eq!(pages.outstanding(), 0);
    }
}

#[test]
fn addresses_are_stable_and_usable_beside_lookups() {
    let (mut slab, mut pages) = (Slab::new(), HeapPages::new());
    let first = slab.insert(&mut pages, wide(1)).unwrap();
    let address = slab.ptr(first).unwrap();
    let others: Vec<_> =
        (0..100).map(|value| slab.insert(&mut pages, wide(value)).unwrap()).collect();
    for id in others {
        slab.get_mut(id).unwrap()[5] += 1;
    }
    // SAFETY: the element is live and no reference to it exists.
    unsafe { (*address.as_ptr())[7] = 99 };
    assert_eq!(slab.get(first).unwrap()[7], 99);
    assert_eq!(slab.ptr(first), Some(address));
    slab.release(&mut pages);
}

#[test]
fn ids_go_out_as_words_and_forged_ones_find_nothing() {
    let (mut slab, mut pages) = (Slab::new(), HeapPages::new());
    let id = slab.insert(&mut pages, 7u32).unwrap();
    assert_eq!((id.index(), id.generation()), (0, 1));
    assert_eq!(Id::from_raw(id.raw()), Some(id));
    assert_eq!(format!("{id:?}"), "0.1");
    assert_eq!(size_of::<Option<Id<u32>>>(), 8);
    for forged in [1 << 32 | 1, 1 << 32 | 0xffff_ffff, 3 << 32] {
        assert!(slab.get(Id::from_raw(forged).unwrap()).is_none());
    }
    // Even generations are those of free slots; no id has one.
    assert!(Id::<u32>::from_raw(0).is_none() && Id::<u32>::from_raw(2 << 32).is_none());
    assert_eq!(slab.get_index(0), Some((id, &7)));
    assert_eq!(slab.remove(id), Some(7));
    assert_eq!((slab.get_index(0), slab.get_index(1)), (None, None));
    let again = slab.insert(&mut pages, 8).unwrap();
    assert_eq!((again.index(), again.generation()), (0, 3));
    assert!(slab.get(id).is_none());
    slab.release(&mut pages);
}

#[test]
fn every_value_is_dropped_once() {
    let (mut slab, mut pages) = (Slab::new(), HeapPages::new());
    let value = Rc::new(());
    let ids: Vec<_> = (0..300).map(|_| slab.insert(&mut pages, value.clone()).unwrap()).collect();
    for id in ids.iter().step_by(3) {
        drop(slab.remove(*id));
    }
    assert_eq!(Rc::strong_count(&value), 201);
    slab.release(&mut pages);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn takes_pages_with_any_content() {
    /// Hands out pages full of what the last user left.
    struct Dirty(HeapPages);
    impl PageSource for Dirty {
        fn take_page(&mut self) -> Option<tine_ksync::Page> {
            let raw = self.0.take_page()?.into_raw();
            // SAFETY: the page is owned; its token is made again at once.
            unsafe {
                raw.write_bytes(0xff, tine_ksync::PAGE_SIZE);
                Some(tine_ksync::Page::from_raw(raw))
            }
        }
        fn give_page(&mut self, page: tine_ksync::Page) {
            self.0.give_page(page);
        }
    }
    let (mut slab, mut pages) = (Slab::new(), Dirty(HeapPages::new()));
    let ids: Vec<_> = (0..50).map(|value| slab.insert(&mut pages, wide(value)).unwrap()).collect();
    assert_eq!(slab.iter().count(), 50);
    assert!(ids.iter().enumerate().all(|(n, id)| slab.get(*id).unwrap()[0] == n as u64));
    slab.release(&mut pages);
    assert_eq!(pages.0.outstanding(), 0);
}
