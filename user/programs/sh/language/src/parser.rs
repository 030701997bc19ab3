//! Tokens to commands, by recursive descent of bounded depth.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::lexer::{Token, is_name, tokens};
use crate::syntax::{
    AndOr, Command, CommandKind, Join, List, Piece, Pipeline, Redirection, Target, Word,
};

/// How deep compound commands can nest.
pub const DEPTH_MAX: usize = 64;

/// Why a text is not a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParseError {
    /// More lines are needed: a quote or a compound command is open.
    Incomplete,
    /// This token stands where it cannot.
    Unexpected(String),
    /// A part of the shell language that Tine's shell does not offer.
    NotOffered(&'static str),
    /// Compound commands nest deeper than [`DEPTH_MAX`].
    TooDeep,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete => formatter.write_str("syntax error: unexpected end"),
            Self::Unexpected(token) => write!(formatter, "syntax error near `{token}'"),
            Self::NotOffered(what) => write!(formatter, "this shell does not offer {what}"),
            Self::TooDeep => formatter.write_str("syntax error: commands nest too deeply"),
        }
    }
}

/// Parses a whole text.
///
/// # Errors
/// See [`ParseError`].
pub fn parse(text: &str) -> Result<List, ParseError> {
    let mut parser = Parser { tokens: tokens(text)?, position: 0, depth: 0 };
    let list = parser.list(&[])?;
    match parser.peek() {
        None => Ok(list),
        Some(token) => Err(unexpected(token)),
    }
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
}

/// Words that end a list inside a compound command.
const CLOSERS: &[&str] = &["then", "elif", "else", "fi", "do", "done", "esac", "}"];

fn unexpected(token: &Token) -> ParseError {
    let text = match token {
        Token::Word(word) => match word.0.first() {
            Some(Piece::Text { text, .. }) => text.clone(),
            Some(Piece::Parameter { name, .. }) => alloc::format!("${name}"),
            None => String::new(),
        },
        Token::Operator(operator) => String::from(*operator),
        Token::Redirect(_, operator) => String::from(*operator),
        Token::Newline => String::from("newline"),
    };
    ParseError::Unexpected(text)
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position)
    }

    fn keyword(&self) -> Option<&str> {
        match self.peek()? {
            Token::Word(word) => word.plain(),
            _ => None,
        }
    }

    fn fail<T>(&self) -> Result<T, ParseError> {
        Err(self.peek().map_or(ParseError::Incomplete, unexpected))
    }

    fn take_operator(&mut self, operator: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Operator(found)) if *found == operator);
        self.position += usize::from(found);
        found
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.keyword() == Some(keyword);
        self.position += usize::from(found);
        found
    }

    fn expect_keyword(&mut self, keyword: &str) -> Result<(), ParseError> {
        if self.take_keyword(keyword) { Ok(()) } else { self.fail() }
    }

    fn newlines(&mut self) {
        while self.peek() == Some(&Token::Newline) {
            self.position += 1;
        }
    }

    /// A list, up to the end, to `)`, to `;;` or to one of these keywords.
    fn list(&mut self, closers: &[&str]) -> Result<List, ParseError> {
        let mut found = Vec::new();
        loop {
            self.newlines();
            match self.peek() {
                None | Some(Token::Operator(")" | ";;")) => break,
                Some(_) if self.keyword().is_some_and(|word| closers.contains(&word)) => break,
                Some(_) => {}
            }
            let mut and_or = self.and_or()?;
            let ended = if self.take_operator("&") {
                and_or.background = true;
                true
            } else {
                self.take_operator(";")
            };
            found.push(and_or);
            if !ended && self.peek() != Some(&Token::Newline) {
                break;
            }
        }
        Ok(List(found.into_boxed_slice()))
    }

    /// A list that must hold something and end with one of the keywords, which stays.
    fn body(&mut self, closers: &[&str]) -> Result<List, ParseError> {
        let list = self.list(closers)?;
        let closed = self.keyword().is_some_and(|word| closers.contains(&word));
        if list.0.is_empty() || !closed { self.fail() } else { Ok(list) }
    }

    fn and_or(&mut self) -> Result<AndOr, ParseError> {
        let mut pipelines = Vec::new();
        let mut join = Join::Always;
        loop {
            pipelines.push((join, self.pipeline()?));
            join = if self.take_operator("&&") {
                Join::IfSuccess
            } else if self.take_operator("||") {
                Join::IfFailure
            } else {
                break;
            };
            self.newlines();
        }
        Ok(AndOr { pipelines, background: false })
    }

    fn pipeline(&mut self) -> Result<Pipeline, ParseError> {
        let mut negated = false;
        while self.take_keyword("!") {
            negated = !negated;
        }
        let mut commands = Vec::new();
        loop {
            commands.push(self.command()?);
            if !self.take_operator("|") {
                break;
            }
            self.newlines();
        }
        Ok(Pipeline { negated, commands })
    }

    fn command(&mut self) -> Result<Command, ParseError> {
        if self.depth >= DEPTH_MAX {
            return Err(ParseError::TooDeep);
        }
        self.depth += 1;
        let command = self.command_inside();
        self.depth -= 1;
        command
    }

    fn command_inside(&mut self) -> Result<Command, ParseError> {
        let kind = if self.take_operator("(") {
            let list = self.list(&[])?;
            if list.0.is_empty() || !self.take_operator(")") {
                return self.fail();
            }
            CommandKind::Subshell(list)
        } else {
            match self.keyword() {
                Some("{") => {
                    self.position += 1;
                    let list = self.body(&["}"])?;
                    self.expect_keyword("}")?;
                    CommandKind::Group(list)
                }
                Some("if") => self.conditional()?,
                Some(word @ ("while" | "until")) => {
                    let until = word == "until";
                    self.position += 1;
                    let condition = self.body(&["do"])?;
                    CommandKind::Loop { condition, until, body: self.loop_body()? }
                }
                Some("for") => self.for_loop()?,
                Some("case") => self.case()?,
                Some("function") => return Err(ParseError::NotOffered("functions")),
                Some(word) if CLOSERS.contains(&word) => return self.fail(),
                _ => return self.simple(),
            }
        };
        let mut redirections = Vec::new();
        while let Some(redirection) = self.redirection()? {
            redirections.push(redirection);
        }
        Ok(Command { kind, redirections })
    }

    fn conditional(&mut self) -> Result<CommandKind, ParseError> {
        let mut branches = Vec::new();
        while self.take_keyword(if branches.is_empty() { "if" } else { "elif" }) {
            let condition = self.body(&["then"])?;
            self.expect_keyword("then")?;
            branches.push((condition, self.body(&["elif", "else", "fi"])?));
        }
        let otherwise = if self.take_keyword("else") { Some(self.body(&["fi"])?) } else { None };
        self.expect_keyword("fi")?;
        Ok(CommandKind::If { branches, otherwise })
    }

    fn loop_body(&mut self) -> Result<List, ParseError> {
        self.expect_keyword("do")?;
        let body = self.body(&["done"])?;
        self.expect_keyword("done")?;
        Ok(body)
    }

    fn for_loop(&mut self) -> Result<CommandKind, ParseError> {
        self.position += 1;
        let name = match self.keyword() {
            Some(name) if is_parameter_name(name) => String::from(name),
            _ => return self.fail(),
        };
        self.position += 1;
        let mut words = None;
        if self.take_keyword("in") {
            let mut list = Vec::new();
            while let Some(Token::Word(word)) = self.peek() {
                list.push(word.clone());
                self.position += 1;
            }
            words = Some(list);
        }
        if !self.take_operator(";") && self.peek() != Some(&Token::Newline) && words.is_some() {
            return self.fail();
        }
        self.newlines();
        Ok(CommandKind::For { name, words, body: self.loop_body()? })
    }

    fn case(&mut self) -> Result<CommandKind, ParseError> {
        self.position += 1;
        let word = self.word()?;
        self.newlines();
        self.expect_keyword("in")?;
        self.newlines();
        let mut branches = Vec::new();
        while !self.take_keyword("esac") {
            self.take_operator("(");
            let mut patterns = Vec::new();
            loop {
                patterns.push(self.word()?);
                if !self.take_operator("|") {
                    break;
                }
            }
            if !self.take_operator(")") {
                return self.fail();
            }
            branches.push((patterns, self.list(&["esac"])?));
            if self.take_operator(";;") {
                self.newlines();
            } else if self.keyword() != Some("esac") {
                return self.fail();
            }
        }
        Ok(CommandKind::Case { word, branches })
    }

    fn word(&mut self) -> Result<Word, ParseError> {
        let Some(Token::Word(word)) = self.peek() else { return self.fail() };
        let word = word.clone();
        self.position += 1;
        Ok(word)
    }

    fn simple(&mut self) -> Result<Command, ParseError> {
        let (mut assignments, mut words) = (Vec::new(), Vec::new());
        let mut redirections = Vec::new();
        loop {
            if let Some(redirection) = self.redirection()? {
                redirections.push(redirection);
                continue;
            }
            let Some(Token::Word(word)) = self.peek() else { break };
            let word = word.clone();
            self.position += 1;
            match assignment(&word).filter(|_| words.is_empty()) {
                Some(found) => assignments.push(found),
                None => words.push(word),
            }
            if matches!(self.peek(), Some(Token::Operator("("))) {
                return Err(ParseError::NotOffered("functions"));
            }
        }
        if assignments.is_empty() && words.is_empty() && redirections.is_empty() {
            return self.fail();
        }
        Ok(Command { kind: CommandKind::Simple { assignments, words }, redirections })
    }

    fn redirection(&mut self) -> Result<Option<Redirection>, ParseError> {
        let Some(Token::Redirect(descriptor, operator)) = self.peek() else { return Ok(None) };
        let (descriptor, operator) = (*descriptor, *operator);
        self.position += 1;
        let Some(Token::Word(word)) = self.peek() else {
            return match self.peek() {
                None | Some(Token::Newline) => Err(ParseError::Unexpected("newline".into())),
                Some(token) => Err(unexpected(token)),
            };
        };
        let word = word.clone();
        let target = match operator {
            "<" => Target::Read(word),
            ">" => Target::Write(word),
            ">>" => Target::Append(word),
            _ => match word.plain() {
                Some("-") => Target::Duplicate(None),
                Some(number) => match number.parse() {
                    Ok(number) => Target::Duplicate(Some(number)),
                    Err(_) => return self.fail(),
                },
                None => return self.fail(),
            },
        };
        self.position += 1;
        Ok(Some(Redirection { descriptor, target }))
    }
}

fn is_parameter_name(name: &str) -> bool {
    !name.is_empty() && name.chars().enumerate().all(|(index, c)| is_name(c, index == 0))
}

/// Splits `NAME=word`, when the word has that form with an unquoted name.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some((Piece::Text { text, quoted: false }, rest)) = word.0.split_first() else {
        return None;
    };
    let (name, value) = text.split_once('=')?;
    if !is_parameter_name(name) {
        return None;
    }
    let mut pieces = Vec::new();
    if !value.is_empty() {
        pieces.push(Piece::Text { text: String::from(value), quoted: false });
    }
    pieces.extend_from_slice(rest);
    Some((String::from(name), Word(pieces)))
}

/// Keeps a boxed list small in the enums that hold it.
impl From<Vec<AndOr>> for List {
    fn from(list: Vec<AndOr>) -> Self {
        Self(Box::from(list))
    }
}

#[cfg(test)]
mod tests;
