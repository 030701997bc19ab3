//! Where things are: the source tree, and this tool's own products.
//!
//! Owns: paths. Called by: every step that reads or writes files. Invariant: everything the tool
//! writes is below the folder that Cargo built the tool into.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The top of the source tree, where this tool was built.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("/"))
}

/// Cargo's target folder: the one this program was built into.
pub(crate) fn target() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|program| program.ancestors().nth(2).map(Path::to_owned))
        .unwrap_or_else(|| root().join("target"))
}

/// A folder for the files of one run, named after this process and removed with the value, or by
/// the next run if the process was killed.
#[derive(Debug)]
pub(crate) struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes it.
    pub(crate) fn new() -> Result<Self, Failure> {
        let runs = target().join("run");
        sweep(&runs, |process| Path::new("/proc").join(process).exists());
        let folder = runs.join(std::process::id().to_string());
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::setup(format!("{}: {error}", folder.display())))?;
        Ok(Self(folder))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // What is left is in the target folder, where `cargo clean` finds it.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Removes the folders of `runs` whose processes are gone: whoever is killed leaves his.
fn sweep(runs: &Path, lives: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        if process.is_some_and(|process| !lives(process)) {
            // As in `drop`; another run may be sweeping, too.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// Reads a file that must be there.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::setup(format!("{}: {error}", path.display())))
}

/// Writes a file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| Failure::setup(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_dead_processes_are_swept() {
        let runs = target().join("run-of-the-test");
        for name in ["1", "23", "45", "notes"] {
            fs::create_dir_all(runs.join(name)).unwrap();
            fs::write(runs.join(name).join("bundle"), b"x").unwrap();
        }
        sweep(&runs, |process| process == "23");
        let left = fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, ["23", "notes"]);
        fs::remove_dir_all(&runs).unwrap();
        sweep(&runs, |_| false);
    }
}
