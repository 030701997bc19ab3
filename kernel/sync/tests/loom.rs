//! Every interleaving of two or three CPUs over the lock, the task table under it and the
//! wake stack: `RUSTFLAGS="--cfg loom" cargo test -p tine-ksync --release`.
#![cfg(loom)]

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize as Count, Ordering::Relaxed},
    },
    task::Poll,
};

use loom::{cell::UnsafeCell, model, sync::atomic::AtomicUsize, thread};
use tine_ksync::{HeapPages, IrqsOff, Lock, TaskId, TaskTable, WakeLink, WakeStack, lock_order};

lock_order! {
    /// The one level of these models.
    Only,
}

/// A value whose unsynchronised use loom reports.
struct Watched(UnsafeCell<u32>);

// SAFETY: who uses it must synchronise, which is what the models check.
unsafe impl Send for Watched {}
// SAFETY: as above.
unsafe impl Sync for Watched {}

impl Watched {
    fn new() -> Watched {
        Watched(UnsafeCell::new(0))
    }

    fn add(&self) {
        // SAFETY: loom fails the model if another access can happen at the same time.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }

    fn read(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|value| unsafe { *value })
    }
}

#[test]
fn the_lock_excludes() {
    model(|| {
        let lock = Arc::new(Lock::<Only, _>::new(Watched::new()));
        let work = |lock: Arc<Lock<Only, Watched>>| {
            // SAFETY: no interrupts in a model, one token a thread.
            let mut irqs = unsafe { IrqsOff::assume() };
            lock.lock(&mut irqs.unlocked()).0.add();
        };
        let other = lock.clone();
        let other = thread::spawn(move || work(other));
        work(lock.clone());
        other.join().unwrap();
        // SAFETY: as above.
        let mut irqs = unsafe { IrqsOff::assume() };
        assert_eq!(lock.try_lock(&mut irqs.unlocked()).unwrap().0.read(), 2);
    });
}

#[test]
fn try_lock_excludes_too() {
    model(|| {
        let lock = Arc::new(Lock::<Only, _>::new(Watched::new()));
        let other = lock.clone();
        let other = thread::spawn(move || {
            // SAFETY: no interrupts in a model, one token a thread.
            let mut irqs = unsafe { IrqsOff::assume() };
            let mut none = irqs.unlocked();
            let taken = other.try_lock(&mut none);
            taken.map(|(value, _)| value.add()).is_some()
        });
        // SAFETY: as above.
        let mut irqs = unsafe { IrqsOff::assume() };
        lock.lock(&mut irqs.unlocked()).0.add();
        let both = other.join().unwrap();
        assert_eq!(lock.lock(&mut irqs.unlocked()).0.read(), 1 + u32::from(both));
    });
}

/// A task table as CPUs share it.
type Shared = Arc<Lock<Only, TaskTable>>;

fn with<R>(table: &Shared, step: impl FnOnce(&mut TaskTable) -> R) -> R {
    // SAFETY: no interrupts in a model, and no step takes a lock.
    let mut irqs = unsafe { IrqsOff::assume() };
    step(&mut table.lock(&mut irqs.unlocked()).0)
}

/// Gives one ready task its turn; false: none was ready.
fn turn(table: &Shared) -> bool {
    let Some(mut task) = with(table, TaskTable::begin) else { return false };
    task.poll();
    with(table, |table| table.end(task));
    true
}

fn wake(table: &Shared, id: TaskId, events: &AtomicUsize) {
    events.fetch_add(1, Relaxed);
    with(table, |table| table.ready(id));
    turn(table);
}

/// A task that is woken and polled on two CPUs: never by both at a time, and what the wakers wrote
/// before waking is seen by a poll after it.
#[test]
fn no_wake_is_lost_and_one_cpu_polls() {
    model(|| {
        let (body, seen) = (Watched::new(), Arc::new(Count::new(0)));
        let events = Arc::new(AtomicUsize::new(0));
        let (written, told) = (events.clone(), seen.clone());
        let mut pages = HeapPages::new();
        let mut table = TaskTable::default();
        let future = poll_fn(move |_| {
            body.add();
            told.store(written.load(Relaxed), Relaxed);
            // After the second event the task ends.
            if told.load(Relaxed) == 2 { Poll::Ready(()) } else { Poll::Pending }
        });
        let id = table.insert(&mut pages, future).unwrap();
        let table = Arc::new(Lock::new(table));
        let (theirs, theirs_events) = (table.clone(), events.clone());
        let other = thread::spawn(move || wake(&theirs, id, &theirs_events));
        wake(&table, id, &events);
        other.join().unwrap();
        while turn(&table) {}
        assert_eq!(seen.load(Relaxed), 2, "the last poll sees both events");
        assert_eq!(Arc::strong_count(&seen), 1, "and the future is dropped");
        with(&table, core::mem::take).release(&mut pages);
        assert_eq!(pages.outstanding(), 0);
    });
}

/// One CPU wakes a task while another one polls it for the first time.
#[test]
fn a_wake_during_a_poll_queues_the_task_again() {
    model(|| {
        let polls = Arc::new(Count::new(0));
        let counted = polls.clone();
        let mut pages = HeapPages::new();
        let mut table = TaskTable::default();
        let future = poll_fn(move |_| {
            if counted.fetch_add(1, Relaxed) == 1 { Poll::Ready(()) } else { Poll::Pending }
        });
        let id = table.insert(&mut pages, future).unwrap();
        table.ready(id);
        let mut task = table.begin().unwrap();
        let table = Arc::new(Lock::new(table));
        let other = table.clone();
        let waker = thread::spawn(move || with(&other, |table| table.ready(id)));
        task.poll();
        with(&table, |table| table.end(task));
        waker.join().unwrap();
        assert!(turn(&table) && !turn(&table), "the wake is one turn, and it was the last");
        assert_eq!((polls.load(Relaxed), Arc::strong_count(&polls)), (2, 1));
        with(&table, core::mem::take).release(&mut pages);
        assert_eq!(pages.outstanding(), 0);
    });
}

#[test]
fn the_wake_stack_loses_nothing() {
    model(|| {
        let shared = Arc::new((WakeStack::default(), [WakeLink::default(), WakeLink::default()]));
        let events = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let producers: Vec<_> = (0..2)
            .map(|node| {
                let (shared, events) = (shared.clone(), events.clone());
                thread::spawn(move || {
                    events[node].store(1, Relaxed);
                    shared.0.push(&shared.1[..], node as u32)
                })
            })
            .collect();
        let mut seen = [0, 0];
        let mut drain = || {
            shared.0.drain(&shared.1[..], |node| {
                seen[node as usize] += events[node as usize].load(Relaxed);
            });
        };
        drain();
        let told: Vec<_> = producers.into_iter().map(|producer| producer.join().unwrap()).collect();
        drain();
        assert!(told.contains(&true), "someone told the CPU");
        assert_eq!(seen, [1, 1], "each node once, with what was written before its wake");
        assert!(shared.0.is_empty());
    });
}

/// Two CPUs wake the same node while its CPU drains: the wake that finds it queued is covered by a
/// hand-out that comes later.
#[test]
fn a_wake_that_found_the_node_queued_is_seen() {
    model(|| {
        let shared = Arc::new((WakeStack::default(), [WakeLink::default()]));
        let events = Arc::new(AtomicUsize::new(0));
        let (theirs, written) = (shared.clone(), events.clone());
        let producer = thread::spawn(move || {
            for _ in 0..2 {
                written.fetch_add(1, Relaxed);
                let _is_first = theirs.0.push(&theirs.1[..], 0);
            }
        });
        let mut last = 0;
        let mut drain = || shared.0.drain(&shared.1[..], |_| last = events.load(Relaxed));
        drain();
        producer.join().unwrap();
        drain();
        assert_eq!(last, 2, "the last hand-out sees the last event");
    });
}
