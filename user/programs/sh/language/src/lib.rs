//! The shell's language: text to tokens, tokens to commands, words to fields.
//!
//! Owns: quoting, grammar, parameter expansion, field splitting, patterns and pathname expansion.
//! Never enters it: processes, descriptors, files, the environment; parameters come through
//! [`Parameters`], names of files through [`Directories`].
//!
//! The language is the part of POSIX's shell command language that people type and put into
//! scripts: pipelines, `!`, `&&`, `||`, `;`, `&`, redirections, assignments, quoting, parameters,
//! patterns, `( )`, `{ }`, `if`, `while`, `until`, `for`, `case`. What is left out is refused by
//! name: command substitution, arithmetic, here-documents, functions.
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
pub mod pathname;
pub mod pattern;
pub mod syntax;

pub use expand::{Parameters, expand_field, expand_pattern, expand_words};
pub use parser::{ParseError, parse};
pub use pathname::Directories;
