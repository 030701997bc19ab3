//! Results as programs see them: an errno with FreeBSD's name and number.
//!
//! Owns: the way from the kernel's status and a server's word 0 to an [`Errno`].

use tine_abi::message::Words;
use tine_sys::message::Reply;

pub use tine_abi::Errno;

/// Result of everything in this library.
pub type Result<T> = core::result::Result<T, Errno>;

/// A request: operation, flags, and the arguments from word 2 on.
#[inline]
pub(crate) const fn request<const N: usize>(
    operation: u64,
    flags: u64,
    arguments: [u64; N],
) -> Words {
    const { assert!(N <= 6) };
    let mut words = [operation, flags, 0, 0, 0, 0, 0, 0];
    let mut index = 0;
    while index < N {
        words[2 + index] = arguments[index];
        index += 1;
    }
    words
}

/// A server's answer. An errno that this version does not know is EIO.
#[inline(always)]
pub(crate) fn answer(reply: tine_sys::Result<Reply>) -> Result<Reply> {
    match reply {
        Ok(reply) if reply.words[0] == 0 => Ok(reply),
        Ok(reply) => Err(refusal(reply.words[0])),
        Err(error) => Err(error.into()),
    }
}

/// What word 0 of a reply says.
#[cold]
pub(crate) fn refusal(number: u64) -> Errno {
    Errno::from_number(number).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use tine_abi::Error;
    use tine_abi::message::ArrivedSlots;

    use super::*;

    #[test]
    fn arguments_follow_operation_and_flags() {
        assert_eq!(request(7, 1, [5, 6]), [7, 1, 5, 6, 0, 0, 0, 0]);
        assert_eq!(request::<0>(7, 0, []), [7, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn errors_come_from_the_kernel_or_from_word_zero() {
        let reply = |word| Ok(Reply { words: [word; 8], arrived: ArrivedSlots::NONE });
        assert_eq!(answer(Err(Error::BadCapability)).unwrap_err(), Errno::BADF);
        assert_eq!(answer(reply(32)).unwrap_err(), Errno::PIPE);
        assert_eq!(answer(reply(1 << 40)).unwrap_err(), Errno::IO);
        assert!(answer(reply(0)).is_ok());
    }
}
