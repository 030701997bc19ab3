//! The tree that the parser makes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A piece of a word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Text as it stands; `quoted` text is never split and makes a field even when empty.
    Text {
        /// The text.
        text: String,
        /// Whether it was quoted.
        quoted: bool,
    },
    /// The value of a parameter: a name, a digit, or one of `? $ ! # @ *`.
    Parameter {
        /// Which.
        name: String,
        /// Within double quotes, where its value is not split.
        quoted: bool,
    },
}

/// A word before expansion.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Word(pub Vec<Piece>);

impl Word {
    /// The word as text, when it holds nothing but unquoted text: what keywords are.
    #[must_use]
    pub fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }
}

/// Where a redirection leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// `<` a file.
    Read(Word),
    /// `>` a file, cut to nothing.
    Write(Word),
    /// `>>` a file, at its end.
    Append(Word),
    /// `>&` or `<&` another descriptor; `None` for `-`, which closes.
    Duplicate(Option<u16>),
}

/// One redirection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redirection {
    /// The descriptor that changes.
    pub descriptor: u16,
    /// What it becomes.
    pub target: Target,
}

/// A command of a pipeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// What runs.
    pub kind: CommandKind,
    /// In order of appearance.
    pub redirections: Vec<Redirection>,
}

/// What a command is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommandKind {
    /// Assignments and a program or builtin with its arguments.
    Simple {
        /// `NAME=word` before the first other word.
        assignments: Vec<(String, Word)>,
        /// Name and arguments, before expansion.
        words: Vec<Word>,
    },
    /// `( list )`: in a process of its own.
    Subshell(List),
    /// `{ list; }`: in this shell.
    Group(List),
    /// `if`: conditions with what follows them, then what follows `else`.
    If {
        /// `if` and `elif` in order.
        branches: Vec<(List, List)>,
        /// After `else`.
        otherwise: Option<List>,
    },
    /// `while` and `until`.
    Loop {
        /// Run before each turn.
        condition: List,
        /// The status that ends the loop: `true` for `until`, when success ends it.
        until: bool,
        /// Each turn.
        body: List,
    },
    /// `case`: the first body with a pattern that matches.
    Case {
        /// What the patterns are tried on.
        word: Word,
        /// Patterns and what runs for them, in order.
        branches: Vec<(Vec<Word>, List)>,
    },
    /// `for NAME in words`.
    For {
        /// The variable.
        name: String,
        /// What it takes on; `None` is the positional parameters.
        words: Option<Vec<Word>>,
        /// Each turn.
        body: List,
    },
}

/// Commands joined by `|`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pipeline {
    /// `!` stood before it.
    pub negated: bool,
    /// From left to right; at least one.
    pub commands: Vec<Command>,
}

/// How a pipeline depends on the one before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Join {
    /// It runs anyway (the first one).
    Always,
    /// `&&`.
    IfSuccess,
    /// `||`.
    IfFailure,
}

/// Pipelines joined by `&&` and `||`, ended by `;`, `&` or a line end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AndOr {
    /// In order; at least one.
    pub pipelines: Vec<(Join, Pipeline)>,
    /// It was ended by `&`.
    pub background: bool,
}

/// What a line, a script or a body holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct List(pub Box<[AndOr]>);
