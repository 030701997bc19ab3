//! The list against `VecDeque`.
#![cfg(not(loom))]

use std::collections::VecDeque;

use proptest::{collection::vec, prelude::*};
use tine_ksync::{HeapPages, Id, Linked, Links, List, Slab};

#[derive(Debug)]
struct Node {
    run: Links<Node>,
    wait: Links<Node>,
}

#[derive(Debug)]
enum Run {}
#[derive(Debug)]
enum Wait {}

impl Linked<Run> for Node {
    fn links(&self) -> &Links<Node> {
        &self.run
    }
}

impl Linked<Wait> for Node {
    fn links(&self) -> &Links<Node> {
        &self.wait
    }
}

const NODES: usize = 12;

fn nodes(pages: &mut HeapPages) -> (Slab<Node>, Vec<Id<Node>>) {
    let mut slab = Slab::new();
    let ids = (0..NODES)
        .filter_map(|_| slab.insert(pages, Node { run: Links::NONE, wait: Links::NONE }).ok())
        .collect();
    (slab, ids)
}

#[derive(Clone, Debug)]
enum Step {
    PushBack(usize),
    PopFront,
    Remove(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..NODES).prop_map(Step::PushBack),
        2 => Just(Step::PopFront),
        3 => (0..NODES).prop_map(Step::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 512 }))]

    #[test]
    fn behaves_as_a_deque(steps in vec(step(), 1..100)) {
        let mut pages = HeapPages::new();
        let (mut slab, ids) = nodes(&mut pages);
        let mut list = List::<Node, Run>::new();
        let mut model = VecDeque::new();
        for step in steps {
            match step {
                Step::PushBack(at) => {
                    let fresh = !model.contains(&ids[at]);
                    prop_assert_eq!(list.push_back(&mut slab, ids[at]), fresh);
                    if fresh { model.push_back(ids[at]) }
                }
                Step::PopFront => prop_assert_eq!(list.pop_front(&mut slab), model.pop_front()),
                Step::Remove(at) => {
                    let place = model.iter().position(|id| *id == ids[at]);
                    prop_assert_eq!(list.remove(&mut slab, ids[at]), place.is_some());
                    if let Some(place) = place { model.remove(place); }
                }
            }
            prop_assert_eq!(list.len(), model.len());
            prop_assert_eq!(list.is_empty(), model.is_empty());
            prop_assert_eq!(list.front(), model.front().copied());
            prop_assert!(list.iter(&slab).eq(model.iter().copied()));
            for id in &ids {
                let is_linked = slab.get(*id).is_some_and(|node| node.run.is_linked());
                prop_assert_eq!(is_linked, model.contains(id));
            }
        }
        slab.release(&mut pages);
    }
}

#[test]
fn two_tags_do_not_meet() {
    let mut pages = HeapPages::new();
    let (mut slab, ids) = nodes(&mut pages);
    let (mut run, mut wait) = (List::<Node, Run>::new(), List::<Node, Wait>::new());
    for id in &ids {
        assert!(run.push_back(&mut slab, *id) && wait.push_back(&mut slab, *id));
    }
    assert!(run.iter(&slab).eq(ids.iter().copied()));
    assert!(wait.iter(&slab).eq(ids.iter().copied()));
    assert!(wait.remove(&mut slab, ids[4]));
    assert_eq!((run.len(), wait.len()), (NODES, NODES - 1));
    slab.release(&mut pages);
}

#[test]
fn an_end_of_another_list_and_a_stale_id_are_refused() {
    let mut pages = HeapPages::new();
    let (mut slab, ids) = nodes(&mut pages);
    let (mut one, mut other) = (List::<Node, Run>::new(), List::<Node, Run>::new());
    assert!(one.push_back(&mut slab, ids[0]) && other.push_back(&mut slab, ids[1]));
    assert!(!one.remove(&mut slab, ids[1]) && !other.remove(&mut slab, ids[0]));
    assert!(!one.push_back(&mut slab, ids[1]), "an element is on one list of a kind");
    assert!(slab.remove(ids[2]).is_some());
    assert!(!one.push_back(&mut slab, ids[2]) && !one.remove(&mut slab, ids[2]));
    assert_eq!(one.pop_front(&mut slab), Some(ids[0]));
    assert_eq!(one.pop_front(&mut slab), None);
    slab.release(&mut pages);
}
