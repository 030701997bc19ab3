//! How `read` shares a line among variables.

use alloc::string::String;
use alloc::vec::Vec;

const BLANKS: [char; 2] = [' ', '\t'];

/// Splits a line at blanks into `count` values: the last takes the rest with its inner blanks,
/// those that are left over are empty. Unless `raw`, a backslash keeps the next character from
/// splitting and disappears.
#[must_use]
pub fn split_line(line: &str, count: usize, raw: bool) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = line.trim_start_matches(BLANKS);
    while values.len() < count {
        let last = values.len() + 1 == count;
        let mut value = String::new();
        // Blanks at the end of the last value do not belong to it, unless they were kept.
        let mut kept = 0;
        let mut characters = rest.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' if !raw => {
                    value.extend(characters.next());
                    kept = value.len();
                }
                ' ' | '\t' if !last => break,
                ' ' | '\t' => value.push(character),
                _ => {
                    value.push(character);
                    kept = value.len();
                }
            }
        }
        value.truncate(kept);
        values.push(value);
        rest = characters.as_str().trim_start_matches(BLANKS);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shared_among_names() {
        for (line, count, raw, expected) in [
            ("a b c", 3, false, &["a", "b", "c"][..]),
            ("  a   b c \t", 2, false, &["a", "b c"]),
            ("a", 3, false, &["a", "", ""]),
            ("", 1, false, &[""]),
            (r"a\ b c", 2, false, &["a b", "c"]),
            (r"a\ b c", 2, true, &[r"a\", "b c"]),
            (r"a b\ ", 2, false, &["a", "b "]),
            (r"a \", 2, false, &["a", ""]),
        ] {
            assert_eq!(split_line(line, count, raw), expected, "{line:?} {count}");
        }
        assert!(split_line("a", 0, false).is_empty());
    }
}
