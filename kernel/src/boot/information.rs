//! What the boot loader told, in the kernel's own words.
//!
//! Owns: [`Information`], a copy of every answer that outlives the loader's memory. Never here:
//! acting on it. Called by `main`, first. A missing answer or an unusable machine is a [`Refusal`],
//! whose text is the one line that the user sees.

use core::{fmt, ops::Range};

use heapless::String;
use limine::{file::File, memory_map::EntryType, mp};
use tine_kboot::{
    memory_map::{Kind, MemoryMap, PAGE},
    module::{Damage, Name},
};

use super::requests;

/// Bytes of the command line at most; more is cut. The host's tool gives no longer one.
pub(crate) const COMMAND_LINE: usize = 4096;

/// RAM that Tine needs: 64 MiB, less what firmware keeps of it for itself.
const LEAST_RAM: u64 = 63 << 20;

/// Everything that is needed of the loader's answers.
#[derive(Debug)]
pub(crate) struct Information {
    /// The loader's name and version.
    pub(crate) loader: String<64>,
    /// The kernel's command line.
    pub(crate) command_line: String<COMMAND_LINE>,
    /// Memory.
    pub(crate) memory: MemoryMap,
    /// Where the loader mapped physical address 0.
    pub(crate) window: u64,
    /// Where the loader put the image, physically.
    pub(crate) image: u64,
    /// The root server's program, physically.
    pub(crate) root: Range<u64>,
    /// The boot archive, physically.
    pub(crate) archive: Range<u64>,
    /// ACPI's root pointer, physically.
    pub(crate) acpi: Option<u64>,
}

/// Why the kernel cannot start here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// The loader does not know our base revision.
    Revision,
    /// The loader did not answer a request.
    NoAnswer(&'static str),
    /// The memory map has too many entries.
    MemoryMap,
    /// There is less RAM than Tine needs; MiB that there are.
    Memory(u64),
    /// A module is not there.
    NoModule(Name),
    /// A module is damaged.
    Module(Name, Damage),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision => {
                formatter.write_str("the boot loader does not support base revision 2")
            }
            Self::NoAnswer(what) => write!(formatter, "the boot loader did not tell {what}"),
            Self::MemoryMap => formatter.write_str("the memory map has too many entries"),
            Self::Memory(found) => write!(formatter, "{found} MiB of memory, but Tine needs 64"),
            Self::NoModule(name) => {
                write!(formatter, "the boot module `{}` is missing", name.word())
            }
            Self::Module(name, damage) => {
                write!(formatter, "the boot module `{}` is damaged: {damage}", name.word())
            }
        }
    }
}

impl Information {
    /// Copies the answers. The loader's memory and page tables must still be there.
    ///
    /// # Errors
    /// [`Refusal`]: this loader or this machine will not do.
    pub(crate) fn collect() -> Result<Self, Refusal> {
        if !requests::BASE_REVISION.is_supported() {
            return Err(Refusal::Revision);
        }
        let answer = requests::DIRECT_MAP.get_response();
        let window = answer.ok_or(Refusal::NoAnswer("its direct map"))?.offset();
        let answer = requests::IMAGE.get_response();
        let image = answer.ok_or(Refusal::NoAnswer("where the kernel is"))?.physical_base();
        let memory = memory()?;
        let found = memory.total_ram();
        if found < LEAST_RAM {
            return Err(Refusal::Memory(found >> 20));
        }
        Ok(Self {
            loader: loader(),
            command_line: command_line(),
            window,
            image,
            root: module(Name::Root, window)?,
            archive: module(Name::Archive, window)?,
            // Of base revision 2, the address lies in the direct map.
            acpi: requests::ACPI
                .get_response()
                .map(|it| (it.address() as u64).wrapping_sub(window)),
            memory,
        })
    }
}

/// The CPUs that wait in the loader; this one is not among them.
pub(crate) fn other_processors() -> impl Iterator<Item = &'static mp::Cpu> {
    let answer = requests::PROCESSORS.get_response();
    let own = answer.map(limine::response::MpResponse::bsp_lapic_id);
    let all = answer.map_or(&[][..], |it| it.cpus());
    all.iter().copied().filter(move |cpu| Some(cpu.lapic_id) != own)
}

fn loader() -> String<64> {
    let mut text = String::new();
    if let Some(answer) = requests::LOADER.get_response() {
        for part in [answer.name(), " ", answer.version()] {
            push_cut(&mut text, part.as_bytes());
        }
    }
    text
}

fn command_line() -> String<COMMAND_LINE> {
    let mut text = String::new();
    if let Some(answer) = requests::FILE.get_response() {
        push_cut(&mut text, answer.file().string().to_bytes());
    }
    text
}

/// Appends printable ASCII as far as there is room.
fn push_cut<const SIZE: usize>(text: &mut String<SIZE>, bytes: &[u8]) {
    for byte in bytes.iter().filter(|byte| matches!(byte, b' '..=b'~')) {
        if text.push(char::from(*byte)).is_err() {
            return;
        }
    }
}

fn memory() -> Result<MemoryMap, Refusal> {
    let answer = requests::MEMORY.get_response().ok_or(Refusal::NoAnswer("the memory map"))?;
    let entries = answer.entries().iter().map(|it| (it.base, it.length, kind(it.entry_type)));
    MemoryMap::clean(entries).map_err(|_| Refusal::MemoryMap)
}

fn kind(kind: EntryType) -> Kind {
    if kind == EntryType::USABLE {
        Kind::Usable
    } else if kind == EntryType::BOOTLOADER_RECLAIMABLE {
        Kind::Reclaimable
    } else if kind == EntryType::EXECUTABLE_AND_MODULES {
        Kind::Image
    } else if kind == EntryType::ACPI_RECLAIMABLE || kind == EntryType::ACPI_NVS {
        Kind::Firmware
    } else {
        Kind::Reserved
    }
}

/// Finds and checks a module; its physical range.
fn module(name: Name, window: u64) -> Result<Range<u64>, Refusal> {
    let files = requests::MODULES.get_response().map_or(&[][..], |it| it.modules());
    let is_meant = |file: &&&File| file.path().to_str().ok().and_then(Name::of_path) == Some(name);
    let file = files.iter().find(is_meant).ok_or(Refusal::NoModule(name))?;
    // SAFETY: the loader put the module there and keeps it; nothing writes to it.
    let bytes = unsafe { core::slice::from_raw_parts(file.addr(), file.size() as usize) };
    let verdict = match name {
        _ if !(file.addr().addr() as u64).is_multiple_of(PAGE) => Err(Damage::Place),
        _ if bytes.is_empty() => Err(Damage::Short),
        Name::Root => Ok(()),
        Name::Archive => tine_kboot::module::check_archive(bytes),
    };
    verdict.map_err(|damage| Refusal::Module(name, damage))?;
    let start = (file.addr().addr() as u64).wrapping_sub(window);
    Ok(start..start + file.size())
}
