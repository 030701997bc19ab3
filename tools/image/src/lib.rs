//! Makes what a machine boots from, out of files that are already built.
//!
//! Owns: the boot archive ([`Archive`]), programs without debug information ([`stripped`]), the bundle of direct boot ([`bundle`]), the disc with
//! Limine ([`disc`]) and its configuration ([`configuration`]), and where Limine's files come from
//! ([`limine`]).
//!
//! Never enters it: building the guest, running it, printing.
//!
//! Called by: `tools/xtask`. Invariant: the same inputs give the same bytes, whatever the time,
//! the user, the folder or the order in which they were found.
#![forbid(unsafe_code)]

pub mod configuration;
pub mod disc;
pub mod limine;

mod archive;
mod program;

pub use archive::{Archive, NameError};
pub use program::stripped;

/// Names of the two boot modules and of the kernel, on the disc under `/boot` and in the bundle.
pub mod names {
    /// The root server's ELF file.
    pub const ROOT: &str = "root";
    /// The boot archive.
    pub const ARCHIVE: &str = "archive";
    /// The kernel on the disc.
    pub const KERNEL: &str = "tine";
}

/// What a boot needs, however it is carried.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The kernel's ELF file.
    pub kernel: &'a [u8],
    /// The root server's ELF file.
    pub root: &'a [u8],
    /// The boot archive.
    pub archive: &'a [u8],
    /// The kernel's command line.
    pub command_line: &'a str,
    /// Whether Limine may put the kernel at a random address. Direct boot reads its own word.
    pub slide: bool,
}

/// The one file that direct boot reads.
///
/// # Errors
/// A part outside the limits of the bundle's format, such as a command line that is too long.
pub fn bundle(payload: &Payload<'_>) -> Result<Vec<u8>, tine_bundle::WriteError> {
    let modules = [
        tine_bundle::Module { name: names::ROOT, data: payload.root },
        tine_bundle::Module { name: names::ARCHIVE, data: payload.archive },
    ];
    tine_bundle::write(payload.kernel, payload.command_line, &modules)
}
