//! What makes two dumps equal: everything but the loader's free choices.
//!
//! Free are: the loader's name, where it puts kernel, files and itself (free, loader and kernel
//! memory are joined into one kind), the clock's reading. All else must be the same line.

use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use super::PREFIX;

/// The lines of a dump without the loader's free choices, in their order; memory last.
#[must_use]
pub fn normalise(dump: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut memory = Vec::new();
    for line in dump.lines().filter_map(|line| line.trim().strip_prefix(PREFIX)) {
        let words: Vec<&str> = line.split(' ').collect();
        match *words.as_slice() {
            ["bootloader", ..] => lines.push("bootloader".to_string()),
            ["boot-time", _] => lines.push("boot-time".to_string()),
            ["kernel-address", _, virtual_base] => {
                lines.push(format!("kernel-address {virtual_base}"));
            }
            ["memory", base, end, kind] => memory.push((hex(base), hex(end), joined(kind))),
            _ => lines.push(line.to_string()),
        }
    }
    memory.sort_unstable();
    lines.extend(
        join(&memory).iter().map(|(base, end, kind)| format!("memory {base:#x} {end:#x} {kind}")),
    );
    lines
}

fn hex(word: &str) -> u64 {
    u64::from_str_radix(word.trim_start_matches("0x"), 16).unwrap_or(0)
}

/// Usable (0), bootloader reclaimable (5), kernel and modules (6) are all the kernel's in the end.
fn joined(kind: &str) -> &str {
    if matches!(kind, "0" | "5" | "6") { "ours" } else { kind }
}

fn join<'a>(regions: &[(u64, u64, &'a str)]) -> Vec<(u64, u64, &'a str)> {
    let mut joined: Vec<(u64, u64, &str)> = vec![];
    for &(base, end, kind) in regions {
        match joined.last_mut() {
            Some(last) if last.1 == base && last.2 == kind => last.1 = end,
            _ => joined.push((base, end, kind)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_choices_vanish() {
        let one = "noise\r\ndump: bootloader A 1\ndump: boot-time 0x5\ndump: rsdp 0x7\n\
                   dump: kernel-address 0x1000 0xff\ndump: memory 0x1000 0x3000 0\n\
                   dump: memory 0x3000 0x4000 6\ndump: memory 0x4000 0x5000 1\n";
        let other = "dump: bootloader B 2\ndump: boot-time 0x6\ndump: rsdp 0x7\n\
                     dump: kernel-address 0x2000 0xff\ndump: memory 0x1000 0x2000 5\n\
                     dump: memory 0x2000 0x4000 0\ndump: memory 0x4000 0x5000 1\n";
        assert_eq!(normalise(one), normalise(other));
        assert_eq!(normalise(one).len(), 6);
        assert_ne!(normalise(one), normalise(&other.replace("0x7", "0x8")));
        assert_ne!(normalise(one), normalise(&other.replace("0x5000 1", "0x5000 2")));
    }
}
