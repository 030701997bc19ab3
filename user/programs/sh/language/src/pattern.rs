//! Patterns: text in which `*`, `?` and `[...]` stand for other text, unless they are quoted.
//!
//! Owns: what a pattern means. Never enters it: slashes and leading dots, which only pathnames know
//! ([`crate::pathname`]).
//!
//! `*` is any text, `?` any character, `[...]` one of a set: characters, ranges `a-z` by code point,
//! classes `[:digit:]`; after `!` or `^` one that is not in it. A `]` right at the beginning of a
//! set is a member. A `[` without its `]` stands for itself.
//!
//! Invariants: matching takes at most the product of both lengths, and allocates nothing.
//!
//! Source: IEEE Std 1003.1, Shell Command Language, "Pattern Matching Notation".

use alloc::vec::Vec;

/// A character of a word after expansion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Glyph {
    /// The character.
    pub character: char,
    /// Whether it stands for itself whatever it is.
    pub quoted: bool,
}

impl Glyph {
    /// Whether it is this character, with its meaning.
    fn is(self, character: char) -> bool {
        self.character == character && !self.quoted
    }
}

/// A pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(Vec<Element>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Element {
    /// This character.
    One(char),
    /// Any character.
    Any,
    /// Any text.
    Many,
    /// One character that is in the set, or (`negated`) that is not.
    Set { negated: bool, members: Vec<Member> },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Member {
    /// From one character to another, both included.
    Range(char, char),
    /// A class by its place in [`CLASSES`].
    Class(usize),
}

/// Whether a character is of a class.
type Class = fn(char) -> bool;

/// The classes that sets can name.
const CLASSES: &[(&str, Class)] = &[
    ("alnum", char::is_alphanumeric),
    ("alpha", char::is_alphabetic),
    ("blank", |character| matches!(character, ' ' | '\t')),
    ("cntrl", char::is_control),
    ("digit", |character| character.is_ascii_digit()),
    ("graph", |character| !character.is_control() && !character.is_whitespace()),
    ("lower", char::is_lowercase),
    ("print", |character| !character.is_control()),
    ("punct", |character| character.is_ascii_punctuation()),
    ("space", char::is_whitespace),
    ("upper", char::is_uppercase),
    ("xdigit", |character| character.is_ascii_hexdigit()),
];

impl Pattern {
    /// Reads a pattern.
    #[must_use]
    pub fn new(glyphs: &[Glyph]) -> Self {
        let mut elements = Vec::new();
        let mut rest = glyphs;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            elements.push(match first.character {
                '*' if !first.quoted => Element::Many,
                '?' if !first.quoted => Element::Any,
                '[' if !first.quoted => match set(after) {
                    Some((element, after)) => {
                        rest = after;
                        element
                    }
                    None => Element::One('['),
                },
                character => Element::One(character),
            });
        }
        Self(elements)
    }

    /// Whether only one text matches it.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.0.iter().all(|element| matches!(element, Element::One(_)))
    }

    /// Whether it begins with this very character, not with something that stands for it.
    #[must_use]
    pub fn begins_with(&self, character: char) -> bool {
        self.0.first() == Some(&Element::One(character))
    }

    /// Whether all of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut place = 0;
        // What follows the last `*`, and the text that it has not taken.
        let mut last_many = None;
        loop {
            match self.0.get(place) {
                Some(Element::Many) => {
                    place += 1;
                    last_many = Some((place, rest.clone()));
                    continue;
                }
                Some(element) => {
                    let mut after = rest.clone();
                    if after.next().is_some_and(|character| element.takes(character)) {
                        (rest, place) = (after, place + 1);
                        continue;
                    }
                }
                None if rest.as_str().is_empty() => return true,
                None => {}
            }
            // Not so; the last `*` takes one character more. An earlier one could only take what
            // this one can.
            let Some((after, left)) = &mut last_many else { return false };
            if left.next().is_none() {
                return false;
            }
            (rest, place) = (left.clone(), *after);
        }
    }
}

impl Element {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::One(only) => *only == character,
            Self::Any => true,
            Self::Many => false,
            Self::Set { negated, members } => {
                members.iter().any(|member| member.takes(character)) != *negated
            }
        }
    }
}

impl Member {
    fn takes(self, character: char) -> bool {
        match self {
            Self::Range(first, last) => (first..=last).contains(&character),
            Self::Class(place) => CLASSES[place].1(character),
        }
    }
}

/// The set whose `[` stood before `glyphs`, and what follows its `]`; `None` if there is no `]`.
fn set(glyphs: &[Glyph]) -> Option<(Element, &[Glyph])> {
    let (negated, mut rest) = match glyphs {
        [first, rest @ ..] if first.is('!') || first.is('^') => (true, rest),
        _ => (false, glyphs),
    };
    let mut members = Vec::new();
    loop {
        let (member, after) = match rest {
            [close, after @ ..] if close.is(']') && !members.is_empty() => {
                return Some((Element::Set { negated, members }, after));
            }
            [open, after @ ..] if open.is('[') && class(after).is_some() => class(after)?,
            [first, dash, last, after @ ..] if dash.is('-') && !last.is(']') => {
                (Member::Range(first.character, last.character), after)
            }
            [only, after @ ..] => (Member::Range(only.character, only.character), after),
            [] => return None,
        };
        members.push(member);
        rest = after;
    }
}

/// The class `:NAME:]`, and what follows it.
fn class(glyphs: &[Glyph]) -> Option<(Member, &[Glyph])> {
    let after = |text: &str| {
        let is_there = glyphs.len() >= text.len()
            && glyphs.iter().zip(text.chars()).all(|(glyph, character)| glyph.is(character));
        is_there.then(|| &glyphs[text.len()..])
    };
    CLASSES.iter().enumerate().find_map(|(place, (name, _))| {
        after(&alloc::format!(":{name}:]")).map(|rest| (Member::Class(place), rest))
    })
}

#[cfg(test)]
mod tests;
