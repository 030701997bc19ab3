//! The boot archive: programs, servers and files, as one ustar file.
//!
//! Owns: the order and the fields of the archive. Never enters it: where its content comes from.
//! Called by: `tools/xtask`; read in the guest by `root` and `initrd`.
//!
//! Invariants: members stand in the order of their names; owner, group and time are 0; a mode is
//! 0755 or 0644; there are no folders and no links; each member's data begins at a multiple of 512.
//! Source: POSIX.1-2017, `pax`, "ustar Interchange Format".

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// Size of a header and unit of data.
const BLOCK: usize = 512;

/// Bytes of a name; the format's second name field is not used.
const NAME: usize = 100;

/// A name that an archive cannot hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameError(String);

impl Display for NameError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:?} cannot be a name in the boot archive: 1 to {NAME} printable ASCII bytes, parts \
             separated by single slashes, no `.` or `..`, used once",
            self.0
        )
    }
}

impl std::error::Error for NameError {}

/// An archive that is being put together.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    members: BTreeMap<String, (Mode, Vec<u8>)>,
}

/// What may be done with a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Program = 0o755,
    File = 0o644,
}

impl Archive {
    /// Adds a program: it may be executed.
    ///
    /// # Errors
    /// A name that is not allowed or is in use.
    pub fn program(&mut self, name: &str, data: Vec<u8>) -> Result<(), NameError> {
        self.add(name, Mode::Program, data)
    }

    /// Adds a file.
    ///
    /// # Errors
    /// A name that is not allowed or is in use.
    pub fn file(&mut self, name: &str, data: Vec<u8>) -> Result<(), NameError> {
        self.add(name, Mode::File, data)
    }

    fn add(&mut self, name: &str, mode: Mode, data: Vec<u8>) -> Result<(), NameError> {
        let part = |part: &str| !matches!(part, "" | "." | "..");
        let printable = |byte: u8| matches!(byte, b'!'..=b'~');
        if name.len() > NAME
            || !name.bytes().all(printable)
            || !name.split('/').all(part)
            || self.members.contains_key(name)
        {
            return Err(NameError(name.to_owned()));
        }
        self.members.insert(name.to_owned(), (mode, data));
        Ok(())
    }

    /// The names, in the archive's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Takes a member out, for tests of a damaged system; whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.members.remove(name).is_some()
    }

    /// The archive's bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, (mode, data)) in &self.members {
            bytes.extend_from_slice(&header(name, *mode, data.len()));
            bytes.extend_from_slice(data);
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
        bytes.resize(bytes.len() + 2 * BLOCK, 0);
        bytes
    }
}

/// One header. Eleven octal digits hold 8 GiB, more than any memory this boots with.
fn header(name: &str, mode: Mode, size: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{:07o}", mode as u32));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    // The checksum counts its own field as blanks.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\0");
    put(263, "00");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn order_of_addition_does_not_matter() {
        let mut one = Archive::default();
        one.program("bin/ls", vec![1; 700]).unwrap();
        one.file("etc/rc", b"echo".to_vec()).unwrap();
        let mut other = Archive::default();
        other.file("etc/rc", b"echo".to_vec()).unwrap();
        other.program("bin/ls", vec![1; 700]).unwrap();
        assert_eq!(one.bytes(), other.bytes());
        assert_eq!(one.bytes().len(), 512 + 1024 + 512 + 512 + 1024);
        assert_eq!(one.names().collect::<Vec<_>>(), ["bin/ls", "etc/rc"]);
        assert!(one.remove("bin/ls") && !one.remove("bin/ls"));
    }

    #[test]
    fn names_that_could_leave_the_tree_are_refused() {
        let mut archive = Archive::default();
        archive.file("a", Vec::new()).unwrap();
        for name in ["", "/a", "a/", "a//b", "../a", "a/./b", "a b", "a\n", "a", &"x".repeat(101)] {
            assert_eq!(archive.file(name, Vec::new()), Err(NameError(name.to_owned())));
        }
    }

    #[test]
    fn tar_lists_it() {
        let mut archive = Archive::default();
        archive.program("bin/ls", vec![1; 700]).unwrap();
        archive.file("etc/rc", b"echo".to_vec()).unwrap();
        let mut tar = Command::new("tar");
        tar.args(["--utc", "-tvf", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut tar = tar.spawn().unwrap();
        tar.stdin.take().unwrap().write_all(&archive.bytes()).unwrap();
        let list = String::from_utf8(tar.wait_with_output().unwrap().stdout).unwrap();
        let words: Vec<Vec<_>> = list.lines().map(|l| l.split_whitespace().collect()).collect();
        assert_eq!(words.len(), 2);
        assert_eq!(
            words[0],
            ["-rwxr-xr-x", "0/0", "700", "1970-01-01", "00:00", "bin/ls"],
            "{list}"
        );
        assert_eq!(words[1][0], "-rw-r--r--");
    }
}
