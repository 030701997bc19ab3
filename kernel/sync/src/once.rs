//! A value set once: what boot finds out and everyone reads afterwards.
//!
//! Owns [`Once`], which gives the crate `spin`'s the two operations a kernel wants: a second setter
//! is told so, and an early reader gets `None`. Safe code; the exclusion is `spin`'s.

/// A place for one value that never changes once it is there.
#[derive(Debug, Default)]
pub struct Once<T>(spin::Once<T>);

impl<T> Once<T> {
    /// Nothing yet.
    pub const fn new() -> Once<T> {
        Once(spin::Once::new())
    }

    /// Sets the value; gives it back if there is one already.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        // The closure runs for the first setter only, and takes the value away.
        match (self.0.try_call_once(|| value.take().ok_or(())), value) {
            (_, Some(value)) => Err(value),
            (_, None) => Ok(()),
        }
    }

    /// The value, once it is set.
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }
}
