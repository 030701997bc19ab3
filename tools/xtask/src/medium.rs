//! From a built guest and the options to a machine that QEMU can start.
//!
//! Owns: the choice of the boot, the kernel's command line, the boot archive's content, the files
//! of one run. Called by: the verbs that boot. Never enters it: formats (`tools/image`), QEMU's
//! words (`tools/harness`).

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tine_abi::results::Mode;
use tine_harness::{Accelerator, Firmware, Machine, Medium};
use tine_image::limine::{self, Files, Found, Search};
use tine_image::{Archive, Payload, disc};

use crate::failure::Failure;
use crate::guest::Guest;
use crate::options::{FirmwareKind, Loader, Options};
use crate::packages::{self, OVMF, QEMU, XORRISO};
use crate::progress;
use crate::workspace::{self, RunFolder};

/// The folder of the tree whose files go into the boot archive as they are.
const FILES: &str = "user/files";

/// How a run boots, decided before anything long is begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// By tools/directboot.
    Direct,
    /// From a disc with these files.
    Limine(Files),
}

impl Route {
    /// Chooses it, installs what it needs and says which it is.
    pub(crate) fn choose(options: &Options) -> Result<Self, Failure> {
        let (route, why) = match &options.loader {
            Loader::Direct => (Self::Direct, String::new()),
            Loader::Any => match search(None, true)? {
                Found::Files(files) => (Self::Limine(files), String::new()),
                Found::Nothing(why) => (Self::Direct, format!(" ({why})")),
            },
            Loader::Limine(folder) => match search(folder.clone(), true)? {
                Found::Files(files) => (Self::Limine(files), String::new()),
                Found::Nothing(why) => {
                    return Err(Failure::setup(format!("UEFI needs Limine's files: {why}")));
                }
            },
        };
        progress::say(&format!("boots {}{why}", route.words(options.firmware)));
        route.prepare(options.firmware)?;
        Ok(route)
    }

    /// Limine where its files are, without downloading; else the reason.
    pub(crate) fn limine_at_hand() -> Result<Result<Self, String>, Failure> {
        Ok(match search(None, false)? {
            Found::Files(files) => Ok(Self::Limine(files)),
            Found::Nothing(why) => Err(why),
        })
    }

    /// Installs what this route needs.
    pub(crate) fn prepare(&self, firmware: FirmwareKind) -> Result<(), Failure> {
        let mut needs = vec![QEMU];
        if matches!(self, Self::Limine(_)) {
            needs.push(XORRISO);
        }
        if firmware == FirmwareKind::Uefi {
            needs.push(OVMF);
        }
        packages::ensure(&needs)
    }

    fn words(&self, firmware: FirmwareKind) -> String {
        match (self, firmware) {
            (Self::Direct, _) => "directly, by tools/directboot under SeaBIOS".to_owned(),
            (Self::Limine(files), firmware) => {
                let firmware = match firmware {
                    FirmwareKind::Bios => "SeaBIOS",
                    FirmwareKind::Uefi => "UEFI",
                };
                format!("from a disc by Limine ({}) under {firmware}", files.folder().display())
            }
        }
    }
}

fn search(named: Option<PathBuf>, may_clone: bool) -> Result<Found, Failure> {
    let variable = std::env::var_os(limine::VARIABLE).filter(|value| !value.is_empty());
    let search = Search {
        named,
        variable: variable.map(PathBuf::from),
        cache: limine::cache_folder(),
        clone: may_clone.then(|| limine::REPOSITORY.to_owned()),
    };
    limine::find(&search, &mut progress::say)
        .map_err(|incomplete| Failure::setup(incomplete.to_string()))
}

/// What the guest is to do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Task {
    /// What init runs.
    pub(crate) mode: Mode,
    /// Mode shell: whether nobody sits at the console.
    pub(crate) piped: bool,
    /// Mode exec: the text for `sh -c`.
    pub(crate) command: String,
    /// Modes test and bench: names.
    pub(crate) filter: Vec<String>,
}

impl Task {
    /// The kernel's command line for it.
    pub(crate) fn command_line(&self, slide: u64) -> String {
        let mut line = format!("mode={}", self.mode.word());
        if self.mode == Mode::Exec {
            line.push_str(" exec=");
            for byte in self.command.bytes() {
                // Writing to a String cannot fail.
                write!(line, "{byte:02x}").ok();
            }
        }
        if self.piped {
            line.push_str(" input=pipe");
        }
        if !self.filter.is_empty() {
            line.push_str(" filter=");
            line.push_str(&self.filter.join(","));
        }
        write!(line, " slide={slide}").ok();
        line
    }
}

/// The parts of a boot, in memory, so that tests can damage them.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// The kernel's ELF file.
    pub(crate) kernel: Vec<u8>,
    /// The root server's ELF file.
    pub(crate) root: Vec<u8>,
    /// The boot archive.
    pub(crate) archive: Vec<u8>,
}

impl Parts {
    /// The parts of the built guest.
    pub(crate) fn of(guest: &Guest) -> Result<Self, Failure> {
        Ok(Self {
            kernel: workspace::read(&guest.kernel()?)?,
            root: tine_image::stripped(&workspace::read(&guest.root_server()?)?),
            archive: archive(guest)?.bytes(),
        })
    }
}

/// The boot archive of the built guest.
pub(crate) fn archive(guest: &Guest) -> Result<Archive, Failure> {
    let mut archive = Archive::default();
    let failed = |error: tine_image::NameError| Failure::setup(error.to_string());
    for (name, file) in guest.archived() {
        archive.program(&name, tine_image::stripped(&workspace::read(&file)?)).map_err(failed)?;
    }
    let folder = workspace::root().join(FILES);
    let mut open = vec![folder.clone()];
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(&place).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(name) = path.strip_prefix(&folder) {
                let name = name.to_string_lossy().into_owned();
                archive.file(&name, workspace::read(&path)?).map_err(failed)?;
            }
        }
    }
    Ok(archive)
}

/// Writes the files of a run and describes its machine.
pub(crate) fn machine(
    route: &Route,
    options: &Options,
    parts: &Parts,
    command_line: &str,
    loader: &Path,
    folder: &RunFolder,
) -> Result<Machine, Failure> {
    let payload = Payload {
        kernel: &parts.kernel,
        root: &parts.root,
        archive: &parts.archive,
        command_line,
        slide: options.slide != 0,
    };
    let medium = match route {
        Route::Direct => {
            let bundle = folder.path().join("bundle");
            let bytes = tine_image::bundle(&payload)
                .map_err(|error| Failure::setup(format!("the bundle: {error}")))?;
            workspace::write(&bundle, &bytes)?;
            Medium::Direct { loader: loader.to_owned(), bundle }
        }
        Route::Limine(files) => {
            let image = folder.path().join("tine.iso");
            let source = workspace::read(&workspace::root().join("limine.cfg"))?;
            let source = String::from_utf8_lossy(&source);
            disc::write(&payload, files, &source, &folder.path().join("tree"), &image)
                .map_err(|error| Failure::setup(error.to_string()))?;
            Medium::Disc(image)
        }
    };
    Ok(Machine {
        program: QEMU.file.into(),
        accelerator: Accelerator::best(),
        firmware: match options.firmware {
            FirmwareKind::Bios => Firmware::Bios,
            FirmwareKind::Uefi => Firmware::Uefi(OVMF.file.into()),
        },
        medium,
        cpus: options.cpus,
        memory: options.memory,
        counted: options.counted,
        without: Vec::new(),
        display: matches!(route, Route::Limine(_)),
        further: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tine_abi::results::{bytes_of_hex, is_piped, value};

    #[test]
    fn a_command_survives_the_command_line() {
        let command = "echo 'a b' | wc; x=\u{e9}";
        let task = Task { mode: Mode::Exec, command: command.into(), ..Task::default() };
        let line = task.command_line(7);
        assert_eq!(Mode::of(&line), Mode::Exec);
        assert_eq!(value(&line, "slide"), Some("7"));
        let hex = value(&line, "exec").unwrap();
        let bytes: Option<Vec<u8>> = bytes_of_hex(hex).collect();
        assert_eq!(bytes.as_deref(), Some(command.as_bytes()));
    }

    #[test]
    fn a_filter_is_one_word() {
        let filter = vec!["fork".to_owned(), "exec".to_owned()];
        let task = Task { mode: Mode::Test, filter, ..Task::default() };
        assert_eq!(task.command_line(0), "mode=test filter=fork,exec slide=0");
        assert_eq!(Task::default().command_line(1), "mode=shell slide=1");
        let piped = Task { piped: true, ..Task::default() }.command_line(1);
        assert_eq!(piped, "mode=shell input=pipe slide=1");
        assert!(is_piped(&piped));
    }
}
