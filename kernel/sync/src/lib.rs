//! The kernel's small unsafe toolbox: slabs, ids, lists, task slots, locks and wake stacks.
//!
//! `kernel/core` contains all logic and no unsafe code; the kernel binary talks to hardware. What
//! both need and safe Rust cannot give - memory that grows by pages, objects at stable addresses,
//! futures in fixed slots, exclusion between CPUs - is here, and nothing else: no policy, no
//! hardware, no kernel object. At most 800 lines of code (comments, tests and `host.rs` not counted;
//! `tools/xtask/tests/tidy.rs` holds it to that), so that one reader can hold all of it.
//!
//! | to | take | in |
//! |---|---|---|
//! | own objects of one kind | [`Slab`], named by [`Id`] | `slab.rs`, `id.rs` |
//! | grow a table of plain records | [`PageArray`] | `array.rs` |
//! | queue or chain objects | [`List`] through [`Links`] in the object | `list.rs` |
//! | run multi-step work | [`TaskTable`], [`Running`] | `task.rs` |
//! | share between CPUs | [`Lock`] with [`IrqsOff`] and [`lock_order!`] | `lock.rs`, `order.rs` |
//! | wake another CPU's work | [`WakeStack`] | `wake.rs` |
//! | get memory, or fail | [`PageSource`], [`Page`] | `page.rs`, `directory.rs`; `host.rs` for tests |
//!
//! # What may go wrong, and how it is said
//!
//! Memory may run out: growth returns [`Exhausted`] (or the value that did not fit) and leaves no
//! trace, not in lengths, not in pages taken. Ids may be stale or forged: they find nothing, which
//! is `None` or `false`. Nothing here panics, allocates from a heap, or loops without a bound,
//! except that a lock is waited for.
//!
//! Three values own pages without being able to give them back alone, because the source is an
//! argument: [`Slab`], [`PageArray`] and [`TaskTable`] leak when dropped and have `release`. The
//! kernel's live in statics or in objects whose teardown calls it.
//!
//! # Why it is sound
//!
//! Each file states numbered invariants in its header; `SAFETY` comments cite them. The argument
//! that spans the files:
//!
//! > **Memory.** Every byte used comes from a [`Page`] (P1), whose maker promised exclusive
//! > ownership. Nobody believes its content: slots are initialised one by one below a high-water
//! > mark (S1), directory entries when their page arrives (D1), elements of arrays when they are
//! > filled (A1). So [`PageSource`] can be a *safe* trait: a wrong one leaks or starves, it corrupts
//! > nothing. Bytes go back to a source only when no id, length or mark refers to them.
//!
//! > **Ids.** An id is odd (I1), a slot is odd exactly while it holds a value (S2), and a slot's
//! > number never comes twice (S3). So `index < used` and one compare prove that the value is there,
//! > and an id made of any 64 bits is at worst the id of another live object of the same type.
//! > That is why [`Id::from_raw`] is safe, and why core may keep ids of what others destroy.
//!
//! > **References.** A slab is borrowed as a whole, `&` or `&mut`, by the compiler's rules, and lends
//! > references to values only (S5). Objects do not move (S4). [`Slab::ptr`] is the one gap, for the
//! > trap path, which stores registers through a pointer into the current thread while no Rust code
//! > runs on that CPU; using the pointer is unsafe and the user's argument.
//!
//! > **Futures.** A future lies in a slot that does not move (F3) until the one [`Running`] that its
//! > state allows (T2) drops it (F1). That reaches the storage by pointer and without the table;
//! > others make `&TaskSlot` meanwhile, which is why the storage is an `UnsafeCell`; nobody makes a
//! > `&mut TaskSlot` while it holds a future, which may have references into itself: state and links
//! > are cells (L3, F2). Futures are `Send` and `'static`, so any CPU may poll them at any time; one
//! > that kept a guard across an await is not `Send` (O3).
//!
//! > **Exclusion.** A [`Guard`] exists between acquire and release of one ticket (K1). That locks are
//! > taken with interrupts off and in order (O1, O2) prevents deadlock, not unsoundness; it is
//! > proved by types all the same. A table of tasks is plain data under such a lock. An NMI handler
//! > uses nothing of this crate but an atomic of its own.
//!
//! > **Order of memory.** Every hand-over is a Release paired with an Acquire: the ticket's turn, the
//! > wake stack's head and queued flags. The loom models fail if any one of these is relaxed.
//!
//! What the argument rests on outside: the two `unsafe` constructors, [`Page::from_raw`] (the
//! kernel's frame allocator, and `HeapPages`) and [`IrqsOff::assume`] (the trap entry).
//!
//! # How it is checked
//!
//! * `cargo test -p tine-ksync`: slab, list and array against models; failure at every page.
//! * `RUSTFLAGS="--cfg loom" cargo test -p tine-ksync --release --test loom`: every interleaving.
//! * `MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test -p tine-ksync`: aliasing, leaks,
//!   races, uninitialised reads (where Miri is installed; about two minutes).
//!
//! Sources: the generational slab and odd/even generations are folklore (Hubris' `TaskId` is the
//! nearest relative); a task's states after embassy's `raw/state.rs`; type-level lock order after Redox's `sync/ordered.rs`; ticket
//! lock: Mellor-Crummey and Scott 1991, algorithm 2; stack drained whole: Treiber 1986.

#![no_std]

mod array;
mod atomic;
mod directory;
#[cfg(feature = "host")]
mod host;
mod id;
mod list;
mod lock;
mod order;
mod page;
mod slab;
mod task;
mod wake;

#[cfg(feature = "host")]
pub use host::HeapPages;
pub use {
    array::PageArray,
    id::Id,
    list::{Linked, Links, List},
    lock::{Guard, Lock},
    order::{Before, Held, IrqsOff, Level, Unlocked},
    page::{Exhausted, PAGE_SIZE, Page, PageSource},
    slab::Slab,
    task::{FUTURE_SIZE, Running, TaskId, TaskSlot, TaskTable},
    wake::{WakeLink, WakeStack},
};
