//! The guest: which packages it has, building them, and where the programs are.
//!
//! Owns: the rule by which a folder of the tree becomes a part of the guest. Called by: the verbs
//! through `image`. Never enters it: archives, discs.
//!
//! The rule ([`part`]): `kernel` is the kernel, `servers/root` the first module, `tools/directboot`
//! the loader; every other server goes to `server/`, the programs of `user/programs`, `user/tests`
//! and `user/bench` to `bin/`. The tree is the list: a new program is a new folder.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::compiler::{Compiler, TARGET};
use crate::failure::Failure;
use crate::workspace;

/// What a built program is in the guest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Part {
    /// A program of `tools/directboot`, by name.
    Loader,
    /// The kernel.
    Kernel,
    /// The root server.
    Root,
    /// A member of the boot archive with this folder.
    Archived(&'static str),
}

/// What the package in `folder`, relative to the top, is; `None` if it is no part of the guest.
fn part(folder: &str) -> Option<Part> {
    Some(match folder {
        "kernel" => Part::Kernel,
        "tools/directboot" => Part::Loader,
        "servers/root" => Part::Root,
        "user/tests" | "user/bench" => Part::Archived("bin"),
        _ => {
            let (parent, name) = folder.rsplit_once('/')?;
            match parent {
                "servers" if name != "lib" => Part::Archived("server"),
                "user/programs" => Part::Archived("bin"),
                _ => return None,
            }
        }
    })
}

/// One program of the guest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Program {
    part: Part,
    package: String,
    name: String,
}

/// The programs that cargo's metadata names.
fn programs(metadata: &Value, root: &Path) -> Vec<Program> {
    let mut programs = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or(""));
        let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok());
        let Some(part) = folder.and_then(|folder| part(&folder.to_string_lossy())) else {
            continue;
        };
        for target in package["targets"].as_array().into_iter().flatten() {
            let kinds = target["kind"].as_array().into_iter().flatten();
            if kinds.filter_map(Value::as_str).any(|kind| kind == "bin")
                && let (Some(package), Some(name)) =
                    (package["name"].as_str(), target["name"].as_str())
            {
                let (package, name) = (package.to_owned(), name.to_owned());
                programs.push(Program { part: part.clone(), package, name });
            }
        }
    }
    programs.sort();
    programs
}

/// Runs cargo and passes on what it says, except that nothing was to do: a long build shows what
/// it is at, a short one is silent.
fn shown(cargo: &mut Command) -> io::Result<ExitStatus> {
    let mut child = cargo.stderr(Stdio::piped()).spawn()?;
    if let Some(pipe) = child.stderr.take() {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if !line.trim_start().starts_with("Finished ") {
                eprintln!("{line}");
            }
        }
    }
    child.wait()
}

/// The packages of these programs, each once.
fn names(programs: &[Program]) -> BTreeSet<&str> {
    programs.iter().map(|program| program.package.as_str()).collect()
}

/// Every package of the guest.
pub(crate) fn packages(compiler: &Compiler) -> Result<Vec<String>, Failure> {
    let programs = programs(&metadata(compiler)?, workspace::root());
    Ok(names(&programs).into_iter().map(str::to_owned).collect())
}

/// The built guest.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    folder: PathBuf,
    programs: Vec<Program>,
    /// Whether figures of this build may gate.
    pub(crate) gates: bool,
}

impl Guest {
    /// Builds all of it, in release.
    pub(crate) fn build() -> Result<Self, Failure> {
        Self::build_where(&Compiler::find()?, |_| true)
    }

    /// Builds the loader and the kernel that only says what it was told.
    pub(crate) fn build_loader(compiler: &Compiler) -> Result<Self, Failure> {
        Self::build_where(compiler, |part| *part == Part::Loader)
    }

    fn build_where(compiler: &Compiler, wanted: fn(&Part) -> bool) -> Result<Self, Failure> {
        let mut programs = programs(&metadata(compiler)?, workspace::root());
        programs.retain(|program| wanted(&program.part));
        let packages = names(&programs);
        let folder = compiler.folder().join(TARGET).join("release");
        let mut cargo = compiler.cargo();
        cargo.args(["build", "--release", "--bins"]).args(compiler.words());
        cargo.args(packages.iter().flat_map(|package| ["-p", package])).stdout(Stdio::null());
        let status = shown(&mut cargo);
        match status {
            Ok(status) if status.success() => {
                Ok(Self { folder, programs, gates: compiler.gates() })
            }
            Ok(_) => Err(Failure::setup("the guest does not build; cargo's words are above")),
            Err(error) => Err(Failure::setup(format!("cargo cannot be started: {error}"))),
        }
    }

    /// The loader of direct boot.
    pub(crate) fn loader(&self) -> Result<PathBuf, Failure> {
        self.only(&Part::Loader, Some("tine-directboot"))
    }

    /// The kernel that only says what it was told.
    pub(crate) fn probe(&self) -> Result<PathBuf, Failure> {
        self.only(&Part::Loader, Some("tine-directboot-probe"))
    }

    /// The kernel.
    pub(crate) fn kernel(&self) -> Result<PathBuf, Failure> {
        self.only(&Part::Kernel, None)
    }

    /// The root server.
    pub(crate) fn root_server(&self) -> Result<PathBuf, Failure> {
        self.only(&Part::Root, None)
    }

    /// The members of the boot archive that are programs: name in the archive, file.
    pub(crate) fn archived(&self) -> impl Iterator<Item = (String, PathBuf)> {
        self.programs.iter().filter_map(|program| match program.part {
            Part::Archived(folder) => {
                Some((format!("{folder}/{}", program.name), self.folder.join(&program.name)))
            }
            _ => None,
        })
    }

    fn only(&self, part: &Part, name: Option<&str>) -> Result<PathBuf, Failure> {
        self.programs
            .iter()
            .find(|program| program.part == *part && name.is_none_or(|name| program.name == name))
            .map(|program| self.folder.join(&program.name))
            .ok_or_else(|| Failure::setup(format!("this tree has no program that is the {part:?}")))
    }
}

/// What cargo knows about the packages of the tree.
fn metadata(compiler: &Compiler) -> Result<Value, Failure> {
    let output = compiler
        .cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::setup(format!("cargo cannot be started: {error}")))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::setup(format!("cargo metadata: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_folder_decides_what_a_program_is() {
        for (folder, expected) in [
            ("kernel", Some(Part::Kernel)),
            ("kernel/core", None),
            ("servers/root", Some(Part::Root)),
            ("servers/process", Some(Part::Archived("server"))),
            ("servers/process/model", None),
            ("servers/lib", None),
            ("user/programs/ls", Some(Part::Archived("bin"))),
            ("user/tests", Some(Part::Archived("bin"))),
            ("user/lib", None),
            ("tools/xtask", None),
            ("tools/directboot", Some(Part::Loader)),
            ("abi", None),
        ] {
            assert_eq!(part(folder), expected, "{folder}");
        }
    }

    #[test]
    fn only_binaries_of_the_tree_are_programs() {
        let package = |name: &str, folder: &str, kind: &str| {
            json!({"name": name, "manifest_path": format!("/tree/{folder}/Cargo.toml"),
                   "targets": [{"name": "x", "kind": [kind]}, {"name": "build", "kind": ["custom-build"]}]})
        };
        let metadata = json!({"packages": [
            package("tine-wc", "user/programs/wc", "bin"),
            package("tine-lib", "user/programs/none", "lib"),
            package("tine-kernel", "kernel", "bin"),
            package("other", "../elsewhere", "bin"),
        ]});
        let program =
            |part, package: &str| Program { part, package: package.into(), name: "x".into() };
        assert_eq!(
            programs(&metadata, Path::new("/tree")),
            [program(Part::Kernel, "tine-kernel"), program(Part::Archived("bin"), "tine-wc")]
        );
        assert_eq!(programs(&json!({}), Path::new("/tree")), []);
    }
}
