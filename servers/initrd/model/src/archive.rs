//! The ustar reader: names and ranges of an archive that may be damaged in any way.

use core::ops::Range;

/// Bytes of a header and of the unit that contents are padded to.
const BLOCK: usize = 512;

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// A file, its bytes in the range.
    File,
    /// A directory.
    Directory,
}

/// One member of the archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Path as stored, without checks.
    pub path: &'a [u8],
    /// What it is.
    pub kind: EntryKind,
    /// Its content, within the archive.
    pub content: Range<usize>,
}

/// What is wrong with an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// It ends without a block of zeros, between two members or inside a header.
    Truncated,
    /// A header's magic or checksum is wrong.
    Header,
    /// A content is cut off by the end.
    Content,
    /// A member is neither file nor directory.
    Kind,
}

impl core::fmt::Display for Damage {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            Self::Truncated => "it ends before its end mark",
            Self::Header => "a header is damaged",
            Self::Content => "it ends inside a file",
            Self::Kind => "it holds something else than files and directories",
        })
    }
}

/// Iterates over the members of `archive`, up to its end or the first damage.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    archive: &'a [u8],
    position: usize,
    is_over: bool,
}

/// The members of an archive.
#[must_use]
pub const fn entries(archive: &[u8]) -> Entries<'_> {
    Entries { archive, position: 0, is_over: false }
}

/// The octal number in a field, which spaces or NUL bytes may end.
fn octal(field: &[u8]) -> Option<usize> {
    let digits = field.split(|byte| *byte == 0 || *byte == b' ').next()?;
    digits.iter().try_fold(0usize, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(usize::from(digit - b'0')),
        _ => None,
    })
}

/// The field's bytes up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Whether a header carries the sum of its bytes, the sum itself read as spaces.
fn checksum_holds(header: &[u8]) -> bool {
    let sum: usize = header
        .iter()
        .enumerate()
        .map(|(index, byte)| if (148..156).contains(&index) { 32 } else { usize::from(*byte) })
        .sum();
    octal(&header[148..156]) == Some(sum)
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let rest = self.archive.get(self.position..).unwrap_or_default();
        let Some(header) = rest.get(..BLOCK) else { return Some(self.stop(Damage::Truncated)) };
        if header.iter().all(|byte| *byte == 0) {
            self.is_over = true;
            return None;
        }
        if &header[257..262] != b"ustar" || !checksum_holds(header) {
            return Some(self.stop(Damage::Header));
        }
        let Some(size) = octal(&header[124..136]) else { return Some(self.stop(Damage::Header)) };
        let start = self.position + BLOCK;
        let Some(end) = start.checked_add(size).filter(|end| *end <= self.archive.len()) else {
            return Some(self.stop(Damage::Content));
        };
        let kind = match header[156] {
            b'0' | 0 => EntryKind::File,
            b'5' => EntryKind::Directory,
            _ => return Some(self.stop(Damage::Kind)),
        };
        self.position = end.next_multiple_of(BLOCK);
        Some(Ok(Entry { path: text(&header[..100]), kind, content: start..end }))
    }
}

impl<'a> Entries<'a> {
    fn stop(&mut self, damage: Damage) -> Result<Entry<'a>, Damage> {
        self.is_over = true;
        Err(damage)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;

    use std::string::String;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// A small archive, written as the image tool writes it.
    pub(crate) fn archive(members: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, content) in members {
            let mut header = [0u8; BLOCK];
            header[..path.len()].copy_from_slice(path.as_bytes());
            header[100..108].copy_from_slice(b"0000755\0");
            let size = std::format!("{:011o}\0", content.map_or(0, <[u8]>::len));
            header[124..136].copy_from_slice(size.as_bytes());
            header[156] = if content.is_some() { b'0' } else { b'5' };
            header[257..265].copy_from_slice(b"ustar\x0000");
            header[148..156].fill(b' ');
            let sum: usize = header.iter().map(|byte| usize::from(*byte)).sum();
            header[148..156].copy_from_slice(std::format!("{sum:06o}\0 ").as_bytes());
            bytes.extend(header);
            bytes.extend(content.unwrap_or_default());
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
        bytes.resize(bytes.len() + 2 * BLOCK, 0);
        bytes
    }

    #[test]
    fn members_are_found_with_their_content() {
        let bytes = archive(&[("bin", None), ("bin/sh", Some(b"code")), ("empty", Some(b""))]);
        let found: Vec<_> = entries(&bytes)
            .map(|entry| {
                let entry = entry.unwrap();
                (
                    String::from_utf8(entry.path.to_vec()).unwrap(),
                    entry.kind,
                    bytes[entry.content].to_vec(),
                )
            })
            .collect();
        assert_eq!(found[0], ("bin".into(), EntryKind::Directory, Vec::new()));
        assert_eq!(found[1], ("bin/sh".into(), EntryKind::File, b"code".to_vec()));
        assert_eq!(found[2], ("empty".into(), EntryKind::File, Vec::new()));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn damage_is_named_and_ends_the_iteration() {
        let good = archive(&[("a", Some(b"0123456789"))]);
        let mut flipped = good.clone();
        flipped[3] ^= 1;
        let mut cases = std::vec![(flipped, Damage::Header)];
        cases.push((good[..100].to_vec(), Damage::Truncated));
        cases.push((good[..515].to_vec(), Damage::Content));
        cases.push((Vec::new(), Damage::Truncated));
        for (bytes, damage) in cases {
            let found: Vec<_> = entries(&bytes).collect();
            assert_eq!(found, [Err(damage)]);
        }
        let found: Vec<_> = entries(&good[..1024]).collect();
        assert_eq!((found.len(), &found[1]), (2, &Err(Damage::Truncated)), "no end mark");
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic_or_leave_the_archive(
            position in 0usize..3000,
            value: u8,
            cut in 0usize..4000,
        ) {
            let mut bytes = archive(&[("bin", None), ("bin/x", Some(&[7; 700])), ("y", Some(b"z"))]);
            let position = position % bytes.len();
            bytes[position] = value;
            bytes.truncate(cut);
            for entry in entries(&bytes).flatten() {
                prop_assert!(entry.content.end <= bytes.len());
            }
        }
    }
}
