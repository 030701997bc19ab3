//! Why a boot fails: one closed list, one line of text each.
//!
//! Owned here: `Error`. Never here: printing it. Called by: every module; `tools/directboot` writes
//! the line on COM1 and stops the machine.

use core::fmt;

/// Why the kernel cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The start-info does not have its magic number or is version 0 (it has no memory map).
    StartInfo,
    /// The start-info names not one module but this many.
    ModuleCount(u32),
    /// The command lines together are too long.
    CommandLineTooLong,
    /// A `slide=` that is not a number.
    Slide,
    /// The memory map does not fit its fixed table.
    MemoryMapFull,
    /// Fewer usable bytes than a 64 MiB machine has.
    TooLittleMemory(u64),
    /// No free memory for a request of this many bytes.
    OutOfMemory(u64),
    /// The bundle is not in usable memory below 4 GiB.
    BundlePlace,
    /// The bundle cannot be read.
    Bundle(tine_bundle::Error),
    /// The kernel cannot be loaded.
    Elf(ElfError),
    /// The kernel's requests cannot be honoured.
    Request(RequestError),
    /// The answers do not fit their memory.
    AnswersFull,
}

/// What is wrong with the kernel's ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfError {
    /// Not a 64-bit little-endian x86-64 ELF executable or static PIE.
    NotElf,
    /// A header or table lies outside the file or has a bad size.
    Headers,
    /// More loadable segments than the loader has room for, or none.
    SegmentCount,
    /// A segment is outside the file, wraps around, or is larger in the file than in memory.
    Segment,
    /// Two segments overlap, or share a page with different permissions.
    Overlap,
    /// A segment lies below the higher half and the file is not relocatable, or only some do.
    LowerHalf,
    /// The first segment does not begin at a page.
    Unaligned,
    /// The image is too large to be slid inside the top 2 GiB.
    TooLarge,
    /// The entry point is not in an executable segment.
    Entry,
    /// The file needs shared libraries.
    NeedsLibraries,
    /// A relocation table is malformed or outside the image.
    RelocationTable,
    /// A relocation writes outside the image.
    RelocationPlace,
    /// A relocation is of this type, and only R_X86_64_RELATIVE is known.
    RelocationType(u32),
}

/// What is wrong with the kernel's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// No base revision tag, or revision 0 or 1, which need what this loader does not give.
    OldRevision,
    /// Two base revision tags.
    DuplicateRevision,
    /// Two requests have one identity; the second lies at this offset of the image.
    Duplicate(u64),
    /// More requests than the loader has room for.
    TooMany,
    /// A request lies across the end of the image.
    Truncated,
    /// The kernel insists on 5-level paging.
    PagingMode,
    /// The kernel names modules itself.
    InternalModules,
    /// The requested stack is larger than this loader gives.
    StackSize(u64),
    /// The requested entry point is outside the image.
    EntryPoint,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::StartInfo => formatter.write_str("no PVH start-info (start it with -kernel)"),
            Error::ModuleCount(count) => {
                write!(formatter, "{count} PVH modules where one is expected (-initrd BUNDLE)")
            }
            Error::CommandLineTooLong => formatter.write_str("the command line is too long"),
            Error::Slide => formatter.write_str("`slide=` is not followed by a number"),
            Error::MemoryMapFull => formatter.write_str("the memory map has too many regions"),
            Error::TooLittleMemory(bytes) => {
                write!(formatter, "{} MiB of memory where 64 are needed", bytes >> 20)
            }
            Error::OutOfMemory(bytes) => write!(formatter, "no memory for {bytes} bytes"),
            Error::BundlePlace => {
                formatter.write_str("the bundle is not in usable memory below 4 GiB")
            }
            Error::Bundle(error) => error.fmt(formatter),
            Error::Elf(error) => error.fmt(formatter),
            Error::Request(error) => error.fmt(formatter),
            Error::AnswersFull => {
                formatter.write_str("the answers to the kernel do not fit their memory")
            }
        }
    }
}

impl fmt::Display for ElfError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ElfError::NotElf => "the kernel is not a 64-bit x86 ELF executable",
            ElfError::Headers => "the kernel's ELF headers are damaged",
            ElfError::SegmentCount => "the kernel has no loadable segment, or too many",
            ElfError::Segment => "a kernel segment lies outside the file or wraps around",
            ElfError::Overlap => "kernel segments overlap or share a page",
            ElfError::LowerHalf => "a kernel segment lies below the top 2 GiB",
            ElfError::Unaligned => "the kernel's first segment does not begin at a page",
            ElfError::TooLarge => "the kernel's image is too large",
            ElfError::Entry => "the kernel's entry point is not in an executable segment",
            ElfError::NeedsLibraries => "the kernel needs shared libraries",
            ElfError::RelocationTable => "a kernel relocation table is damaged",
            ElfError::RelocationPlace => "a kernel relocation lies outside the image",
            ElfError::RelocationType(kind) => {
                return write!(formatter, "the kernel has a relocation of type {kind}");
            }
        })
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            RequestError::OldRevision => "the kernel does not ask for base revision 2",
            RequestError::DuplicateRevision => "the kernel has two base revision tags",
            RequestError::Duplicate(offset) => {
                return write!(
                    formatter,
                    "the kernel repeats a request at image offset {offset:#x}"
                );
            }
            RequestError::TooMany => "the kernel has too many requests",
            RequestError::Truncated => "a kernel request lies across the end of the image",
            RequestError::PagingMode => "the kernel insists on 5-level paging",
            RequestError::InternalModules => "the kernel names modules itself",
            RequestError::StackSize(size) => {
                return write!(formatter, "the kernel wants a stack of {size} bytes");
            }
            RequestError::EntryPoint => "the requested entry point is outside the kernel",
        })
    }
}

impl From<tine_bundle::Error> for Error {
    fn from(error: tine_bundle::Error) -> Error {
        Error::Bundle(error)
    }
}

impl From<ElfError> for Error {
    fn from(error: ElfError) -> Error {
        Error::Elf(error)
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Error {
        Error::Request(error)
    }
}

impl core::error::Error for Error {}
impl core::error::Error for ElfError {}
impl core::error::Error for RequestError {}
