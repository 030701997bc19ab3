//! The protocols of the servers: what the words of a message mean.
//!
//! Word 0 of a request is an operation, word 1 flags, words 2 to 7 arguments; word 0 of a reply is
//! 0 or an [`crate::Errno`], results follow from word 1. Undefined operations get ENOSYS, undefined
//! flags EINVAL, whatever a server's state. Strings and buffers travel as memory ranges, whose
//! lengths are repeated in the words; a range shorter than said is EFAULT.
//!
//! Identity is the badge that the kernel delivers; no request says who it is from.

pub mod console;
pub mod file;
pub mod pipe;
pub mod process;

/// Declares the operations of a protocol: number, name, request words, reply words.
macro_rules! operations {
    ($(#[$doc:meta])* $name:ident { $($number:literal $variant:ident $summary:literal, request: $request:literal, reply: $reply:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u64)]
        pub enum $name {
            $(
                #[doc = $summary]
                #[doc = concat!("\n\nRequest: ", $request, "\n\nReply: ", $reply)]
                $variant = $number,
            )*
        }

        impl $name {
            /// Every operation as (number, name, summary, request, reply), for the manual.
            pub const ALL: &[(u64, &str, &str, &str, &str)] =
                &[$(($number, stringify!($variant), $summary, $request, $reply)),*];

            /// The operation with this number.
            #[must_use]
            pub const fn from_number(number: u64) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use operations;
