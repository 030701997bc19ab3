//! The calls that return twice: fork, and vfork on a stack of its own.
//!
//! Owns: the correction of the control block in the child; the child's stack of a vfork.
//! Source: `tine_abi::domain::CloneSpec`, `tine_abi::protocol::process::Operation::Fork`.
//!
//! A fork's child has a copy of the memory, so returning twice from [`fork`] is two programs each
//! returning once. A vfork's child shares the memory: it never returns to the frames of its parent,
//! it runs one function on another stack and ends there, by exec or by exit.

use tine_abi::capability::slot;
use tine_abi::error::Result;
use tine_abi::memory::PAGE;
use tine_abi::message::Words;
use tine_abi::{CapRef, Error, layout};
use tine_sys::memory::Mapping;
use tine_sys::message::{Message, Reply};
use tine_sys::raw;

use crate::control;

/// The process server.
pub const PROCESS: CapRef = CapRef::private(slot::PROCESS);

/// Sends a fork request to the process server. In the child, word 0 and word 1 of the reply are
/// zero, and the control block already holds its process id.
///
/// # Errors
/// As the row `call` says.
#[inline]
pub fn fork(request: Message<'_>) -> Result<Reply> {
    let reply = request.call(PROCESS)?;
    if reply.words[0] == 0 && reply.words[1] == 0 {
        control::set_process(reply.words[2] as u32);
    }
    Ok(reply)
}

/// A stack for the child of a vfork, with a guard page below it.
///
/// What the child leaves on it is forgotten, not dropped; the next child overwrites it.
#[derive(Debug)]
pub struct Stack(Mapping);

/// What the child needs before it can call its function, at the top of its stack.
#[repr(C, align(16))]
struct Top<T> {
    control: [u64; control::WORDS],
    child: fn(&mut T) -> !,
    argument: *mut T,
}

impl Stack {
    /// A stack of at least `bytes` bytes, in whole pages, and one page more for the guard.
    ///
    /// # Errors
    /// As the rows `map` and `protect` say; BAD_ARGUMENT for less than a page.
    pub fn new(bytes: usize) -> Result<Self> {
        if bytes < PAGE as usize {
            return Err(Error::BadArgument);
        }
        let mut mapping =
            Mapping::anonymous(bytes.checked_add(PAGE as usize).ok_or(Error::NoMemory)?)?;
        mapping.guard(PAGE as usize)?;
        Ok(Self(mapping))
    }
}

/// First function of a vfork child.
///
/// # Safety
/// `top` points to an initialised [`Top`] whose argument is valid, and the stack below it is free.
unsafe extern "C" fn child<T>(process: u64, top: *mut Top<T>) -> ! {
    // SAFETY: the caller's promise.
    let top = unsafe { &mut *top };
    // The base of GS is this block already: the request asked for it.
    top.control[0] = top.control.as_ptr().expose_provenance() as u64;
    control::set_process(process as u32);
    // SAFETY: the parent lent it mutably and waits until this thread has ended or executed.
    (top.child)(unsafe { &mut *top.argument })
}

/// Sends the fork request `words`, which must say VFORK, to the process server, word 2 being filled
/// in: the control block of the child. The child runs
/// `function(argument)` on `stack`; this function returns once, in the parent.
///
/// # Errors
/// As the row `call` says.
pub fn vfork<T>(
    words: &Words,
    stack: &mut Stack,
    argument: &mut T,
    function: fn(&mut T) -> !,
) -> Result<Words> {
    let room = size_of::<Top<T>>() + size_of::<[u64; 2]>();
    let bytes = stack.0.bytes_mut();
    let above = bytes.len().checked_sub(room).ok_or(Error::BadArgument)?;
    const { assert!(size_of::<Top<T>>().is_multiple_of(16)) };
    const { assert!(size_of::<[u64; control::WORDS]>() == layout::CONTROL as usize) };
    let pair = bytes[above..].as_mut_ptr().cast::<[u64; 2]>();
    // SAFETY: `room` bytes are left from `pair` to the end of the stack.
    let top = unsafe { pair.add(1) }.cast::<Top<T>>();
    let entry: unsafe extern "C" fn(u64, *mut Top<T>) -> ! = child::<T>;
    // SAFETY: inside the borrowed stack; the end of the mapping is page-aligned and both sizes are
    // multiples of 16, so both are aligned.
    unsafe { top.write(Top { control: [0; control::WORDS], child: function, argument }) };
    // SAFETY: as above.
    unsafe { pair.write([top.expose_provenance() as u64, entry as usize as u64]) };
    // SAFETY: `top` is valid; no reference to what it points to is made.
    let control = unsafe { &raw const (*top).control };
    let mut words = *words;
    words[2] = control.expose_provenance() as u64;
    // SAFETY: (1) the stack is borrowed until this function returns, and the process server answers
    // the parent only when the child has ended or executed; (2) `child` never returns, its argument
    // was just written, and what `argument` points to is borrowed mutably for the same time.
    let answer = unsafe { raw::fork_on_stack(PROCESS, &words, pair) };
    answer.status.result()?;
    Ok(answer.words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_no_stacks_to_give() {
        assert_eq!(Stack::new(100).unwrap_err(), Error::BadArgument);
        assert_eq!(Stack::new(4096).unwrap_err(), Error::UnknownCall);
    }
}
