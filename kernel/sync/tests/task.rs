//! The task table: life of a task, re-entry, wakes, failure, pinning.
#![cfg(not(loom))]

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use tine_ksync::{Exhausted, HeapPages, Id, Running, TaskId, TaskTable};

/// Pends once.
async fn pend() {
    let mut first = true;
    poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }).await;
}

/// Pends `count` times, with a value on the future's frame that lives across each.
async fn pends(count: usize, polls: Arc<AtomicUsize>) {
    for _ in 0..count {
        let here = pin!(0u64);
        let address = (&raw const *here).addr();
        polls.fetch_add(1, Ordering::Relaxed);
        pend().await;
        assert_eq!(address, (&raw const *here).addr(), "a stored future does not move");
    }
}

/// Gives the first ready task its turn; tells which it was.
fn turn(table: &mut TaskTable) -> Option<TaskId> {
    let mut task = table.begin()?;
    let id = task.id();
    task.poll();
    table.end(task);
    Some(id)
}

/// Gives back the pages of a table whose tasks have ended.
fn release(table: TaskTable, mut pages: HeapPages) {
    table.release(&mut pages);
    assert_eq!(pages.outstanding(), 0, "every task has ended");
}

#[test]
fn a_task_lives_from_insert_to_its_end() {
    let (mut table, mut pages) = (TaskTable::default(), HeapPages::new());
    let polls = Arc::new(AtomicUsize::new(0));
    let id = table.insert(&mut pages, pends(2, polls.clone())).unwrap();
    assert!(!table.has_ready() && turn(&mut table).is_none(), "new tasks are idle");
    for expected in 1..=2 {
        table.ready(id);
        table.ready(id);
        assert!(table.has_ready());
        assert_eq!(
            (turn(&mut table), turn(&mut table)),
            (Some(id), None),
            "one turn for two wakes"
        );
        assert_eq!(polls.load(Ordering::Relaxed), expected);
    }
    table.ready(id);
    assert_eq!(turn(&mut table), Some(id));
    assert_eq!(Arc::strong_count(&polls), 1, "the future is dropped at its end");
    table.ready(id);
    assert!(!table.has_ready(), "a task that is gone is not woken");
    release(table, pages);
}

#[test]
fn a_future_may_use_the_table_while_it_is_polled() {
    // The future owns its page source and shares the table, as a kernel task does.
    let table = Arc::new(Mutex::new(TaskTable::default()));
    let children = Arc::new(AtomicUsize::new(0));
    let mut pages = HeapPages::new();
    let step = |table: &Mutex<TaskTable>| {
        let Some(mut task) = table.lock().unwrap().begin() else { return false };
        task.poll();
        table.lock().unwrap().end(task);
        true
    };
    // Room beforehand, so that every page is the outer source's.
    for _ in 0..12 {
        let id = table.lock().unwrap().insert(&mut pages, async {}).unwrap();
        table.lock().unwrap().ready(id);
    }
    while step(&table) {}
    let (shared, count) = (table.clone(), children.clone());
    let me = Arc::new(AtomicUsize::new(0));
    let own = me.clone();
    let future = async move {
        let mut none = HeapPages::with_limit(0);
        let mut waiting = Vec::new();
        for _ in 0..8 {
            let count = count.clone();
            let child = shared.lock().unwrap().insert(&mut none, async move {
                count.fetch_add(1, Ordering::Relaxed);
            });
            waiting.push(child.unwrap());
        }
        waiting.into_iter().for_each(|child| shared.lock().unwrap().ready(child));
        let own = Id::from_raw(own.load(Ordering::Relaxed) as u64).unwrap();
        shared.lock().unwrap().ready(own);
        pend().await;
        // Its own wake came behind those of the children.
        assert_eq!(count.load(Ordering::Relaxed), 8);
    };
    let id = table.lock().unwrap().insert(&mut pages, future).unwrap();
    me.store(id.raw() as usize, Ordering::Relaxed);
    table.lock().unwrap().ready(id);
    while step(&table) {}
    assert_eq!((children.load(Ordering::Relaxed), Arc::strong_count(&children)), (8, 1));
    release(Arc::into_inner(table).unwrap().into_inner().unwrap(), pages);
}

#[test]
fn tasks_have_their_turns_in_the_order_of_their_wakes() {
    let (mut table, mut pages) = (TaskTable::default(), HeapPages::new());
    let ids: Vec<_> = (0..5).map(|_| table.insert(&mut pages, pend()).unwrap()).collect();
    for at in [3, 0, 4, 0, 1] {
        table.ready(ids[at]);
    }
    let running = table.begin().unwrap();
    assert_eq!(running.id(), ids[3]);
    table.ready(ids[2]);
    table.ready(ids[3]);
    assert_eq!(turn(&mut table), Some(ids[0]), "another task has its turn meanwhile");
    table.end(running);
    let order: Vec<_> = std::iter::from_fn(|| turn(&mut table)).collect();
    assert_eq!(order, [4, 1, 2, 3].map(|at| ids[at]), "woken while it ran, it is queued last");
    // The second poll of each is its last.
    for id in ids {
        table.ready(id);
        assert_eq!(turn(&mut table), Some(id));
    }
    release(table, pages);
}

#[test]
#[cfg_attr(miri, ignore = "it leaks a page, as it should")]
fn a_task_of_another_table_does_no_harm() {
    let (mut one, mut other) = (TaskTable::default(), TaskTable::default());
    let mut pages = HeapPages::new();
    let held = Arc::new(());
    let future = |held: Arc<()>| async move {
        pend().await;
        drop(held);
    };
    let first = one.insert(&mut pages, future(held.clone())).unwrap();
    let second = other.insert(&mut pages, future(held.clone())).unwrap();
    assert_eq!(first, second);
    one.ready(first);
    other.ready(second);
    assert_eq!(turn(&mut other), Some(second));
    let mut stray = one.begin().unwrap();
    stray.poll();
    stray.poll();
    assert_eq!(Arc::strong_count(&held), 2, "the first future has ended");
    other.end(stray);
    other.ready(second);
    assert_eq!(turn(&mut other), Some(second), "its own task is still there");
    assert_eq!(Arc::strong_count(&held), 1);
    other.release(&mut pages);
    // What was ended elsewhere counts as running, and such a table keeps its pages.
    let kept = pages.outstanding();
    assert_ne!(kept, 0);
    one.ready(first);
    assert!(!one.has_ready());
    one.release(&mut pages);
    assert_eq!(pages.outstanding(), kept);
}

#[test]
fn a_future_that_has_ended_is_not_polled_again() {
    let (mut table, mut pages) = (TaskTable::default(), HeapPages::new());
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = polls.clone();
    let future = poll_fn(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(())
    });
    let id = table.insert(&mut pages, future).unwrap();
    table.ready(id);
    let mut task: Running = table.begin().unwrap();
    task.poll();
    task.poll();
    assert_eq!((polls.load(Ordering::Relaxed), Arc::strong_count(&polls)), (1, 1));
    table.ready(id);
    table.end(task);
    assert!(!table.has_ready(), "a wake does not bring it back");
    release(table, pages);
}

#[test]
fn insertion_fails_at_every_page_without_a_trace() {
    let (mut table, mut pages) = (TaskTable::default(), HeapPages::new());
    let held = Arc::new(());
    let mut ids = Vec::new();
    for count in 0..20 {
        for allowed in 0.. {
            let before = pages.outstanding();
            pages.fail_after(allowed);
            let held = held.clone();
            match table.insert(&mut pages, async move { drop(held) }) {
                Ok(id) => {
                    ids.push(id);
                    break;
                }
                Err(Exhausted) => assert_eq!(pages.outstanding(), before),
            }
        }
        assert_eq!(Arc::strong_count(&held), count + 2, "a refused future is dropped");
    }
    ids.into_iter().for_each(|id| table.ready(id));
    while turn(&mut table).is_some() {}
    assert_eq!(Arc::strong_count(&held), 1);
    release(table, pages);
}

#[test]
fn two_threads_share_the_table() {
    let table = Mutex::new(TaskTable::default());
    let done = Arc::new(AtomicUsize::new(0));
    let (mut pages, rounds) = (HeapPages::new(), if cfg!(miri) { 5 } else { 2000 });
    let ids: Vec<_> = (0..4)
        .map(|_| {
            let done = done.clone();
            let future = async move {
                for _ in 0..rounds {
                    pend().await;
                }
                done.fetch_add(1, Ordering::Relaxed);
            };
            table.lock().unwrap().insert(&mut pages, future).unwrap()
        })
        .collect();
    let work = || {
        while done.load(Ordering::Relaxed) < ids.len() {
            // Wake from one thread while the other polls; every outcome is right here.
            ids.iter().for_each(|id| table.lock().unwrap().ready(*id));
            let task = table.lock().unwrap().begin();
            if let Some(mut task) = task {
                task.poll();
                table.lock().unwrap().end(task);
            }
        }
    };
    std::thread::scope(|threads| {
        threads.spawn(work);
        work();
    });
    release(table.into_inner().unwrap(), pages);
}
