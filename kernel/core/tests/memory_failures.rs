//! Failure at every allocation of every operation: nothing may have changed, and the operation must
//! succeed when it is tried again.

use tine_abi::{
    layout,
    memory::{PAGE, Protection},
};
use tine_kcore::{
    account::AccountId,
    machine::Frame,
    memory::{
        Access, CopyPlace, FrameKind, MapRequest, MemoryId, Progress, Space, copy_across, copy_out,
        reap,
    },
    testing::{
        Bench,
        requests::{HOT, READ, WRITE, anonymous, private, shared},
    },
};

/// What an operation works on.
struct Scene {
    bench: Bench,
    account: AccountId,
    spaces: Vec<Space>,
    memory: MemoryId,
    program: MemoryId,
}

impl Scene {
    /// A parent with many mappings and tables, and a child that shares them.
    fn new() -> Scene {
        let mut bench = Bench::new(1000);
        let account = bench.account(900, 300);
        let memory = bench.memory(account, 600 * PAGE).expect("room");
        let program = bench.program(account, 4);
        let mut parent = Space::new(&mut bench.context(), account).expect("room");
        bench.map(&mut parent, &anonymous(HOT, 40)).expect("room");
        for page in 0..20 {
            bench.store(&mut parent, HOT + page * PAGE, 1).expect("room");
        }
        for hole in 0..40 {
            let at = layout::PRIVATE.start + hole * 4 * PAGE;
            let protection = if hole % 2 == 0 { READ } else { WRITE };
            bench.map(&mut parent, &MapRequest { protection, ..anonymous(at, 3) }).expect("room");
        }
        let large = 3 * layout::TOP_ENTRY - 2 * layout::REGION;
        bench.map(&mut parent, &anonymous(large, 4 * 512)).expect("room");
        for region in 0..4 {
            bench.store(&mut parent, large + region * layout::REGION, 2).expect("room");
            bench.store(&mut parent, large + region * layout::REGION + PAGE, 2).expect("room");
        }
        bench.map(&mut parent, &shared(layout::SHARED.start, memory, 600, WRITE)).expect("room");
        let child = parent.fork(&mut bench.context(), account).expect("room");
        Scene { bench, account, spaces: vec![parent, child], memory, program }
    }

    fn check(&self) {
        self.bench.check(&self.spaces.iter().collect::<Vec<_>>());
    }

    /// Everything that is counted: frames in use with their counts, accounts, nodes, objects.
    fn picture(&self) -> Picture {
        let Bench { frames, accounts, nodes, objects, .. } = &self.bench;
        let of = |number: u32| {
            let record = frames.record(Frame(number));
            let is_free =
                matches!(record.kind(), FrameKind::Free | FrameKind::Zeroed | FrameKind::SpareRoot);
            (!is_free).then_some((
                number,
                frames.references(Frame(number)),
                record.kind(),
                record.live(),
            ))
        };
        let used = (0..frames.len() as u32).filter_map(of).collect();
        let accounts = format!("{accounts:?}");
        let (nodes, objects) = (nodes.len(), objects.len());
        Picture { used, available: frames.available(), accounts, nodes, objects }
    }
}

/// What must be equal before and after a failure.
#[derive(PartialEq, Debug)]
struct Picture {
    /// Number, references, kind and live count of each frame in use.
    used: Vec<(u32, u32, FrameKind, u16)>,
    available: u32,
    accounts: String,
    nodes: usize,
    objects: usize,
}

type Operation = fn(&mut Scene) -> Result<(), String>;

fn text<E: std::fmt::Debug>(error: E) -> String {
    format!("{error:?}")
}

fn operations() -> Vec<(&'static str, u32, Operation)> {
    // Name, allocations at the least, operation.
    vec![
        ("new", 1, |scene| {
            let space = Space::new(&mut scene.bench.context(), scene.account).map_err(text)?;
            scene.spaces.push(space);
            Ok(())
        }),
        ("fork", 1, |scene| {
            let child =
                scene.spaces[0].fork(&mut scene.bench.context(), scene.account).map_err(text)?;
            scene.spaces.push(child);
            Ok(())
        }),
        ("break", 1, |scene| {
            let Scene { bench, spaces, .. } = scene;
            bench.store(&mut spaces[1], HOT, 7).map_err(text)
        }),
        ("zero fill below missing tables", 1, |scene| {
            let Scene { bench, spaces, .. } = scene;
            bench.store(&mut spaces[1], layout::PRIVATE.start + 4 * PAGE, 7).map_err(text)
        }),
        ("zero page", 1, |scene| {
            let Scene { bench, spaces, .. } = scene;
            bench.load(&mut spaces[0], HOT + 30 * PAGE).map(|_| ()).map_err(text)
        }),
        ("page of a Memory", 2, |scene| {
            let Scene { bench, spaces, .. } = scene;
            bench.store(&mut spaces[0], layout::SHARED.start + 550 * PAGE, 7).map_err(text)
        }),
        ("map into a full leaf of a shared tree", 1, |scene| {
            let Scene { bench, spaces, .. } = scene;
            let at = layout::PRIVATE.start + 3 * PAGE;
            spaces[1].map(&mut bench.context(), &anonymous(at, 1)).map(|_| ()).map_err(text)
        }),
        ("map and fill", 1, |scene| {
            let Scene { bench, spaces, program, .. } = scene;
            let at = layout::PRIVATE.start + layout::REGION;
            let request = private(at, *program, 4, READ);
            spaces[1].map(&mut bench.context(), &request).map(|_| ()).map_err(text)
        }),
        ("unmap across shared tables", 2, |scene| {
            let Scene { bench, spaces, .. } = scene;
            let large = 3 * layout::TOP_ENTRY - 2 * layout::REGION;
            let (at, length) = (large + PAGE, 4 * layout::REGION - 2 * PAGE);
            let progress = spaces[0].unmap(&mut bench.context(), at, length).map_err(text)?;
            assert_eq!(progress, Progress::Done);
            Ok(())
        }),
        ("unmap many mappings", 1, |scene| {
            let Scene { bench, spaces, .. } = scene;
            let (at, length) = (layout::PRIVATE.start + PAGE, 100 * PAGE);
            let progress = spaces[1].unmap(&mut bench.context(), at, length).map_err(text)?;
            assert_eq!(progress, Progress::Done);
            Ok(())
        }),
        ("protect in a shared tree", 1, |scene| {
            let Scene { bench, spaces, .. } = scene;
            let nothing = Protection::empty();
            let progress = spaces[1]
                .protect(&mut bench.context(), HOT + PAGE, 3 * PAGE, nothing)
                .map_err(text)?;
            assert_eq!(progress, Progress::Done);
            Ok(())
        }),
        ("kernel copy", 2, |scene| {
            let Scene { bench, spaces, .. } = scene;
            let at = HOT + PAGE - 2;
            copy_out(&mut spaces[1], &mut bench.context(), at, &[1, 2, 3, 4]).map_err(text)
        }),
        ("copy to a Memory", 1, |scene| {
            let Scene { bench, spaces, memory, .. } = scene;
            let (to, from) =
                (CopyPlace::Memory(*memory, 10), CopyPlace::Space(&mut spaces[0], HOT));
            copy_across(&mut bench.context(), to, from, 8, Access::Write).map(|_| ()).map_err(text)
        }),
        ("more Memories than a page holds", 1, |scene| {
            let mut made = Vec::new();
            let result = (0..70).try_for_each(|_| {
                made.push(scene.bench.memory(scene.account, PAGE).map_err(text)?);
                Ok(())
            });
            for memory in made {
                scene.bench.release(memory);
            }
            result
        }),
        ("more nodes than a page holds", 1, |scene| {
            let Scene { bench, account, .. } = scene;
            let mut made = Vec::new();
            let result = (0..9).try_for_each(|_| {
                made.push(Space::new(&mut bench.context(), *account).map_err(text)?);
                let space = made.last_mut().expect("it was just pushed");
                space.map(&mut bench.context(), &anonymous(HOT, 1)).map(|_| ()).map_err(text)
            });
            for mut space in made {
                bench.teardown(&mut space);
            }
            let used = bench.accounts.get(*account).expect("it exists").objects.used();
            assert_eq!(used as usize, bench.nodes.len() + bench.objects.len());
            result
        }),
    ]
}

#[test]
fn every_failed_allocation_leaves_everything_as_it_was() {
    for (name, least, operation) in operations() {
        let mut failures = 0;
        for successes in 0.. {
            let mut scene = Scene::new();
            scene.check();
            let before = scene.picture();
            scene.bench.frames.fail_after(successes);
            let result = operation(&mut scene);
            let is_over = scene.bench.frames.heal();
            if is_over {
                result.unwrap_or_else(|error| panic!("{name}: {error} without a failure"));
                break;
            }
            failures += 1;
            if result.is_err() {
                assert!(reap(&mut scene.bench.context(), 64) == Progress::Done);
                // A copy over two pages may have done the first; several creations may have made a
                // slab grow, which it stays: then only the rules hold.
                let is_compound = name == "kernel copy" || name.starts_with("more ");
                if !is_compound || successes == 0 {
                    assert_eq!(scene.picture(), before, "{name}, failure {successes}");
                }
            }
            scene.check();
            operation(&mut scene).unwrap_or_else(|error| panic!("{name}: {error} at the retry"));
            scene.check();
        }
        assert!(failures >= least, "{name} allocates at least {least} times, not {failures}");
    }
}

#[test]
fn an_empty_account_fails_like_an_empty_machine() {
    for (name, _, operation) in operations() {
        let mut scene = Scene::new();
        let account = scene.bench.accounts.get_mut(scene.account).expect("it exists");
        account.frames.set_limit(account.frames.used());
        account.objects.set_limit(account.objects.used());
        let before = scene.picture();
        if operation(&mut scene).is_err() {
            assert_eq!(scene.picture(), before, "{name}");
        }
        scene.check();
    }
}
