//! Relocating a loaded image: R_X86_64_RELATIVE, in RELA and in packed RELR tables.
//!
//! Owned here: the dynamic section's tags that matter to a static PIE. Never here: symbols, since
//! a static PIE resolves them when it is linked. Called by: `elf::Plan::load`.
//! Invariants: every read and write is inside the image; work is linear in the tables' sizes, which
//! are inside the image. Source: gABI chapter 5, "Dynamic Section" and "Relocation" (RELR).

use crate::bytes::{put_u64, u64_at};
use crate::error::ElfError;

const NULL: u64 = 0;
const NEEDED: u64 = 1;
const PLT_SIZE: u64 = 2;
const RELA: u64 = 7;
const RELA_SIZE: u64 = 8;
const RELA_ENTRY: u64 = 9;
const PLT_RELOCATIONS: u64 = 23;
const RELR_SIZE: u64 = 35;
const RELR: u64 = 36;
const RELR_ENTRY: u64 = 37;

const NONE: u32 = 0;
const RELATIVE: u32 = 8;

const RELA_ENTRY_SIZE: u64 = 24;

/// A table in the image: linked address and size in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Table {
    address: u64,
    size: u64,
}

/// Applies all relocations to `image`, linked at `linked`, moved by `slide`. `dynamic` is the
/// dynamic section's offset in the image and its size.
///
/// # Errors
/// The relocation errors of [`ElfError`], and `NeedsLibraries`.
pub(super) fn relocate(
    image: &mut [u8],
    linked: u64,
    dynamic: (u64, u64),
    slide: u64,
) -> Result<(), ElfError> {
    let (mut rela, mut plt, mut relr) = (Table::default(), Table::default(), Table::default());
    for index in 0..dynamic.1 / 16 {
        let place = dynamic.0.checked_add(index * 16).ok_or(ElfError::RelocationTable)?;
        let (tag, value) = pair(image, place).ok_or(ElfError::RelocationTable)?;
        match tag {
            NULL => break,
            NEEDED => return Err(ElfError::NeedsLibraries),
            RELA => rela.address = value,
            RELA_SIZE => rela.size = value,
            PLT_RELOCATIONS => plt.address = value,
            PLT_SIZE => plt.size = value,
            RELR => relr.address = value,
            RELR_SIZE => relr.size = value,
            RELA_ENTRY if value != RELA_ENTRY_SIZE => return Err(ElfError::RelocationTable),
            RELR_ENTRY if value != 8 => return Err(ElfError::RelocationTable),
            _ => {}
        }
    }
    for table in [rela, plt] {
        apply_rela(image, linked, table, slide)?;
    }
    apply_relr(image, linked, relr, slide)
}

fn apply_rela(image: &mut [u8], linked: u64, table: Table, slide: u64) -> Result<(), ElfError> {
    for index in 0..table.size / RELA_ENTRY_SIZE {
        let offset = table
            .address
            .wrapping_sub(linked)
            .checked_add(index * RELA_ENTRY_SIZE)
            .ok_or(ElfError::RelocationTable)?;
        let (place, info) = pair(image, offset).ok_or(ElfError::RelocationTable)?;
        let addend = long(image, offset + 16).ok_or(ElfError::RelocationTable)?;
        match info as u32 {
            NONE => {}
            RELATIVE => store(image, linked, place, slide.wrapping_add(addend))?,
            other => return Err(ElfError::RelocationType(other)),
        }
    }
    Ok(())
}

/// An even entry is the place of one word; an odd one is a bitmap of the 63 words that follow the
/// last place.
fn apply_relr(image: &mut [u8], linked: u64, table: Table, slide: u64) -> Result<(), ElfError> {
    let mut next = 0u64;
    for index in 0..table.size / 8 {
        let offset = table
            .address
            .wrapping_sub(linked)
            .checked_add(index * 8)
            .ok_or(ElfError::RelocationTable)?;
        let entry = long(image, offset).ok_or(ElfError::RelocationTable)?;
        if entry & 1 == 0 {
            add(image, linked, entry, slide)?;
            next = entry.wrapping_add(8);
        } else {
            for bit in (1..64).filter(|bit| entry >> bit & 1 == 1) {
                add(image, linked, next.wrapping_add((bit - 1) * 8), slide)?;
            }
            next = next.wrapping_add(63 * 8);
        }
    }
    Ok(())
}

fn add(image: &mut [u8], linked: u64, place: u64, slide: u64) -> Result<(), ElfError> {
    let value = long(image, place.wrapping_sub(linked)).ok_or(ElfError::RelocationPlace)?;
    store(image, linked, place, value.wrapping_add(slide))
}

fn store(image: &mut [u8], linked: u64, place: u64, value: u64) -> Result<(), ElfError> {
    let offset = usize::try_from(place.wrapping_sub(linked)).ok();
    if offset.is_some_and(|offset| put_u64(image, offset, value)) {
        Ok(())
    } else {
        Err(ElfError::RelocationPlace)
    }
}

fn long(image: &[u8], offset: u64) -> Option<u64> {
    u64_at(image, usize::try_from(offset).ok()?)
}

fn pair(image: &[u8], offset: u64) -> Option<(u64, u64)> {
    Some((long(image, offset)?, long(image, offset.checked_add(8)?)?))
}
