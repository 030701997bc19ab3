//! Structures in user memory: read and written word by word, never by a user's pointer.
//!
//! Owns: the way from an address of a program to words and back. Never here: what the words mean
//! (`tine_abi::wire::Wire`). A page that cannot be resolved is [`Error::BadAddress`]; nothing waits.

use tine_abi::{Error, memory::PAGE, wire::Wire};

use crate::{
    machine::Machine,
    memory::{Access, copy_in, copy_out},
    object::{SpaceId, ThreadId},
    state::State,
};

/// Words of the largest structure.
const WORDS: usize = 24;

const _: () = assert!(tine_abi::domain::CloneSpec::WORDS <= WORDS);
const _: () = assert!(tine_abi::message::Extras::WORDS <= WORDS);
const _: () = assert!(tine_abi::registers::REGISTERS <= WORDS);

impl<M: Machine> State<M> {
    /// Reads bytes of a program.
    pub(crate) fn read_bytes(
        &mut self,
        space: SpaceId,
        address: u64,
        into: &mut [u8],
    ) -> Result<(), Error> {
        self.with_space(space, |cx, space| {
            copy_in(space, cx, address, into).map_err(|_| Error::BadAddress)
        })
    }

    /// Writes bytes of a program.
    pub(crate) fn write_bytes(
        &mut self,
        space: SpaceId,
        address: u64,
        from: &[u8],
    ) -> Result<(), Error> {
        self.with_space(space, |cx, space| {
            copy_out(space, cx, address, from).map_err(|_| Error::BadAddress)
        })
    }

    /// Reads at most 24 words.
    pub(crate) fn read_words(
        &mut self,
        space: SpaceId,
        address: u64,
        words: &mut [u64],
    ) -> Result<(), Error> {
        let end = address.wrapping_add(words.len() as u64 * 8).wrapping_sub(1);
        if !address.is_multiple_of(8) || address / PAGE != end / PAGE {
            return self.read_unaligned(space, address, words);
        }
        self.with_space(space, |cx, space| {
            let frame = space.resolve(cx, address, Access::Read).map_err(|_| Error::BadAddress)?;
            if !cx.frames.manages(frame) {
                return Err(Error::BadAddress);
            }
            let first = (address % PAGE / 8) as usize;
            for (index, word) in words.iter_mut().enumerate() {
                *word = cx.machine.load(frame, first + index);
            }
            Ok(())
        })
    }

    /// As [`State::read_words`], wherever they lie.
    #[inline(never)]
    fn read_unaligned(
        &mut self,
        space: SpaceId,
        address: u64,
        words: &mut [u64],
    ) -> Result<(), Error> {
        let mut bytes = [0; WORDS * 8];
        let bytes = bytes.get_mut(..words.len() * 8).ok_or(Error::BadArgument)?;
        self.read_bytes(space, address, bytes)?;
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(())
    }

    /// Reads a structure of the calling thread; BAD_ARGUMENT if a field has no defined value.
    pub(crate) fn read_structure<T: Wire>(
        &mut self,
        me: ThreadId,
        address: u64,
    ) -> Result<T, Error> {
        let space = self.thread(me)?.space;
        let mut words = [0; WORDS];
        let words = words.get_mut(..T::WORDS).ok_or(Error::BadArgument)?;
        self.read_words(space, address, words)?;
        T::decode(words).ok_or(Error::BadArgument)
    }

    /// Writes a structure into the memory of the calling thread.
    pub(crate) fn write_structure<T: Wire>(
        &mut self,
        me: ThreadId,
        address: u64,
        value: &T,
    ) -> Result<(), Error> {
        let space = self.thread(me)?.space;
        let (mut words, mut bytes) = ([0; WORDS], [0; WORDS * 8]);
        let words = words.get_mut(..T::WORDS).ok_or(Error::BadArgument)?;
        value.encode(words);
        let bytes = bytes.get_mut(..T::WORDS * 8).ok_or(Error::BadArgument)?;
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        self.write_bytes(space, address, bytes)
    }
}
