//! The answers, said.
//!
//! Owned here: reading the responses' structures. Never here: their numbers and the dump's format.
//! Called by: `main`. Invariant: an answer that is not there is said to be unanswered.

use core::ffi::CStr;
use core::slice;

use tine_directboot_model::dump::Line;

use crate::console::Console;
use crate::requests as ask;

/// Says every answer but what concerns the machine's state.
pub(crate) fn answers(console: &mut Console) {
    console.say(&Line::Number("base-revision-left", ask::revision_left()));
    if let (Some(name), Some(version)) = (ask::BOOTLOADER.word(1), ask::BOOTLOADER.word(2)) {
        console.say(&Line::Bootloader(text(name), text(version)));
    }
    for (name, request) in [
        ("firmware-type", &ask::FIRMWARE_TYPE),
        ("direct-map", &ask::DIRECT_MAP),
        ("paging-mode", &ask::PAGING_MODE),
        ("rsdp", &ask::RSDP),
        ("boot-time", &ask::BOOT_TIME),
    ] {
        number(console, name, request.word(1));
    }
    number(console, "stack-size", ask::STACK.word(0));
    number(console, "framebuffers", ask::FRAMEBUFFER.word(1));
    for (name, request) in [("kernel-address", &ask::KERNEL_ADDRESS), ("smbios", &ask::SMBIOS)] {
        match (request.word(1), request.word(2)) {
            (Some(one), Some(other)) => console.say(&Line::Pair(name, one, other)),
            _ => console.say(&Line::Unanswered(name)),
        }
    }
    match ask::KERNEL_FILE.word(1) {
        Some(address) => file(console, "kernel-file", address),
        None => console.say(&Line::Unanswered("kernel-file")),
    }
    number(console, "modules", ask::MODULES.word(1));
    for index in 0..ask::MODULES.word(1).unwrap_or(0) {
        let list = ask::MODULES.word(2).unwrap_or(0);
        file(console, "module", word(list, index));
    }
    number(console, "memory-map", ask::MEMORY_MAP.word(0));
    for index in 0..ask::MEMORY_MAP.word(1).unwrap_or(0) {
        let entry = word(ask::MEMORY_MAP.word(2).unwrap_or(0), index);
        console.say(&Line::Memory(word(entry, 0), word(entry, 1), word(entry, 2)));
    }
}

fn number(console: &mut Console, name: &str, value: Option<u64>) {
    match value {
        Some(value) => console.say(&Line::Number(name, value)),
        None => console.say(&Line::Unanswered(name)),
    }
}

fn file(console: &mut Console, what: &str, file: u64) {
    let (address, length) = (word(file, 1), word(file, 2));
    // SAFETY: the loader says that the file's content is there, and nothing writes to it.
    let content = unsafe { slice::from_raw_parts(address as *const u8, length as usize) };
    let (path, command_line) = (text(word(file, 3)), text(word(file, 4)));
    console.say(&Line::File { what, path, command_line, content });
    if address % 4096 != 0 {
        console.say(&Line::Number("unaligned", address));
    }
}

/// Word `index` of the structure at `address`.
pub(crate) fn word(address: u64, index: u64) -> u64 {
    // SAFETY: `address` came from an answer, and the protocol gives the structure that many words.
    unsafe { (address as *const u64).add(index as usize).read() }
}

fn text(address: u64) -> &'static str {
    // SAFETY: the loader says that a text with a closing NUL is there.
    unsafe { CStr::from_ptr(address as *const _) }.to_str().unwrap_or("?")
}
