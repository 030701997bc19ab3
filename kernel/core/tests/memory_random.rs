//! Random histories of several spaces against a naive reference: a map from page to what it holds,
//! copied whole at each fork. After each step everything is recounted.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tine_abi::{
    layout,
    memory::{PAGE, Protection},
    notification::FaultKind,
};
use tine_kcore::{
    account::AccountId,
    memory::{
        Access, CopyPlace, MapRequest, MemoryId, Progress, Space, copy_across, copy_in, copy_out,
    },
    testing::{
        Bench,
        requests::{EXECUTE, HOT, READ, WRITE, anonymous, private, shared},
    },
};

/// Where mappings may lie: 6 pages each; the third crosses tables of level 1, 2 and 3, the last two
/// cross parts of a table that is large in a dense world.
const WINDOWS: [u64; 7] = [
    HOT,
    layout::PRIVATE.start + layout::REGION - 3 * PAGE,
    2 * layout::TOP_ENTRY - 3 * PAGE,
    layout::SHARED.start,
    layout::NOT_INHERITED.start + 509 * PAGE,
    DENSE + 29 * PAGE,
    DENSE + 125 * PAGE,
];
/// The region of the table of level 1 that is large in a dense world.
const DENSE: u64 = layout::PRIVATE.start + 4 * layout::REGION;
/// Pages of it that are in use from the start.
const FILLED: std::ops::Range<u64> = 200..280;
/// Windows under tables that are large in a dense world.
const DENSE_WINDOWS: [usize; 4] = [1, 5, 6, 2];
const WINDOW_PAGES: u64 = 6;
const MEMORY_PAGES: u64 = 6;
const MEMORIES: usize = 3;
const SPACES: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Anonymous,
    Shared(usize),
    Private,
}

#[derive(Clone, Debug)]
enum Step {
    New,
    Fork(usize),
    Exit(usize),
    Map(usize, Range, Kind, u8),
    Unmap(usize, Range),
    Protect(usize, Range, u8),
    Store(usize, Range, u8),
    Load(usize, Range),
    Fetch(usize, Range),
    Force(usize, Range, u8),
    Copy(usize, Range, usize, Range),
    Seal(usize),
}

#[derive(Clone, Copy, Debug)]
struct Range {
    window: usize,
    page: u64,
    pages: u64,
}

impl Range {
    fn start(self) -> u64 {
        WINDOWS[self.window] + self.page * PAGE
    }

    fn addresses(self) -> impl Iterator<Item = u64> {
        (0..self.pages).map(move |page| self.start() + page * PAGE)
    }
}

/// What a page of the reference holds: of a Memory its page number, and its own byte once it has.
#[derive(Clone, Copy, Debug)]
struct Page {
    kind: Kind,
    memory_page: u64,
    own: Option<u8>,
    protection: Protection,
    allowed: Protection,
}

type Pages = BTreeMap<u64, Page>;

struct World {
    bench: Bench,
    account: AccountId,
    memories: [MemoryId; MEMORIES],
    sealed: [bool; MEMORIES],
    content: [[u8; MEMORY_PAGES as usize]; MEMORIES],
    program: MemoryId,
    spaces: Vec<(Space, Pages)>,
}

fn protection(bits: u8) -> Protection {
    [Protection::empty(), READ, WRITE, WRITE, EXECUTE][bits as usize % 5]
}

/// The reference's rule for W^X.
fn remaining(allowed: Protection, now: Protection) -> Protection {
    if now.contains(Protection::WRITE) {
        allowed - Protection::EXECUTE
    } else if now.contains(Protection::EXECUTE) {
        allowed - Protection::WRITE
    } else {
        allowed
    }
}

impl World {
    fn sparse() -> World {
        World::new(700)
    }

    /// A world whose first space has a large table of level 2, and of level 1.
    fn dense() -> World {
        let mut world = World::new(1400);
        let (space, pages) = &mut world.spaces[0];
        let regions = (8..74).map(|region| layout::PRIVATE.start + region * layout::REGION);
        let filled = FILLED.map(|page| DENSE + page * PAGE);
        for (number, address) in filled.chain(regions).enumerate() {
            let byte = number as u8;
            world.bench.map(space, &anonymous(address, 1)).expect("room");
            world.bench.store(space, address, byte).expect("room");
            let (kind, own) = (Kind::Anonymous, Some(byte));
            let (protection, allowed) = (WRITE, WRITE);
            pages.insert(address, Page { kind, memory_page: 0, own, protection, allowed });
        }
        world
    }

    fn new(frames: usize) -> World {
        let mut bench = Bench::new(frames);
        let account = bench.account(frames as u32 - 50, 600);
        let memories =
            std::array::from_fn(|_| bench.memory(account, MEMORY_PAGES * PAGE).expect("room"));
        let program = bench.program(account, MEMORY_PAGES);
        let space = Space::new(&mut bench.context(), account).expect("room");
        World {
            bench,
            account,
            memories,
            sealed: [false; MEMORIES],
            content: [[0; MEMORY_PAGES as usize]; MEMORIES],
            program,
            spaces: vec![(space, Pages::new())],
        }
    }

    fn byte(&self, page: &Page) -> u8 {
        match (page.kind, page.own) {
            (_, Some(own)) => own,
            (Kind::Anonymous, None) => 0,
            (Kind::Private, None) => page.memory_page as u8 + 1,
            (Kind::Shared(memory), None) => self.content[memory][page.memory_page as usize],
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::New if self.spaces.len() < SPACES => {
                let space = Space::new(&mut self.bench.context(), self.account).expect("room");
                self.spaces.push((space, Pages::new()));
            }
            Step::Fork(space) if self.spaces.len() < SPACES => {
                let space = space % self.spaces.len();
                let (parent, pages) = &mut self.spaces[space];
                let child = parent.fork(&mut self.bench.context(), self.account).expect("room");
                let inherited = pages
                    .iter()
                    .filter(|(address, _)| !layout::NOT_INHERITED.contains(address))
                    .map(|(address, page)| (*address, *page))
                    .collect();
                self.spaces.push((child, inherited));
            }
            Step::Exit(space) if self.spaces.len() > 1 => {
                let (mut space, _) = self.spaces.swap_remove(space % self.spaces.len());
                self.bench.teardown(&mut space);
            }
            Step::New | Step::Fork(_) | Step::Exit(_) => {}
            Step::Map(space, range, kind, bits) => self.map(space, range, kind, protection(bits)),
            Step::Unmap(space, range) => {
                let count = self.spaces.len();
                let (space, pages) = &mut self.spaces[space % count];
                let length = range.pages * PAGE;
                assert!(space.unmap(&mut self.bench.context(), range.start(), length).is_ok());
                self.bench.settle(space);
                pages.retain(|address, _| !range.addresses().any(|it| it == *address));
            }
            Step::Protect(space, range, bits) => self.protect(space, range, protection(bits)),
            Step::Store(space, range, byte) => self.store(space, range.start(), byte, false),
            Step::Force(space, range, byte) => self.store(space, range.start(), byte, true),
            Step::Load(space, range) => self.load(space, range.start()),
            Step::Fetch(space, range) => {
                let count = self.spaces.len();
                let (space, pages) = &mut self.spaces[space % count];
                let expected = match pages.get(&range.start()) {
                    None => Err(FaultKind::Unmapped),
                    Some(page) if page.protection.contains(Protection::EXECUTE) => Ok(()),
                    Some(_) => Err(FaultKind::Protection),
                };
                assert_eq!(self.bench.fetch(space, range.start()), expected);
            }
            Step::Copy(to, target, from, source) => self.copy(to, target, from, source),
            Step::Seal(memory) => {
                let is_held =
                    self.spaces.iter().flat_map(|(_, pages)| pages.values()).any(|page| {
                        matches!(page.kind, Kind::Shared(it) if it == memory)
                            && page.allowed.contains(Protection::WRITE)
                    });
                let object = self.bench.objects.get_mut(self.memories[memory]).expect("held");
                assert_eq!(object.seal().is_ok(), !is_held || self.sealed[memory]);
                self.sealed[memory] |= !is_held;
            }
        }
    }

    fn map(&mut self, space: usize, range: Range, kind: Kind, protection: Protection) {
        let (is_share_zone, is_own) = (range.window == 3, range.window == 4);
        let first_zone = range.window == 0;
        let at = range.start();
        let request = match kind {
            Kind::Anonymous => MapRequest { protection, ..anonymous(at, range.pages) },
            Kind::Private => private(at, self.program, range.pages, protection),
            Kind::Shared(memory) => shared(at, self.memories[memory], range.pages, protection),
        };
        let inheritance = anonymous(at, 1).inheritance;
        let request = if is_own { MapRequest { inheritance, ..request } } else { request };
        let count = self.spaces.len();
        let (space, pages) = &mut self.spaces[space % count];
        let executes = protection.contains(Protection::EXECUTE);
        let is_free = range.addresses().all(|address| !pages.contains_key(&address));
        let allowed = match kind {
            Kind::Anonymous => (!executes && !is_share_zone).then_some(WRITE),
            Kind::Private => (!is_share_zone
                && range.pages <= MEMORY_PAGES
                && EXECUTE.contains(protection) | WRITE.contains(protection))
            .then_some(Protection::all()),
            Kind::Shared(memory) => {
                let is_sealed = self.sealed[memory];
                let is_fine = (is_share_zone || is_own || first_zone)
                    && range.pages <= MEMORY_PAGES
                    && (!executes || is_sealed)
                    && (!protection.contains(Protection::WRITE) || !is_sealed);
                let all = Protection::all();
                is_fine.then_some(if is_sealed { all - Protection::WRITE } else { all })
            }
        };
        let result = self.bench.map(space, &request);
        let expected = is_free && allowed.is_some();
        // A private mapping's rights are READ and EXECUTE: stores need no right to the Memory.
        assert_eq!(result.is_ok(), expected, "{request:?}: {result:?}");
        if let (true, Some(allowed)) = (expected, allowed) {
            let allowed = remaining(allowed, protection);
            for (page, address) in range.addresses().enumerate() {
                let memory_page = page as u64;
                pages.insert(address, Page { kind, memory_page, own: None, protection, allowed });
            }
        }
    }

    fn protect(&mut self, space: usize, range: Range, protection: Protection) {
        let count = self.spaces.len();
        let (space, pages) = &mut self.spaces[space % count];
        let is_sealed = |page: &Page| match page.kind {
            Kind::Anonymous => false,
            Kind::Private => true,
            Kind::Shared(memory) => self.sealed[memory],
        };
        let is_fine = range.addresses().all(|address| {
            pages.get(&address).is_some_and(|page| {
                page.allowed.contains(protection)
                    && (!protection.contains(Protection::EXECUTE) || is_sealed(page))
            })
        });
        let length = range.pages * PAGE;
        let result = space.protect(&mut self.bench.context(), range.start(), length, protection);
        assert_eq!(result.is_ok(), is_fine);
        self.bench.settle(space);
        if is_fine {
            for page in range
                .addresses()
                .filter_map(|at| pages.remove(&at).map(|it| (at, it)))
                .collect::<Vec<_>>()
            {
                let allowed = remaining(page.1.allowed, protection);
                pages.insert(page.0, Page { protection, allowed, ..page.1 });
            }
        }
    }

    fn store(&mut self, space: usize, address: u64, byte: u8, force: bool) {
        let count = self.spaces.len();
        let (space, pages) = &mut self.spaces[space % count];
        let expected = match pages.get(&address) {
            None => Err(FaultKind::Unmapped),
            Some(page)
                if page.protection.contains(Protection::WRITE)
                    || force && !matches!(page.kind, Kind::Shared(_)) =>
            {
                Ok(())
            }
            Some(_) => Err(FaultKind::Protection),
        };
        let result = if force {
            let cx = &mut self.bench.context();
            space.resolve(cx, address, Access::Force).map(|frame| {
                use tine_kcore::machine::PhysicalMemory;
                cx.machine.write(frame, 0, &[byte]);
            })
        } else if byte.is_multiple_of(2) {
            self.bench.store(space, address, byte)
        } else {
            copy_out(space, &mut self.bench.context(), address, &[byte]).map_err(|it| it.kind)
        };
        assert_eq!(result, expected, "store at {address:#x}");
        if expected.is_ok() {
            let page = pages.get_mut(&address).expect("it was found");
            match page.kind {
                Kind::Shared(memory) => self.content[memory][page.memory_page as usize] = byte,
                _ => page.own = Some(byte),
            }
        }
    }

    fn load(&mut self, space: usize, address: u64) {
        let index = space % self.spaces.len();
        let expected = match self.spaces[index].1.get(&address) {
            None => Err(FaultKind::Unmapped),
            Some(page) if page.protection.contains(Protection::READ) => Ok(self.byte(page)),
            Some(_) => Err(FaultKind::Protection),
        };
        let space = &mut self.spaces[index].0;
        assert_eq!(self.bench.load(space, address), expected, "load at {address:#x}");
        let mut byte = [0];
        let result = copy_in(space, &mut self.bench.context(), address, &mut byte);
        assert_eq!(result.map(|()| byte[0]).map_err(|it| it.kind), expected);
    }

    /// Copies one byte from one space to another.
    fn copy(&mut self, to: usize, target: Range, from: usize, source: Range) {
        let (to, from) = (to % self.spaces.len(), from % self.spaces.len());
        if to == from {
            return;
        }
        let read = self.spaces[from].1.get(&source.start());
        let byte = read.filter(|it| it.protection.contains(READ)).map(|it| self.byte(it));
        let page = self.spaces[to].1.get_mut(&target.start());
        let page = page.filter(|it| it.protection.contains(Protection::WRITE));
        let expected = match (byte, page) {
            (Some(byte), Some(page)) => {
                match page.kind {
                    Kind::Shared(memory) => self.content[memory][page.memory_page as usize] = byte,
                    _ => page.own = Some(byte),
                }
                true
            }
            // The destination is made ready before the source is found missing: same content.
            _ => false,
        };
        let [one, other] = self.spaces.get_disjoint_mut([to, from]).expect("two spaces");
        let to = CopyPlace::Space(&mut one.0, target.start());
        let from = CopyPlace::Space(&mut other.0, source.start());
        let result = copy_across(&mut self.bench.context(), to, from, 1, Access::Write);
        assert_eq!(result.is_ok(), expected);
    }

    fn check(&mut self) {
        // Copies and forced stores of the kernel may have left dead tables.
        self.bench.reap();
        self.bench.check(&self.spaces.iter().map(|(space, _)| space).collect::<Vec<_>>());
    }

    fn finish(mut self) {
        for index in 0..self.spaces.len() {
            for address in self.spaces[index].1.keys().copied().collect::<Vec<_>>() {
                self.load(index, address);
            }
        }
        self.check();
        while let Some((mut space, _)) = self.spaces.pop() {
            self.bench.teardown(&mut space);
            self.check();
        }
        for memory in self.memories.into_iter().chain([self.program]) {
            self.bench.release(memory);
        }
        let account = self.bench.accounts.get(self.account).expect("it exists");
        assert!(account.is_idle(), "everything is given back: {account:?}");
        assert!(self.bench.nodes.is_empty() && self.bench.objects.is_empty());
    }
}

fn range(windows: &'static [usize]) -> impl Strategy<Value = Range> {
    let window = prop::sample::select(windows);
    (window, 0..WINDOW_PAGES, 1..WINDOW_PAGES).prop_map(|(window, page, pages)| Range {
        window,
        page,
        pages: pages.min(WINDOW_PAGES - page),
    })
}

fn step(windows: &'static [usize]) -> impl Strategy<Value = Step> {
    let range = move || range(windows);
    let kind = prop_oneof![
        3 => Just(Kind::Anonymous),
        1 => (0..MEMORIES).prop_map(Kind::Shared),
        1 => Just(Kind::Private),
    ];
    // The first spaces are busier: what the processor remembers must be put to use.
    let space = prop_oneof![3 => Just(0), 2 => Just(1), 1 => 2..SPACES];
    prop_oneof![
        1 => Just(Step::New),
        4 => space.clone().prop_map(Step::Fork),
        2 => space.clone().prop_map(Step::Exit),
        6 => (space.clone(), range(), kind, any::<u8>())
            .prop_map(|(space, range, kind, bits)| Step::Map(space, range, kind, bits)),
        3 => (space.clone(), range()).prop_map(|(space, range)| Step::Unmap(space, range)),
        3 => (space.clone(), range(), any::<u8>())
            .prop_map(|(space, range, bits)| Step::Protect(space, range, bits)),
        12 => (space.clone(), range(), any::<u8>())
            .prop_map(|(space, range, byte)| Step::Store(space, range, byte)),
        4 => (space.clone(), range()).prop_map(|(space, range)| Step::Load(space, range)),
        1 => (space.clone(), range()).prop_map(|(space, range)| Step::Fetch(space, range)),
        1 => (space.clone(), range(), any::<u8>())
            .prop_map(|(space, range, byte)| Step::Force(space, range, byte)),
        2 => (space.clone(), range(), space, range())
            .prop_map(|(to, target, from, source)| Step::Copy(to, target, from, source)),
        1 => (0..MEMORIES).prop_map(Step::Seal),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_matches_the_reference(
        steps in prop::collection::vec(step(&[0, 1, 2, 3, 4, 5, 6]), 1..160),
    ) {
        let mut world = World::sparse();
        for step in &steps {
            world.step(step);
            world.check();
        }
        world.finish();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_of_large_tables_matches_the_reference(
        steps in prop::collection::vec(step(&DENSE_WINDOWS), 1..160),
    ) {
        let mut world = World::dense();
        for step in &steps {
            world.step(step);
            world.check();
        }
        world.finish();
    }
}

#[test]
fn progress_is_not_lost() {
    // A job with one chunk is done when the call returns.
    let mut world = World::sparse();
    let (space, _) = &mut world.spaces[0];
    assert!(world.bench.map(space, &anonymous(HOT, 8)).is_ok());
    assert_eq!(space.unmap(&mut world.bench.context(), HOT, 8 * PAGE), Ok(Progress::Done));
}
