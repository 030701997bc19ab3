//! Programs without what only a debugger reads.
//!
//! Owns: one cut. Called by: `tools/xtask` for what goes into memory with the boot archive.
//! Never enters it: the kernel, whose symbols its epitaph needs.
//!
//! Invariant: every byte that a loader maps is unchanged; a file that is not understood is
//! returned as it is, and the guest's own loader judges it.
//! Source: the System V ABI, "Object Files"; AMD64 supplement.

/// Size of an ELF64 header.
const HEADER: usize = 64;
/// Size of an ELF64 program header.
const SEGMENT: usize = 56;
/// A segment that is mapped.
const LOAD: u64 = 1;

/// The program without sections and debug information: it ends where its last segment ends.
#[must_use]
pub fn stripped(file: &[u8]) -> Vec<u8> {
    let Some(end) = mapped_end(file) else {
        return file.to_vec();
    };
    let mut program = file[..end].to_vec();
    // Place, entry size, number and names of the section headers: none.
    program[40..48].fill(0);
    program[58..64].fill(0);
    program
}

/// Where the last mapped byte of an ELF64 file ends; `None` if it is none, or a segment leaves it.
fn mapped_end(file: &[u8]) -> Option<usize> {
    if file.get(..6)? != b"\x7fELF\x02\x01" || file.len() < HEADER {
        return None;
    }
    let number = |at: usize, bytes: usize| -> Option<u64> {
        let field = file.get(at..at.checked_add(bytes)?)?;
        Some(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    if size != SEGMENT as u64 || count == 0 {
        return None;
    }
    let table = usize::try_from(table).ok()?;
    let mut end = table.checked_add(SEGMENT * usize::try_from(count).ok()?)?.max(HEADER);
    for index in 0..usize::try_from(count).ok()? {
        let header = table + index * SEGMENT;
        if number(header, 4)? == LOAD {
            let stop = number(header + 8, 8)?.checked_add(number(header + 32, 8)?)?;
            end = end.max(usize::try_from(stop).ok()?);
        }
    }
    (end <= file.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with one segment of `mapped` bytes, followed by `rest`.
    fn program(mapped: usize, rest: &[u8]) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01".to_vec();
        file.resize(HEADER + SEGMENT, 0);
        file[32] = 64;
        file[40] = 200;
        file[54] = 56;
        file[56] = 1;
        file[58] = 64;
        file[60] = 9;
        file[62] = 8;
        file[64] = 1;
        file[64 + 8] = 120;
        file[64 + 32] = u8::try_from(mapped).unwrap();
        file.extend(vec![0xcc; mapped]);
        file.extend_from_slice(rest);
        file
    }

    #[test]
    fn what_follows_the_last_segment_goes() {
        let cut = stripped(&program(50, b"debug information"));
        assert_eq!(cut.len(), 170);
        assert_eq!(cut[40..48], [0; 8]);
        assert_eq!(cut[58..64], [0; 6]);
        assert_eq!(cut[64..], program(50, b"")[64..]);
        assert_eq!(stripped(&cut), cut);
    }

    #[test]
    fn what_is_not_understood_stays() {
        let mut leaving = program(50, b"");
        leaving.truncate(150);
        let mut foreign = program(50, b"x");
        foreign[54] = 32;
        for file in [b"".to_vec(), b"#!/bin/sh".to_vec(), leaving, foreign, vec![0; 200]] {
            assert_eq!(stripped(&file), file);
        }
    }
}
