//! The page array against `Vec`.
#![cfg(not(loom))]

use proptest::{collection::vec, prelude::*};
use tine_ksync::{Exhausted, HeapPages, PageArray};

/// 32 bytes, as a capability slot has: 128 to a page.
type Entry = [u64; 4];

#[derive(Clone, Debug)]
enum Step {
    Grow(usize, u64),
    Truncate(usize),
    Set(usize, u64),
    Fail(usize),
    Heal,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..1500, any::<u64>()).prop_map(|(length, fill)| Step::Grow(length, fill)),
        2 => (0usize..1500).prop_map(Step::Truncate),
        4 => (0usize..1500, any::<u64>()).prop_map(|(at, value)| Step::Set(at, value)),
        1 => (0usize..6).prop_map(Step::Fail),
        1 => Just(Step::Heal),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 128 }))]

    #[test]
    fn behaves_as_a_vector(steps in vec(step(), 1..40)) {
        let mut pages = HeapPages::new();
        let mut array = PageArray::<Entry>::default();
        let mut model: Vec<Entry> = Vec::new();
        let whole = |length: usize| length.next_multiple_of(PageArray::<Entry>::PER_PAGE);
        for step in steps {
            match step {
                Step::Grow(length, fill) => {
                    let before = pages.outstanding();
                    match array.grow(&mut pages, length, [fill; 4]) {
                        Ok(()) => model.resize(model.len().max(whole(length)), [fill; 4]),
                        Err(Exhausted) => prop_assert_eq!(before, pages.outstanding()),
                    }
                }
                Step::Truncate(length) => {
                    array.truncate(&mut pages, length);
                    model.truncate(whole(length));
                    let full = model.len() / PageArray::<Entry>::PER_PAGE;
                    prop_assert_eq!(pages.outstanding(), full + usize::from(full > 4));
                }
                Step::Set(at, value) => match (array.get_mut(at), model.get_mut(at)) {
                    (Some(entry), Some(model)) => (*entry, *model) = ([value; 4], [value; 4]),
                    (entry, model) => prop_assert_eq!(entry, model),
                },
                Step::Fail(count) => pages.fail_after(count),
                Step::Heal => pages.heal(),
            }
            prop_assert_eq!((array.len(), array.is_empty()), (model.len(), model.is_empty()));
            prop_assert_eq!(array.pages(), pages.outstanding());
            let chunks = (0..array.pages()).flat_map(|page| array.chunk(page));
            prop_assert!(chunks.eq(model.iter()));
            prop_assert_eq!(array.get(model.len()), None);
        }
        array.release(&mut pages);
        prop_assert_eq!(pages.outstanding(), 0);
    }
}

#[test]
fn growth_is_all_or_nothing_at_every_page() {
    // 700 elements of 128 to a page: six pages and the directory.
    for allowed in 0..8 {
        let mut pages = HeapPages::with_limit(allowed);
        let mut array = PageArray::<Entry>::default();
        let grown = array.grow(&mut pages, 700, [1; 4]);
        assert_eq!(grown.is_ok(), allowed == 7);
        assert_eq!(
            (array.len(), pages.outstanding()),
            if allowed == 7 { (768, 7) } else { (0, 0) }
        );
        array.release(&mut pages);
    }
}

#[test]
fn chunks_cover_the_array() {
    let mut pages = HeapPages::new();
    let mut array = PageArray::<Entry>::default();
    assert!(array.chunk(0).is_empty());
    array.grow(&mut pages, 300, [0; 4]).unwrap();
    let lengths: Vec<_> = (0..5).map(|page| array.chunk(page).len()).collect();
    assert_eq!(lengths, [128, 128, 128, 0, 0]);
    assert!(array.chunk(usize::MAX).is_empty());
    // Four pages on the array itself, and one directory page of 512 pointers.
    let limit = (4 + 512) * PageArray::<Entry>::PER_PAGE;
    assert_eq!(array.grow(&mut pages, limit + 1, [0; 4]), Err(Exhausted));
    assert_eq!((array.len(), pages.outstanding()), (384, 3));
    assert_eq!(array.grow(&mut pages, 10, [9; 4]), Ok(()));
    assert_eq!(array.len(), 384, "growing to less changes nothing");
    array.release(&mut pages);
}
