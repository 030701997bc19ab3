//! The table of pipes and what each operation does to it.

use alloc::collections::VecDeque;

use tine_abi::Errno;
use tine_abi::protocol::file::WatchMask;
use tine_abi::protocol::pipe::{ATOMIC, CAPACITY};
use tine_server_model::{Badge, Clients, Descriptions, Token, WatchHandle, WatchList};

use crate::queue::ByteQueue;

/// Pipes that exist at one time at most; more is ENFILE.
pub const PIPES_MAX: usize = 4096;

/// Calls parked on one end at most; more is EAGAIN.
const PARKED_MAX: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Read,
    Write,
}

/// A call that waits for bytes or room.
#[derive(Debug)]
struct Parked {
    call: Token,
    length: usize,
    /// Bytes already moved (writers of more than `ATOMIC` bytes only).
    done: usize,
}

#[derive(Debug)]
struct End {
    open: bool,
    badge: Badge,
    parked: VecDeque<Parked>,
    watches: WatchList,
}

impl End {
    fn new() -> Self {
        Self { open: true, badge: Badge(0), parked: VecDeque::new(), watches: WatchList::default() }
    }
}

#[derive(Debug)]
struct Pipe {
    queue: ByteQueue,
    reader: End,
    writer: End,
}

/// All pipes.
#[derive(Debug)]
pub struct Pipes {
    pipes: Descriptions<Pipe>,
    ends: Descriptions<(Badge, Side)>,
}

impl Default for Pipes {
    fn default() -> Self {
        Self::new()
    }
}

impl Pipes {
    /// No pipes.
    #[must_use]
    pub const fn new() -> Self {
        Self { pipes: Descriptions::new(PIPES_MAX), ends: Descriptions::new(2 * PIPES_MAX) }
    }

    /// Number of pipes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pipes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pipes.is_empty()
    }

    /// Makes a pipe; the badges are of its read end and its write end.
    ///
    /// # Errors
    /// ENFILE at [`PIPES_MAX`], ENOMEM; nothing is changed then.
    pub fn create(&mut self) -> Result<(Badge, Badge), Errno> {
        let queue = ByteQueue::new(CAPACITY)?;
        let pipe = self.pipes.insert(Pipe { queue, reader: End::new(), writer: End::new() })?;
        let ends = self.ends.insert((pipe, Side::Read)).and_then(|read| {
            match self.ends.insert((pipe, Side::Write)) {
                Ok(write) => Ok((read, write)),
                Err(error) => {
                    self.ends.remove(read);
                    Err(error)
                }
            }
        });
        match ends {
            Ok((read, write)) => {
                if let Some(pipe) = self.pipes.get_mut(pipe) {
                    pipe.reader.badge = read;
                    pipe.writer.badge = write;
                }
                Ok((read, write))
            }
            Err(error) => {
                self.pipes.remove(pipe);
                Err(error)
            }
        }
    }

    fn find(&mut self, badge: Badge) -> Result<(&mut Pipe, Side), Errno> {
        let (pipe, side) = *self.ends.get(badge).ok_or(Errno::BADF)?;
        self.pipes.get_mut(pipe).map(|pipe| (pipe, side)).ok_or(Errno::BADF)
    }

    /// READ on an end: answers at once or parks the call.
    pub fn read(&mut self, badge: Badge, call: Token, length: usize, clients: &mut impl Clients) {
        match self.find(badge) {
            Ok((pipe, Side::Read)) => {
                pipe.park(Side::Read, Parked { call, length, done: 0 }, clients);
            }
            Ok((_, Side::Write)) | Err(_) => clients.reply(call, Err(Errno::BADF)),
        }
    }

    /// WRITE on an end: answers at once or parks the call. EPIPE when nobody can read; the
    /// library of the writer raises SIGPIPE.
    pub fn write(&mut self, badge: Badge, call: Token, length: usize, clients: &mut impl Clients) {
        match self.find(badge) {
            Ok((pipe, Side::Write)) => {
                pipe.park(Side::Write, Parked { call, length, done: 0 }, clients);
            }
            Ok((_, Side::Read)) | Err(_) => clients.reply(call, Err(Errno::BADF)),
        }
    }

    /// WATCH on an end; the result is what holds already.
    ///
    /// # Errors
    /// EBADF for a badge that is no end, EAGAIN for too many watches.
    pub fn watch(
        &mut self,
        badge: Badge,
        key: u64,
        handle: WatchHandle,
        mask: WatchMask,
        clients: &mut impl Clients,
    ) -> Result<WatchMask, Errno> {
        let (pipe, side) = self.find(badge)?;
        let level = pipe.level(side);
        pipe.end(side).watches.add(key, handle, mask, level, clients)
    }

    /// Ends a watch.
    ///
    /// # Errors
    /// EBADF for a badge that is no end.
    pub fn unwatch(
        &mut self,
        badge: Badge,
        key: u64,
        clients: &mut impl Clients,
    ) -> Result<(), Errno> {
        let (pipe, side) = self.find(badge)?;
        pipe.end(side).watches.remove(key, clients);
        Ok(())
    }

    /// Bytes that can be read at once.
    ///
    /// # Errors
    /// EBADF for a badge that is no end.
    pub fn available(&mut self, badge: Badge) -> Result<usize, Errno> {
        self.find(badge).map(|(pipe, _)| pipe.queue.len())
    }

    /// The last capability of an end is gone.
    pub fn closed(&mut self, badge: Badge, clients: &mut impl Clients) {
        let Some((id, side)) = self.ends.remove(badge) else { return };
        let Some(pipe) = self.pipes.get_mut(id) else { return };
        pipe.end(side).open = false;
        pipe.end(side).watches.clear(clients);
        // A call on this end keeps a capability to it in its record, so none is parked here.
        pipe.progress(clients);
        if !pipe.reader.open && !pipe.writer.open {
            self.pipes.remove(id);
        }
    }
}

impl Pipe {
    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Read => &mut self.reader,
            Side::Write => &mut self.writer,
        }
    }

    /// What poll(2) says of an end.
    fn level(&self, side: Side) -> WatchMask {
        let mut level = WatchMask::empty();
        match side {
            Side::Read => {
                level.set(WatchMask::READABLE, self.queue.len() > 0 || !self.writer.open);
                level.set(WatchMask::HANGUP, !self.writer.open);
            }
            Side::Write => {
                level.set(WatchMask::WRITABLE, self.queue.room() >= ATOMIC || !self.reader.open);
                level.set(WatchMask::HANGUP, !self.reader.open);
            }
        }
        level
    }

    fn park(&mut self, side: Side, parked: Parked, clients: &mut impl Clients) {
        let queue = &mut self.end(side).parked;
        if queue.len() >= PARKED_MAX || queue.try_reserve(1).is_err() {
            clients.reply(parked.call, Err(Errno::AGAIN));
            return;
        }
        queue.push_back(parked);
        self.progress(clients);
    }

    /// Serves parked calls until neither side can go on.
    fn progress(&mut self, clients: &mut impl Clients) {
        while self.serve_writer(clients) || self.serve_reader(clients) {}
        let (reader, writer) = (self.level(Side::Read), self.level(Side::Write));
        self.reader.watches.update(reader, clients);
        self.writer.watches.update(writer, clients);
    }

    /// Serves the first reader if it need not wait; whether anything happened.
    fn serve_reader(&mut self, clients: &mut impl Clients) -> bool {
        let Some(reader) = self.reader.parked.front() else { return false };
        let call = reader.call;
        let wanted = reader.length.min(self.queue.len());
        if wanted == 0 && reader.length > 0 && self.writer.open {
            return false;
        }
        // The bytes leave the queue only when they have arrived.
        let first = self.queue.front();
        let first = &first[..first.len().min(wanted)];
        let mut result = clients.send_to_client(call, 0, first).map(|()| first.len());
        if let Ok(moved) = result
            && moved < wanted
        {
            let second = &self.queue.wrapped()[..wanted - moved];
            result = clients.send_to_client(call, moved, second).map(|()| wanted);
        }
        if result.is_ok() {
            self.queue.consume(wanted);
        }
        self.reader.parked.pop_front();
        clients.reply(call, result.map(|count| count as u64));
        true
    }

    /// Moves bytes of the first writer; whether anything happened.
    fn serve_writer(&mut self, clients: &mut impl Clients) -> bool {
        let room = self.queue.room();
        let Some(writer) = self.writer.parked.front_mut() else { return false };
        let call = writer.call;
        if !self.reader.open {
            self.writer.parked.pop_front();
            clients.reply(call, Err(Errno::PIPE));
            return true;
        }
        let left = writer.length - writer.done;
        let must_fit = if writer.length <= ATOMIC { left } else { 1.min(left) };
        if room < must_fit {
            return false;
        }
        let mut moved = 0;
        let mut result = Ok(());
        while moved < left.min(room) {
            let vacant = self.queue.vacant(moved);
            let piece = vacant.len().min(left.min(room) - moved);
            result = clients.fetch_from_client(call, writer.done + moved, &mut vacant[..piece]);
            if result.is_err() {
                break;
            }
            moved += piece;
        }
        match result {
            Ok(()) => {
                self.queue.commit(moved);
                writer.done += moved;
                if writer.done == writer.length {
                    let written = writer.length as u64;
                    self.writer.parked.pop_front();
                    clients.reply(call, Ok(written));
                }
            }
            Err(error) => {
                // What an earlier turn moved was accepted; a fault reports it, as write(2) does.
                let done = writer.done as u64;
                self.writer.parked.pop_front();
                clients.reply(call, if done > 0 { Ok(done) } else { Err(error) });
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
