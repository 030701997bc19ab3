//! The buffer of standard output: what is kept, what is written when. No system calls.

use core::fmt;

use crate::error::{Errno, Result};

/// When the buffer is written by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flushing {
    /// At the end of each line.
    Line,
    /// When it is full.
    Full,
}

/// Where the text goes.
pub trait Sink {
    /// Writes all of it.
    ///
    /// # Errors
    /// As write(2).
    fn write_all(&mut self, bytes: &[u8]) -> Result<()>;

    /// How text for it is buffered. Asked at the first end of a line.
    fn flushing(&mut self) -> Flushing;
}

/// Bytes it holds. With everything else in data and bss it fits into one page.
pub const CAPACITY: usize = 1024;

/// Text that is not yet written, and the first failure to write.
#[derive(Debug)]
pub struct Buffer {
    bytes: [u8; CAPACITY],
    length: usize,
    flushing: Option<Flushing>,
    failure: Option<Errno>,
}

impl Buffer {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; CAPACITY], length: 0, flushing: None, failure: None }
    }

    /// Adds text; writes it as far as [`Flushing`] says. A failure is kept for [`Self::flush`].
    pub fn put(&mut self, mut bytes: &[u8], sink: &mut impl Sink) {
        while bytes.len() > CAPACITY - self.length {
            let (now, later) = bytes.split_at(CAPACITY - self.length);
            self.keep(now);
            self.write(sink);
            bytes = later;
        }
        self.keep(bytes);
        if bytes.contains(&b'\n') {
            let flushing = *self.flushing.get_or_insert_with(|| sink.flushing());
            if flushing == Flushing::Line {
                self.write(sink);
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    /// Writes what there is; a failure is kept for [`Self::flush`]. What could not be written is
    /// lost.
    pub fn write(&mut self, sink: &mut impl Sink) {
        if self.length > 0 {
            let result = sink.write_all(&self.bytes[..self.length]);
            self.failure = self.failure.or(result.err());
            self.length = 0;
        }
    }

    /// Writes what there is.
    ///
    /// # Errors
    /// The first failure since the last flush.
    pub fn flush(&mut self, sink: &mut impl Sink) -> Result<()> {
        self.write(sink);
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Forgets how text is buffered: the sink is another one now.
    pub const fn forget_kind(&mut self) {
        self.flushing = None;
    }

    /// For formatted text.
    pub fn writer<'a, S: Sink>(&'a mut self, sink: &'a mut S) -> Writer<'a, S> {
        Writer { buffer: self, sink }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

/// Formats into a [`Buffer`].
#[derive(Debug)]
pub struct Writer<'a, S> {
    buffer: &'a mut Buffer,
    sink: &'a mut S,
}

impl<S: Sink> fmt::Write for Writer<'_, S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.buffer.put(text.as_bytes(), self.sink);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use core::fmt::Write;
    use std::vec::Vec;

    use proptest::prelude::{ProptestConfig, any, proptest};
    use proptest::prop_assert_eq;

    use super::*;

    struct Written {
        pieces: Vec<Vec<u8>>,
        flushing: Flushing,
        asked: usize,
        fails: bool,
    }

    impl Written {
        fn new(flushing: Flushing) -> Self {
            Self { pieces: Vec::new(), flushing, asked: 0, fails: false }
        }
    }

    impl Sink for Written {
        fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
            if self.fails {
                return Err(Errno::PIPE);
            }
            self.pieces.push(bytes.to_vec());
            Ok(())
        }

        fn flushing(&mut self) -> Flushing {
            self.asked += 1;
            self.flushing
        }
    }

    #[test]
    fn a_terminal_gets_lines_in_one_piece() {
        let (mut buffer, mut sink) = (Buffer::new(), Written::new(Flushing::Line));
        write!(buffer.writer(&mut sink), "{}-two", 1).unwrap();
        assert!(sink.pieces.is_empty() && sink.asked == 0, "no line has ended");
        writeln!(buffer.writer(&mut sink)).unwrap();
        writeln!(buffer.writer(&mut sink), "more").unwrap();
        assert_eq!(sink.pieces, [&b"1-two\n"[..], b"more\n"]);
        assert_eq!(sink.asked, 1);
    }

    #[test]
    fn a_file_gets_full_buffers() {
        let (mut buffer, mut sink) = (Buffer::new(), Written::new(Flushing::Full));
        for _ in 0..300 {
            buffer.put(b"line\n", &mut sink);
        }
        assert_eq!(sink.pieces.iter().map(Vec::len).collect::<Vec<_>>(), [CAPACITY]);
        assert_eq!(buffer.flush(&mut sink), Ok(()));
        assert_eq!(sink.pieces.concat(), b"line\n".repeat(300));
    }

    #[test]
    fn a_failure_is_told_once_by_flush() {
        let (mut buffer, mut sink) = (Buffer::new(), Written::new(Flushing::Line));
        sink.fails = true;
        buffer.put(b"lost\n", &mut sink);
        sink.fails = false;
        assert_eq!(buffer.flush(&mut sink), Err(Errno::PIPE));
        assert_eq!(buffer.flush(&mut sink), Ok(()));
    }

    #[test]
    fn the_kind_is_asked_again_after_a_change() {
        let (mut buffer, mut sink) = (Buffer::new(), Written::new(Flushing::Full));
        buffer.put(b"a\n", &mut sink);
        buffer.forget_kind();
        sink.flushing = Flushing::Line;
        buffer.put(b"b\n", &mut sink);
        assert_eq!((sink.pieces, sink.asked), ([b"a\nb\n".to_vec()].to_vec(), 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_is_lost_or_reordered(pieces: Vec<Vec<u8>>, line in any::<bool>()) {
            let flushing = if line { Flushing::Line } else { Flushing::Full };
            let (mut buffer, mut sink) = (Buffer::new(), Written::new(flushing));
            for piece in &pieces {
                buffer.put(&piece.repeat(40), &mut sink);
            }
            buffer.flush(&mut sink).unwrap();
            let expected: Vec<u8> = pieces.iter().flat_map(|piece| piece.repeat(40)).collect();
            prop_assert_eq!(sink.pieces.concat(), expected);
        }
    }
}
