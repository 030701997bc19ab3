//! What several tests need: sparse physical memory, and small ELF files.

use std::collections::BTreeMap;

use tine_directboot_model::physical::Physical;

/// Physical memory that exists only where something was put.
#[derive(Debug, Default)]
pub(crate) struct Sparse {
    bytes: BTreeMap<u64, u8>,
}

impl Sparse {
    pub(crate) fn put(&mut self, address: u64, bytes: &[u8]) {
        for (offset, &byte) in bytes.iter().enumerate() {
            self.bytes.insert(address + offset as u64, byte);
        }
    }

    /// Puts a table and sets the byte at `checksum_at` so that it sums to zero.
    pub(crate) fn put_summed(&mut self, address: u64, bytes: &[u8], checksum_at: usize) {
        let mut bytes = bytes.to_vec();
        bytes[checksum_at] = 0;
        bytes[checksum_at] = bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_sub(byte));
        self.put(address, &bytes);
    }
}

impl Physical for Sparse {
    fn read(&self, address: u64, into: &mut [u8]) -> bool {
        into.iter_mut().enumerate().all(|(offset, byte)| {
            let found = address.checked_add(offset as u64).and_then(|at| self.bytes.get(&at));
            found.map(|&value| *byte = value).is_some()
        })
    }
}

/// Little-endian words.
pub(crate) fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A program header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) kind: u32,
    /// 1 execute, 2 write, 4 read.
    pub(crate) flags: u32,
    pub(crate) file_offset: u64,
    pub(crate) address: u64,
    pub(crate) file_size: u64,
    pub(crate) memory_size: u64,
    pub(crate) alignment: u64,
}

impl Header {
    pub(crate) fn load(flags: u32, file_offset: u64, address: u64, size: u64) -> Header {
        let (file_size, memory_size) = (size, size);
        Header { kind: 1, flags, file_offset, address, file_size, memory_size, alignment: 4096 }
    }
}

/// An ELF file: headers at its start, `size` bytes in all.
pub(crate) fn elf(kind: u16, entry: u64, headers: &[Header], size: usize) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend(kind.to_le_bytes());
    file.extend(62u16.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend(words(&[entry, 64, 0]));
    file.extend(0u32.to_le_bytes());
    for field in [64u16, 56, headers.len() as u16, 0, 0, 0] {
        file.extend(field.to_le_bytes());
    }
    for it in headers {
        file.extend(it.kind.to_le_bytes());
        file.extend(it.flags.to_le_bytes());
        file.extend(words(&[it.file_offset, it.address, it.address]));
        file.extend(words(&[it.file_size, it.memory_size, it.alignment]));
    }
    file.resize(size.max(file.len()), 0);
    file
}
