//! Paths: bytes between slashes, checked once.

use tine_abi::Errno;
use tine_abi::protocol::file::{NAME_MAX, PATH_MAX};

/// The names of a path; empty ones and `.` are left out, `..` stays.
///
/// # Errors
/// ENAMETOOLONG, EINVAL for a NUL byte, ENOENT for an empty path.
pub(crate) fn names(path: &[u8]) -> Result<impl Iterator<Item = &[u8]> + Clone, Errno> {
    if path.is_empty() {
        return Err(Errno::NOENT);
    }
    if path.len() > PATH_MAX {
        return Err(Errno::NAMETOOLONG);
    }
    if path.contains(&0) {
        return Err(Errno::INVAL);
    }
    let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    if names.clone().any(|name| name.len() > NAME_MAX) {
        return Err(Errno::NAMETOOLONG);
    }
    Ok(names)
}

/// The path of the directory and the last name; the name is empty for `/`, `.` and the like.
pub(crate) fn split_last(path: &[u8]) -> (&[u8], &[u8]) {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let path = &path[..end];
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash + 1], &path[slash + 1..]),
        None => (b".", path),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn names_of_a_path() {
        let found = |path: &'static str| names(path.as_bytes()).map(Iterator::collect::<Vec<_>>);
        assert_eq!(found("/a//b/./c/"), Ok(std::vec![&b"a"[..], b"b", b"c"]));
        assert_eq!(found("."), Ok(std::vec![]));
        assert_eq!(found(""), Err(Errno::NOENT));
        assert_eq!(found("a\0b"), Err(Errno::INVAL));
        assert_eq!(names(&[b'a'; 256]).err(), Some(Errno::NAMETOOLONG));
        assert_eq!(names(&[b'/'; 1024]).err(), Some(Errno::NAMETOOLONG));
    }

    #[test]
    fn the_last_name() {
        for (path, directory, name) in [
            ("a", ".", "a"),
            ("/a", "/", "a"),
            ("x/a/", "x/", "a"),
            ("/", ".", ""),
            ("b/..", "b/", ".."),
        ] {
            assert_eq!(split_last(path.as_bytes()), (directory.as_bytes(), name.as_bytes()));
        }
    }
}
