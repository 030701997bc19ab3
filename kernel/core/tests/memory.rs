//! The memory half over the software machine: what each operation does, once.

use tine_abi::{
    Error, layout,
    memory::{PAGE, Protection},
    notification::FaultKind,
};
use tine_kcore::{
    account::AccountId,
    memory::{
        Access, CopyPlace, MapRequest, MapSource, Progress, Space, copy_across, copy_in, copy_out,
        copy_within,
    },
    testing::{
        Bench,
        requests::{EXECUTE, HOT, READ, WRITE, anonymous, private, shared},
    },
};

fn bench() -> (Bench, AccountId) {
    let mut bench = Bench::new(4096);
    let account = bench.account(4000, 1000);
    (bench, account)
}

#[test]
fn anonymous_memory_is_zero_until_written_and_costs_a_frame_only_then() {
    let (mut bench, account) = bench();
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut space, &anonymous(HOT, 4)).unwrap();
    let before = bench.frames.available();
    assert_eq!(bench.load(&mut space, HOT + 5), Ok(0));
    assert_eq!(before - bench.frames.available(), 3, "three tables, and the zero page");
    bench.store(&mut space, HOT + 5, 7).unwrap();
    assert_eq!(before - bench.frames.available(), 4);
    assert_eq!(bench.load(&mut space, HOT + 5), Ok(7));
    assert_eq!(bench.load(&mut space, HOT + PAGE + 5), Ok(0));
    assert_eq!(bench.load(&mut space, HOT + 4 * PAGE), Err(FaultKind::Unmapped));
    assert_eq!(bench.fetch(&mut space, HOT), Err(FaultKind::Protection));
    bench.check(&[&space]);
    bench.teardown(&mut space);
    assert_eq!(bench.accounts.get(account).unwrap().frames.used(), 0);
    bench.check(&[]);
}

#[test]
fn a_fork_shares_everything_and_each_side_keeps_its_own_writes() {
    let (mut bench, account) = bench();
    let mut parent = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut parent, &anonymous(HOT, 16)).unwrap();
    for page in 0..16 {
        bench.store(&mut parent, HOT + page * PAGE, page as u8 + 1).unwrap();
    }
    let mut child = parent.fork(&mut bench.context(), account).unwrap();
    bench.check(&[&parent, &child]);
    bench.store(&mut child, HOT, 100).unwrap();
    bench.store(&mut parent, HOT + PAGE, 101).unwrap();
    bench.check(&[&parent, &child]);
    assert_eq!(bench.load(&mut parent, HOT), Ok(1));
    assert_eq!(bench.load(&mut child, HOT), Ok(100));
    assert_eq!(bench.load(&mut parent, HOT + PAGE), Ok(101));
    assert_eq!(bench.load(&mut child, HOT + PAGE), Ok(2));
    let mut grandchild = child.fork(&mut bench.context(), account).unwrap();
    bench.teardown(&mut child);
    bench.check(&[&parent, &grandchild]);
    bench.store(&mut grandchild, HOT + PAGE, 102).unwrap();
    assert_eq!(bench.load(&mut grandchild, HOT), Ok(100));
    assert_eq!(bench.load(&mut parent, HOT + PAGE), Ok(101));
    bench.teardown(&mut parent);
    bench.check(&[&grandchild]);
    assert_eq!(bench.load(&mut grandchild, HOT + 2 * PAGE), Ok(3));
    bench.teardown(&mut grandchild);
    bench.check(&[]);
}

#[test]
fn what_the_processor_remembers_is_flushed_before_it_misleads() {
    let (mut bench, account) = bench();
    let mut parent = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut parent, &anonymous(HOT, 4)).unwrap();
    bench.store(&mut parent, HOT, 1).unwrap();
    let mut child = parent.fork(&mut bench.context(), account).unwrap();
    bench.store(&mut parent, HOT, 2).unwrap();
    assert_eq!(bench.load(&mut child, HOT), Ok(1), "the fork flushed stores");
    copy_out(&mut child, &mut bench.context(), HOT, &[3]).unwrap();
    assert_eq!(bench.load(&mut child, HOT), Ok(3), "the break flushed the old page");
    assert_eq!(bench.load(&mut child, HOT + PAGE), Ok(0));
    copy_out(&mut child, &mut bench.context(), HOT + PAGE, &[4]).unwrap();
    assert_eq!(bench.load(&mut child, HOT + PAGE), Ok(4), "and the zero page");
    assert_eq!(child.unmap(&mut bench.context(), HOT, 4 * PAGE), Ok(Progress::Done));
    assert_eq!(bench.load(&mut child, HOT), Err(FaultKind::Unmapped), "the unmap flushed");
    bench.map(&mut child, &anonymous(HOT, 4)).unwrap();
    assert_eq!(bench.load(&mut child, HOT), Ok(0));
    bench.store(&mut child, HOT, 5).unwrap();
    let result = child.protect(&mut bench.context(), HOT, PAGE, READ);
    assert_eq!(result, Ok(Progress::Done));
    assert_eq!(bench.store(&mut child, HOT, 6), Err(FaultKind::Protection));
    bench.check(&[&parent, &child]);
}

#[test]
fn the_last_sharer_takes_tables_and_pages_over_in_place() {
    let (mut bench, account) = bench();
    let mut parent = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut parent, &anonymous(HOT, 4)).unwrap();
    bench.store(&mut parent, HOT, 1).unwrap();
    let mut child = parent.fork(&mut bench.context(), account).unwrap();
    bench.store(&mut child, HOT, 2).unwrap();
    bench.teardown(&mut child);
    let before = bench.frames.available();
    bench.store(&mut parent, HOT, 3).unwrap();
    assert_eq!(bench.frames.available(), before, "nothing is copied for nobody");
    bench.check(&[&parent]);
}

#[test]
fn ranges_not_inherited_are_missing_in_the_child() {
    let (mut bench, account) = bench();
    let own = layout::NOT_INHERITED.start;
    let mut parent = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut parent, &anonymous(own, 2)).unwrap();
    bench.store(&mut parent, own, 9).unwrap();
    let mut child = parent.fork(&mut bench.context(), account).unwrap();
    assert_eq!(bench.load(&mut child, own), Err(FaultKind::Unmapped));
    bench.map(&mut child, &anonymous(own, 1)).unwrap();
    assert_eq!(bench.load(&mut child, own), Ok(0));
    assert_eq!(bench.load(&mut parent, own), Ok(9));
    bench.check(&[&parent, &child]);
}

#[test]
fn shared_memory_stays_shared_across_forks_and_outlives_its_creator() {
    let (mut bench, account) = bench();
    let memory = bench.memory(account, 3 * PAGE).unwrap();
    let at = layout::SHARED.start;
    let mut parent = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut parent, &shared(at, memory, 3, WRITE)).unwrap();
    bench.release(memory);
    bench.store(&mut parent, at, 1).unwrap();
    let mut child = parent.fork(&mut bench.context(), account).unwrap();
    bench.store(&mut child, at, 2).unwrap();
    assert_eq!(bench.load(&mut parent, at), Ok(2));
    bench.store(&mut parent, at + PAGE, 3).unwrap();
    assert_eq!(bench.load(&mut child, at + PAGE), Ok(3), "touched after the fork");
    bench.check(&[&parent, &child]);
    bench.teardown(&mut parent);
    assert_eq!(bench.load(&mut child, at), Ok(2));
    bench.teardown(&mut child);
    assert!(bench.objects.is_empty());
    bench.check(&[]);
}

#[test]
fn private_mappings_of_a_memory_copy_what_they_write() {
    let (mut bench, account) = bench();
    let program = bench.program(account, 3);
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut space, &private(HOT, program, 3, WRITE)).unwrap();
    assert_eq!(bench.load(&mut space, HOT + PAGE), Ok(2));
    bench.store(&mut space, HOT + PAGE, 50).unwrap();
    let mut child = space.fork(&mut bench.context(), account).unwrap();
    bench.store(&mut child, HOT + 2 * PAGE, 60).unwrap();
    assert_eq!(bench.load(&mut space, HOT + 2 * PAGE), Ok(3));
    assert_eq!(bench.load(&mut child, HOT + PAGE), Ok(50));
    let mut other = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut other, &private(layout::TEXT, program, 3, EXECUTE)).unwrap();
    assert_eq!(bench.load(&mut other, layout::TEXT + PAGE), Ok(2));
    assert_eq!(bench.fetch(&mut other, layout::TEXT), Ok(()));
    assert_eq!(bench.store(&mut other, layout::TEXT, 1), Err(FaultKind::Protection));
    bench.check(&[&space, &child, &other]);
}

#[test]
fn a_debugger_writes_into_text_and_only_its_process_sees_it() {
    let (mut bench, account) = bench();
    let program = bench.program(account, 1);
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut space, &private(layout::TEXT, program, 1, EXECUTE)).unwrap();
    let mut child = space.fork(&mut bench.context(), account).unwrap();
    let mut tool = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut tool, &anonymous(HOT, 1)).unwrap();
    bench.store(&mut tool, HOT, 0xcc).unwrap();
    let (to, from) = (CopyPlace::Space(&mut child, layout::TEXT), CopyPlace::Space(&mut tool, HOT));
    assert_eq!(copy_across(&mut bench.context(), to, from, 1, Access::Force), Ok(1));
    assert_eq!(bench.load(&mut child, layout::TEXT), Ok(0xcc));
    assert_eq!(bench.fetch(&mut child, layout::TEXT), Ok(()));
    assert_eq!(bench.store(&mut child, layout::TEXT, 1), Err(FaultKind::Protection));
    assert_eq!(bench.load(&mut space, layout::TEXT), Ok(1));
    bench.check(&[&space, &child, &tool]);
}

#[test]
fn a_forced_store_to_anonymous_memory_leaves_it_read_only() {
    let (mut bench, account) = bench();
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    let request = MapRequest { protection: READ, ..anonymous(HOT, 2) };
    bench.map(&mut space, &request).unwrap();
    for page in [HOT, HOT + PAGE, HOT] {
        assert!(space.resolve(&mut bench.context(), page, Access::Force).is_ok());
        assert_eq!(bench.store(&mut space, page, 1), Err(FaultKind::Protection));
        assert_eq!(bench.load(&mut space, page), Ok(0));
        bench.check(&[&space]);
    }
}

#[test]
fn mappings_that_continue_each_other_are_one() {
    let (mut bench, account) = bench();
    let memory = bench.memory(account, 2 * PAGE).unwrap();
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    for page in [0, 2, 1, 4] {
        bench.map(&mut space, &anonymous(HOT + page * PAGE, 1)).unwrap();
    }
    let at = layout::SHARED.start;
    bench.map(&mut space, &shared(at, memory, 1, READ)).unwrap();
    bench.map(&mut space, &shared(at + PAGE, memory, 1, READ)).unwrap();
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(mapping) = space.next_mapping(&bench.nodes, next) {
        next = mapping.end();
        found.push((mapping.start(), (mapping.end() - mapping.start()) / PAGE));
    }
    // The second half of the Memory would have continued the first, its first page again does not.
    assert_eq!(found, [(HOT, 3), (HOT + 4 * PAGE, 1), (at, 1), (at + PAGE, 1)]);
    bench.check(&[&space]);
}

#[test]
fn nothing_is_writable_and_executable() {
    let (mut bench, account) = bench();
    let program = bench.program(account, 2);
    let open = bench.memory(account, PAGE).unwrap();
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    let both = Protection::all();
    for (request, error) in [
        (MapRequest { protection: both, ..anonymous(HOT, 1) }, Error::Denied),
        (MapRequest { protection: EXECUTE, ..anonymous(HOT, 1) }, Error::Denied),
        (shared(HOT, open, 1, EXECUTE), Error::Denied),
        (shared(HOT, program, 1, WRITE), Error::Denied),
        (private(HOT, open, 1, READ), Error::Denied),
        (private(HOT, program, 1, both), Error::Denied),
    ] {
        assert_eq!(bench.map(&mut space, &request), Err(error), "{request:?}");
    }
    bench.map(&mut space, &private(HOT, program, 1, WRITE)).unwrap();
    let at = HOT + PAGE;
    bench.map(&mut space, &private(at, program, 1, EXECUTE)).unwrap();
    let mut protect =
        |at, protection| space.protect(&mut bench.context(), at, PAGE, protection).map(|_| ());
    assert_eq!(protect(HOT, EXECUTE), Err(Error::Denied), "was writable");
    assert_eq!(protect(HOT, READ), Ok(()));
    assert_eq!(protect(HOT, EXECUTE), Err(Error::Denied), "was writable once");
    assert_eq!(protect(at, WRITE), Err(Error::Denied), "is executable");
    assert_eq!(protect(at, READ), Ok(()));
    assert_eq!(protect(at, WRITE), Err(Error::Denied), "was executable once");
    assert_eq!(protect(at, EXECUTE), Ok(()));
    bench.check(&[&space]);
}

#[test]
fn a_seal_waits_for_writers() {
    let (mut bench, account) = bench();
    let memory = bench.memory(account, PAGE).unwrap();
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    let mut request = shared(layout::SHARED.start, memory, 1, READ);
    bench.map(&mut space, &request).unwrap();
    assert_eq!(bench.objects.get_mut(memory).unwrap().seal(), Err(Error::Busy), "may be raised");
    let length = request.length;
    assert!(space.unmap(&mut bench.context(), layout::SHARED.start, length).is_ok());
    bench.settle(&mut space);
    request.source = MapSource::Shared { memory, offset: 0, rights: EXECUTE };
    bench.map(&mut space, &request).unwrap();
    assert_eq!(bench.objects.get_mut(memory).unwrap().seal(), Ok(()));
    let at = layout::SHARED.start;
    assert_eq!(space.protect(&mut bench.context(), at, PAGE, EXECUTE), Ok(Progress::Done));
    assert_eq!(bench.fetch(&mut space, at), Ok(()));
    let (to, from) = (CopyPlace::Memory(memory, 0), CopyPlace::Memory(memory, 8));
    let fault = copy_across(&mut bench.context(), to, from, 8, Access::Write).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Protection);
    bench.check(&[&space]);
}

#[test]
fn protect_takes_permission_at_once_and_gives_it_at_the_next_use() {
    let (mut bench, account) = bench();
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut space, &anonymous(HOT, 3)).unwrap();
    for page in 0..3 {
        bench.store(&mut space, HOT + page * PAGE, 8).unwrap();
    }
    let middle = HOT + PAGE;
    let change = |bench: &mut Bench, space: &mut Space, protection| {
        let result = space.protect(&mut bench.context(), middle, PAGE, protection).map(|_| ());
        bench.settle(space);
        bench.check(&[space]);
        result
    };
    change(&mut bench, &mut space, READ).unwrap();
    assert_eq!(bench.store(&mut space, middle, 1), Err(FaultKind::Protection));
    assert_eq!(bench.store(&mut space, HOT, 1), Ok(()));
    change(&mut bench, &mut space, Protection::empty()).unwrap();
    assert_eq!(bench.load(&mut space, middle), Err(FaultKind::Protection));
    let mut child = space.fork(&mut bench.context(), account).unwrap();
    assert_eq!(bench.load(&mut child, middle), Err(FaultKind::Protection));
    bench.teardown(&mut child);
    change(&mut bench, &mut space, WRITE).unwrap();
    assert_eq!(bench.load(&mut space, middle), Ok(8), "the page was kept");
    assert_eq!(bench.store(&mut space, middle, 2), Ok(()));
    let whole = space.mapping(&bench.nodes, HOT).unwrap();
    assert_eq!((whole.start(), whole.end()), (HOT, HOT + 3 * PAGE), "one mapping again");
    let at = HOT + 3 * PAGE;
    let result = space.protect(&mut bench.context(), middle, at, READ);
    assert_eq!(result, Err(Error::NotMapped));
}

#[test]
fn a_sharer_who_lost_nothing_gets_lowered_entries_back() {
    let (mut bench, account) = bench();
    let mut parent = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut parent, &anonymous(HOT, 2)).unwrap();
    bench.store(&mut parent, HOT, 4).unwrap();
    let mut child = parent.fork(&mut bench.context(), account).unwrap();
    let nothing = Protection::empty();
    let result = parent.protect(&mut bench.context(), HOT, 2 * PAGE, nothing);
    assert_eq!(result, Ok(Progress::Done));
    bench.check(&[&parent, &child]);
    assert_eq!(bench.load(&mut child, HOT), Ok(4));
    assert_eq!(bench.load(&mut parent, HOT), Err(FaultKind::Protection));
    bench.store(&mut child, HOT, 5).unwrap();
    bench.check(&[&parent, &child]);
}

#[test]
fn a_page_made_read_only_while_shared_stays_so_when_the_sharer_goes() {
    let (mut bench, account) = bench();
    let mut parent = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut parent, &anonymous(HOT, 2)).unwrap();
    bench.store(&mut parent, HOT, 4).unwrap();
    bench.store(&mut parent, HOT + PAGE, 4).unwrap();
    let mut child = parent.fork(&mut bench.context(), account).unwrap();
    let result = parent.protect(&mut bench.context(), HOT, PAGE, READ);
    assert_eq!(result, Ok(Progress::Done));
    bench.teardown(&mut child);
    bench.store(&mut parent, HOT + PAGE, 5).unwrap();
    bench.check(&[&parent]);
    assert_eq!(bench.store(&mut parent, HOT, 5), Err(FaultKind::Protection));
}

#[test]
fn unmapping_part_of_a_shared_range_leaves_the_sharer_alone() {
    let (mut bench, account) = bench();
    let at = layout::PRIVATE.start;
    let pages = 3 * 512;
    let mut parent = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut parent, &anonymous(at, pages)).unwrap();
    for page in (0..pages).step_by(100) {
        bench.store(&mut parent, at + page * PAGE, 3).unwrap();
    }
    let mut child = parent.fork(&mut bench.context(), account).unwrap();
    let (start, length) = (at + 50 * PAGE, (pages - 100) * PAGE);
    assert!(parent.unmap(&mut bench.context(), start, length).is_ok());
    bench.settle(&mut parent);
    bench.check(&[&parent, &child]);
    for page in (0..pages).step_by(100) {
        let kept = !(50..pages - 50).contains(&page);
        let expected = if kept { Ok(3) } else { Err(FaultKind::Unmapped) };
        assert_eq!(bench.load(&mut parent, at + page * PAGE), expected);
        assert_eq!(bench.load(&mut child, at + page * PAGE), Ok(3));
    }
    bench.map(&mut parent, &anonymous(start, 10)).unwrap();
    assert_eq!(bench.load(&mut parent, start), Ok(0));
    assert!(child.unmap(&mut bench.context(), at, pages * PAGE).is_ok());
    bench.settle(&mut child);
    bench.check(&[&parent, &child]);
}

#[test]
fn a_long_unmap_goes_in_steps_and_others_wait_for_it() {
    let (mut bench, account) = bench();
    let pages = 300;
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut space, &anonymous(HOT, pages + 1)).unwrap();
    for page in 0..=pages {
        bench.store(&mut space, HOT + page * PAGE, 3).unwrap();
    }
    let progress = space.unmap(&mut bench.context(), HOT, pages * PAGE);
    assert_eq!(progress, Ok(Progress::More));
    assert_eq!(space.fork(&mut bench.context(), account).unwrap_err(), Error::Busy);
    assert_eq!(space.map(&mut bench.context(), &anonymous(HOT, 1)), Err(Error::Busy));
    bench.activate(&space);
    assert_eq!(bench.store(&mut space, HOT + pages * PAGE, 4), Ok(()), "faults never wait");
    let mut steps = 1;
    while space.advance(&mut bench.context()) == Progress::More {
        steps += 1;
    }
    assert_eq!(steps, 4, "64 entries a step");
    assert_eq!(bench.map(&mut space, &anonymous(HOT, 1)), Ok(HOT));
    bench.check(&[&space]);
}

#[test]
fn the_kernel_chooses_addresses_by_inheritance_and_size() {
    let (mut bench, account) = bench();
    let memory = bench.memory(account, PAGE).unwrap();
    let mut space = Space::new(&mut bench.context(), account).unwrap();
    let mut map = |request: &MapRequest, length| {
        bench.map(&mut space, &MapRequest { address: None, length, ..*request }).unwrap()
    };
    let large = map(&anonymous(HOT, 1), layout::REGION + PAGE);
    let next = map(&anonymous(HOT, 1), layout::REGION);
    let small = map(&anonymous(HOT, 1), PAGE);
    let both = map(&shared(HOT, memory, 1, READ), PAGE);
    let own = map(&anonymous(layout::NOT_INHERITED.start, 1), PAGE);
    assert_eq!(large, layout::PRIVATE.start);
    assert_eq!(next, layout::PRIVATE.start + 2 * layout::REGION);
    assert!(layout::PRIVATE.contains(&small) && small / layout::TOP_ENTRY != 1);
    assert!(layout::SHARED.contains(&both));
    assert!(layout::NOT_INHERITED.contains(&own));
    assert_eq!(bench.map(&mut space, &anonymous(large + PAGE, 1)), Err(Error::Overlap));
    bench.check(&[&space]);
}

#[test]
fn kernel_copies_resolve_like_accesses_and_stop_where_nothing_is() {
    let (mut bench, account) = bench();
    let mut one = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut one, &anonymous(HOT, 2)).unwrap();
    let start = HOT + PAGE - 3;
    copy_out(&mut one, &mut bench.context(), start, b"abcdef").unwrap();
    let mut other = one.fork(&mut bench.context(), account).unwrap();
    copy_out(&mut other, &mut bench.context(), start, b"ABC").unwrap();
    let mut bytes = [0; 6];
    copy_in(&mut one, &mut bench.context(), start, &mut bytes).unwrap();
    assert_eq!(&bytes, b"abcdef");
    copy_in(&mut other, &mut bench.context(), start, &mut bytes).unwrap();
    assert_eq!(&bytes, b"ABCdef");
    assert_eq!(copy_within(&mut other, &mut bench.context(), HOT, start, 6), Ok(6));
    let (to, from) = (CopyPlace::Space(&mut one, HOT), CopyPlace::Space(&mut other, HOT));
    assert_eq!(copy_across(&mut bench.context(), to, from, 6, Access::Write), Ok(6));
    copy_in(&mut one, &mut bench.context(), HOT, &mut bytes).unwrap();
    assert_eq!(&bytes, b"ABCdef");
    let end = HOT + 2 * PAGE;
    let fault = copy_out(&mut one, &mut bench.context(), end - 2, b"1234").unwrap_err();
    assert_eq!((fault.copied, fault.address, fault.kind), (2, end, FaultKind::Unmapped));
    for address in [0, layout::END, u64::MAX - 1, 1 << 63] {
        let fault = copy_in(&mut one, &mut bench.context(), address, &mut bytes).unwrap_err();
        assert_eq!((fault.address, fault.kind), (address, FaultKind::Unmapped));
    }
    bench.check(&[&one, &other]);
}

#[test]
fn a_break_that_finds_the_account_empty_is_a_fault() {
    let (mut bench, account) = bench();
    let poor = bench.account(1, 10);
    let mut parent = Space::new(&mut bench.context(), account).unwrap();
    bench.map(&mut parent, &anonymous(HOT, 1)).unwrap();
    bench.store(&mut parent, HOT, 6).unwrap();
    let mut child = parent.fork(&mut bench.context(), poor).unwrap();
    assert_eq!(bench.store(&mut child, HOT, 7), Err(FaultKind::NoMemory));
    assert_eq!(bench.load(&mut child, HOT), Ok(6));
    bench.check(&[&parent, &child]);
    bench.accounts.get_mut(poor).unwrap().frames.set_limit(5);
    assert_eq!(bench.store(&mut child, HOT, 7), Ok(()));
    assert_eq!(bench.load(&mut parent, HOT), Ok(6));
    bench.check(&[&parent, &child]);
}
