//! Exact costs of the operations that the system stands on, in accesses to tables and pages.
//!
//! These are the counts behind the instruction figures: a change here changes those.

use tine_abi::{layout, memory::PAGE};
use tine_kcore::{
    account::AccountId,
    memory::{Progress, Space},
    testing::{
        Accesses, Bench,
        requests::{HOT, anonymous},
    },
};

const LARGE: u64 = layout::PRIVATE.start;

/// A space as a small process has it: 20 pages written in the hot region, of which the stack's lie
/// at the other end, and one page in the region of its text.
fn small() -> (Bench, AccountId, Space) {
    let mut bench = Bench::new(4096);
    let account = bench.account(4000, 1000);
    let mut space = Space::new(&mut bench.context(), account).expect("room");
    bench.map(&mut space, &anonymous(layout::TEXT, 1)).expect("room");
    bench.map(&mut space, &anonymous(HOT, 512)).expect("room");
    bench.store(&mut space, layout::TEXT, 1).expect("room");
    for page in (0..16).chain(508..512) {
        bench.store(&mut space, HOT + page * PAGE, 1).expect("room");
    }
    (bench, account, space)
}

/// The same with one full level-2 table (1 GiB of addresses) whose first level-1 table is full.
fn large() -> (Bench, AccountId, Space) {
    let (mut bench, account, mut space) = small();
    bench.map(&mut space, &anonymous(LARGE, 512 * 512)).expect("room");
    for region in 0..512 {
        bench.store(&mut space, LARGE + region * layout::REGION, 1).expect("room");
    }
    for page in 0..512 {
        bench.store(&mut space, LARGE + page * PAGE, 1).expect("room");
    }
    (bench, account, space)
}

/// The accesses of one operation on an active space.
fn count<T>(bench: &mut Bench, operation: impl FnOnce(&mut Bench) -> T) -> (Accesses, T) {
    bench.machine.take_accesses();
    let result = operation(bench);
    (bench.machine.take_accesses(), result)
}

/// A fork and the end of the child, so that a spare root and zeroed tables lie ready.
fn warm(bench: &mut Bench, account: AccountId, space: &mut Space, address: u64) {
    let mut child = space.fork(&mut bench.context(), account).expect("room");
    bench.store(&mut child, address, 1).expect("room");
    bench.teardown(&mut child);
    bench.store(space, address, 1).expect("room");
    bench.activate(space);
}

#[test]
fn a_fork_touches_the_live_groups_of_the_root_only() {
    let fork = |(mut bench, account, mut space): (Bench, AccountId, Space)| {
        warm(&mut bench, account, &mut space, HOT);
        let (accesses, child) =
            count(&mut bench, |bench| space.fork(&mut bench.context(), account).expect("room"));
        bench.check(&[&space, &child]);
        accesses
    };
    let expected =
        |live: u64| Accesses { loads: 8, stores: 2 * live, full_flushes: 1, ..Accesses::default() };
    assert_eq!(fork(small()), expected(1));
    assert_eq!(fork(large()), expected(2), "whatever lies below");
}

#[test]
fn the_first_fork_makes_a_root_with_the_kernel_half() {
    let (mut bench, account, mut space) = small();
    let (accesses, _) =
        count(&mut bench, |bench| space.fork(&mut bench.context(), account).expect("room"));
    let expected = Accesses { loads: 256 + 8, stores: 256 + 2, zeroed: 1, ..accesses };
    assert_eq!(accesses, expected);
}

#[test]
fn the_first_write_after_a_fork_copies_one_small_table_per_level() {
    let (mut bench, account, mut space) = small();
    warm(&mut bench, account, &mut space, HOT);
    let child = space.fork(&mut bench.context(), account).expect("room");
    let (accesses, result) = count(&mut bench, |bench| bench.store(&mut space, HOT, 2));
    assert_eq!(result, Ok(()));
    let expected = Accesses {
        // The root's entry; down the shared tables to the leaf; one group at level 3, one at level
        // 2, three at level 1; the entries of the two new tables.
        loads: 1 + 3 + 8 + 8 + 24 + 2,
        // Twice each live entry (1, 2, 20); the three entries above; the leaf.
        stores: 2 * (1 + 2 + 20) + 3 + 1,
        copied: 1,
        page_flushes: 1,
        ..Accesses::default()
    };
    assert_eq!(accesses, expected);
    bench.check(&[&space, &child]);
}

#[test]
fn the_first_write_after_a_fork_into_a_full_region_copies_a_part_of_two_tables() {
    let (mut bench, account, mut space) = large();
    warm(&mut bench, account, &mut space, LARGE);
    let child = space.fork(&mut bench.context(), account).expect("room");
    let (accesses, result) = count(&mut bench, |bench| bench.store(&mut space, LARGE, 2));
    assert_eq!(result, Ok(()));
    let expected = Accesses {
        // The root's entry; down the shared tables to the leaf; one group at level 3; of the large
        // tables the entry on the way once more, 15 heads of parts, the head and 32 entries of one;
        // the entries of the two new tables.
        loads: 1 + 3 + 8 + 2 * (1 + 15 + 1 + 32) + 2,
        // Twice each entry copied; 15 markers and the place of the one that is none; the three
        // entries above; the leaf.
        stores: 2 * (1 + 32 + 32) + 2 * (15 + 1) + 3 + 1,
        copied: 1,
        page_flushes: 1,
        ..Accesses::default()
    };
    assert_eq!(accesses, expected);
    let (accesses, result) = count(&mut bench, |bench| bench.store(&mut space, LARGE + PAGE, 2));
    assert_eq!(result, Ok(()));
    let expected =
        Accesses { loads: 4, stores: 1, copied: 1, page_flushes: 1, ..Accesses::default() };
    assert_eq!(accesses, expected, "the second write finds private tables");
    bench.check(&[&space, &child]);
}

#[test]
fn a_fault_with_private_tables_walks_once_and_stores_once() {
    let (mut bench, account, mut space) = small();
    let (accesses, result) = count(&mut bench, |bench| bench.store(&mut space, HOT + 30 * PAGE, 1));
    assert_eq!(result, Ok(()));
    // Four levels, and whether the page that is missing lies in a borrowed part.
    assert_eq!(accesses, Accesses { loads: 5, stores: 1, zeroed: 1, ..Accesses::default() });
    // The last sharer is gone: W comes back on the way and in the leaf, and nothing is copied.
    let mut child = space.fork(&mut bench.context(), account).expect("room");
    bench.teardown(&mut child);
    let (accesses, result) = count(&mut bench, |bench| bench.store(&mut space, HOT, 1));
    assert_eq!(result, Ok(()));
    assert_eq!(accesses, Accesses { loads: 4, stores: 2, ..Accesses::default() });
}

#[test]
fn the_end_of_a_child_costs_what_it_made_its_own() {
    for (bench, account, space) in [small(), large()] {
        let (mut bench, account, mut space) = (bench, account, space);
        warm(&mut bench, account, &mut space, HOT);
        let mut child = space.fork(&mut bench.context(), account).expect("room");
        let live = if space.mapping(&bench.nodes, LARGE).is_some() { 2 } else { 1 };
        let idle = child.fork(&mut bench.context(), account).expect("room");
        let (accesses, progress) = {
            let mut idle = idle;
            count(&mut bench, |bench| idle.teardown(&mut bench.context(), 64))
        };
        assert_eq!(progress, Progress::Done);
        let expected = Accesses { loads: 8, stores: live, ..Accesses::default() };
        assert_eq!(accesses, expected, "a child that wrote nothing");

        for page in [0, 5, 510] {
            bench.store(&mut child, HOT + page * PAGE, 2).expect("room");
        }
        bench.activate(&space);
        let (accesses, progress) =
            count(&mut bench, |bench| child.teardown(&mut bench.context(), 64));
        assert_eq!(progress, Progress::Done);
        let expected =
            Accesses { loads: 8 + 8 + 8 + 24, stores: live + 1 + 2 + 20, ..Accesses::default() };
        assert_eq!(accesses, expected, "the root and its three tables, nothing else");
        bench.check(&[&space]);
    }
}

#[test]
fn a_large_end_goes_in_steps() {
    let (mut bench, _, mut space) = large();
    let mut steps = 1;
    while space.teardown(&mut bench.context(), 64) == Progress::More {
        steps += 1;
    }
    // 512 entries of level 2, 512 leaves, 511 tables with one leaf in a group of eight, the small
    // part: 5,248 entries looked at in steps of 64, some of which free trees as well.
    assert!((80..=84).contains(&steps), "{steps} steps");
    bench.check(&[]);
}
