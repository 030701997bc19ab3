//! What a kernel was told, as text: one line per fact, so that two loaders can be compared.
//!
//! Owned here: the lines' format, and (feature `std`) what makes two dumps equal. Never here:
//! finding the facts. Called by: the probe kernel, which prints them; host tests, which compare
//! direct boot's with Limine's. Invariant: each line begins with [`PREFIX`] and has no control bytes.

use core::fmt::{self, Display, Formatter};

#[cfg(feature = "std")]
mod normal;
#[cfg(feature = "std")]
pub use normal::normalise;

/// How every line of a dump begins.
pub const PREFIX: &str = "dump: ";

/// The last line of a dump.
pub const END: &str = "dump: end";

/// One fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Name and version of the loader.
    Bootloader(&'a str, &'a str),
    /// A feature that was asked for and not answered.
    Unanswered(&'a str),
    /// A feature whose answer is one number.
    Number(&'a str, u64),
    /// A feature whose answer is two addresses.
    Pair(&'a str, u64, u64),
    /// The kernel's file or a module.
    File {
        /// `kernel-file` or `module`.
        what: &'a str,
        /// Path in the volume.
        path: &'a str,
        /// Command line.
        command_line: &'a str,
        /// Content.
        content: &'a [u8],
    },
    /// A memory region: base, length, kind.
    Memory(u64, u64, u64),
    /// A CPU: ACPI and APIC identity.
    Processor(u32, u32),
    /// A register or other state at entry: of which CPU, name, value.
    State(&'a str, &'a str, u64),
    /// A mapping: name and permission bits (1 writable, 2 executable).
    Mapping(&'a str, u64),
}

impl Display for Line<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(PREFIX)?;
        match *self {
            Line::Bootloader(name, version) => write!(formatter, "bootloader {name} {version}"),
            Line::Unanswered(feature) => write!(formatter, "{feature} unanswered"),
            Line::Number(feature, value) => write!(formatter, "{feature} {value:#x}"),
            Line::Pair(feature, one, other) => write!(formatter, "{feature} {one:#x} {other:#x}"),
            Line::File { what, path, command_line, content } => {
                let (length, sum) = (content.len(), checksum(content));
                write!(formatter, "{what} {path} {length} {sum:016x} [{command_line}]")
            }
            Line::Memory(base, length, kind) => {
                write!(formatter, "memory {base:#x} {:#x} {kind}", base.wrapping_add(length))
            }
            Line::Processor(acpi_id, apic_id) => write!(formatter, "cpu {acpi_id} {apic_id}"),
            Line::State(cpu, name, value) => write!(formatter, "state {cpu} {name} {value:#x}"),
            Line::Mapping(name, bits) => {
                let letter = |bit: u64, letter| if bits & bit != 0 { letter } else { '-' };
                write!(formatter, "mapping {name} r{}{}", letter(1, 'w'), letter(2, 'x'))
            }
        }
    }
}

/// FNV-1a, 64 bits: enough to see that a file came through.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
