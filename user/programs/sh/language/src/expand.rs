//! Words to fields: parameters are replaced, unquoted values split at blanks, quotes removed.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

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
    done: Vec<String>,
    open: Option<String>,
}

impl Fields {
    fn add(&mut self, text: &str) {
        self.open.get_or_insert_default().push_str(text);
    }

    fn end(&mut self) {
        self.done.extend(self.open.take());
    }

    fn add_split(&mut self, value: &str) {
        let mut parts = value.split(BLANKS).peekable();
        while let Some(part) = parts.next() {
            if !part.is_empty() {
                self.add(part);
            }
            if parts.peek().is_some() {
                self.end();
            }
        }
    }
}

/// The fields that words expand to.
#[must_use]
pub fn expand_words(words: &[Word], parameters: &impl Parameters) -> Vec<String> {
    let mut fields = Fields::default();
    for word in words {
        for piece in &word.0 {
            match piece {
                Piece::Text { text, .. } => fields.add(text),
                Piece::Parameter { name, quoted: true } if name == "@" => {
                    for (index, value) in parameters.positional().iter().enumerate() {
                        if index > 0 {
                            fields.end();
                        }
                        fields.add(value);
                    }
                }
                Piece::Parameter { name, quoted } => {
                    let value = value(name, parameters);
                    if *quoted { fields.add(&value) } else { fields.add_split(&value) }
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
    fields.done
}

/// The one field that a word expands to where no splitting happens: assignments, redirections.
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
                "?" => Some("3".into()),
                _ => None,
            }
        }

        fn positional(&self) -> &[String] {
            &self.0
        }
    }

    fn check(text: &str, positional: &[&str], fields: &[&str]) {
        let list = parse(text).unwrap();
        let CommandKind::Simple { words, .. } = &list.0[0].pipelines[0].1.commands[0].kind else {
            panic!("{text} is not a simple command")
        };
        let parameters = Fixed(positional.iter().map(|text| String::from(*text)).collect());
        assert_eq!(expand_words(words, &parameters), fields, "{text}");
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
    fn one_field_is_never_split() {
        let list = parse("X=$A\"b c\"").unwrap();
        let CommandKind::Simple { assignments, .. } = &list.0[0].pipelines[0].1.commands[0].kind
        else {
            panic!("not a simple command")
        };
        assert_eq!(expand_field(&assignments[0].1, &Fixed(vec![])), "one twob c");
    }
}
