//! The list of processes.

use alloc::vec::Vec;

use tine_abi::protocol::process::Operation;
use tine_abi::wire::Wire;
use tine_rt::fork::PROCESS;
use tine_sys::message::Message;

pub use tine_abi::protocol::process::{Record, State};

use crate::error::{Errno, Result, answer, request};

/// Records asked for at once.
const CHUNK: usize = 16;
/// Bytes of one.
const BYTES: usize = 8 * Record::WORDS;

/// All processes, in the order of their pids.
///
/// # Errors
/// EBADF without a process server.
pub fn processes() -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let mut buffer = [0; CHUNK * BYTES];
    let mut first = 0;
    loop {
        let words = request(Operation::List as u64, 0, [first, (CHUNK * BYTES) as u64]);
        let reply = answer(Message::new(words).writable(&mut buffer).call(PROCESS))?;
        let written = (reply.words[1] as usize).min(CHUNK);
        parse(&buffer[..written * BYTES], &mut records).ok_or(Errno::IO)?;
        if reply.words[2] == 0 {
            return Ok(records);
        }
        // The list goes on at a higher pid, or for ever.
        if reply.words[2] <= first {
            return Err(Errno::IO);
        }
        first = reply.words[2];
    }
}

/// Reads images of records.
fn parse(bytes: &[u8], records: &mut Vec<Record>) -> Option<()> {
    for image in bytes.chunks_exact(BYTES) {
        let mut words = [0; Record::WORDS];
        for (word, bytes) in words.iter_mut().zip(image.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        records.push(Record::decode(&words)?);
    }
    Some(())
}

/// The name of a process without the zeros after it.
#[must_use]
pub fn name(record: &Record) -> &[u8] {
    let end = record.name.iter().position(|&byte| byte == 0).unwrap_or(record.name.len());
    &record.name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_from_their_images() {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(b"init");
        let record = Record {
            pid: 1,
            parent: 0,
            group: 1,
            session: 1,
            user: 0,
            state: State::Running,
            name: bytes,
        };
        let mut words = [0; Record::WORDS];
        record.encode(&mut words);
        let mut image: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut records = Vec::new();
        assert_eq!(parse(&image.repeat(2), &mut records), Some(()));
        assert_eq!(records, [record, record]);
        assert_eq!(name(&records[0]), b"init");
        image[20] = 99;
        assert_eq!(parse(&image, &mut records), None, "an unknown state");
    }
}
