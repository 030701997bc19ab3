//! Mapping trees of several levels and several versions against ordered maps.
//!
//! A fork is a version: the child shares every node. Histories edit some versions and must leave
//! the others as they are. One-page mappings, alternately protected so that they do not join, make
//! trees of three levels.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tine_abi::{
    layout,
    memory::{PAGE, Protection},
};
use tine_kcore::{
    account::AccountId,
    memory::{MapRequest, Space},
    testing::{
        Bench,
        requests::{READ, WRITE, anonymous},
    },
};

const BASE: u64 = layout::PRIVATE.start;
const PAGES: u64 = 700;
const VERSIONS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Fork(usize),
    Exit(usize),
    Fill(usize, u64, u64),
    Map(usize, u64, u64),
    Unmap(usize, u64, u64),
    Protect(usize, u64, u64, bool),
}

/// What each page allows.
type Pages = BTreeMap<u64, Protection>;

struct World {
    bench: Bench,
    account: AccountId,
    versions: Vec<(Space, Pages)>,
}

fn protection(page: u64) -> Protection {
    if page.is_multiple_of(2) { READ } else { WRITE }
}

impl World {
    fn new() -> World {
        let mut bench = Bench::new(2000);
        let account = bench.account(1800, 2000);
        let space = Space::new(&mut bench.context(), account).expect("room");
        World { bench, account, versions: vec![(space, Pages::new())] }
    }

    fn step(&mut self, step: &Step) {
        let count = self.versions.len();
        match *step {
            Step::Fork(version) if count < VERSIONS => {
                let (space, pages) = &mut self.versions[version % count];
                let child = space.fork(&mut self.bench.context(), self.account).expect("room");
                let pages = pages.clone();
                self.versions.push((child, pages));
            }
            Step::Exit(version) if count > 1 => {
                let (mut space, _) = self.versions.swap_remove(version % count);
                self.bench.teardown(&mut space);
            }
            Step::Fork(_) | Step::Exit(_) => {}
            Step::Fill(version, page, pages) => {
                for page in page..(page + pages).min(PAGES) {
                    self.map(version % count, page, 1, protection(page));
                }
            }
            Step::Map(version, page, pages) => self.map(version % count, page, pages, READ),
            Step::Unmap(version, page, length) => {
                let (space, pages) = &mut self.versions[version % count];
                let (at, bytes) = (BASE + page * PAGE, length * PAGE);
                assert!(space.unmap(&mut self.bench.context(), at, bytes).is_ok());
                self.bench.settle(space);
                pages.retain(|it, _| !(page..page + length).contains(it));
            }
            Step::Protect(version, page, length, writable) => {
                let (space, pages) = &mut self.versions[version % count];
                let protection = if writable { WRITE } else { READ };
                let (at, bytes) = (BASE + page * PAGE, length * PAGE);
                let is_mapped = (page..page + length).all(|it| pages.contains_key(&it));
                let result = space.protect(&mut self.bench.context(), at, bytes, protection);
                assert_eq!(result.is_ok(), is_mapped);
                self.bench.settle(space);
                if is_mapped {
                    pages.extend((page..page + length).map(|it| (it, protection)));
                }
            }
        }
    }

    fn map(&mut self, version: usize, page: u64, length: u64, protection: Protection) {
        let (space, pages) = &mut self.versions[version];
        let is_free = (page..page + length).all(|it| !pages.contains_key(&it));
        let request = MapRequest { protection, ..anonymous(BASE + page * PAGE, length) };
        let result = space.map(&mut self.bench.context(), &request);
        self.bench.settle(space);
        assert_eq!(result.is_ok(), is_free, "{request:?}: {result:?}");
        if is_free {
            pages.extend((page..page + length).map(|it| (it, protection)));
        }
    }

    fn check(&self) {
        self.bench.check(&self.versions.iter().map(|(space, _)| space).collect::<Vec<_>>());
        for (space, pages) in &self.versions {
            let mut found = Pages::new();
            let mut at = 0;
            while let Some(mapping) = space.next_mapping(&self.bench.nodes, at) {
                let first = (mapping.start() - BASE) / PAGE;
                let behind = (mapping.end() - BASE) / PAGE;
                found.extend((first..behind).map(|page| (page, mapping.protection())));
                at = mapping.end();
            }
            assert_eq!(&found, pages);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let version = 0..VERSIONS;
    let range = (0..PAGES - 60, 1..30_u64);
    prop_oneof![
        2 => version.clone().prop_map(Step::Fork),
        1 => version.clone().prop_map(Step::Exit),
        4 => (version.clone(), 0..PAGES, 10..200_u64)
            .prop_map(|(version, page, pages)| Step::Fill(version, page, pages)),
        3 => (version.clone(), range.clone())
            .prop_map(|(version, (page, pages))| Step::Map(version, page, pages)),
        4 => (version.clone(), range.clone())
            .prop_map(|(version, (page, pages))| Step::Unmap(version, page, pages * 2)),
        3 => (version, range, any::<bool>())
            .prop_map(|(version, (page, pages), on)| Step::Protect(version, page, pages, on)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_version_is_its_own_map(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.check();
        }
        while let Some((mut space, _)) = world.versions.pop() {
            world.bench.teardown(&mut space);
            world.check();
        }
        prop_assert!(world.bench.nodes.is_empty());
    }
}

#[test]
fn a_protection_of_too_many_mappings_changes_nothing() {
    let mut world = World::new();
    world.step(&Step::Fill(0, 0, 33));
    let (space, _) = &mut world.versions[0];
    let result = space.protect(&mut world.bench.context(), BASE, 33 * PAGE, READ);
    assert_eq!(result, Err(tine_abi::Error::NoMemory));
    world.check();
    world.step(&Step::Protect(0, 0, 32, false));
    world.check();
}
