//! Program files: what an ELF image asks for, and where its memory goes.
//!
//! Owns: the checks of an ELF64 file for x86-64 and the layout rules of a new program
//! ([`tine_abi::layout`]): text and read-only data from the file's Memory, one hot region with
//! data, bss, heap, guard page and main stack; and what lies at the top of that stack
//! ([`mod@stack`]). The kernel loads the root server by this plan, the root server the others, the
//! process server every program.
//!
//! Never enters it: mapping, copying, capabilities; it reads bytes and returns a [`Plan`].
//!
//! Invariants: no file makes it panic; every range of a plan is page-aligned, lies between
//! [`layout::LOWEST`] and [`layout::PRIVATE`], and overlaps no other; no range is both writable and
//! executable; the entry point lies in an executable range.
//!
//! Sources: System V ABI, chapter 4 and 5 (object files, program loading), AMD64 supplement.
#![no_std]
#![forbid(unsafe_code)]

pub mod stack;

use core::fmt;
use core::ops::Range;

use tine_abi::layout;
use tine_abi::memory::{PAGE, Protection};

/// Read-only segments of a program at most.
pub const TEXTS: usize = 4;
/// Writable segments of a program at most.
pub const DATAS: usize = 4;
/// Bytes from the start of a file that [`plan`] needs to see at most.
pub const HEAD: usize = HEADER + PROGRAM_HEADERS * PROGRAM_HEADER;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const PROGRAM_HEADERS: usize = 16;

/// Why a file is no program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// It does not begin as an ELF file does.
    NotElf,
    /// It is an ELF file for another machine, or of another type than a static executable.
    NotForTine,
    /// It ends before its headers or segments do.
    Truncated,
    /// A segment lies where no program may, is unaligned, or overlaps another.
    Layout,
    /// A segment is writable and executable.
    Writable,
    /// More segments than a program may have.
    TooMany,
    /// The entry point is not in an executable segment.
    Entry,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotElf => "it is no ELF file",
            Self::NotForTine => "it is no static x86-64 executable",
            Self::Truncated => "it is cut off",
            Self::Layout => "a segment lies where none may",
            Self::Writable => "a segment is writable and executable",
            Self::TooMany => "it has too many segments",
            Self::Entry => "its entry point is not executable",
        })
    }
}

/// A range of memory that shows a range of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Text {
    /// Page-aligned address.
    pub address: u64,
    /// Bytes, a multiple of the page size.
    pub length: u64,
    /// Page-aligned position in the file.
    pub offset: u64,
    /// May be executed; otherwise only read.
    pub executable: bool,
}

impl Text {
    /// The protection of the mapping.
    #[must_use]
    pub const fn protection(&self) -> Protection {
        if self.executable { Protection::READ.union(Protection::EXECUTE) } else { Protection::READ }
    }
}

/// Bytes of the file that are copied into the hot region.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Data {
    /// Address of the first byte.
    pub address: u64,
    /// Bytes.
    pub length: u64,
    /// Position in the file.
    pub offset: u64,
}

/// Where a program's memory goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// First instruction.
    pub entry: u64,
    texts: [Text; TEXTS],
    text_count: usize,
    datas: [Data; DATAS],
    data_count: usize,
    /// Data, bss and heap: zeroed, readable and writable.
    pub hot: Range<u64>,
    /// The part of [`Self::hot`] behind data and bss: the first heap.
    pub heap: Range<u64>,
    /// The main stack, with the control block at its top; the page below is left out as a guard.
    pub stack: Range<u64>,
}

impl Plan {
    /// What is mapped from the file.
    #[must_use]
    pub fn texts(&self) -> &[Text] {
        &self.texts[..self.text_count]
    }

    /// What is copied from the file.
    #[must_use]
    pub fn datas(&self) -> &[Data] {
        &self.datas[..self.data_count]
    }

    /// Address of the control block.
    #[must_use]
    pub const fn control(&self) -> u64 {
        self.stack.end - layout::CONTROL
    }
}

/// A little-endian number in a header; `None` beyond the end.
fn number(bytes: &[u8], offset: usize, width: usize) -> Option<u64> {
    let field = bytes.get(offset..offset + width)?;
    Some(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// One loadable segment.
#[derive(Clone, Copy)]
struct Segment {
    flags: u64,
    offset: u64,
    address: u64,
    file_length: u64,
    length: u64,
}

const EXECUTABLE: u64 = 1;
const WRITABLE: u64 = 2;

/// Plans a program from the first bytes of its file ([`HEAD`], or all of a shorter one) and the
/// length of the whole.
///
/// # Errors
/// Says what is wrong with the file.
pub fn plan(head: &[u8], file_length: u64) -> Result<Plan, Damage> {
    if head.get(..4) != Some(b"\x7fELF") {
        return Err(Damage::NotElf);
    }
    let field = |offset, width| number(head, offset, width).ok_or(Damage::Truncated);
    // 64 bits, little-endian, version 1; type executable; machine x86-64.
    if (field(4, 1)?, field(5, 1)?, field(6, 1)?) != (2, 1, 1)
        || (field(16, 2)?, field(18, 2)?) != (2, 62)
        || field(54, 2)? != PROGRAM_HEADER as u64
    {
        return Err(Damage::NotForTine);
    }
    let entry = field(24, 8)?;
    let (table, count) = (field(32, 8)?, field(56, 2)? as usize);
    if count > PROGRAM_HEADERS {
        return Err(Damage::TooMany);
    }
    let table = usize::try_from(table).ok().filter(|table| *table <= HEAD).ok_or(Damage::Layout)?;
    let mut plan = Plan {
        entry,
        texts: [Text::default(); TEXTS],
        text_count: 0,
        datas: [Data::default(); DATAS],
        data_count: 0,
        hot: 0..0,
        heap: 0..0,
        stack: 0..0,
    };
    // End of text and data; segments stand in the order of their addresses.
    let (mut end, mut data_end) = (layout::LOWEST, 0);
    for index in 0..count {
        let at = table + index * PROGRAM_HEADER;
        let field = |offset, width| number(head, at + offset, width).ok_or(Damage::Truncated);
        const LOAD: u64 = 1;
        if field(0, 4)? != LOAD || field(40, 8)? == 0 {
            continue;
        }
        let segment = Segment {
            flags: field(4, 4)?,
            offset: field(8, 8)?,
            address: field(16, 8)?,
            file_length: field(32, 8)?,
            length: field(40, 8)?,
        };
        let file_end = segment.offset.checked_add(segment.file_length);
        if file_end.is_none_or(|end| end > file_length) {
            return Err(Damage::Truncated);
        }
        let segment_end = segment.address.checked_add(segment.length).filter(|end| {
            *end <= layout::PRIVATE.start - 2 * layout::REGION
                && segment.address >= layout::LOWEST
                && segment.file_length <= segment.length
        });
        let segment_end = segment_end.ok_or(Damage::Layout)?;
        if segment.address < end {
            return Err(Damage::Layout);
        }
        if segment.flags & WRITABLE == 0 {
            plan.add_text(&segment, data_end != 0)?;
            end = segment_end.next_multiple_of(PAGE);
        } else {
            if segment.flags & EXECUTABLE != 0 {
                return Err(Damage::Writable);
            }
            plan.add_data(&segment)?;
            end = segment_end;
            data_end = segment_end;
        }
    }
    plan.place_hot(end, data_end)?;
    let executable = |text: &Text| {
        text.executable && (text.address..text.address + text.length).contains(&entry)
    };
    if plan.texts().iter().any(executable) { Ok(plan) } else { Err(Damage::Entry) }
}

impl Plan {
    fn add_text(&mut self, segment: &Segment, after_data: bool) -> Result<(), Damage> {
        let aligned = segment.address.is_multiple_of(PAGE) && segment.offset.is_multiple_of(PAGE);
        // Read-only memory is the file's; it has no part beyond the file.
        if !aligned || segment.file_length != segment.length || after_data {
            return Err(Damage::Layout);
        }
        let text = self.texts.get_mut(self.text_count).ok_or(Damage::TooMany)?;
        *text = Text {
            address: segment.address,
            length: segment.length.next_multiple_of(PAGE),
            offset: segment.offset,
            executable: segment.flags & EXECUTABLE != 0,
        };
        self.text_count += 1;
        Ok(())
    }

    fn add_data(&mut self, segment: &Segment) -> Result<(), Damage> {
        let region = segment.address - segment.address % layout::REGION;
        if self.hot.end == 0 {
            self.hot = region..region + layout::REGION;
        }
        if region != self.hot.start {
            return Err(Damage::Layout);
        }
        if segment.file_length > 0 {
            let data = self.datas.get_mut(self.data_count).ok_or(Damage::TooMany)?;
            *data = Data {
                address: segment.address,
                length: segment.file_length,
                offset: segment.offset,
            };
            self.data_count += 1;
        }
        Ok(())
    }

    /// Puts heap, guard page and stack into the hot region; a program without data gets the region
    /// after its text.
    fn place_hot(&mut self, end: u64, data_end: u64) -> Result<(), Damage> {
        if self.hot.end == 0 {
            let start = end.next_multiple_of(layout::REGION);
            self.hot = start..start + layout::REGION;
        }
        // Text in the hot region would be copied with it at each fork.
        let text_in_hot =
            self.texts().iter().any(|text| text.address + text.length > self.hot.start);
        let stack = self.hot.end - layout::STACK;
        let heap = data_end.max(self.hot.start).next_multiple_of(PAGE);
        if text_in_hot || heap + PAGE > stack - PAGE {
            return Err(Damage::Layout);
        }
        self.stack = stack..self.hot.end;
        self.hot.end = stack - PAGE;
        self.heap = heap..self.hot.end;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
