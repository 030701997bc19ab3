//! The programs that the tool needs from the distribution.
//!
//! Owns: which package has which file, and installing them. Called by: the verbs, before they
//! need a program. Invariants: nothing is installed that is there; the tool says what it installs;
//! where it may not, it gives the commands and the run ends with the code for set-up.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::progress;

/// Something the host must have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Need {
    /// A program's name, or the absolute path of a file.
    pub(crate) file: &'static str,
    /// Debian's package that has it.
    pub(crate) package: &'static str,
}

/// The emulator.
pub(crate) const QEMU: Need = Need { file: "qemu-system-x86_64", package: "qemu-system-x86" };
/// Makes discs.
pub(crate) const XORRISO: Need = Need { file: "xorriso", package: "xorriso" };
/// The UEFI firmware, in one file.
pub(crate) const OVMF: Need = Need { file: "/usr/share/ovmf/OVMF.fd", package: "ovmf" };

/// Where a program or file is, if it is there.
pub(crate) fn locate(file: &str) -> Option<PathBuf> {
    let path = Path::new(file);
    if path.is_absolute() {
        return path.is_file().then(|| path.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(file)).find(|path| path.is_file())
}

/// Installs what is missing of `needs`.
pub(crate) fn ensure(needs: &[Need]) -> Result<(), Failure> {
    let missing: Vec<_> = needs.iter().filter(|need| locate(need.file).is_none()).collect();
    let packages: Vec<_> = missing.iter().map(|need| need.package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    install(&packages)?;
    match missing.iter().find(|need| locate(need.file).is_none()) {
        None => Ok(()),
        Some(need) => Err(Failure::setup(format!(
            "package {} is installed, but {} is not there",
            need.package, need.file
        ))),
    }
}

/// Installs packages of the distribution.
pub(crate) fn install(packages: &[&str]) -> Result<(), Failure> {
    let list = packages.join(" ");
    let by_hand = format!(
        "missing: {list}. Install with\n    sudo apt-get update\n    \
         sudo apt-get install --no-install-recommends {list}\n\
         (on another distribution: its packages of QEMU for x86-64, xorriso, OVMF)"
    );
    let Some(prefix) = privilege().filter(|_| locate("apt-get").is_some()) else {
        return Err(Failure::setup(by_hand));
    };
    progress::step(&format!("installing {list} with apt-get"), || {
        let apt = |words: &[&str]| {
            let line = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"], words]
                .concat();
            let mut command = Command::new(line[0]);
            command.args(&line[1..]).stdin(Stdio::null()).stdout(std::io::stderr());
            command.status().is_ok_and(|status| status.success())
        };
        let wanted = [&["install", "-y", "--no-install-recommends"], packages].concat();
        // The lists may be missing or old; refreshing them takes a while, so only then.
        (apt(&wanted) || (apt(&["update"]) && apt(&wanted)))
            .then_some(())
            .ok_or_else(|| Failure::setup(format!("apt-get failed; {by_hand}")))
    })
}

/// What to put before a command so that root runs it; `None` where that needs a password.
fn privilege() -> Option<&'static [&'static str]> {
    let succeeds = |line: &[&str]| {
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()
    };
    let id = succeeds(&["id", "-u"])?;
    if id.stdout == b"0\n" {
        return Some(&[]);
    }
    succeeds(&["sudo", "-n", "true"])
        .is_some_and(|output| output.status.success())
        .then_some(&["sudo", "-n"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name_and_files_by_path() {
        assert!(locate("sh").is_some_and(|path| path.is_absolute()));
        assert!(locate("/bin/sh").is_some());
        assert_eq!(locate("no-such-program-of-tine"), None);
        assert_eq!(locate("/no/such/file"), None);
        assert_eq!(ensure(&[Need { file: "sh", package: "never asked for" }]), Ok(()));
    }
}
