//! Words to fields: parameters are replaced, unquoted values split at blanks, pathnames found for
//! patterns, quotes removed.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::pathname::{self, Directories};
use crate::pattern::{Glyph, Pattern};
use crate::syntax::{Piece, Word};

/// Where the values of parameters come from.
pub trait Parameters {
    /// The value of a name, a number or one of `? $ ! #`; `None` when it is not set.
    fn value(&self, name: &str) -> Option<Cow<'_, str>>;

    /// The positional parameters, for `$@` and `$*`.
    fn positional(&self) -> &[String];
}

const BLANKS: [char; 3] = [' ', '\t', '\n'];

/// A field under construction.
#[derive(Default)]
struct Fields {
    done: Vec<Vec<Glyph>>,
    open: Option<Vec<Glyph>>,
}

/// The characters of a text.
fn glyphs(text: &str, quoted: bool) -> impl Iterator<Item = Glyph> {
    text.chars().map(move |character| Glyph { character, quoted })
}

impl Fields {
    fn add(&mut self, text: &str, quoted: bool) {
        self.open.get_or_insert_default().extend(glyphs(text, quoted));
    }

    fn end(&mut self) {
        self.done.extend(self.open.take());
    }

    fn add_split(&mut self, value: &str) {
        let mut parts = value.split(BLANKS).peekable();
        while let Some(part) = parts.next() {
            if !part.is_empty() {
                self.add(part, false);
            }
            if parts.peek().is_some() {
                self.end();
            }
        }
    }
}

/// The fields that words expand to.
#[must_use]
pub fn expand_words(
    words: &[Word],
    parameters: &impl Parameters,
    directories: &impl Directories,
) -> Vec<String> {
    let mut fields = Fields::default();
    for word in words {
        for piece in &word.0 {
            match piece {
                Piece::Text { text, quoted } => fields.add(text, *quoted),
                Piece::Parameter { name, quoted: true } if name == "@" => {
                    for (index, value) in parameters.positional().iter().enumerate() {
                        if index > 0 {
                            fields.end();
                        }
                        fields.add(value, true);
                    }
                }
                Piece::Parameter { name, quoted } => {
                    let value = value(name, parameters);
                    if *quoted { fields.add(&value, true) } else { fields.add_split(&value) }
                }
            }
        }
        // `"$@"` without parameters leaves only the empty text of its quotes.
        let only_all = word.0.iter().all(|piece| match piece {
            Piece::Text { text, quoted } => *quoted && text.is_empty(),
            Piece::Parameter { name, quoted } => *quoted && name == "@",
        });
        let has_all = word.0.iter().any(|piece| matches!(piece, Piece::Parameter { .. }));
        if only_all && has_all && parameters.positional().is_empty() {
            fields.open = None;
        }
        fields.end();
    }
    fields.done.iter().flat_map(|field| pathname::expand(field, directories)).collect()
}

/// The one field that a word expands to where it is neither split nor a pattern: assignments,
/// redirections, the word of `case`.
#[must_use]
pub fn expand_field(word: &Word, parameters: &impl Parameters) -> String {
    let mut field = String::new();
    for piece in &word.0 {
        match piece {
            Piece::Text { text, .. } => field.push_str(text),
            Piece::Parameter { name, .. } => field.push_str(&value(name, parameters)),
        }
    }
    field
}

/// The pattern that a word of `case` expands to.
#[must_use]
pub fn expand_pattern(word: &Word, parameters: &impl Parameters) -> Pattern {
    let mut field = Vec::new();
    for piece in &word.0 {
        match piece {
            Piece::Text { text, quoted } => field.extend(glyphs(text, *quoted)),
            Piece::Parameter { name, quoted } => {
                field.extend(glyphs(&value(name, parameters), *quoted));
            }
        }
    }
    Pattern::new(&field)
}

fn value<'p>(name: &str, parameters: &'p impl Parameters) -> Cow<'p, str> {
    match name {
        "@" | "*" => Cow::Owned(parameters.positional().join(" ")),
        _ => parameters.value(name).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::parse;
    use crate::syntax::CommandKind;
    use alloc::vec;

    struct Fixed(Vec<String>);

    impl Parameters for Fixed {
        fn value(&self, name: &str) -> Option<Cow<'_, str>> {
            match name {
                "A" => Some("one two".into()),
                "E" => Some("".into()),
                "S" => Some(" x ".into()),
                "P" => Some("a* b".into()),
                "?" => Some("3".into()),
                _ => None,
            }
        }

        fn positional(&self) -> &[String] {
            &self.0
        }
    }

    /// One directory.
    struct Files;

    impl Directories for Files {
        fn names(&self, directory: &str) -> Vec<String> {
            let names = ["aa", "ab", "two words"].map(String::from);
            if directory == "." { names.into() } else { Vec::new() }
        }

        fn exists(&self, _: &str) -> bool {
            false
        }
    }

    fn check(text: &str, positional: &[&str], fields: &[&str]) {
        let list = parse(text).unwrap();
        let CommandKind::Simple { words, .. } = &list.0[0].pipelines[0].1.commands[0].kind else {
            panic!("{text} is not a simple command")
        };
        let parameters = Fixed(positional.iter().map(|text| String::from(*text)).collect());
        assert_eq!(expand_words(words, &parameters, &Files), fields, "{text}");
    }

    #[test]
    fn quoting_and_splitting() {
        check("a b", &[], &["a", "b"]);
        check("'a b' \"c d\" e\\ f", &[], &["a b", "c d", "e f"]);
        check("$A \"$A\" x$A", &[], &["one", "two", "one two", "xone", "two"]);
        check("$E '' \"$E\" $NONE \"\"", &[], &["", "", ""]);
        check("a${S}b", &[], &["a", "x", "b"]);
        check("$? \"$?\" '$?' \\$? $", &[], &["3", "3", "$?", "$?", "$"]);
        check("\"a\\\"b\\n\"", &[], &["a\"b\\n"]);
    }

    #[test]
    fn positional_parameters() {
        check("\"$@\"", &["a b", ""], &["a b", ""]);
        check("$@", &["a b", "c"], &["a", "b", "c"]);
        check("\"$*\"", &["a b", "c"], &["a b c"]);
        check("\"$@\"", &[], &[]);
        check("x\"$@\"y", &["1", "2"], &["x1", "2y"]);
        check("x\"$@\"", &[], &["x"]);
    }

    #[test]
    fn patterns_become_names_unless_they_are_quoted() {
        check("a* x t*", &[], &["aa", "ab", "x", "two words"]);
        check(
            "$P \"$P\" '*' \"*\" \\* a\"*\"",
            &[],
            &["aa", "ab", "b", "a* b", "*", "*", "*", "a*"],
        );
        check("\"a\"* $*", &["?b", "?c"], &["aa", "ab", "ab", "?c"]);
        check("\"$@\"", &["a*"], &["a*"]);
    }

    #[test]
    fn words_of_case_are_patterns_unless_they_are_quoted() {
        for (text, matching, other) in [
            ("a?", "ab", "a?c"),
            ("'a?'", "a?", "ab"),
            ("$P", "axx b", "b"),
            ("\"$P\"", "a* b", "axx b"),
        ] {
            let list = parse(text).unwrap();
            let CommandKind::Simple { words, .. } = &list.0[0].pipelines[0].1.commands[0].kind
            else {
                panic!("{text} is not a simple command")
            };
            let pattern = expand_pattern(&words[0], &Fixed(vec![]));
            assert!(pattern.matches(matching) && !pattern.matches(other), "{text}");
        }
    }

    #[test]
    fn one_field_is_never_split() {
        let list = parse("X=$A\"b c\"").unwrap();
        let CommandKind::Simple { assignments, .. } = &list.0[0].pipelines[0].1.commands[0].kind
        else {
            panic!("not a simple command")
        };
        assert_eq!(expand_field(&assignments[0].1, &Fixed(vec![])), "one twob c");
    }
}
