//! Patterns against examples and against a reference that tries everything.

extern crate std;

use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Characters of which a backslash quotes the next one.
fn glyphs(text: &str) -> Vec<Glyph> {
    let mut characters = text.chars();
    let mut glyphs = Vec::new();
    while let Some(character) = characters.next() {
        let quoted = character == '\\';
        let character = if quoted { characters.next().unwrap() } else { character };
        glyphs.push(Glyph { character, quoted });
    }
    glyphs
}

fn check(pattern: &str, matching: &[&str], others: &[&str]) {
    let read = Pattern::new(&glyphs(pattern));
    for text in matching {
        assert!(read.matches(text), "{pattern} matches {text}");
    }
    for text in others {
        assert!(!read.matches(text), "{pattern} does not match {text}");
    }
}

#[test]
fn any_character_and_any_text() {
    check("", &[""], &["a"]);
    check("a?c", &["abc", "a\u{e9}c"], &["ac", "abbc"]);
    check("*", &["", "a", "abc"], &[]);
    check("*.txt", &[".txt", "a.txt", "a.txt.txt"], &["a.txt2", "txt"]);
    check("a*b*c", &["abc", "aXbYbZc", "abbcc"], &["ab", "acb", "abcd"]);
    check("\\*\\?\\[a]", &["*?[a]"], &["x?[a]", "*?a"]);
}

#[test]
fn sets() {
    check("[abc]", &["a", "b"], &["", "d", "ab", "[abc]"]);
    check("[a-cx-]", &["b", "x", "-"], &["d", "y"]);
    check("[!a-c]", &["d", "!"], &["a", ""]);
    check("[^a]", &["b", "^"], &["a"]);
    check("[]a]", &["]", "a"], &["b"]);
    check("[!]]", &["a"], &["]"]);
    check("[a\\]b]", &["a", "]", "b"], &["\\"]);
    check("[\\!a]", &["!", "a"], &["b"]);
    check("[a\\-c]", &["a", "-", "c"], &["b"]);
    check("[c-a]", &[], &["a", "b", "c"]);
    check("[[:digit:]x]", &["7", "x"], &["a", ":", "["]);
    check("[![:upper:]]", &["a"], &["A"]);
    check("[[:nothing:]]", &[":]", "n]", "[]"], &["7"]);
}

#[test]
fn a_set_without_its_end_stands_for_itself() {
    check("[", &["["], &["", "a"]);
    check("[a*", &["[a", "[abc"], &["a"]);
    check("[]", &["[]"], &["]"]);
    check("[!]", &["[!]"], &["a"]);
    assert!(Pattern::new(&glyphs("[a")).is_literal());
    assert!(!Pattern::new(&glyphs("[a]")).is_literal());
}

#[test]
fn a_leading_character_is_one_that_stands_there() {
    for (pattern, begins) in [(".a", true), ("\\.*", true), ("*", false), ("[.]a", false)] {
        assert_eq!(Pattern::new(&glyphs(pattern)).begins_with('.'), begins, "{pattern}");
    }
}

#[test]
fn many_stars_take_no_exponential_time() {
    let pattern = "*a".repeat(1000) + "b";
    assert!(!Pattern::new(&glyphs(&pattern)).matches(&"a".repeat(5000)));
}

/// The reference: every length for every star.
fn naive(pattern: &[Glyph], text: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    match (first.character, first.quoted) {
        ('*', false) => (0..=text.len()).any(|length| naive(rest, &text[length..])),
        ('?', false) => !text.is_empty() && naive(rest, &text[1..]),
        ('[', false) => match naive_set(rest) {
            Some((set, negated, length)) => text.split_first().is_some_and(|(character, after)| {
                set.contains(character) != negated && naive(&rest[length..], after)
            }),
            None => text.first() == Some(&'[') && naive(rest, &text[1..]),
        },
        (character, _) => text.first() == Some(&character) && naive(rest, &text[1..]),
    }
}

/// All characters of a set, whether it is negated, and how long it is with its `]`.
fn naive_set(glyphs: &[Glyph]) -> Option<(Vec<char>, bool, usize)> {
    let negated = glyphs.first().is_some_and(|first| first.is('!') || first.is('^'));
    let begin = usize::from(negated);
    let end = (begin + 1..glyphs.len()).find(|place| glyphs[*place].is(']'))?;
    let mut set = Vec::new();
    let mut place = begin;
    while place < end {
        if place + 2 < end && glyphs[place + 1].is('-') {
            set.extend(glyphs[place].character..=glyphs[place + 2].character);
            place += 3;
        } else {
            set.push(glyphs[place].character);
            place += 1;
        }
    }
    Some((set, negated, end + 1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]
    #[test]
    fn as_the_reference_says(
        pattern in "((\\\\)?[abc*?\\[\\]!^-]){0,9}",
        text in "[abc\\[\\]!*?^-]{0,6}",
    ) {
        let glyphs = glyphs(&pattern);
        let characters: Vec<char> = text.chars().collect();
        prop_assert_eq!(Pattern::new(&glyphs).matches(&text), naive(&glyphs, &characters));
    }

    #[test]
    fn quoted_text_matches_itself_alone(text in ".{0,8}", other in ".{0,8}") {
        let quoted: String = text.chars().flat_map(|character| ['\\', character]).collect();
        let pattern = Pattern::new(&glyphs(&quoted));
        prop_assert!(pattern.is_literal() && pattern.matches(&text));
        prop_assert_eq!(pattern.matches(&other), text == other);
    }
}
