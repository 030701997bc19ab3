//! The files of the system, as the language and the model ask for them.

use alloc::string::String;
use alloc::vec::Vec;

use tine::abi::protocol::file::FileKind;
use tine::descriptor::stat;
use tine::{Fd, readdir};
use tine_sh_language::Directories;
use tine_sh_model::Files;

/// The system that the shell runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct System;

impl Files for System {
    fn exists(&self, path: &str) -> bool {
        stat(path).is_ok()
    }

    fn is_directory(&self, path: &str) -> bool {
        stat(path).is_ok_and(|status| status.kind == FileKind::Directory)
    }

    fn is_regular(&self, path: &str) -> bool {
        stat(path).is_ok_and(|status| status.kind == FileKind::Regular)
    }

    fn bytes(&self, path: &str) -> u64 {
        stat(path).map_or(0, |status| status.bytes)
    }

    fn is_terminal(&self, descriptor: u16) -> bool {
        tine::console::isatty(Fd(descriptor))
    }
}

impl Directories for System {
    /// A name that is not UTF-8 is left out: the shell could not say it.
    fn names(&self, directory: &str) -> Vec<String> {
        let entries = readdir(directory).unwrap_or_default();
        entries.into_iter().filter_map(|entry| String::from_utf8(entry.name).ok()).collect()
    }

    fn exists(&self, path: &str) -> bool {
        Files::exists(self, path)
    }
}
