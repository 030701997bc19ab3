//! Who may take which lock when: interrupts off, and levels in order.
//!
//! Owns [`IrqsOff`], [`Held`], [`Level`], [`Before`] and [`lock_order!`](crate::lock_order). Never
//! here: a lock, or the instruction that masks interrupts. All of it is gone at run time.
//!
//! Invariants:
//! - O1 a lock is taken only with a [`Held`], which borrows from an [`IrqsOff`]: so interrupts are
//!   off for as long as any guard lives, and a handler never spins on what it interrupted.
//! - O2 taking level `L` borrows the `Held<P>` mutably for as long as the guard lives, and asks
//!   `P: Before<L>`: so one CPU holds levels in strictly rising order, and CPUs cannot wait for each
//!   other in a circle. Taking locks out of order does not compile.
//! - O3 neither tokens nor guards are `Send`: a future that keeps one across an await is not `Send`
//!   either, and the task table does not take it.

use core::marker::PhantomData;

/// Proof that interrupts are off on this CPU.
#[derive(Debug)]
pub struct IrqsOff(pub(crate) PhantomData<*mut ()>);

impl IrqsOff {
    /// Makes the token.
    ///
    /// # Safety
    /// 1. Interrupts are off on this CPU and stay off while the token lives.
    /// 2. It is the only token on this CPU while it lives. (On the host: on this thread.)
    pub const unsafe fn assume() -> IrqsOff {
        IrqsOff(PhantomData)
    }

    /// The start of every order: no lock is held.
    #[inline]
    pub const fn unlocked(&mut self) -> Held<'_, Unlocked> {
        Held(PhantomData)
    }
}

/// Proof that no lock of a level later than `L` is held on this CPU.
#[derive(Debug)]
pub struct Held<'a, L>(pub(crate) PhantomData<(&'a mut IrqsOff, L)>);

/// A place in the order of locks: a type without values, made by [`lock_order!`](crate::lock_order).
pub trait Level {}

/// A lock of level `L` may be taken while one of this level is held.
pub trait Before<L: Level> {}

/// The level before all others.
#[derive(Debug)]
pub enum Unlocked {}

impl<L: Level> Before<L> for Unlocked {}

/// Declares the lock levels of a program, first to be taken first.
///
/// `lock_order! { /// The kernel state. Kernel, /// The serial log. Log }` makes the types `Kernel`
/// and `Log`, where `Log` may be taken while `Kernel` is held, and not the other way round.
#[macro_export]
macro_rules! lock_order {
    (@pairs $first:ident $($later:ident)*) => {
        $(impl $crate::Before<$later> for $first {})*
        $crate::lock_order!(@pairs $($later)*);
    };
    (@pairs) => {};
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {
        $(
            $(#[$meta])*
            #[derive(Debug)]
            pub enum $name {}
            impl $crate::Level for $name {}
        )+
        $crate::lock_order!(@pairs $($name)+);
    };
}
