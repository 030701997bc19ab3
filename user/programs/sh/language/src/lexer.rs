//! Text to tokens.

use alloc::string::String;
use alloc::vec::Vec;
use core::iter::Peekable;
use core::str::Chars;

use crate::parser::ParseError;
use crate::syntax::{Piece, Word};

/// A token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Token {
    /// A word, keyword or assignment.
    Word(Word),
    /// One of the operators `| || & && ; ;; ( )`.
    Operator(&'static str),
    /// A redirection operator with its descriptor: `< > >> <& >&`.
    Redirect(u16, &'static str),
    /// A line end.
    Newline,
}

/// All tokens of a text.
///
/// # Errors
/// An open quote is [`ParseError::Incomplete`]; constructs that are left out are named.
pub fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer { rest: text.chars().peekable(), found: Vec::new() };
    while lexer.token()? {}
    Ok(lexer.found)
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    found: Vec<Token>,
}

/// Whether a character can stand in a parameter's name, at its beginning or later.
pub(crate) fn is_name(character: char, first: bool) -> bool {
    character == '_' || character.is_ascii_alphabetic() || !first && character.is_ascii_digit()
}

/// Adds text to a word, to its last piece where that is of the same kind.
fn push(word: &mut Word, character: char, quote: bool) {
    match word.0.last_mut() {
        Some(Piece::Text { text, quoted }) if *quoted == quote => text.push(character),
        _ => word.0.push(Piece::Text { text: String::from(character), quoted: quote }),
    }
}

impl Lexer<'_> {
    /// Whether the next character is this one; it is taken then.
    fn take(&mut self, character: char) -> bool {
        self.rest.next_if_eq(&character).is_some()
    }

    fn token(&mut self) -> Result<bool, ParseError> {
        let Some(character) = self.rest.peek().copied() else { return Ok(false) };
        let token = match character {
            ' ' | '\t' | '\r' => {
                self.rest.next();
                return Ok(true);
            }
            '#' => {
                while self.rest.next_if(|character| *character != '\n').is_some() {}
                return Ok(true);
            }
            '\n' => {
                self.rest.next();
                Token::Newline
            }
            ';' => {
                self.rest.next();
                Token::Operator(if self.take(';') { ";;" } else { ";" })
            }
            '(' => self.operator("("),
            ')' => self.operator(")"),
            '|' => {
                self.rest.next();
                Token::Operator(if self.take('|') { "||" } else { "|" })
            }
            '&' => {
                self.rest.next();
                Token::Operator(if self.take('&') { "&&" } else { "&" })
            }
            '<' | '>' => self.redirection(None)?,
            _ => self.word()?,
        };
        self.found.push(token);
        Ok(true)
    }

    fn operator(&mut self, operator: &'static str) -> Token {
        self.rest.next();
        Token::Operator(operator)
    }

    fn redirection(&mut self, descriptor: Option<u16>) -> Result<Token, ParseError> {
        let (operator, default) = if self.take('<') {
            if self.take('<') {
                return Err(ParseError::NotOffered("here-documents"));
            }
            (if self.take('&') { "<&" } else { "<" }, 0)
        } else {
            self.rest.next();
            let operator = if self.take('>') {
                ">>"
            } else if self.take('&') {
                ">&"
            } else {
                ">"
            };
            (operator, 1)
        };
        Ok(Token::Redirect(descriptor.unwrap_or(default), operator))
    }

    fn word(&mut self) -> Result<Token, ParseError> {
        let mut word = Word::default();
        while let Some(character) = self.rest.peek().copied() {
            match character {
                ' ' | '\t' | '\r' | '\n' | ';' | '(' | ')' | '|' | '&' => break,
                '<' | '>' => {
                    // Digits right before a redirection name the descriptor.
                    if let Some(descriptor) = word.plain().and_then(|text| text.parse().ok()) {
                        return self.redirection(Some(descriptor));
                    }
                    break;
                }
                '\'' => {
                    self.rest.next();
                    self.single_quoted(&mut word)?;
                }
                '"' => {
                    self.rest.next();
                    self.double_quoted(&mut word)?;
                }
                '\\' => {
                    self.rest.next();
                    match self.rest.next() {
                        Some('\n') => {}
                        Some(escaped) => push(&mut word, escaped, true),
                        None => return Err(ParseError::Incomplete),
                    }
                }
                '$' => {
                    self.rest.next();
                    self.parameter(&mut word, false)?;
                }
                '`' => return Err(ParseError::NotOffered("command substitution")),
                _ => {
                    self.rest.next();
                    push(&mut word, character, false);
                }
            }
        }
        Ok(Token::Word(word))
    }

    fn single_quoted(&mut self, word: &mut Word) -> Result<(), ParseError> {
        word.0.push(Piece::Text { text: String::new(), quoted: true });
        loop {
            match self.rest.next() {
                Some('\'') => return Ok(()),
                Some(character) => push(word, character, true),
                None => return Err(ParseError::Incomplete),
            }
        }
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), ParseError> {
        word.0.push(Piece::Text { text: String::new(), quoted: true });
        loop {
            match self.rest.next() {
                Some('"') => return Ok(()),
                Some('\\') => match self.rest.next() {
                    Some('\n') => {}
                    Some(escaped @ ('$' | '"' | '\\' | '`')) => push(word, escaped, true),
                    Some(other) => {
                        push(word, '\\', true);
                        push(word, other, true);
                    }
                    None => return Err(ParseError::Incomplete),
                },
                Some('$') => self.parameter(word, true)?,
                Some('`') => return Err(ParseError::NotOffered("command substitution")),
                Some(character) => push(word, character, true),
                None => return Err(ParseError::Incomplete),
            }
        }
    }

    /// What follows a `$`.
    fn parameter(&mut self, word: &mut Word, quoted: bool) -> Result<(), ParseError> {
        let mut name = String::new();
        match self.rest.peek().copied() {
            Some('(') => {
                self.rest.next();
                let is_arithmetic = self.rest.peek() == Some(&'(');
                return Err(ParseError::NotOffered(match is_arithmetic {
                    true => "arithmetic",
                    false => "command substitution",
                }));
            }
            Some('{') => {
                self.rest.next();
                loop {
                    match self.rest.next() {
                        Some('}') => break,
                        Some(character) => name.push(character),
                        None => return Err(ParseError::Incomplete),
                    }
                }
                let special = matches!(name.as_str(), "?" | "$" | "!" | "#" | "@" | "*");
                let number = !name.is_empty() && name.chars().all(|c| c.is_ascii_digit());
                let plain = name.chars().enumerate().all(|(index, c)| is_name(c, index == 0));
                if !special && !number && (name.is_empty() || !plain) {
                    return Err(ParseError::NotOffered("parameter expansion with an operator"));
                }
            }
            Some(character @ ('?' | '$' | '!' | '#' | '@' | '*' | '0'..='9')) => {
                self.rest.next();
                name.push(character);
            }
            _ => {
                while let Some(character) =
                    self.rest.next_if(|character| is_name(*character, name.is_empty()))
                {
                    name.push(character);
                }
                if name.is_empty() {
                    push(word, '$', quoted);
                    return Ok(());
                }
            }
        }
        word.0.push(Piece::Parameter { name, quoted });
        Ok(())
    }
}
