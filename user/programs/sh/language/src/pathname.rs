//! Pathnames: a field that is a pattern becomes the names of the files that match it.
//!
//! Owns: what patterns mean between slashes. Never enters it: files; they come through
//! [`Directories`].
//!
//! A slash is matched by a slash alone, a dot at the beginning of a name by a dot alone. The names
//! are sorted by code points. A field that matches nothing, like one that is no pattern, stands for
//! itself.
//!
//! Source: IEEE Std 1003.1, Shell Command Language, "Patterns Used for Filename Expansion".

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::pattern::{Glyph, Pattern};

/// Where names of files come from.
pub trait Directories {
    /// The names in a directory, in any order; none if it cannot be read.
    fn names(&self, directory: &str) -> Vec<String>;

    /// Whether a path leads to a file; with a slash at its end, to a directory.
    fn exists(&self, path: &str) -> bool;
}

/// What a field stands for.
pub(crate) fn expand(field: &[Glyph], directories: &impl Directories) -> Vec<String> {
    let text = || field.iter().map(|glyph| glyph.character).collect::<String>();
    if Pattern::new(field).is_literal() {
        return vec![text()];
    }
    let mut paths = vec![String::new()];
    let mut is_checked = true;
    for (index, part) in field.split(|glyph| glyph.character == '/').enumerate() {
        if index > 0 {
            paths.iter_mut().for_each(|path| path.push('/'));
        }
        let pattern = Pattern::new(part);
        is_checked = !pattern.is_literal();
        if is_checked {
            paths = paths.iter().flat_map(|path| matching(path, &pattern, directories)).collect();
        } else {
            paths.iter_mut().for_each(|path| path.extend(part.iter().map(|g| g.character)));
        }
    }
    if !is_checked {
        paths.retain(|path| directories.exists(path));
    }
    if paths.is_empty() {
        return vec![text()];
    }
    paths.sort();
    paths
}

/// The files in the directory `path`, which is empty or ends with a slash, that match.
fn matching(path: &str, pattern: &Pattern, directories: &impl Directories) -> Vec<String> {
    let mut names = directories.names(if path.is_empty() { "." } else { path });
    names.retain(|name| name.starts_with('.') <= pattern.begins_with('.') && pattern.matches(name));
    names.iter().map(|name| alloc::format!("{path}{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths from a working directory; directories end with a slash.
    const TREE: &[&str] =
        &["b.txt", "a.txt", ".hidden", "d/", "d/x.c", "d/.y.c", "e/", "e/x.c", "f*"];

    struct Tree;

    impl Directories for Tree {
        fn names(&self, directory: &str) -> Vec<String> {
            let before = if directory == "." { "" } else { directory.trim_start_matches("/w/") };
            let inside = TREE.iter().filter_map(|path| path.strip_prefix(before));
            let names = inside.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
            names.filter(|name| !name.is_empty() && !name.contains('/')).map(Into::into).collect()
        }

        fn exists(&self, path: &str) -> bool {
            let path = path.trim_start_matches("/w/");
            TREE.iter().any(|known| *known == path || known.strip_suffix('/') == Some(path))
        }
    }

    /// A backslash quotes the next character.
    fn check(field: &str, paths: &[&str]) {
        let mut glyphs = Vec::new();
        let mut quoted = false;
        for character in field.chars() {
            if character == '\\' {
                quoted = true;
            } else {
                glyphs.push(Glyph { character, quoted });
                quoted = false;
            }
        }
        assert_eq!(expand(&glyphs, &Tree), paths, "{field}");
    }

    #[test]
    fn names_are_found_and_sorted() {
        check("*", &["a.txt", "b.txt", "d", "e", "f*"]);
        check("?.txt", &["a.txt", "b.txt"]);
        check("[!a]*.txt", &["b.txt"]);
        check("d/*", &["d/x.c"]);
        check("*/*.c", &["d/x.c", "e/x.c"]);
        check("/w/[de]/x.?", &["/w/d/x.c", "/w/e/x.c"]);
    }

    #[test]
    fn a_hidden_name_wants_its_dot() {
        check(".*", &[".hidden"]);
        check("d/.*", &["d/.y.c"]);
        check("[.]hidden", &["[.]hidden"]);
        check("?hidden", &["?hidden"]);
    }

    #[test]
    fn what_is_no_pattern_or_matches_nothing_stays() {
        check("", &[""]);
        check("none", &["none"]);
        check("*.c", &["*.c"]);
        check("f\\*", &["f*"]);
        check("\\*", &["*"]);
        check("[", &["["]);
        check("[d/x.c]", &["[d/x.c]"]);
    }

    #[test]
    fn what_follows_a_pattern_must_be_there() {
        check("*/.y.c", &["d/.y.c"]);
        check("*/", &["d/", "e/"]);
        check("*/none", &["*/none"]);
    }
}
