//! The tree's own rules, as tests: headers, sizes, where `unsafe` may be, who may depend on whom.
//!
//! Owns: the rules and their exceptions, each with its reason. Called by: `cargo test`.
//! Invariants: a rule names the file and what to do; an exception that is no longer needed fails,
//! so the lists do not rot. The picture is ARCHITECTURE.md.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Lines that a file may have without a reason.
const LINES: usize = 500;

/// Files that have more, and why: none today.
const LONG: &[(&str, &str)] = &[];

/// Lines of code that the unsafe toolbox of the kernel may have, so that one reader can hold all of
/// it; and its file that only tests use.
const TOOLBOX: (&str, usize, &str) = ("kernel/sync/src/", 800, "kernel/sync/src/host.rs");

/// Crates that the project has chosen for good, each somewhere where it fits.
const CRATES: &[&str] = &[
    "acpi",
    "conquer-once",
    "crossbeam-queue",
    "futures-util",
    "heapless",
    "limine",
    "spin",
    "x86_64",
];

/// Where `unsafe` may be written.
const UNSAFE: &[&str] = &[
    "kernel/sync/",
    "kernel/src/arch",
    "kernel/src/boot",
    "kernel/src/frames",
    "user/sys/",
    "user/rt/",
    "user/c/",
    "tools/directboot/",
];

/// Inside those, crates of pure logic where it may not.
const SAFE_INSIDE: &[&str] = &["tools/directboot/model/"];

/// What a crate in a folder may depend on: folder pattern, allowed folder patterns. `*` is one
/// part of a path; `=` is what the pattern's own `*` stood for. The first pattern that fits counts.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("abi", &[]),
    ("abi/*", &["abi"]),
    ("kernel/sync", &["abi"]),
    ("kernel/boot", &["abi", "abi/*"]),
    ("kernel/core", &["abi", "abi/*", "kernel/sync"]),
    ("kernel", &["abi", "abi/*", "kernel/*"]),
    ("user/sys", &["abi"]),
    ("user/rt", &["abi", "user/sys"]),
    ("user/lib", &["abi", "abi/*", "user/sys", "user/rt"]),
    ("servers/*/model", &["abi", "abi/*", "servers/lib/model"]),
    ("servers/lib", &["abi", "abi/*", "user/sys", "user/rt", "user/lib", "servers/lib/model"]),
    (
        "servers/*",
        &[
            "abi",
            "abi/*",
            "user/sys",
            "user/rt",
            "user/lib",
            "servers/lib",
            "servers/lib/model",
            "servers/=/model",
        ],
    ),
    ("user/programs/*/language", &["abi"]),
    ("user/programs/*/model", &["abi", "user/programs/=/language"]),
    (
        "user/programs/*",
        &["abi", "user/sys", "user/rt", "user/lib", "user/programs/parts", "user/programs/=/*"],
    ),
    ("user/tests/table", &["abi"]),
    ("user/*", &["abi", "abi/*", "user/sys", "user/rt", "user/lib", "user/=/*"]),
    ("tools/*/model", &["abi", "tools/bundle"]),
    ("tools/*", &["abi", "abi/*", "tools/*", "tools/*/model"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the tree")
}

/// Every file of the tree with this extension, as a path from the top, without products.
fn files(extension: &str) -> Vec<String> {
    let top = root();
    let mut found = Vec::new();
    let mut open = vec![top.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                let relative = path.strip_prefix(&top).expect("a file of the tree");
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_default()
}

/// Fails with all complaints at once.
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_file_begins_with_what_it_is() {
    let complaints: Vec<_> = files("rs")
        .into_iter()
        .filter(|file| !text(file).starts_with("//! "))
        .map(|file| format!("{file}: begins without a `//!` header: what it owns, who calls it"))
        .collect();
    none(&complaints);
}

#[test]
fn modules_are_not_called_mod() {
    let complaints: Vec<_> =
        files("rs").into_iter().filter(|file| file.ends_with("/mod.rs")).collect();
    none(&complaints);
}

#[test]
fn long_files_have_a_reason() {
    let mut complaints = Vec::new();
    for file in files("rs") {
        let lines = text(&file).lines().count();
        let excepted = LONG.iter().any(|(name, reason)| *name == file && !reason.is_empty());
        if lines > LINES && !excepted {
            complaints.push(format!("{file}: {lines} lines; split it, or give a reason in LONG"));
        } else if lines <= LINES && excepted {
            complaints.push(format!("{file}: {lines} lines; take it out of LONG"));
        }
    }
    complaints.extend(
        LONG.iter()
            .filter(|(name, _)| !root().join(name).is_file())
            .map(|(name, _)| format!("{name}: in LONG, but not in the tree")),
    );
    none(&complaints);
}

/// Lines of code: neither blank nor comment, nor in the module of tests that ends the file.
fn lines_of_code(text: &str) -> usize {
    text.lines()
        .map(str::trim_start)
        .take_while(|line| !(line.starts_with("#[cfg(") && line.contains("test")))
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[test]
fn the_unsafe_toolbox_is_small() {
    let (folder, limit, for_tests) = TOOLBOX;
    let toolbox = files("rs").into_iter().filter(|file| file.starts_with(folder));
    let code: usize =
        toolbox.filter(|file| file != for_tests).map(|file| lines_of_code(&text(&file))).sum();
    assert!(code > 0, "{folder} is not there");
    assert!(code <= limit, "{folder}: {code} lines of code, at most {limit}");
}

#[test]
fn lines_of_code_are_told_from_the_others() {
    let text = "//! A file.\n\nfn f() {\n    // Says why.\n    g(); // Why.\n}\n\n\
                #[cfg(all(test, not(loom)))]\nmod tests {\n    fn t() {}\n}\n";
    assert_eq!(lines_of_code(text), 3);
}

/// Whether a line of code uses the keyword; comments and longer words do not.
fn says_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or("");
    let word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices("unsafe").any(|(at, found)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + found.len()..];
        !before.is_some_and(|character| word(character) || character == '"')
            && !after.chars().next().is_some_and(word)
            && [" {", "{", " fn", " impl", " extern", " trait", "("]
                .iter()
                .any(|start| after.starts_with(start))
    })
}

#[test]
fn unsafe_is_where_it_may_be() {
    let allowed = |file: &str| {
        UNSAFE.iter().any(|place| file.starts_with(place))
            && !SAFE_INSIDE.iter().any(|place| file.starts_with(place))
    };
    let mut complaints = Vec::new();
    for file in files("rs").into_iter().filter(|file| !allowed(file)) {
        for (index, line) in text(&file).lines().enumerate() {
            if says_unsafe(line) {
                complaints.push(format!("{file}:{}: unsafe outside its places", index + 1));
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_keyword_is_told_from_the_word() {
    for rest in [" { x }", " fn f()", "(naked)]", " impl A for B"] {
        assert!(says_unsafe(&["pub un", "safe", rest].concat()), "{rest}");
    }
    for line in
        ["// x", "#![forbid(unsafe_code)]", "x = \"unsafe {\";", "not_unsafe {", "unsafely ("]
    {
        assert!(!says_unsafe(line), "{line}");
    }
}

/// A package of the workspace: name, folder, folders of what it depends on, whether it has tests for
/// the host, whether a plain `cargo test` runs them.
struct Package {
    name: String,
    folder: String,
    dependencies: Vec<String>,
    /// Crates of others that it uses, in tests too.
    crates: Vec<String>,
    has_tests: bool,
    is_default: bool,
}

fn packages() -> Vec<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = cargo.output().expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata in JSON");
    let top = root();
    let relative = |path: &Path| {
        let path = path.strip_prefix(&top).unwrap_or(path);
        path.to_string_lossy().into_owned()
    };
    let mut packages = Vec::new();
    let default: Vec<_> =
        metadata["workspace_default_members"].as_array().into_iter().flatten().collect();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let (own, others): (Vec<_>, Vec<_>) =
            dependencies.partition(|dependency| dependency["path"].is_string());
        let mut targets = package["targets"].as_array().into_iter().flatten();
        packages.push(Package {
            name: package["name"].as_str().unwrap_or_default().to_owned(),
            folder: relative(manifest.parent().unwrap_or(manifest)),
            dependencies: own
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .filter_map(|dependency| dependency["path"].as_str())
                .map(|path| relative(Path::new(path)))
                .collect(),
            crates: others
                .iter()
                .filter_map(|dependency| dependency["name"].as_str())
                .map(str::to_owned)
                .collect(),
            has_tests: targets.any(|target| target["test"] == true),
            is_default: default.contains(&&package["id"]),
        });
    }
    assert!(!packages.is_empty(), "cargo metadata names no package");
    packages
}

/// What the `*` of `pattern` stands for in `folder`, if it fits; empty if there is no `*`.
fn fits<'a>(pattern: &str, folder: &'a str) -> Option<&'a str> {
    let (mut star, mut parts) = ("", folder.split('/'));
    for expected in pattern.split('/') {
        let part = parts.next()?;
        match expected {
            "*" => star = part,
            _ if expected == part => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(star)
}

#[test]
fn dependencies_point_one_way() {
    let mut complaints = Vec::new();
    for package in packages() {
        let rule = DIRECTIONS
            .iter()
            .find_map(|(pattern, allowed)| Some((fits(pattern, &package.folder)?, allowed)));
        let Some((star, allowed)) = rule else {
            complaints.push(format!("{}: no rule in DIRECTIONS", package.folder));
            continue;
        };
        for dependency in &package.dependencies {
            let allowed = allowed
                .iter()
                .any(|allowed| fits(&allowed.replace('=', star), dependency).is_some());
            if !allowed {
                complaints.push(format!("{} must not depend on {dependency}", package.folder));
            }
        }
    }
    none(&complaints);
}

#[test]
fn cargo_test_runs_every_test() {
    let mut complaints = Vec::new();
    for Package { folder, has_tests, is_default, .. } in packages() {
        if has_tests && !is_default {
            complaints.push(format!("{folder}: has tests; put it into default-members"));
        } else if is_default && !has_tests {
            complaints.push(format!("{folder}: has no tests; take it out of default-members"));
        }
    }
    none(&complaints);
}

#[test]
fn the_chosen_crates_are_used() {
    let packages = packages();
    let used: Vec<_> = packages.iter().flat_map(|package| &package.crates).collect();
    let complaints: Vec<_> = CRATES
        .iter()
        .filter(|name| !used.iter().any(|it| it == *name))
        .map(|name| format!("{name}: no package uses it; find where it fits"))
        .collect();
    none(&complaints);
}

#[test]
fn safe_crates_forbid_unsafe() {
    let mut complaints = Vec::new();
    for Package { folder, .. } in packages() {
        let inside = format!("{folder}/");
        let allowed = UNSAFE.iter().any(|place| {
            inside.starts_with(place)
                || place.strip_prefix(&inside).is_some_and(|rest| {
                    // A crate that holds one of the places, such as the kernel's binary.
                    rest.starts_with("src/")
                })
        });
        if allowed && !SAFE_INSIDE.contains(&inside.as_str()) {
            continue;
        }
        for crate_root in ["src/lib.rs", "src/main.rs"].map(|file| inside.clone() + file) {
            let text = text(&crate_root);
            if !text.is_empty() && !text.contains("#![forbid(unsafe_code)]") {
                complaints.push(format!("{crate_root}: does not say #![forbid(unsafe_code)]"));
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_architecture_names_every_crate() {
    let architecture = text("ARCHITECTURE.md");
    let names = |word: &str| architecture.contains(&format!("`{word}`"));
    let complaints: Vec<_> = packages()
        .into_iter()
        .filter(|package| {
            let family = package.folder.starts_with("user/programs/") && names("user/programs");
            !family && !names(&package.folder) && !names(&package.name)
        })
        .map(|package| format!("ARCHITECTURE.md does not name `{}`", package.folder))
        .collect();
    none(&complaints);
}

/// The anchors of a Markdown file's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn links_of_documents_lead_somewhere() {
    let mut complaints = Vec::new();
    for file in files("md") {
        let text = text(&file);
        let folder = root().join(&file).parent().map(Path::to_owned).unwrap_or_default();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', ' ', '\n']).next().unwrap_or("");
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let place = if path.is_empty() { root().join(&file) } else { folder.join(path) };
            let there = fs::read_to_string(&place).unwrap_or_default();
            if !place.exists() {
                complaints.push(format!("{file}: {target} is not there"));
            } else if !anchor.is_empty() && !anchors(&there).contains(anchor) {
                complaints.push(format!("{file}: {target} has no such heading"));
            }
        }
    }
    none(&complaints);
}
