//! Messages: `call` for clients; `recv`, `reply` and `reply_recv` for servers.
//!
//! Owns: the client's [`Message`] with the memory that it lends, [`Reply`], the server's
//! [`Received`].
//!
//! Never enters it: what words mean; retries.
//!
//! Invariants: a call without extras writes no memory ([`call`]); one with extras writes only the
//! words of the image that the kernel reads; lent buffers stay borrowed until the reply is there.

use core::marker::PhantomData;
use core::mem::MaybeUninit;

use tine_abi::capability::Destination;
use tine_abi::error::Result;
use tine_abi::message::{
    ArrivedSlots, Extras, MessageKind, Range, SendCapability, TRANSFERS, Words, layout,
};
use tine_abi::{Call, CapRef};

use crate::raw;

/// The image of an answer's [`Extras`] in memory, written only where the kernel reads it.
struct Image([MaybeUninit<u64>; layout::WORDS]);

impl Image {
    #[inline]
    fn of(extras: &Extras) -> Self {
        let mut image = [const { MaybeUninit::uninit() }; layout::WORDS];
        extras.for_each_word(|index, word| {
            image[index].write(word);
        });
        Self(image)
    }

    #[inline]
    fn address(&self) -> u64 {
        self.0.as_ptr().expose_provenance() as u64
    }
}

/// A server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Word 0 is 0 or an errno, in all protocols of Tine.
    pub words: Words,
    /// Which receive slots were filled, and with which slot numbers.
    pub arrived: ArrivedSlots,
}

/// Sends eight words and waits for the answer.
///
/// # Errors
/// As the row `call` says.
#[inline]
pub fn call(port: CapRef, words: &Words) -> Result<Reply> {
    // SAFETY: no extras, hence no memory of ours is lent.
    let answer = unsafe { raw::message(Call::Call, port, 0, words, 0) };
    answer.status.result()?;
    Ok(Reply { words: answer.words, arrived: ArrivedSlots(answer.token) })
}

/// A call with capabilities, receive slots or lent memory.
#[derive(Debug)]
pub struct Message<'a> {
    words: Words,
    /// Word 0 of the image.
    head: u64,
    /// Written only where the kernel reads it.
    image: [MaybeUninit<u64>; layout::WORDS],
    lent: PhantomData<&'a mut [u8]>,
}

impl<'a> Message<'a> {
    /// These words.
    #[inline(always)]
    #[must_use]
    pub const fn new(words: Words) -> Self {
        let image = [const { MaybeUninit::uninit() }; layout::WORDS];
        Self { words, head: 0, image, lent: PhantomData }
    }

    /// Counts one more of what is counted at `shift`; tells how many there were.
    #[inline(always)]
    fn count(&mut self, shift: u32, limit: usize) -> usize {
        let number = (self.head >> shift & 15) as usize;
        assert!(number < limit, "a message has four transfers and lends two buffers at most");
        self.head += 1 << shift;
        number
    }

    /// Lends a buffer that the server may read.
    ///
    /// # Panics
    /// If two buffers are lent already.
    #[inline(always)]
    #[must_use]
    pub fn readable(self, buffer: &'a [u8]) -> Self {
        let address = buffer.as_ptr().expose_provenance() as u64;
        self.range(Range { address, length: buffer.len() as u64, writable: false })
    }

    /// Lends a buffer that the server may write.
    ///
    /// # Panics
    /// If two buffers are lent already.
    #[inline(always)]
    #[must_use]
    pub fn writable(self, buffer: &'a mut [u8]) -> Self {
        let address = buffer.as_mut_ptr().expose_provenance() as u64;
        self.range(Range { address, length: buffer.len() as u64, writable: true })
    }

    #[inline(always)]
    fn range(mut self, range: Range) -> Self {
        let first = layout::RANGES + 2 * self.count(layout::RANGES_SHIFT, 2);
        let [address, length] = range.words();
        self.image[first].write(address);
        self.image[first + 1].write(length);
        self
    }

    /// Sends a capability along.
    ///
    /// # Panics
    /// If there are [`TRANSFERS`] already.
    #[inline(always)]
    #[must_use]
    pub fn send(mut self, capability: SendCapability) -> Self {
        let first = layout::CAPABILITIES + 3 * self.count(layout::CAPABILITIES_SHIFT, TRANSFERS);
        let [source, rights, badge] = capability.words();
        self.image[first].write(source);
        self.image[first + 1].write(rights);
        self.image[first + 2].write(badge);
        self
    }

    /// Reserves a slot for a capability of the reply.
    ///
    /// # Panics
    /// If there are [`TRANSFERS`] already.
    #[inline(always)]
    #[must_use]
    pub fn receive(mut self, destination: Destination) -> Self {
        let index = self.count(layout::RECEIVE_SHIFT, TRANSFERS);
        self.image[layout::RECEIVE + index].write(destination.bits());
        self
    }

    /// Sends it and waits for the answer.
    ///
    /// # Errors
    /// As the row `call` says.
    #[inline(always)]
    pub fn call(mut self, port: CapRef) -> Result<Reply> {
        let extras = if self.head == 0 {
            0
        } else {
            self.image[0].write(self.head);
            self.image.as_ptr().expose_provenance() as u64
        };
        // SAFETY: (1) the image lives until after the call; (2) every range was made from a borrow
        // that lasts for 'a, hence longer than `self`, mutable if the range is writable.
        let answer = unsafe { raw::message(Call::Call, port, 0, &self.words, extras) };
        answer.status.result()?;
        Ok(Reply { words: answer.words, arrived: ArrivedSlots(answer.token) })
    }
}

/// What a server received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Call, notification or fault.
    pub kind: MessageKind,
    /// Names the call when it is answered; meaningless for a notification.
    pub token: u64,
    /// The eight words.
    pub words: Words,
    /// Who: the badge of the identity, supervisor or binding.
    pub badge: u64,
    /// Bit *i*: capability *i* lies in the *i*-th slot of the arrivals window.
    pub arrived: u8,
    /// Bit *i*: the caller's receive slot *i* could not be reserved, or was not named.
    pub missing: u8,
    /// Protocol rights of the capability that was called.
    pub rights: u16,
}

impl Received {
    #[inline]
    fn new(raw: &raw::Transferred) -> Result<Self> {
        raw.status.result()?;
        Ok(Self {
            kind: raw.status.kind(),
            token: raw.token,
            words: raw.words,
            badge: raw.badge,
            arrived: raw.status.arrived(),
            missing: raw.status.missing_slots(),
            rights: raw.status.protocol_rights(),
        })
    }
}

/// Waits for the next message of `port`.
///
/// # Errors
/// As the row `recv` says.
#[inline]
pub fn recv(port: CapRef) -> Result<Received> {
    // SAFETY: no extras.
    Received::new(&unsafe { raw::message(Call::Receive, port, 0, &[0; 8], 0) })
}

/// The answering half of `reply_recv` and `reply`: registers only if there are no extras.
#[inline]
fn answer(
    call: Call,
    port: CapRef,
    token: u64,
    words: &Words,
    extras: Option<&Extras>,
) -> raw::Transferred {
    match extras {
        // SAFETY: no extras.
        None => unsafe { raw::message(call, port, token, words, 0) },
        Some(extras) => {
            let image = Image::of(extras);
            // SAFETY: the image lives until after the call; ranges mean nothing in an answer.
            unsafe { raw::message(call, port, token, words, image.address()) }
        }
    }
}

/// Answers the call `token` ([`tine_abi::message::NO_TOKEN`]: none) and waits for the next message.
///
/// # Errors
/// As the row `reply_recv` says; then nothing was answered and nothing received.
#[inline]
pub fn reply_recv(
    port: CapRef,
    token: u64,
    words: &Words,
    extras: Option<&Extras>,
) -> Result<Received> {
    Received::new(&answer(Call::ReplyReceive, port, token, words, extras))
}

/// Answers the call `token` and goes on.
///
/// # Errors
/// As the row `reply` says; then nothing was answered.
#[inline]
pub fn reply(port: CapRef, token: u64, words: &Words, extras: Option<&Extras>) -> Result<()> {
    answer(Call::Reply, port, token, words, extras).status.result()
}

#[cfg(test)]
mod tests {
    use tine_abi::capability::Rights;
    use tine_abi::message::SendMode;
    use tine_abi::wire::Wire;

    use super::*;
    use crate::raw::host::made;

    #[test]
    fn a_call_of_words_names_no_memory() {
        let port = CapRef::private(1);
        assert!(call(port, &[1, 2, 3, 4, 5, 6, 7, 8]).is_err());
        let expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0];
        assert_eq!(made(), [(Call::Call, port, expected.to_vec())]);
    }

    #[test]
    fn lent_buffers_and_capabilities_stand_where_the_kernel_reads() {
        let mut buffer = [0; 5];
        let address = buffer.as_ptr() as u64;
        let sent = SendCapability {
            source: CapRef::private(20),
            mode: SendMode::Move,
            rights: Rights::ALL,
            badge: 0,
        };
        let slot = Destination::lowest_from(CapRef::descriptor(0));
        let message = Message::new([7; 8]).writable(&mut buffer).send(sent).receive(slot);
        assert_eq!(message.head, 0x111);
        let mut words = [0; Extras::WORDS];
        words[0] = message.head;
        for index in [1, 2, 3, layout::RECEIVE, layout::RANGES, layout::RANGES + 1] {
            // SAFETY: these words belong to one capability, one slot and one range.
            words[index] = unsafe { message.image[index].assume_init() };
        }
        let extras = Extras::decode(&words).unwrap();
        assert_eq!(extras.ranges, [Some(Range { address, length: 5, writable: true }), None]);
        assert_eq!((extras.capabilities[0], extras.receive[0]), (Some(sent), Some(slot)));
        assert_eq!(extras.capabilities[1..], [None; 3]);
    }

    #[test]
    #[should_panic(expected = "lends two buffers at most")]
    fn a_third_buffer_is_refused() {
        drop(Message::new([0; 8]).readable(&[]).readable(&[]).readable(&[]));
    }

    #[test]
    fn answers_carry_their_token() {
        let port = CapRef::private(4);
        assert!(reply_recv(port, 9, &[0; 8], None).is_err());
        assert!(reply(port, 10, &[0; 8], Some(&Extras::NONE)).is_err());
        assert!(recv(port).is_err());
        let calls = made();
        let of = |index: usize| (calls[index].0, calls[index].2[0], calls[index].2[9]);
        assert_eq!(of(0), (Call::ReplyReceive, 9, 0));
        assert_eq!(of(1), (Call::Reply, 10, 1));
        assert_eq!(of(2), (Call::Receive, 0, 0));
    }
}
