//! Every interleaving of two or three CPUs over the lock, the task state word, the task
//! table and the wake stack: `RUSTFLAGS="--cfg loom" cargo test -p tine-ksync --release`.
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
use tine_ksync::{
    Begin, Cancelled, End, HeapPages, IrqsOff, Lock, Polled, Pushed, TaskState, TaskTable,
    WakeLink, WakeStack, lock_order,
};

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

/// A task that counts: polls on one CPU, two wakers on others. Every wake that says "queue it" is
/// one poll's right; what the wakers wrote before waking is seen by a poll after it.
#[test]
fn no_wake_is_lost_and_one_cpu_polls() {
    model(|| {
        let state = Arc::new(TaskState::new());
        let body = Arc::new(Watched::new());
        let events = Arc::new(AtomicUsize::new(0));
        let run = |state: &TaskState, body: &Watched, events: &AtomicUsize| {
            let mut seen = 0;
            while let Some(begin) = state.begin() {
                assert_eq!(begin, Begin::Poll);
                body.add();
                seen = events.load(Relaxed);
                match state.end() {
                    End::Again => continue,
                    End::Idle => break,
                    End::Drop => unreachable!("nobody cancels"),
                }
            }
            seen
        };
        let wake = move |state: Arc<TaskState>, body: Arc<Watched>, events: Arc<AtomicUsize>| {
            events.fetch_add(1, Relaxed);
            // Who moves it to QUEUED polls it: here that stands for pushing and popping a queue.
            if state.ready() { run(&state, &body, &events) } else { 0 }
        };
        let (a, b, c) = (state.clone(), body.clone(), events.clone());
        let other = thread::spawn(move || wake(a, b, c));
        let mine = wake(state.clone(), body.clone(), events.clone());
        let others = other.join().unwrap();
        assert_eq!(mine.max(others), 2, "the last poll sees both events");
        assert!(state.begin().is_none(), "nothing stays queued");
        assert!((1..=2).contains(&body.read()));
    });
}

#[test]
fn a_cancelled_task_is_dropped_by_exactly_one() {
    model(|| {
        let state = Arc::new(TaskState::new());
        let body = Arc::new(Watched::new());
        assert!(state.ready());
        let (runner, future) = (state.clone(), body.clone());
        let poller = thread::spawn(move || match runner.begin() {
            Some(Begin::Poll) => {
                future.add();
                let end = runner.end();
                if end == End::Drop {
                    future.add();
                }
                end == End::Drop
            }
            Some(Begin::Drop) => {
                future.add();
                true
            }
            None => false,
        });
        let dropped = state.cancel(false);
        if dropped {
            body.add();
        }
        assert!(dropped ^ poller.join().unwrap(), "exactly one drops");
        assert!(!state.ready() && state.begin().is_none(), "and nobody polls it afterwards");
    });
}

#[test]
fn a_cancelled_task_on_a_queue_is_dropped_by_its_poller() {
    model(|| {
        let state = Arc::new(TaskState::new());
        assert!(state.ready());
        let runner = state.clone();
        let poller = thread::spawn(move || match runner.begin() {
            Some(Begin::Poll) => runner.end() == End::Drop,
            Some(Begin::Drop) => true,
            None => unreachable!("the queue's turn is the poller's alone"),
        });
        // True only if the poll had ended before: idle, and on no queue.
        let dropped = state.cancel(true);
        assert!(dropped ^ poller.join().unwrap());
    });
}

#[test]
fn the_table_polls_and_cancels_across_cpus() {
    model(|| {
        let table = Arc::new(TaskTable::new());
        let drops = Arc::new(());
        let mut pages = HeapPages::new();
        let (held, polls) = (drops.clone(), Arc::new(Count::new(0)));
        let counted = polls.clone();
        let future = poll_fn(move |_| {
            let _held = &held;
            counted.fetch_add(1, Relaxed);
            Poll::Pending
        });
        let id = table.insert(&mut pages, future).unwrap();
        assert!(table.ready(id));
        let other = table.clone();
        let poller = thread::spawn(move || other.poll(id));
        let cancelled = table.cancel(id);
        let polled = poller.join().unwrap();
        match cancelled {
            Cancelled::Dropped => assert_ne!(polled, Polled::Ended),
            Cancelled::Deferred => assert_eq!(polled, Polled::Ended),
            Cancelled::Gone => unreachable!("it ends only when cancelled"),
        }
        assert_eq!(Arc::strong_count(&drops), 1);
        let table = Arc::into_inner(table).unwrap();
        assert!(table.is_empty());
        table.release(&mut pages);
        assert_eq!(pages.outstanding(), 0);
    });
}

#[test]
fn the_wake_stack_loses_nothing() {
    model(|| {
        let shared = Arc::new((WakeStack::new(), [WakeLink::new(), WakeLink::new()]));
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
        assert!(told.contains(&Pushed::First), "someone told the CPU");
        assert_eq!(seen, [1, 1], "each node once, with what was written before its wake");
        assert!(shared.0.is_empty());
    });
}

/// Two CPUs wake the same node while its CPU drains: the wake that finds it queued is covered by a
/// hand-out that comes later.
#[test]
fn a_wake_that_found_the_node_queued_is_seen() {
    model(|| {
        let shared = Arc::new((WakeStack::new(), [WakeLink::new()]));
        let events = Arc::new(AtomicUsize::new(0));
        let (theirs, written) = (shared.clone(), events.clone());
        let producer = thread::spawn(move || {
            for _ in 0..2 {
                written.fetch_add(1, Relaxed);
                assert_ne!(theirs.0.push(&theirs.1[..], 0), Pushed::Unknown);
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
