//! What futures of one server wait for.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

/// A thing that happens again and again. A wait ends at the first time after it began.
#[derive(Debug, Default)]
pub struct Signal {
    times: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
}

impl Signal {
    /// It has not happened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { times: Cell::new(0), waiting: RefCell::new(Vec::new()) }
    }

    /// It happens: every wait that began before ends.
    pub fn notify(&self) {
        self.times.set(self.times.get().wrapping_add(1));
        // The wakers only note numbers, so none of them comes back here.
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    /// Waits until it happens.
    pub fn wait(&self) -> Wait<'_> {
        Wait { signal: self, began: self.times.get() }
    }

    /// Waits until `condition` holds, asking now and whenever it happens.
    pub async fn wait_for<R>(&self, mut condition: impl FnMut() -> Option<R>) -> R {
        loop {
            let next = self.wait();
            if let Some(result) = condition() {
                return result;
            }
            next.await;
        }
    }
}

/// See [`Signal::wait`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Wait<'a> {
    signal: &'a Signal,
    began: u64,
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.signal.times.get() != self.began {
            return Poll::Ready(());
        }
        let mut waiting = self.signal.waiting.borrow_mut();
        // A future that is polled for another reason is noted once.
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}
