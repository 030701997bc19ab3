//! Judging boot modules before anything trusts them.
//!
//! Owns: which module a path names, and the first check of an archive. Never here: programs
//! (`tine-elf`), loading. Called by boot; a module that fails here stops the machine with a clear
//! line. Source: POSIX.1-2017, `pax`, "ustar".

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
    /// Empty, or shorter than its own header.
    Short,
    /// Not at the start of a page.
    Place,
    /// No ustar header at the beginning.
    NotArchive,
    /// The first header's checksum does not match its bytes.
    Checksum,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Short => "it is cut short",
            Self::Place => "it does not begin at a page",
            Self::NotArchive => "it is not a ustar archive",
            Self::Checksum => "its first header has a wrong checksum",
        })
    }
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
        fn no_bytes_pass_by_chance(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(check_archive(&bytes).is_err());
        }
    }
}
