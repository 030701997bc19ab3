//! Locks and their order, `Once`, the wake stack: what one thread can see of them.
#![cfg(not(loom))]

use tine_ksync::{
    Before, Guard, Held, IrqsOff, Level, Lock, Once, Pushed, TaskId, Unlocked, WakeLink, WakeStack,
    lock_order,
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
    shared::<tine_ksync::TaskTable>();
}

#[test]
fn locks_nest_in_order_and_are_free_again() {
    static STATE: Lock<Kernel, u32> = Lock::new(1);
    static LOG: Lock<Log, Vec<u32>> = Lock::new(Vec::new());
    // SAFETY: the host has no interrupts, and this thread makes this one token.
    let mut irqs = unsafe { IrqsOff::assume() };
    let mut none = irqs.unlocked();
    for _ in 0..2 {
        let (mut state, mut held) = STATE.lock(&mut none);
        *state += 1;
        let (mut log, _) = LOG.lock(&mut held);
        log.push(*state);
        // SAFETY: it is a second token on this thread, but only for a lock that is not waited for.
        let mut other = unsafe { IrqsOff::assume() };
        assert!(STATE.try_lock(&mut other.unlocked()).is_none());
    }
    let (log, _) = LOG.try_lock(&mut none).unwrap();
    assert_eq!(*log, [2, 3]);
}

#[test]
fn threads_exclude_each_other() {
    static COUNT: Lock<Device, u64> = Lock::new(0);
    let rounds = if cfg!(miri) { 20 } else { 5000 };
    let add = move || {
        // SAFETY: the host has no interrupts, and each thread makes one token.
        let mut irqs = unsafe { IrqsOff::assume() };
        for _ in 0..rounds {
            *COUNT.lock(&mut irqs.unlocked()).0 += 1;
        }
    };
    let other = std::thread::spawn(add);
    add();
    other.join().unwrap();
    // SAFETY: as above; the token in `add` is gone.
    let mut irqs = unsafe { IrqsOff::assume() };
    assert_eq!(*COUNT.lock(&mut irqs.unlocked()).0, 2 * rounds);
}

#[test]
fn once_is_set_once() {
    static PLACE: Once<String> = Once::new();
    assert_eq!(PLACE.get(), None);
    assert_eq!(PLACE.set("first".into()), Ok(()));
    assert_eq!(PLACE.set("second".into()), Err("second".into()));
    assert_eq!(PLACE.get().map(String::as_str), Some("first"));
}

#[test]
fn the_wake_stack_hands_out_oldest_first_and_each_once() {
    let nodes: [WakeLink; 4] = Default::default();
    let stack = WakeStack::new();
    assert!(stack.is_empty());
    assert_eq!(stack.push(&nodes[..], 2), Pushed::First);
    assert_eq!(stack.push(&nodes[..], 0), Pushed::Joined);
    assert_eq!(stack.push(&nodes[..], 2), Pushed::Already);
    assert_eq!(stack.push(&nodes[..], 3), Pushed::Joined);
    assert_eq!(stack.push(&nodes[..], 4), Pushed::Unknown);
    let mut woken = Vec::new();
    stack.drain(&nodes[..], |node| {
        // A node may be queued again as soon as it is handed out.
        if node == 0 {
            assert_eq!(stack.push(&nodes[..], 0), Pushed::First);
        }
        woken.push(node);
    });
    assert_eq!(woken, [2, 0, 3]);
    assert!(!stack.is_empty());
    stack.drain(&nodes[..], |node| woken.push(node));
    assert_eq!(woken, [2, 0, 3, 0]);
}
