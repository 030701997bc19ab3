//! Locks and their order, the wake stack: what one thread can see of them.
#![cfg(not(loom))]

use tine_ksync::{
    Before, Guard, Held, IrqsOff, Level, Lock, Running, TaskId, TaskTable, Unlocked, WakeLink,
    WakeStack, lock_order,
};

lock_order! {
    /// Taken first.
    Kernel,
    /// Taken second.
    Device,
    /// Taken last.
    Log,
}

/// Fails to compile if `$type` has `$bound`: then `_` below has two answers.
macro_rules! assert_not {
    ($type:ty: $($bound:tt)+) => {{
        trait Ambiguous<Which> {
            fn pick() {}
        }
        struct Both;
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $($bound)+> Ambiguous<Both> for T {}
        <$type as Ambiguous<_>>::pick();
    }};
}

fn is_before<First: Before<Second>, Second: Level>() {}

#[test]
fn the_order_is_total_and_strict() {
    is_before::<Unlocked, Kernel>();
    is_before::<Unlocked, Log>();
    is_before::<Kernel, Device>();
    is_before::<Kernel, Log>();
    is_before::<Device, Log>();
    assert_not!(Kernel: Before<Kernel>);
    assert_not!(Device: Before<Kernel>);
    assert_not!(Log: Before<Kernel>);
    assert_not!(Log: Before<Device>);
    assert_not!(Log: Before<Log>);
}

#[test]
fn tokens_and_guards_stay_on_their_cpu() {
    assert_not!(IrqsOff: Send);
    assert_not!(IrqsOff: Sync);
    assert_not!(Held<'static, Kernel>: Send);
    assert_not!(Guard<'static, Kernel, u8>: Send);
    assert_not!(IrqsOff: Clone);
    assert_not!(Held<'static, Unlocked>: Clone);
    // Yet locks and ids themselves go anywhere.
    fn shared<T: Send + Sync>() {}
    shared::<Lock<Kernel, u8>>();
    shared::<TaskId>();
    shared::<Lock<Kernel, TaskTable>>();
    // The right to poll stays where it was given; a table is shared by its lock only.
    assert_not!(Running: Send);
    assert_not!(Running: Clone);
    assert_not!(TaskTable: Sync);
}

#[test]
fn locks_nest_in_order_and_are_free_again() {
    let state_lock = Lock::<Kernel, u32>::new(1);
    let log_lock = Lock::<Log, Vec<u32>>::new(Vec::new());
    // SAFETY: the host has no interrupts, and this thread makes this one token.
    let mut irqs = unsafe { IrqsOff::assume() };
    let mut none = irqs.unlocked();
    for _ in 0..2 {
        let (mut state, mut held) = state_lock.lock(&mut none);
        *state += 1;
        let (mut log, _) = log_lock.lock(&mut held);
        log.push(*state);
        // SAFETY: it is a second token on this thread, but only for a lock that is not waited for.
        let mut other = unsafe { IrqsOff::assume() };
        assert!(state_lock.try_lock(&mut other.unlocked()).is_none());
    }
    let (log, _) = log_lock.try_lock(&mut none).unwrap();
    assert_eq!(*log, [2, 3]);
}

#[test]
fn threads_exclude_each_other() {
    let count = Lock::<Device, u64>::new(0);
    let rounds = if cfg!(miri) { 20 } else { 5000 };
    let add = || {
        // SAFETY: the host has no interrupts, and each thread makes one token.
        let mut irqs = unsafe { IrqsOff::assume() };
        for _ in 0..rounds {
            *count.lock(&mut irqs.unlocked()).0 += 1;
        }
    };
    std::thread::scope(|threads| {
        threads.spawn(add);
        add();
    });
    // SAFETY: as above; the tokens in `add` are gone.
    let mut irqs = unsafe { IrqsOff::assume() };
    assert_eq!(*count.lock(&mut irqs.unlocked()).0, 2 * rounds);
}

#[test]
fn the_wake_stack_hands_out_oldest_first_and_each_once() {
    let nodes: [WakeLink; 4] = Default::default();
    let stack = WakeStack::default();
    assert!(stack.is_empty());
    assert!(stack.push(&nodes[..], 2), "the stack was empty");
    assert!(!stack.push(&nodes[..], 0), "the CPU has been told");
    assert!(!stack.push(&nodes[..], 2), "on the stack already");
    assert!(!stack.push(&nodes[..], 3));
    assert!(!stack.push(&nodes[..], 4), "no such node");
    let mut woken = Vec::new();
    stack.drain(&nodes[..], |node| {
        // A node may be queued again as soon as it is handed out.
        if node == 0 {
            assert!(stack.push(&nodes[..], 0));
        }
        woken.push(node);
    });
    assert_eq!(woken, [2, 0, 3]);
    assert!(!stack.is_empty());
    stack.drain(&nodes[..], |node| woken.push(node));
    assert_eq!(woken, [2, 0, 3, 0]);
}
