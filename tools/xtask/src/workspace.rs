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

/// A folder for the files of one run, removed with the value.
#[derive(Debug)]
pub(crate) struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes it.
    pub(crate) fn new() -> Result<Self, Failure> {
        let folder = target().join("run").join(std::process::id().to_string());
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

/// Reads a file that must be there.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::setup(format!("{}: {error}", path.display())))
}

/// Writes a file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|error| Failure::setup(format!("{}: {error}", path.display())))
}
