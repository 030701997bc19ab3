//! The boot archive's format, ustar: what lies where in an archive that may be damaged in any way.
//!
//! Owns: reading ([`entries`]), and the header of a member ([`header`]) for those who make archives.
//! Never enters it: what the members are for, folders that no member names.
//!
//! Called by: the root server, which checks the whole archive before anything runs; the file server's
//! model; their tests.
//!
//! Invariants: no archive makes it panic, and no content leaves the archive; damage ends the reading
//! and is named; an archive without its end mark is cut off.
//!
//! Source: IEEE Std 1003.1, `pax`, ustar interchange format.
#![no_std]
#![forbid(unsafe_code)]

use core::ops::Range;

/// Bytes of a header and of the unit that contents are padded to.
pub const BLOCK: usize = 512;

/// Bytes of a path at most.
pub const PATH_MAX: usize = 100;

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

/// The header of a member: readable and executable by all, of user and group 0, without a time.
/// `None` for a path or length that does not fit.
#[must_use]
pub fn header(path: &[u8], kind: EntryKind, length: usize) -> Option<[u8; BLOCK]> {
    let mut header = [0; BLOCK];
    header.get_mut(..PATH_MAX)?.get_mut(..path.len())?.copy_from_slice(path);
    header[100..107].copy_from_slice(b"0000755");
    header[108..115].copy_from_slice(b"0000000");
    header[116..123].copy_from_slice(b"0000000");
    put_octal(&mut header[124..135], length)?;
    header[136..147].copy_from_slice(b"00000000000");
    header[156] = match kind {
        EntryKind::File => b'0',
        EntryKind::Directory => b'5',
    };
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum = header.iter().map(|byte| usize::from(*byte)).sum();
    put_octal(&mut header[148..154], sum)?;
    header[154] = 0;
    Some(header)
}

/// Fills a field with a number; `None` if it has more digits.
fn put_octal(field: &mut [u8], number: usize) -> Option<()> {
    let mut rest = number;
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (rest & 7) as u8;
        rest >>= 3;
    }
    (rest == 0).then_some(())
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
        Some(Ok(Entry { path: text(&header[..PATH_MAX]), kind, content: start..end }))
    }
}

impl<'a> Entries<'a> {
    fn stop(&mut self, damage: Damage) -> Result<Entry<'a>, Damage> {
        self.is_over = true;
        Err(damage)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// A small archive.
    fn archive(members: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, content) in members {
            let kind = if content.is_some() { EntryKind::File } else { EntryKind::Directory };
            let content = content.unwrap_or_default();
            bytes.extend(header(path.as_bytes(), kind, content.len()).expect("it fits"));
            bytes.extend(content);
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
                (entry.path, entry.kind, &bytes[entry.content])
            })
            .collect();
        assert_eq!(
            found,
            [
                (&b"bin"[..], EntryKind::Directory, &b""[..]),
                (b"bin/sh", EntryKind::File, b"code"),
                (b"empty", EntryKind::File, b""),
            ]
        );
    }

    #[test]
    fn what_does_not_fit_has_no_header() {
        assert!(header(&[b'x'; PATH_MAX], EntryKind::File, (8 << 30) - 1).is_some());
        assert_eq!(header(&[b'x'; PATH_MAX + 1], EntryKind::File, 0), None);
        assert_eq!(header(b"x", EntryKind::File, 8 << 30), None);
    }

    #[test]
    fn damage_is_named_and_ends_the_reading() {
        let good = archive(&[("a", Some(b"0123456789"))]);
        let mut flipped = good.clone();
        flipped[3] ^= 1;
        let cases = [
            (flipped, Damage::Header),
            (good[..100].to_vec(), Damage::Truncated),
            (good[..515].to_vec(), Damage::Content),
            (Vec::new(), Damage::Truncated),
        ];
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
