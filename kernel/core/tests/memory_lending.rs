//! Large tables: whoever writes after a fork copies one part and borrows the rest.

use tine_abi::{layout, memory::PAGE};
use tine_kcore::{
    account::AccountId,
    memory::{
        Progress, Space,
        address::{ENTRIES, PART, PARTS},
    },
    testing::{
        Bench,
        requests::{READ, anonymous},
    },
};

/// The region whose table is full.
const LARGE: u64 = layout::PRIVATE.start;
const PAGES: u64 = ENTRIES as u64;

/// Bench, account and a space with 2 MiB in pages of their own.
struct Scene {
    bench: Bench,
    account: AccountId,
    parent: Space,
}

/// Page `number` of a part.
fn page(part: usize, number: usize) -> u64 {
    LARGE + (part * PART + number) as u64 * PAGE
}

/// What a page holds at first.
fn first_byte(address: u64) -> u8 {
    ((address - LARGE) / PAGE % 251) as u8
}

fn pages() -> impl Iterator<Item = u64> {
    (0..PAGES).map(|page| LARGE + page * PAGE)
}

impl Scene {
    fn new() -> Scene {
        let mut bench = Bench::new(3000);
        let account = bench.account(2900, 300);
        let mut parent = Space::new(&mut bench.context(), account).expect("room");
        bench.map(&mut parent, &anonymous(LARGE, PAGES)).expect("room");
        for address in pages() {
            bench.store(&mut parent, address, first_byte(address)).expect("room");
        }
        let mut scene = Scene { bench, account, parent };
        // From now on a spare root and zeroed tables lie ready.
        let mut child = scene.fork();
        scene.bench.teardown(&mut child);
        scene
    }

    fn fork(&mut self) -> Space {
        self.parent.fork(&mut self.bench.context(), self.account).expect("room")
    }

    /// Stores to the parent and tells how many pages were copied.
    fn store(&mut self, address: u64, byte: u8) -> u64 {
        self.bench.machine.take_accesses();
        self.bench.store(&mut self.parent, address, byte).expect("room");
        self.bench.machine.take_accesses().copied
    }

    /// The pages of a space are as they were at first, but for those told.
    fn expect(bench: &mut Bench, space: &mut Space, but: &[(u64, u8)]) {
        for address in pages() {
            let told = but.iter().find(|(at, _)| *at == address);
            let byte = told.map_or(first_byte(address), |(_, byte)| *byte);
            assert_eq!(bench.load(space, address), Ok(byte), "{address:#x}");
        }
    }
}

#[test]
fn a_borrowed_part_is_what_it_was_and_comes_home_when_it_is_used() {
    let mut scene = Scene::new();
    let mut child = scene.fork();
    scene.bench.store(&mut child, page(3, 7), 200).expect("room");
    scene.bench.check(&[&scene.parent, &child]);
    assert_eq!(scene.bench.load(&mut child, page(9, 0)), Ok(first_byte(page(9, 0))));
    scene.bench.check(&[&scene.parent, &child]);
    assert_eq!(scene.store(page(9, 0), 201), 1, "the child has this page, too");
    scene.bench.check(&[&scene.parent, &child]);
    Scene::expect(&mut scene.bench, &mut child, &[(page(3, 7), 200)]);
    Scene::expect(&mut scene.bench, &mut scene.parent, &[(page(9, 0), 201)]);
    scene.bench.check(&[&scene.parent, &child]);
}

#[test]
fn the_last_who_sees_a_part_takes_it_over() {
    let mut scene = Scene::new();
    let before = scene.bench.frames.available();
    let mut child = scene.fork();
    assert_eq!(scene.store(page(0, 0), 200), 1);
    scene.bench.teardown(&mut child);
    assert_eq!(scene.bench.frames.available(), before - 1, "the lender is still there");
    for part in 0..PARTS {
        assert_eq!(scene.store(page(part, 1), 201), 0, "nothing is copied for nobody");
        scene.bench.check(&[&scene.parent]);
    }
    assert_eq!(scene.bench.frames.available(), before, "and the lender is gone");
}

#[test]
fn a_lender_outlives_whoever_made_it() {
    let mut scene = Scene::new();
    let mut child = scene.fork();
    scene.bench.store(&mut child, page(15, 31), 200).expect("room");
    scene.bench.teardown(&mut scene.parent);
    scene.bench.check(&[&child]);
    Scene::expect(&mut scene.bench, &mut child, &[(page(15, 31), 200)]);
    scene.bench.check(&[&child]);
    scene.bench.teardown(&mut child);
    let account = scene.bench.accounts.get(scene.account).expect("it exists");
    assert_eq!(account.frames.used(), 0);
    scene.bench.check(&[]);
}

#[test]
fn a_lender_with_one_reference_is_not_changed() {
    let mut scene = Scene::new();
    let mut child = scene.fork();
    scene.bench.store(&mut child, page(0, 0), 200).expect("room");
    // The parent alone points to its table now; the child still reads in it.
    assert_eq!(scene.store(page(5, 5), 201), 1);
    scene.bench.check(&[&scene.parent, &child]);
    Scene::expect(&mut scene.bench, &mut child, &[(page(0, 0), 200)]);
    Scene::expect(&mut scene.bench, &mut scene.parent, &[(page(5, 5), 201)]);
    scene.bench.check(&[&scene.parent, &child]);
}

#[test]
fn when_too_many_borrow_a_part_the_next_one_copies_it() {
    let mut scene = Scene::new();
    let mut children: Vec<Space> = (0..20).map(|_| scene.fork()).collect();
    for (number, child) in children.iter_mut().enumerate() {
        scene.bench.machine.take_accesses();
        scene.bench.store(child, page(2, 2), 100 + number as u8).expect("room");
        let stores = scene.bench.machine.take_accesses().stores;
        assert_eq!(stores > 2 * PAGES, number >= 15, "child {number} stored {stores} entries");
    }
    while let Some(mut child) = children.pop() {
        let number = children.len() as u8;
        Scene::expect(&mut scene.bench, &mut child, &[(page(2, 2), 100 + number)]);
        scene.bench.teardown(&mut child);
        let spaces: Vec<&Space> = children.iter().chain([&scene.parent]).collect();
        scene.bench.check(&spaces);
    }
}

#[test]
fn each_lender_refuses_for_itself() {
    // The parent has the first or the last part itself and borrows the others. Its children borrow
    // from both, and it is the parent's lender that has too many borrowers first.
    for at in [page(0, 0), page(15, 0)] {
        let mut scene = Scene::new();
        let onlooker = scene.fork();
        scene.store(at, 200);
        let mut children: Vec<Space> = (0..18).map(|_| scene.fork()).collect();
        for (number, child) in children.iter_mut().enumerate() {
            scene.bench.store(child, page(2, 2), 100 + number as u8).expect("room");
        }
        let spaces: Vec<&Space> = children.iter().chain([&scene.parent, &onlooker]).collect();
        scene.bench.check(&spaces);
        for (number, child) in children.iter_mut().enumerate() {
            let told = [(at, 200), (page(2, 2), 100 + number as u8)];
            Scene::expect(&mut scene.bench, child, &told);
        }
    }
}

#[test]
fn generations_keep_no_more_than_a_lender_a_part() {
    let mut scene = Scene::new();
    let before = scene.bench.frames.available();
    let mut told = Vec::new();
    for generation in 0..3 * PARTS {
        let at = page(generation * 7 % PARTS, generation % PART);
        let mut child = scene.fork();
        scene.store(at, generation as u8);
        scene.bench.teardown(&mut child);
        told.retain(|(address, _)| *address != at);
        told.push((at, generation as u8));
        let lenders = before - scene.bench.frames.available();
        assert!(lenders < PARTS as u32, "{lenders} frames more than at first");
        scene.bench.check(&[&scene.parent]);
    }
    Scene::expect(&mut scene.bench, &mut scene.parent, &told);
    assert_eq!(scene.bench.frames.available(), before, "all parts are home");
    scene.bench.check(&[&scene.parent]);
}

#[test]
fn borrowed_parts_are_unmapped_and_protected_like_others() {
    let mut scene = Scene::new();
    let mut child = scene.fork();
    scene.bench.store(&mut child, page(0, 0), 200).expect("room");
    let cx = &mut scene.bench.context();
    assert_eq!(child.protect(cx, page(4, 0), PAGE, READ), Ok(Progress::Done));
    assert!(scene.bench.store(&mut child, page(4, 0), 1).is_err());
    scene.bench.check(&[&scene.parent, &child]);
    // From the middle of a borrowed part to the middle of another.
    let length = page(10, 16) - page(8, 16);
    assert!(child.unmap(&mut scene.bench.context(), page(8, 16), length).is_ok());
    scene.bench.settle(&mut child);
    scene.bench.check(&[&scene.parent, &child]);
    for (part, number, is_there) in [(8, 15, true), (8, 16, false), (10, 15, false), (10, 16, true)]
    {
        assert_eq!(scene.bench.load(&mut child, page(part, number)).is_ok(), is_there);
    }
    assert!(child.unmap(&mut scene.bench.context(), LARGE, PAGES * PAGE).is_ok());
    scene.bench.settle(&mut child);
    scene.bench.check(&[&scene.parent, &child]);
    Scene::expect(&mut scene.bench, &mut scene.parent, &[]);
}
