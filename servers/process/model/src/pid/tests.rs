//! Pid allocation against a naive model, policy by policy.

use super::*;
use crate::profile::{FREEBSD_13, FREEBSD_2001, FREEBSD_2010, NETBSD_9};
use proptest::prelude::*;

fn numbers(profile: &Profile, pid_max: u32) -> Numbers {
    Numbers::new(profile, pid_max, 64).unwrap()
}

fn somebody() -> Id<Process> {
    Id::from_raw(1 << 32).unwrap()
}

fn take(numbers: &mut Numbers) -> (u32, NumberId) {
    let allocation = numbers.allocate(somebody()).unwrap();
    (allocation.value, allocation.number)
}

fn leave(numbers: &mut Numbers, number: NumberId) {
    numbers.update(number, |entry| entry.process = None);
}

/// Rules 47, 51, 52: upward from the last one, at 2 after the wrap, never 0 and never `pid_max`.
#[test]
fn freebsd_13_counts_up_and_wraps_at_two() {
    let mut numbers = numbers(&FREEBSD_13, 6);
    let first: Vec<_> = (0..4).map(|_| take(&mut numbers)).collect();
    assert_eq!(first.iter().map(|(value, _)| *value).collect::<Vec<_>>(), [1, 2, 3, 4]);
    leave(&mut numbers, first[1].1);
    leave(&mut numbers, first[0].1);
    assert_eq!(take(&mut numbers).0, 5, "a free number below is not taken before the wrap");
    assert_eq!(take(&mut numbers).0, 2);
    assert!(matches!(numbers.allocate(somebody()), Err(NoNumber::Exhausted)), "1 is never reached");
}

/// Rule 54: the older allocators stay above 100 once they have wrapped.
#[test]
fn older_freebsd_wraps_to_a_hundred() {
    for profile in [&FREEBSD_2010, &FREEBSD_2001] {
        let mut numbers = numbers(profile, 120);
        for expected in (1..120).chain(100..120).chain(100..105) {
            let (value, number) = take(&mut numbers);
            assert_eq!(value, expected, "{}", profile.name);
            leave(&mut numbers, number);
        }
    }
}

/// Subtle 5, rule 56: each use alone keeps the number; the last one frees it.
#[test]
fn four_uses_keep_a_number() {
    let uses: [fn(&mut Number, bool); 3] = [
        |entry, on| entry.group = on.then(|| Id::from_raw(1 << 32).unwrap()),
        |entry, on| entry.session = on,
        |entry, on| entry.subtree = u32::from(on),
    ];
    let kept = |profile: &Profile| {
        uses.map(|set| {
            let mut numbers = numbers(profile, 100);
            let (value, number) = take(&mut numbers);
            numbers.update(number, |entry| set(entry, true));
            leave(&mut numbers, number);
            let kept = numbers.is_taken(value);
            if kept {
                numbers.update(number, |entry| set(entry, false));
                assert!(!numbers.is_taken(value));
            }
            assert!(numbers.find(value).is_none());
            kept
        })
    };
    assert_eq!(kept(&FREEBSD_13), [true, true, true]);
    assert_eq!(kept(&FREEBSD_2010), [true, true, false], "rule 53");
    assert_eq!(kept(&FREEBSD_2001), [true, true, false], "rule 53");
    assert_eq!(kept(&NETBSD_9), [true, false, false], "2.8/11");
}

/// 2.8/11: first round bare slots, then by generation; a freed number comes back late.
#[test]
fn netbsd_gives_slot_and_generation() {
    let mut numbers = numbers(&NETBSD_9, 30_000);
    let held: Vec<_> = (0..4).map(|_| take(&mut numbers)).collect();
    assert_eq!(held.iter().map(|(value, _)| *value).collect::<Vec<_>>(), [1, 2, 3, 4]);
    leave(&mut numbers, held[1].1);
    let round: Vec<_> = (0..28)
        .map(|_| {
            let (value, number) = take(&mut numbers);
            leave(&mut numbers, number);
            value
        })
        .collect();
    assert_eq!(round[..26], (5..31).collect::<Vec<_>>());
    assert_eq!(round[26..], [31, 34], "slot 2 comes back one generation on");
}

/// 2.8/11: numbers cycle through thousands before one returns.
#[test]
fn netbsd_returns_a_number_late() {
    let mut numbers = numbers(&NETBSD_9, 30_000);
    let mut seen = alloc::collections::BTreeSet::new();
    for round in 0.. {
        let (value, number) = take(&mut numbers);
        leave(&mut numbers, number);
        if !seen.insert(value) {
            assert!(round > 2000, "{value} returned after {round}");
            break;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// No two live numbers are equal, none is out of range, undo leaves no trace.
    #[test]
    fn numbers_are_unique_and_undo_is_exact(
        which in 0..4_usize,
        choices in proptest::collection::vec((0..3_u8, any::<proptest::sample::Index>()), 1..600),
    ) {
        let profile = [&FREEBSD_13, &FREEBSD_2010, &FREEBSD_2001, &NETBSD_9][which];
        let mut numbers = numbers(profile, 400);
        let mut held = Vec::new();
        for (choice, index) in choices {
            match choice {
                0 if !held.is_empty() => {
                    let (value, number) = held.swap_remove(index.index(held.len()));
                    leave(&mut numbers, number);
                    prop_assert!(!numbers.is_taken(value));
                }
                1 => {
                    let last = numbers.last();
                    if let Ok(allocation) = numbers.allocate(somebody()) {
                        let value = allocation.value;
                        numbers.undo(allocation);
                        prop_assert!(!numbers.is_taken(value));
                        prop_assert_eq!(numbers.last(), last);
                        let (again, number) = take(&mut numbers);
                        prop_assert_eq!(again, value);
                        held.push((again, number));
                    }
                }
                _ => if let Ok(allocation) = numbers.allocate(somebody()) {
                    let value = allocation.value;
                    prop_assert!(value > 0);
                    prop_assert!(held.iter().all(|(other, _)| *other != value));
                    held.push((value, allocation.number));
                },
            }
            prop_assert_eq!(numbers.taken() as usize, held.len() + 1);
            for (value, _) in &held {
                prop_assert!(numbers.is_taken(*value) && numbers.find(*value).is_some());
            }
        }
    }
}
