//! Judging boot modules before anything trusts them.
//!
//! Owns: which module a path names, and the first checks of a program and of an archive. Never
//! here: loading. Called by boot; a module that fails here stops the machine with a clear line.
//! Sources: System V ABI, chapter 4 (ELF header); POSIX.1-2017, `pax`, "ustar".

use core::fmt;

/// The modules that the kernel needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    /// The program of the root server.
    Root,
    /// The boot archive.
    Archive,
}

impl Name {
    /// The word in the boot configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Archive => "archive",
        }
    }

    /// Which module a path such as `/boot/archive.tar` names: its last part, up to the first dot.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let file = path.rsplit(['/', ':']).next().unwrap_or(path);
        let stem = file.split('.').next().unwrap_or(file);
        [Self::Root, Self::Archive].into_iter().find(|name| name.word() == stem)
    }
}

/// Why a module cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// Shorter than its own header.
    Short,
    /// Not an ELF file at all.
    NotElf,
    /// An ELF file, but no 64-bit little-endian x86-64 program.
    WrongMachine,
    /// The program headers do not lie in the file, or are none.
    Headers,
    /// No ustar header at the beginning.
    NotArchive,
    /// The first header's checksum does not match its bytes.
    Checksum,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Short => "it is cut short",
            Self::NotElf => "it is not an ELF file",
            Self::WrongMachine => "it is not a program for x86-64",
            Self::Headers => "its program headers are damaged",
            Self::NotArchive => "it is not a ustar archive",
            Self::Checksum => "its first header has a wrong checksum",
        })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// Whether `bytes` begin as a program for this machine does.
///
/// # Errors
/// The first thing found wrong.
pub fn check_program(bytes: &[u8]) -> Result<(), Damage> {
    if !bytes.starts_with(b"\x7fELF") {
        return Err(Damage::NotElf);
    }
    let half = |at| u16_at(bytes, at).ok_or(Damage::Short);
    // 64-bit, little-endian; type executable or shared (position independent); machine 62.
    let class = bytes.get(4..6).ok_or(Damage::Short)?;
    if class != [2, 1] || !matches!(half(16)?, 2 | 3) || half(18)? != 62 {
        return Err(Damage::WrongMachine);
    }
    let offset = u64_at(bytes, 32).ok_or(Damage::Short)?;
    let (size, count) = (u64::from(half(54)?), u64::from(half(56)?));
    let end = offset.checked_add(size * count).ok_or(Damage::Headers)?;
    if size != 56 || count == 0 || end > bytes.len() as u64 {
        return Err(Damage::Headers);
    }
    Ok(())
}

/// Whether `bytes` begin as a ustar archive does.
///
/// # Errors
/// The first thing found wrong.
pub fn check_archive(bytes: &[u8]) -> Result<(), Damage> {
    let header: &[u8; 512] = bytes.first_chunk().ok_or(Damage::Short)?;
    if &header[257..262] != b"ustar" {
        return Err(Damage::NotArchive);
    }
    let digits = header[148..156].iter().skip_while(|byte| **byte == b' ');
    let stated = digits
        .take_while(|byte| (b'0'..=b'7').contains(*byte))
        .fold(0, |value: u32, byte| value * 8 + u32::from(byte - b'0'));
    // The checksum is over the header with its own field read as blanks.
    let field: u32 = header[148..156].iter().map(|byte| u32::from(*byte)).sum();
    let all: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    if stated == all - field + 8 * u32::from(b' ') { Ok(()) } else { Err(Damage::Checksum) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modules_are_known_by_the_last_part_of_their_path() {
        for path in ["root", "/root", "/boot/root", "boot():/boot/root.elf", "a.b/root"] {
            assert_eq!(Name::of_path(path), Some(Name::Root), "{path}");
        }
        assert_eq!(Name::of_path("/boot/archive.tar"), Some(Name::Archive));
        for path in ["", "/", "rooted", "/root/x", "kernel"] {
            assert_eq!(Name::of_path(path), None, "{path}");
        }
    }

    fn program() -> [u8; 128] {
        let mut bytes = [0; 128];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[16] = 2;
        bytes[18] = 62;
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes
    }

    #[test]
    fn programs_are_checked_field_by_field() {
        let good = program();
        assert_eq!(check_program(&good), Ok(()));
        assert_eq!(check_program(&good[..119]), Err(Damage::Headers));
        assert_eq!(check_program(&good[..50]), Err(Damage::Short));
        assert_eq!(check_program(b"\x7fELF"), Err(Damage::Short));
        assert_eq!(check_program(b"#!/bin/sh"), Err(Damage::NotElf));
        for (at, value, damage) in [
            (4, 1, Damage::WrongMachine),
            (16, 1, Damage::WrongMachine),
            (18, 3, Damage::WrongMachine),
            (39, 0xff, Damage::Headers),
            (54, 32, Damage::Headers),
            (56, 0, Damage::Headers),
            (57, 0xff, Damage::Headers),
        ] {
            let mut bad = good;
            bad[at] = value;
            assert_eq!(check_program(&bad), Err(damage), "byte {at}");
        }
    }

    #[test]
    fn archives_are_checked_by_their_first_header() {
        let mut bytes = [0u8; 512];
        bytes[..4].copy_from_slice(b"init");
        bytes[257..262].copy_from_slice(b"ustar");
        bytes[148..156].copy_from_slice(b"        ");
        let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
        for (index, digit) in bytes[148..154].iter_mut().rev().enumerate() {
            *digit = b'0' + (sum >> (3 * index) & 7) as u8;
        }
        assert_eq!(check_archive(&bytes), Ok(()));
        let mut bad = bytes;
        bad[0] = b'x';
        assert_eq!(check_archive(&bad), Err(Damage::Checksum));
        bad[257] = 0;
        assert_eq!(check_archive(&bad), Err(Damage::NotArchive));
        assert_eq!(check_archive(&bytes[..511]), Err(Damage::Short));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            check_archive(&bytes).ok();
            if bytes.len() >= 6 {
                bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            }
            check_program(&bytes).ok();
        }
    }
}
