//! The kernel's small unsafe toolbox: slabs, ids, lists, task slots, locks and wake stacks.
#![no_std]

mod array;
mod atomic;
#[cfg(feature = "host")]
mod host;
mod id;
mod list;
mod lock;
mod once;
mod order;
mod page;
mod slab;
mod state;
mod task;
mod wake;

#[cfg(feature = "host")]
pub use host::HeapPages;
pub use {
    array::PageArray,
    id::Id,
    list::{Linked, Links, List},
    lock::{Guard, Lock},
    once::Once,
    order::{Before, Held, IrqsOff, Level, Unlocked},
    page::{Exhausted, PAGE_SIZE, Page, PageSource},
    slab::Slab,
    state::{Begin, End, TaskState},
    task::{Cancelled, FUTURE_SIZE, Polled, TaskId, TaskQueue, TaskSlot, TaskTable},
    wake::{Pushed, WakeLink, WakeNodes, WakeStack},
};
