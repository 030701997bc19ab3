//! The kernel's requests to the boot loader.
//!
//! Owns: the request structures, between the markers, in a section of their own. Never here: their
//! meaning (`information`). The loader finds them in the loaded image, and writes its answers.
//! Source: Limine boot protocol, "Requests", "Requests Delimiters", "Base protocol revisions".
//!
//! Base revision 2, because Limine 8.2 knows no later one; the crate's default is 3.

use limine::{
    BaseRevision,
    paging::Mode,
    request::{
        BootloaderInfoRequest, ExecutableAddressRequest, ExecutableFileRequest, HhdmRequest,
        MemoryMapRequest, ModuleRequest, MpRequest, PagingModeRequest, RequestsEndMarker,
        RequestsStartMarker, RsdpRequest,
    },
};

/// Where the loader begins to look.
#[used]
#[unsafe(link_section = ".limine_requests_start")]
static START: RequestsStartMarker = RequestsStartMarker::new();

/// The revision asked for.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static BASE_REVISION: BaseRevision = BaseRevision::with_revision(2);

/// The loader's name, for the log.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static LOADER: BootloaderInfoRequest = BootloaderInfoRequest::new();

/// Four levels of page tables, whatever the CPU could do.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static PAGING: PagingModeRequest = PagingModeRequest::new()
    .with_mode(Mode::FOUR_LEVEL)
    .with_max_mode(Mode::FOUR_LEVEL)
    .with_min_mode(Mode::FOUR_LEVEL);

/// Where physical memory is mapped.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static DIRECT_MAP: HhdmRequest = HhdmRequest::new();

/// The memory map.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static MEMORY: MemoryMapRequest = MemoryMapRequest::new();

/// Where the image was put.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static IMAGE: ExecutableAddressRequest = ExecutableAddressRequest::new();

/// The kernel's file, for its command line.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static FILE: ExecutableFileRequest = ExecutableFileRequest::new();

/// The boot modules.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static MODULES: ModuleRequest = ModuleRequest::new();

/// ACPI's root pointer.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static ACPI: RsdpRequest = RsdpRequest::new();

/// The other CPUs.
#[used]
#[unsafe(link_section = ".limine_requests")]
pub(super) static PROCESSORS: MpRequest = MpRequest::new();

/// Where the loader stops looking.
#[used]
#[unsafe(link_section = ".limine_requests_end")]
static END: RequestsEndMarker = RequestsEndMarker::new();
