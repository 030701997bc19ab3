//! Text to a compact picture of the tree.

extern crate std;

use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn word(word: &Word) -> String {
    word.0
        .iter()
        .map(|piece| match piece {
            Piece::Text { text, quoted: false } => text.clone(),
            Piece::Text { text, quoted: true } => std::format!("'{text}'"),
            Piece::Parameter { name, .. } => std::format!("${name}"),
        })
        .collect()
}

fn words(list: &[Word]) -> String {
    list.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn command(command: &Command) -> String {
    let mut text = match &command.kind {
        CommandKind::Simple { assignments, words: list } => {
            let mut text = String::new();
            for (name, value) in assignments {
                text += &std::format!("{name}:={} ", word(value));
            }
            text + &words(list)
        }
        CommandKind::Subshell(inner) => std::format!("({})", list(inner)),
        CommandKind::Group(inner) => std::format!("{{{}}}", list(inner)),
        CommandKind::If { branches, otherwise } => {
            let mut text = String::from("if");
            for (condition, body) in branches {
                text += &std::format!(" [{}] [{}]", list(condition), list(body));
            }
            match otherwise {
                Some(body) => text + &std::format!(" else [{}]", list(body)),
                None => text,
            }
        }
        CommandKind::Loop { condition, until, body } => {
            std::format!("loop until {until} [{}] [{}]", list(condition), list(body))
        }
        CommandKind::Case { word: tried, branches } => {
            let mut text = std::format!("case {}", word(tried));
            for (patterns, body) in branches {
                text += &std::format!(" {}) [{}]", words(patterns), list(body));
            }
            text
        }
        CommandKind::For { name, words: values, body } => std::format!(
            "for {name} {:?} [{}]",
            values.as_ref().map(|values| words(values)),
            list(body)
        ),
    };
    for redirection in &command.redirections {
        let number = redirection.descriptor;
        text += &match &redirection.target {
            Target::Read(file) => std::format!(" {number}<{}", word(file)),
            Target::Write(file) => std::format!(" {number}>{}", word(file)),
            Target::Append(file) => std::format!(" {number}>>{}", word(file)),
            Target::Duplicate(other) => std::format!(" {number}={other:?}"),
        };
    }
    text
}

fn list(list: &List) -> String {
    let mut text = String::new();
    for and_or in &list.0 {
        for (join, pipeline) in &and_or.pipelines {
            text += match join {
                Join::Always => "",
                Join::IfSuccess => " && ",
                Join::IfFailure => " || ",
            };
            if pipeline.negated {
                text += "! ";
            }
            text += &pipeline.commands.iter().map(command).collect::<Vec<_>>().join(" | ");
        }
        text += if and_or.background { " &" } else { ";" };
    }
    text
}

fn check(text: &str, picture: &str) {
    assert_eq!(parse(text).as_ref().map(list), Ok(picture.to_string()), "{text}");
}

fn refuse(text: &str, error: ParseError) {
    assert_eq!(parse(text), Err(error), "{text}");
}

#[test]
fn lists_and_pipelines() {
    check("", "");
    check("a b|c && d || ! e; f & g # not this", "a b | c && d || ! e;f &g;");
    check("a\n\nb &&\nc |\nd", "a;b && c | d;");
    check("a 'b c' $d", "a 'b c' $d;");
}

#[test]
fn redirections_and_assignments() {
    check("a <in >out 2>>err 2>&1 3<&-", "a 0<in 1>out 2>>err 2=Some(1) 3=None;");
    check("X=1 Y=\"$X\" cmd Z=3", "X:=1 Y:=''$X cmd Z=3;");
    check("a2>b", "a2 1>b;");
    check("> file", " 1>file;");
    check("=x 1=y", "=x 1=y;");
}

#[test]
fn compound_commands() {
    check("(a; b) >x", "(a;b;) 1>x;");
    check("{ a; } | b", "{a;} | b;");
    check("if a; then b; elif c\nthen d; else e; fi", "if [a;] [b;] [c;] [d;] else [e;];");
    check("while a; do b; done", "loop until false [a;] [b;];");
    check("until a; do b; done", "loop until true [a;] [b;];");
    check("for i in 1 2; do a; done", "for i Some(\"1 2\") [a;];");
    check("for i; do a; done", "for i None [a;];");
    check("echo if then fi", "echo if then fi;");
    check("case $x in esac", "case $x;");
    check("case a in b) c;; esac", "case a b) [c;];");
    check("case a in b) c; esac >f", "case a b) [c;] 1>f;");
    check("case a in b) c\nesac", "case a b) [c;];");
    check("case a\nin\n(b|'c d') e; f;;\n\n*)\n;;\nesac", "case a b 'c d') [e;f;] *) [];");
    check("case a in (esac) b;; esac", "case a esac) [b;];");
    check("case a in b) case c in d) e;; esac;; esac", "case a b) [case c d) [e;];];");
}

#[test]
fn open_ends_ask_for_more_and_errors_name_the_token() {
    for text in ["case", "case a in", "case a in b", "case a in b)", "case a in b) c;;"] {
        refuse(text, ParseError::Incomplete);
    }
    refuse("a;;", ParseError::Unexpected(";;".into()));
    refuse("{ a;; }", ParseError::Unexpected(";;".into()));
    refuse("case a in b c) d;; esac", ParseError::Unexpected("c".into()));
    refuse("case a in |b) c;; esac", ParseError::Unexpected("|".into()));
    refuse("case a in b) c;; fi", ParseError::Incomplete);
    refuse("case a b) c;; esac", ParseError::Unexpected("b".into()));
    for text in ["'a", "\"a", "a |", "a &&", "(a", "{ a;", "if a; then", "while a", "a \\", "${x"] {
        refuse(text, ParseError::Incomplete);
    }
    refuse("a | | b", ParseError::Unexpected("|".into()));
    refuse(")", ParseError::Unexpected(")".into()));
    refuse("a; fi", ParseError::Unexpected("fi".into()));
    refuse("a >\n", ParseError::Unexpected("newline".into()));
    refuse("; a", ParseError::Unexpected(";".into()));
    refuse("a >& b", ParseError::Unexpected("b".into()));
    refuse("if ; then a; fi", ParseError::Unexpected(";".into()));
}

#[test]
fn what_is_left_out_is_named() {
    refuse("a $(b)", ParseError::NotOffered("command substitution"));
    refuse("a $((1))", ParseError::NotOffered("arithmetic"));
    refuse("a `b`", ParseError::NotOffered("command substitution"));
    refuse("a <<b", ParseError::NotOffered("here-documents"));
    refuse("f() { a; }", ParseError::NotOffered("functions"));
    refuse("a ${b:-c}", ParseError::NotOffered("parameter expansion with an operator"));
}

#[test]
fn depth_is_bounded() {
    refuse(&"(".repeat(100_000), ParseError::TooDeep);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z '\"\\\\$(){}<>|&;!\n#=0-9]{0,80}") {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
