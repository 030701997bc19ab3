//! The probe's requests, between markers, one of each kind that direct boot knows.
//!
//! Owned here: the statics that the loader finds. Never here: what the answers mean.
//! Called by: `report`, `state`. Invariant: the loader writes only `response` and the revision
//! word, before the first instruction; both are atomics so that the compiler reads them.

use core::sync::atomic::{AtomicU64, Ordering};

use tine_directboot_model::protocol::{self, Feature};

/// A request with up to three words of its own.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Request {
    identity: [u64; 4],
    revision: u64,
    response: AtomicU64,
    extra: [u64; 3],
}

impl Request {
    const fn new(feature: Feature, extra: [u64; 3]) -> Request {
        let [first, second] = protocol::COMMON;
        let identity = [first, second, feature.0, feature.1];
        Request { identity, revision: 0, response: AtomicU64::new(0), extra }
    }

    /// Word `index` of the response; `None` if there is no response.
    pub(crate) fn word(&self, index: usize) -> Option<u64> {
        let response = self.response.load(Ordering::Relaxed) as *const u64;
        // SAFETY: a response is a structure of words at the address that the loader wrote, long
        // enough for the words the protocol gives it; the probe asks for no others.
        (!response.is_null()).then(|| unsafe { response.add(index).read() })
    }
}

#[used]
#[unsafe(link_section = ".requests.start")]
static START: [u64; 4] = protocol::START_MARKER;

#[used]
#[unsafe(link_section = ".requests")]
static BASE_REVISION: [AtomicU64; 3] = [
    AtomicU64::new(protocol::BASE_REVISION[0]),
    AtomicU64::new(protocol::BASE_REVISION[1]),
    AtomicU64::new(protocol::SUPPORTED_REVISION),
];

#[used]
#[unsafe(link_section = ".requests.end")]
static END: [u64; 2] = protocol::END_MARKER;

/// What is left of the revision asked for: 0 if it was granted.
pub(crate) fn revision_left() -> u64 {
    BASE_REVISION[2].load(Ordering::Relaxed)
}

/// Declares the requests and lists those whose answers are numbers.
macro_rules! requests {
    ($($name:ident = $feature:ident $extra:expr;)*) => {
        $(
            #[used]
            #[unsafe(link_section = ".requests")]
            pub(crate) static $name: Request = Request::new(protocol::$feature, $extra);
        )*
    };
}

requests! {
    BOOTLOADER = BOOTLOADER_INFO [0; 3];
    FIRMWARE_TYPE = FIRMWARE_TYPE [0; 3];
    STACK = STACK [96 << 10, 0, 0];
    DIRECT_MAP = HHDM [0; 3];
    FRAMEBUFFER = FRAMEBUFFER [0; 3];
    PAGING_MODE = PAGING_MODE [0; 3];
    SMP = SMP [0; 3];
    MEMORY_MAP = MEMORY_MAP [0; 3];
    KERNEL_FILE = KERNEL_FILE [0; 3];
    MODULES = MODULES [0; 3];
    RSDP = RSDP [0; 3];
    SMBIOS = SMBIOS [0; 3];
    BOOT_TIME = BOOT_TIME [0; 3];
    KERNEL_ADDRESS = KERNEL_ADDRESS [0; 3];
}
