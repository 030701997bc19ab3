//! The manual's tables are derived from the code: this test compares them.
//!
//! `UPDATE_MANUAL=1 cargo test -p tine-abi --test manual` writes them anew. Prose outside the
//! markers `<!-- derived -->` and `<!-- /derived -->` is kept.

use std::fmt::Write as _;
use std::path::Path;

use tine_abi::error::{Errno, Error};
use tine_abi::protocol::{console, file, pipe, process};
use tine_abi::syscall::CALLS;

const BEGIN: &str = "<!-- derived -->\n";
const END: &str = "<!-- /derived -->\n";

/// Compares (or rewrites) the derived part of `abi/doc/{page}`.
fn check(page: &str, derived: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("doc").join(page);
    let text = std::fs::read_to_string(&path).expect("the page can be read");
    let begin = text.find(BEGIN).expect("the page has no begin marker") + BEGIN.len();
    let end = text.find(END).expect("the page has no end marker");
    if std::env::var_os("UPDATE_MANUAL").is_some() {
        std::fs::write(&path, format!("{}{derived}{}", &text[..begin], &text[end..]))
            .expect("the page can be written");
    } else {
        assert!(
            text[begin..end] == *derived,
            "abi/doc/{page} differs from the code; run: UPDATE_MANUAL=1 cargo test -p tine-abi --test manual"
        );
    }
}

#[test]
fn system_calls() {
    let mut page = String::new();
    writeln!(page, "| number | call | capability | what it does |\n|--:|---|---|---|").unwrap();
    for call in CALLS {
        let row = call.info();
        writeln!(
            page,
            "| {} | [`{}`](#{}) | {} | {} |",
            call.number(),
            row.name,
            row.name,
            if row.capability.is_empty() { "none" } else { row.capability },
            row.summary
        )
        .unwrap();
    }
    for call in CALLS {
        let row = call.info();
        writeln!(page, "\n### {}\n\n{}\n", row.name, row.summary).unwrap();
        writeln!(page, "- Number: {}", call.number()).unwrap();
        writeln!(page, "- Capability: {}", row.capability).unwrap();
        for (index, argument) in row.arguments.iter().enumerate() {
            writeln!(page, "- Argument {index}: {argument}").unwrap();
        }
        writeln!(page, "- Results: {}", row.results).unwrap();
        if !row.errors.is_empty() {
            writeln!(page, "\n| error | cause |\n|---|---|").unwrap();
            for (error, cause) in row.errors {
                writeln!(page, "| {} | {cause} |", error.label()).unwrap();
            }
        }
    }
    check("syscalls.md", &page);
}

#[test]
fn errors() {
    let mut page = String::new();
    writeln!(page, "## Kernel errors\n\n| number | name | meaning | errno |\n|--:|---|---|---|")
        .unwrap();
    for error in Error::ALL {
        let errno = Errno::from(*error);
        writeln!(
            page,
            "| {} | {} | {} | {} |",
            error.number(),
            error.label(),
            error.sentence(),
            errno.label()
        )
        .unwrap();
    }
    writeln!(page, "\n## Errno\n\n| number | name | meaning |\n|--:|---|---|").unwrap();
    for errno in Errno::ALL {
        writeln!(page, "| {} | {} | {} |", errno.number(), errno.label(), errno.sentence())
            .unwrap();
    }
    check("errors.md", &page);
}

#[test]
fn protocols() {
    let mut page = String::new();
    for (title, operations) in [
        ("Process server", process::Operation::ALL),
        ("Descriptors", file::Operation::ALL),
        ("Pipe server", pipe::Operation::ALL),
        ("Console", console::Operation::ALL),
    ] {
        writeln!(
            page,
            "## {title}\n\n| number | operation | what it does | request | reply |\n|--:|---|---|---|---|"
        )
        .unwrap();
        for (number, name, summary, request, reply) in operations {
            writeln!(page, "| {number} | {name} | {summary} | {request} | {reply} |").unwrap();
        }
        writeln!(page).unwrap();
    }
    check("protocols.md", &page);
}
