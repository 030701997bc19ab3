//! The task table: life of a task, re-entry, cancellation, failure, pinning.
#![cfg(not(loom))]

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use tine_ksync::{Cancelled, Exhausted, HeapPages, Id, Polled, TaskQueue, TaskTable};

/// Pends `count` times, with a value on the future's frame that lives across each.
async fn pends(count: usize, polls: Arc<AtomicUsize>) {
    for _ in 0..count {
        let mut first = true;
        let here = pin!(0u64);
        let address = (&raw const *here).addr();
        poll_fn(|_| {
            polls.fetch_add(1, Ordering::Relaxed);
            if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        assert_eq!(address, (&raw const *here).addr(), "a stored future does not move");
    }
}

#[test]
fn a_task_lives_from_insert_to_ended() {
    let (table, mut pages) = (TaskTable::new(), HeapPages::new());
    let polls = Arc::new(AtomicUsize::new(0));
    let id = table.insert(&mut pages, pends(2, polls.clone())).unwrap();
    assert_eq!(table.poll(id), Polled::NotReady, "new tasks are idle");
    assert!(table.ready(id) && !table.ready(id));
    assert_eq!(table.poll(id), Polled::Sleeps);
    assert_eq!(table.poll(id), Polled::NotReady);
    assert!(table.ready(id));
    assert_eq!(table.poll(id), Polled::Sleeps);
    assert!(table.ready(id));
    assert_eq!(table.poll(id), Polled::Ended);
    assert!(!table.ready(id) && !table.contains(id) && table.is_empty());
    assert_eq!((table.poll(id), table.cancel(id)), (Polled::NotReady, Cancelled::Gone));
    assert_eq!((polls.load(Ordering::Relaxed), Arc::strong_count(&polls)), (4, 1));
    table.release(&mut pages);
    assert_eq!(pages.outstanding(), 0);
}

#[test]
fn a_future_may_use_the_table_while_it_is_polled() {
    // The future owns its page source and shares the table, as a kernel task does.
    let table = Arc::new(TaskTable::new());
    let me = Arc::new(AtomicUsize::new(0));
    let children = Arc::new(AtomicUsize::new(0));
    let mut pages = HeapPages::new();
    // Room beforehand, so that every page is the outer source's.
    let spare: Vec<_> = (0..12).map(|_| table.insert(&mut pages, pending()).unwrap()).collect();
    for id in spare {
        assert_eq!(table.cancel(id), Cancelled::Dropped);
    }
    let (shared, own, count) = (table.clone(), me.clone(), children.clone());
    let id = table
        .insert(&mut pages, async move {
            let mut none = HeapPages::with_limit(0);
            for _ in 0..8 {
                let count = count.clone();
                let child = shared
                    .insert(&mut none, async move {
                        count.fetch_add(1, Ordering::Relaxed);
                    })
                    .unwrap();
                assert!(shared.ready(child));
                assert_eq!(shared.poll(child), Polled::Ended);
            }
            let own = Id::from_raw(own.load(Ordering::Relaxed) as u64).unwrap();
            assert_eq!(shared.poll(own), Polled::NotReady, "a task cannot poll itself");
            assert!(!shared.ready(own), "a wake while it runs");
            let mut first = true;
            poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) })
                .await;
            assert_eq!(shared.cancel(own), Cancelled::Deferred);
            pending::<()>().await;
        })
        .unwrap();
    me.store(id.raw() as usize, Ordering::Relaxed);
    assert!(table.ready(id));
    assert_eq!(table.poll(id), Polled::Again, "woken while it ran");
    assert!(!table.ready(id), "it is queued already");
    assert_eq!(table.poll(id), Polled::Ended, "cancelled while it ran");
    assert_eq!((children.load(Ordering::Relaxed), Arc::strong_count(&children)), (8, 1));
    let table = Arc::into_inner(table).unwrap();
    table.release(&mut pages);
    assert_eq!(pages.outstanding(), 0);
}

#[test]
fn queues_keep_their_order_and_their_tasks() {
    let (table, mut pages, mut queue) = (TaskTable::new(), HeapPages::new(), TaskQueue::new());
    let held = Arc::new(());
    let ids: Vec<_> = (0..5)
        .map(|_| {
            let held = held.clone();
            let future = async move {
                pending::<()>().await;
                drop(held);
            };
            table.insert(&mut pages, future).unwrap()
        })
        .collect();
    assert!(!table.push(&mut queue, ids[0]), "idle tasks are not queued");
    for id in &ids {
        assert!(table.ready(*id) && table.push(&mut queue, *id) && !table.push(&mut queue, *id));
    }
    assert_eq!(table.poll(ids[0]), Polled::NotReady, "it is its queue's turn to say");
    assert_eq!(table.cancel(ids[1]), Cancelled::Deferred);
    assert_eq!(Arc::strong_count(&held), 6);
    assert_eq!(table.pop(&mut queue), Some(ids[0]));
    assert_eq!(table.poll(ids[0]), Polled::Sleeps);
    assert_eq!(table.pop(&mut queue), Some(ids[1]));
    assert_eq!(table.poll(ids[1]), Polled::Ended);
    assert_eq!(Arc::strong_count(&held), 5);
    assert_eq!(table.pop(&mut queue), Some(ids[2]));
    assert_eq!(table.cancel(ids[2]), Cancelled::Dropped, "queued, but on no queue any more");
    assert_eq!(table.pop(&mut queue), Some(ids[3]));
    assert_eq!(table.pop(&mut queue), Some(ids[4]));
    assert!(queue.is_empty() && table.pop(&mut queue).is_none());
    assert!(!table.is_empty());
    table.release(&mut pages);
    assert_eq!((Arc::strong_count(&held), pages.outstanding()), (1, 0));
}

#[test]
fn a_queue_of_another_table_does_no_harm() {
    let (one, other, mut pages) = (TaskTable::new(), TaskTable::new(), HeapPages::new());
    let mut queue = TaskQueue::new();
    let first = one.insert(&mut pages, pending()).unwrap();
    let second = other.insert(&mut pages, pending()).unwrap();
    assert_eq!(first, second);
    assert!(one.ready(first) && one.push(&mut queue, first));
    assert_eq!(other.pop(&mut queue), None);
    assert!(other.ready(second));
    assert_eq!(other.poll(second), Polled::Sleeps);
    one.release(&mut pages);
    other.release(&mut pages);
}

#[test]
fn insertion_fails_at_every_page_without_a_trace() {
    let (table, mut pages) = (TaskTable::new(), HeapPages::new());
    let held = Arc::new(());
    for count in 0..20 {
        for allowed in 0.. {
            let before = pages.outstanding();
            pages.fail_after(allowed);
            let held = held.clone();
            match table.insert(&mut pages, async move { drop(held) }) {
                Ok(_) => break,
                Err(Exhausted) => assert_eq!(pages.outstanding(), before),
            }
        }
        assert_eq!(Arc::strong_count(&held), count + 2, "a refused future is dropped");
    }
    table.release(&mut pages);
    assert_eq!((Arc::strong_count(&held), pages.outstanding()), (1, 0));
}

#[test]
fn two_threads_share_the_table() {
    let table = Arc::new(TaskTable::new());
    let done = Arc::new(AtomicUsize::new(0));
    let (mut pages, rounds) = (HeapPages::new(), if cfg!(miri) { 5 } else { 2000 });
    let ids: Vec<_> = (0..4)
        .map(|_| {
            let done = done.clone();
            let future = async move {
                for _ in 0..rounds {
                    let mut first = true;
                    poll_fn(|_| {
                        if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
                    })
                    .await;
                }
                done.fetch_add(1, Ordering::Relaxed);
            };
            table.insert(&mut pages, future).unwrap()
        })
        .collect();
    let workers: Vec<_> = (0..2)
        .map(|_| {
            let (table, ids) = (table.clone(), ids.clone());
            std::thread::spawn(move || {
                while !table.is_empty() {
                    for id in &ids {
                        // Wake from one thread while the other polls; all outcomes are right here.
                        table.ready(*id);
                        while table.poll(*id) == Polled::Again {}
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    assert_eq!(done.load(Ordering::Relaxed), 4);
    Arc::into_inner(table).unwrap().release(&mut pages);
    assert_eq!(pages.outstanding(), 0);
}
