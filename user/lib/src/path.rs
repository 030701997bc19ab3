//! Paths: where they start, how they are joined and tidied. Pure but for [`base`]'s meaning.

use alloc::vec::Vec;

use tine_abi::CapRef;
use tine_abi::capability::path;

/// The directory that a path starts from: the root or the working directory.
#[must_use]
pub fn base(path: &[u8]) -> CapRef {
    CapRef::path(if path.starts_with(b"/") { path::ROOT } else { path::WORKING })
}

/// The last name of a path; `/` for the root, empty for an empty path.
#[must_use]
pub fn basename(path: &[u8]) -> &[u8] {
    let Some(last) = path.iter().rposition(|&byte| byte != b'/') else {
        return &path[..path.len().min(1)];
    };
    let path = &path[..=last];
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => &path[slash + 1..],
        None => path,
    }
}

/// `path` as seen from the directory `from`, with `.`, `..` and double slashes removed. `from` is
/// absolute; so is the result.
#[must_use]
pub fn absolute(from: &[u8], path: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let start: &[u8] = if path.starts_with(b"/") { b"" } else { from };
    for name in start.split(|&byte| byte == b'/').chain(path.split(|&byte| byte == b'/')) {
        match name {
            b"" | b"." => {}
            b".." => {
                let parent = result.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                result.truncate(parent);
            }
            name => {
                result.push(b'/');
                result.extend_from_slice(name);
            }
        }
    }
    if result.is_empty() {
        result.push(b'/');
    }
    result
}

/// `directory`, a slash, `name`.
#[must_use]
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend_from_slice(directory);
    if !directory.is_empty() && !directory.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};
    use proptest::{prop_assert, prop_assert_eq};

    use super::*;

    #[test]
    fn last_names() {
        for (path, name) in
            [("/bin/ls", "ls"), ("ls", "ls"), ("/", "/"), ("//", "/"), ("a/b//", "b"), ("", "")]
        {
            assert_eq!(basename(path.as_bytes()), name.as_bytes(), "{path}");
        }
    }

    #[test]
    fn absolute_paths() {
        for (from, path, expected) in [
            ("/", "bin", "/bin"),
            ("/a/b", "..", "/a"),
            ("/a/b", "../../../..", "/"),
            ("/a/b", "/x//./y/", "/x/y"),
            ("/a", ".", "/a"),
            ("/a", "", "/a"),
        ] {
            assert_eq!(absolute(from.as_bytes(), path.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn joins() {
        assert_eq!(join(b"/bin", b"ls"), b"/bin/ls");
        assert_eq!(join(b"/", b"ls"), b"/ls");
        assert_eq!(join(b"", b"ls"), b"ls", "an empty entry of PATH is the working directory");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn tidying_is_done_once(path in "[a./]{0,20}") {
            let once = absolute(b"/r/s", path.as_bytes());
            prop_assert!(once.starts_with(b"/"));
            prop_assert_eq!(absolute(b"/", &once), once);
        }
    }
}
