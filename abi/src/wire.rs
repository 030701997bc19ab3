//! Structures that cross a boundary through memory, as little-endian 64-bit words.
//!
//! A boundary structure is a list of words; [`Wire`] turns it into words and back without
//! `unsafe`, padding or alignment questions. The kernel reads the words of a hostile process with
//! bounded copies, then decodes; every decoder checks every field and says `None` for what it does
//! not know, reserved bits included.

/// A structure with a fixed number of 64-bit words as its memory image.
pub trait Wire: Sized {
    /// Words of the image; the size in bytes is eight times that.
    const WORDS: usize;

    /// Writes the image. `words` has exactly [`Self::WORDS`] elements.
    fn encode(&self, words: &mut [u64]);

    /// Reads the image; `None` when a field has a value this version does not define.
    fn decode(words: &[u64]) -> Option<Self>;
}

/// Declares a structure of words and its image: the fields in their order, eight bytes each. Every
/// value of a field is defined, but for one that `where` fixes.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(where $fixed:ident == $value:ident)? {
            $($(#[$field_meta:meta])* pub $field:ident: u64,)+
        }
    ) => {
        $(#[$meta])*
        pub struct $name {
            $($(#[$field_meta])* pub $field: u64,)+
        }

        impl $crate::wire::Wire for $name {
            const WORDS: usize = [$(stringify!($field)),+].len();

            fn encode(&self, words: &mut [u64]) {
                words[..Self::WORDS].copy_from_slice(&[$(self.$field),+]);
            }

            fn decode(words: &[u64]) -> Option<Self> {
                let [$($field),+] = *words else { return None };
                $(if $fixed != $value {
                    return None;
                })?
                Some(Self { $($field),+ })
            }
        }
    };
}
pub(crate) use words;
