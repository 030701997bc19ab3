//! Where Limine's files come from.
//!
//! Owns: the list of files, the order of search, the cache and the memory of a failed download.
//! Never enters it: what is done with the files. Called by: `tools/xtask`, `disc`.
//!
//! Order: the folder the user named, the variable `TINE_LIMINE`, the cache, and where the caller
//! allows it a shallow clone into the cache of at most [`CLONE_LIMIT`]; that it failed is
//! remembered for [`MEMORY`]. A folder that was named and lacks a file is an error, never a reason
//! to look elsewhere. No package registry has these files.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// Limine's repository and its branch of built files.
pub const REPOSITORY: &str = "https://github.com/limine-bootloader/limine.git";

/// The branch: the newest series this project was tried with.
pub const BRANCH: &str = "v8.x-binary";

/// How long a clone may take.
pub const CLONE_LIMIT: Duration = Duration::from_secs(20);

/// How long a failed clone is not tried again.
pub const MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// The environment variable that names a folder.
pub const VARIABLE: &str = "TINE_LIMINE";

/// The files a disc needs: for BIOS, for the disc's boot catalogue, for UEFI.
pub const FILES: [&str; 4] =
    ["limine-bios.sys", "limine-bios-cd.bin", "limine-uefi-cd.bin", "BOOTX64.EFI"];

/// A folder that has every one of [`FILES`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// The folder, if it has every file.
    ///
    /// # Errors
    /// The names of the files that are missing.
    pub fn in_folder(folder: &Path) -> Result<Self, Vec<&'static str>> {
        let missing: Vec<_> =
            FILES.into_iter().filter(|name| !folder.join(name).is_file()).collect();
        if missing.is_empty() { Ok(Self { folder: folder.to_owned() }) } else { Err(missing) }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The folder the user named on the command line.
    pub named: Option<PathBuf>,
    /// The value of [`VARIABLE`].
    pub variable: Option<PathBuf>,
    /// The cache folder of this user, without `tine/limine`; see [`cache_folder`].
    pub cache: Option<PathBuf>,
    /// The repository to clone if nothing else has the files; `None` never clones.
    pub clone: Option<String>,
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// The files.
    Files(Files),
    /// None, and in one sentence why.
    Nothing(String),
}

/// A folder was named that lacks files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incomplete {
    /// The folder.
    pub folder: PathBuf,
    /// What it lacks.
    pub missing: Vec<&'static str>,
}

impl Display for Incomplete {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} lacks Limine's {}; they are in branch {BRANCH} of {REPOSITORY}",
            self.folder.display(),
            self.missing.join(", ")
        )
    }
}

impl std::error::Error for Incomplete {}

/// `$XDG_CACHE_HOME`, or `~/.cache`; `None` without a home.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")))
}

/// Looks for the files. `say` is called before a clone, which can take a while.
///
/// # Errors
/// [`Incomplete`]: a folder that the user named lacks files.
pub fn find(search: &Search, say: &mut dyn FnMut(&str)) -> Result<Found, Incomplete> {
    if let Some(folder) = search.named.as_ref().or(search.variable.as_ref()) {
        return Files::in_folder(folder)
            .map(Found::Files)
            .map_err(|missing| Incomplete { folder: folder.clone(), missing });
    }
    let Some(cache) = search.cache.as_ref().map(|folder| folder.join("tine")) else {
        return Ok(Found::Nothing("this user has no cache folder".to_owned()));
    };
    let folder = cache.join("limine");
    if let Ok(files) = Files::in_folder(&folder) {
        return Ok(Found::Files(files));
    }
    let Some(repository) = &search.clone else {
        return Ok(Found::Nothing(format!(
            "neither --limine, ${VARIABLE} nor {} has Limine's files",
            folder.display()
        )));
    };
    let failure = cache.join("limine.failed");
    if fresh(&failure) {
        return Ok(Found::Nothing(format!(
            "a download of Limine failed less than a day ago (remove {} to try again)",
            failure.display()
        )));
    }
    say(&format!(
        "downloading Limine ({BRANCH}) to {}, at most {} s",
        folder.display(),
        CLONE_LIMIT.as_secs()
    ));
    Ok(match download(repository, &cache, &folder) {
        Ok(files) => Found::Files(files),
        Err(text) => {
            // Without the note the next run tries again, which is only slower.
            drop(fs::create_dir_all(&cache).and_then(|()| fs::write(&failure, &text)));
            Found::Nothing(format!("Limine could not be downloaded: {text}"))
        }
    })
}

/// Whether the note of a failure is younger than [`MEMORY`].
fn fresh(failure: &Path) -> bool {
    fs::metadata(failure)
        .and_then(|data| data.modified())
        .is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age < MEMORY))
}

/// Clones beside the final place and moves it there, so that a cut clone is never taken for whole.
fn download(repository: &str, cache: &Path, folder: &Path) -> Result<Files, String> {
    fs::create_dir_all(cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let partial = cache.join(format!("limine.partial.{}", std::process::id()));
    drop(fs::remove_dir_all(&partial));
    let limit = format!("{}", CLONE_LIMIT.as_secs());
    let mut command = Command::new("timeout");
    command
        .args([limit.as_str(), "git", "clone", "--quiet", "--depth=1", "--branch", BRANCH])
        .arg(repository)
        .arg(&partial)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null());
    let result = match command.output() {
        Err(error) => Err(format!("git cannot be started: {error}")),
        Ok(output) if !output.status.success() => {
            let text = String::from_utf8_lossy(&output.stderr);
            let line = text.lines().last().unwrap_or("").trim();
            Err(if output.status.code() == Some(124) {
                format!("git took longer than {limit} s")
            } else {
                format!("git: {line}")
            })
        }
        Ok(_) => Files::in_folder(&partial)
            .map_err(|missing| format!("branch {BRANCH} lacks {}", missing.join(", ")))
            .and_then(|_| {
                drop(fs::remove_dir_all(folder));
                fs::rename(&partial, folder).map_err(|error| error.to_string())
            }),
    };
    drop(fs::remove_dir_all(&partial));
    result.map(|()| Files { folder: folder.to_owned() })
}
