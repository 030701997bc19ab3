//! The compiler for the bare target.
//!
//! Owns: finding one, and how the nested cargo is called. Called by: `guest`.
//!
//! In this order: the target's built library is installed; `rustup target add`; a sysroot with the
//! library's source, which builds it first; on Debian, the packages that have both. The variable
//! `TINE_COMPILER=source` skips the first two. A library built from source gives the same system,
//! but its figures gate nothing: they are another compiler's.
//!
//! Invariants: the nested cargo sees nothing of the outer one but proxies, registries and the
//! choice of toolchain, and writes to a folder of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::{packages, progress, workspace};

/// The guest's target.
pub(crate) const TARGET: &str = "x86_64-unknown-none";

/// Chooses the fallback, for trying it out.
const VARIABLE: &str = "TINE_COMPILER";

/// Debian's packages: compiler, cargo, the library's source, a linker.
const DEBIAN: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// Where those packages' linker can be.
const DEBIAN_LINKERS: [&str; 3] = ["/usr/bin/lld-22", "/usr/lib/llvm-22/bin/lld", "/usr/bin/lld"];

/// A way to build for [`TARGET`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Compiler {
    /// The programs, where they are not those of the path.
    programs: Option<Programs>,
    /// Whether the library is built from source.
    from_source: bool,
    /// A linker for the target, where the sysroot has none.
    linker: Option<PathBuf>,
}

/// A toolchain outside the path.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Programs {
    cargo: PathBuf,
    rustc: PathBuf,
    rustdoc: PathBuf,
}

impl Compiler {
    /// Finds one, or sets it up.
    pub(crate) fn find() -> Result<Self, Failure> {
        let forced = match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("") => false,
            Ok("source") => true,
            Ok(other) => {
                return Err(Failure::usage(format!("{VARIABLE}={other}: only `source` is known")));
            }
        };
        if !forced && let Some(compiler) = with_target()? {
            return Ok(compiler);
        }
        let compiler = with_source()?;
        progress::say("the library is built from source: figures gate nothing");
        Ok(compiler)
    }

    /// One that builds the library from source, if that needs no installing.
    pub(crate) fn source_at_hand() -> Result<Option<Self>, Failure> {
        match active_source()? {
            Some(compiler) => Ok(Some(compiler)),
            None => debian_source(),
        }
    }

    /// Whether its figures may gate.
    pub(crate) fn gates(&self) -> bool {
        !self.from_source
    }

    /// The nested cargo, in the source tree.
    pub(crate) fn cargo(&self) -> Command {
        // The path's cargo is rustup's, which knows the tree's toolchain; the outer one is the last
        // resort of a toolchain that is not in the path.
        let program = match (&self.programs, packages::locate("cargo"), std::env::var_os("CARGO")) {
            (Some(own), _, _) => own.cargo.clone(),
            (None, None, Some(outer)) => outer.into(),
            (None, _, _) => "cargo".into(),
        };
        let mut command = Command::new(program);
        scrub(&mut command);
        command.current_dir(workspace::root()).stdin(Stdio::null());
        if let Some(own) = &self.programs {
            command.env_remove("RUSTUP_TOOLCHAIN");
            command.env("RUSTC", &own.rustc).env("RUSTDOC", &own.rustdoc);
        }
        if self.from_source {
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        if let Some(linker) = &self.linker {
            command.env("CARGO_TARGET_X86_64_UNKNOWN_NONE_LINKER", linker);
        }
        command
    }

    /// The words that build for [`TARGET`], after cargo's verb.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = vec!["--target".to_owned(), TARGET.to_owned(), "--target-dir".to_owned()];
        words.push(self.folder().to_string_lossy().into_owned());
        if self.from_source {
            words.push("-Zbuild-std=core,alloc,compiler_builtins".to_owned());
            words.push("-Zbuild-std-features=compiler-builtins-mem".to_owned());
        }
        words
    }

    /// The nested cargo's target folder.
    pub(crate) fn folder(&self) -> PathBuf {
        workspace::target().join(if self.from_source { "guest-source" } else { "guest" })
    }
}

/// Takes the outer cargo's variables out of `command`.
pub(crate) fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if is_outer(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
}

/// Whether a variable belongs to the outer cargo or compiler.
fn is_outer(name: &str) -> bool {
    let kept = ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"].contains(&name)
        || ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "RUSTUP_"]
            .iter()
            .any(|start| name.starts_with(start));
    !kept && (name.starts_with("CARGO") || name.starts_with("RUST") || name == "LD_LIBRARY_PATH")
}

/// The output of a program run in the source tree, if it succeeds.
fn output(program: &Path, words: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    scrub(&mut command);
    let output = command.current_dir(workspace::root()).args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    output(rustc, &["--print", "sysroot"]).map(PathBuf::from)
}

/// Whether the sysroot has the target's built core library.
fn has_target(sysroot: &Path) -> bool {
    let folder = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::read_dir(folder).is_ok_and(|files| {
        files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

/// Whether the sysroot has the library's source.
fn has_source(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file()
}

/// The toolchain of the path with the target installed; `None` if it cannot be.
fn with_target() -> Result<Option<Compiler>, Failure> {
    let compiler = Compiler { programs: None, from_source: false, linker: None };
    let Some(root) = sysroot(Path::new("rustc")) else {
        return Ok(None);
    };
    if has_target(&root) {
        return Ok(Some(compiler));
    }
    let added = rustup(&["target", "add", TARGET]);
    Ok((added && has_target(&root)).then_some(compiler))
}

/// Runs rustup for this tree's toolchain, if there is a rustup; whether it succeeded.
fn rustup(words: &[&str]) -> bool {
    let Some(rustup) = packages::locate("rustup") else { return false };
    progress::step(&format!("rustup {}", words.join(" ")), || {
        let mut command = Command::new(rustup);
        scrub(&mut command);
        command.current_dir(workspace::root()).args(words).stdin(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// A toolchain that builds the library itself; installs one if none is there.
fn with_source() -> Result<Compiler, Failure> {
    if let Some(compiler) = active_source()? {
        return Ok(compiler);
    }
    if rustup(&["component", "add", "rust-src"])
        && let Some(compiler) = active_source()?
    {
        return Ok(compiler);
    }
    if let Some(compiler) = debian_source()? {
        return Ok(compiler);
    }
    packages::install(&DEBIAN).map_err(|failure| {
        Failure::setup(format!(
            "no compiler for {TARGET}: neither `rustup target add {TARGET}` nor a toolchain with \
             library source works here.\n{}",
            failure.text
        ))
    })?;
    debian_source()?
        .ok_or_else(|| Failure::setup(format!("{} do not make a compiler here", DEBIAN.join(" "))))
}

/// The toolchain of the path, if it has the library's source and a linker.
fn active_source() -> Result<Option<Compiler>, Failure> {
    source(None, Path::new("rustc"))
}

/// The compiler of Debian's packages, if they are installed.
fn debian_source() -> Result<Option<Compiler>, Failure> {
    let programs = Programs {
        cargo: "/usr/bin/cargo".into(),
        rustc: "/usr/bin/rustc".into(),
        rustdoc: "/usr/bin/rustdoc".into(),
    };
    let rustc = programs.rustc.clone();
    if programs.cargo.is_file() { source(Some(programs), &rustc) } else { Ok(None) }
}

/// A compiler that builds the library from the source in its sysroot.
fn source(programs: Option<Programs>, rustc: &Path) -> Result<Option<Compiler>, Failure> {
    let Some(root) = sysroot(rustc).filter(|root| has_source(root)) else {
        return Ok(None);
    };
    let linker = linker(&root)?;
    Ok(linker.map(|linker| Compiler { programs, from_source: true, linker: linker.own }))
}

/// A linker: the sysroot's own, or one to name.
struct Linker {
    own: Option<PathBuf>,
}

/// The linker that goes with a sysroot; `None` if there is none.
fn linker(sysroot: &Path) -> Result<Option<Linker>, Failure> {
    // Debian's own `rust-lld` can be a link to nothing, which is not a file.
    if sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld").is_file() {
        return Ok(Some(Linker { own: None }));
    }
    let Some(lld) = DEBIAN_LINKERS.iter().map(Path::new).find(|path| path.is_file()) else {
        return Ok(None);
    };
    // lld goes by the name it is called by. The path is part of what cargo compares, so it is
    // always the same.
    let folder = workspace::target().join("linker");
    let link = folder.join("rust-lld");
    let made = fs::create_dir_all(&folder).and_then(|()| {
        drop(fs::remove_file(&link));
        symlink(lld, &link)
    });
    made.map_err(|error| Failure::setup(format!("{}: {error}", link.display())))?;
    Ok(Some(Linker { own: Some(link) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nested_cargo_keeps_only_what_it_needs() {
        for name in ["CARGO", "CARGO_TARGET_DIR", "RUSTFLAGS", "RUSTC_WRAPPER", "LD_LIBRARY_PATH"] {
            assert!(is_outer(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_NET_OFFLINE", "RUSTUP_TOOLCHAIN", "PATH", "HOME"] {
            assert!(!is_outer(name), "{name}");
        }
    }

    #[test]
    fn building_from_source_has_a_folder_and_words_of_its_own() {
        let plain = Compiler { programs: None, from_source: false, linker: None };
        let source = Compiler { from_source: true, ..plain.clone() };
        assert_ne!(plain.folder(), source.folder());
        assert!(plain.gates() && !source.gates());
        assert!(source.words().iter().any(|word| word.starts_with("-Zbuild-std=")));
        assert!(!plain.words().iter().any(|word| word.starts_with("-Z")));
    }
}
