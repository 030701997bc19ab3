//! The shell's language: text to tokens, tokens to commands, words to fields.
//!
//! Owns: quoting, grammar, parameter expansion and field splitting. Never enters it: processes,
//! descriptors, files, the environment; parameters come through [`Parameters`].
//!
//! The language is the part of POSIX's shell command language that people type and put into
//! scripts: pipelines, `!`, `&&`, `||`, `;`, `&`, redirections, assignments, quoting, parameters,
//! `( )`, `{ }`, `if`, `while`, `until`, `for`. What is left out is refused by name: command
//! substitution, arithmetic, here-documents, `case`, functions; and patterns, which stand for
//! themselves.
//!
//! Invariants: parsing never panics and its depth is bounded ([`parser::DEPTH_MAX`]); an input that
//! only lacks its end is told apart from a wrong one, so that an interactive shell can ask for more.
//!
//! Source: IEEE Std 1003.1, Shell Command Language.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod expand;
pub mod lexer;
pub mod parser;
pub mod syntax;

pub use expand::{Parameters, expand_field, expand_words};
pub use parser::{ParseError, parse};
