//! The environment: what the program was started with, and what it has changed since.
//!
//! Owns: getenv, setenv, unsetenv, and the list that exec passes on.
//!
//! Invariants: until the first change nothing is copied; names hold no `=`.

use alloc::vec::Vec;

use tine_rt::heap::Lock;

/// The environment once it was changed: `NAME=value` each.
static CHANGED: Lock<Option<Vec<Vec<u8>>>> = Lock::new(None);

/// The value in `NAME=value`, if the name is this one.
fn value<'a>(string: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    string.strip_prefix(name)?.strip_prefix(b"=")
}

/// The first value of a name in a list of `NAME=value`.
fn find<'a>(mut strings: impl Iterator<Item = &'a [u8]>, name: &[u8]) -> Option<&'a [u8]> {
    strings.find_map(|string| value(string, name))
}

/// Puts, replaces or (without a value) removes a name.
fn change(strings: &mut Vec<Vec<u8>>, name: &[u8], new: Option<&[u8]>) {
    strings.retain(|string| value(string, name).is_none());
    if let Some(new) = new {
        strings.push([name, b"=", new].concat());
    }
}

/// The value of a variable.
#[must_use]
pub fn getenv(name: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let name = name.as_ref();
    match &*CHANGED.lock() {
        Some(strings) => find(strings.iter().map(Vec::as_slice), name).map(<[u8]>::to_vec),
        None => find(tine_rt::start::environment(), name).map(<[u8]>::to_vec),
    }
}

fn update(name: &[u8], new: Option<&[u8]>) {
    let mut changed = CHANGED.lock();
    let strings =
        changed.get_or_insert_with(|| tine_rt::start::environment().map(<[u8]>::to_vec).collect());
    change(strings, name, new);
}

/// Sets a variable. A name that is empty or holds `=` is ignored.
pub fn setenv(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
    let name = name.as_ref();
    if !name.is_empty() && !name.contains(&b'=') {
        update(name, Some(value.as_ref()));
    }
}

/// Removes a variable.
pub fn unsetenv(name: impl AsRef<[u8]>) {
    update(name.as_ref(), None);
}

/// All of it, `NAME=value` each, as exec passes it on.
#[must_use]
pub fn environ() -> Vec<Vec<u8>> {
    match &*CHANGED.lock() {
        Some(strings) => strings.clone(),
        None => tine_rt::start::environment().map(<[u8]>::to_vec).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_whole() {
        let strings = [&b"PATHS=x"[..], b"PATH", b"PATH=/bin:/", b"PATH=second", b"=odd"];
        assert_eq!(find(strings.into_iter(), b"PATH"), Some(&b"/bin:/"[..]));
        assert_eq!(find(strings.into_iter(), b"HOME"), None);
    }

    #[test]
    fn changes_replace_and_remove() {
        let mut strings = std::vec![b"A=1".to_vec(), b"B=2".to_vec(), b"A=3".to_vec()];
        change(&mut strings, b"A", Some(b"x=y"));
        assert_eq!(strings, [b"B=2".to_vec(), b"A=x=y".to_vec()]);
        change(&mut strings, b"B", None);
        assert_eq!(strings, [b"A=x=y".to_vec()]);
    }

    #[test]
    fn the_table_is_kept_and_odd_names_are_ignored() {
        setenv("TINE_TEST", "1");
        assert_eq!(getenv("TINE_TEST"), Some(b"1".to_vec()));
        setenv("", "1");
        setenv("A=B", "1");
        assert!(environ().iter().all(|string| string.starts_with(b"TINE_TEST=")));
        unsetenv("TINE_TEST");
        assert_eq!(getenv("TINE_TEST"), None);
    }
}
