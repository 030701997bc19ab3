//! The kernel's ELF file: what to load where, with which permissions.
//!
//! Owned here: checking the headers, the plan made from them, the slide, copying the segments.
//! Relocations are in `relocate`. Never here: page tables and physical addresses.
//! Called by: `tools/directboot`. Invariants: after `Plan::new`, every segment lies inside the file
//! and inside the image, the image begins and ends at a page, segments do not overlap, and pages
//! have one permission. Source: System V ABI (gABI), chapters 4 and 5; AMD64 psABI, 4.4.

mod relocate;

use crate::bytes::{u16_at, u32_at, u64_at};
use crate::error::ElfError;
use crate::memory::{PAGE, align_down, align_up};

/// Kernels live from here to the top of the address space.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

/// How many loadable segments a kernel may have.
pub const MAXIMUM_SEGMENTS: usize = 16;

/// How large an image may be: half of the kernel's space, so that there is room to slide.
pub const MAXIMUM_IMAGE: u64 = 1 << 30;

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const EXECUTABLE_FILE: u16 = 2;
const SHARED_FILE: u16 = 3;
const X86_64: u16 = 62;
const HEADER_SIZE: usize = 64;
const PROGRAM_HEADER_SIZE: usize = 56;

/// One loadable segment, relative to the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Where it begins in the image.
    pub offset: u64,
    /// Its size in memory; the end is not rounded.
    pub size: u64,
    /// Where its bytes are in the file.
    file_offset: usize,
    /// How many bytes the file has; the rest is zero.
    file_size: usize,
    /// Whether the kernel may write to it.
    pub writable: bool,
    /// Whether the kernel may run it.
    pub executable: bool,
}

impl Segment {
    /// The pages it touches: first offset and first offset after them.
    #[must_use]
    pub fn pages(&self) -> (u64, u64) {
        // The image's size is bounded, so rounding up cannot overflow.
        (align_down(self.offset), align_down(self.offset + self.size + PAGE - 1))
    }
}

/// What the file asks for.
#[derive(Clone, Debug)]
pub struct Plan {
    segments: [Segment; MAXIMUM_SEGMENTS],
    segment_count: usize,
    /// Address of the image as linked.
    linked: u64,
    size: u64,
    alignment: u64,
    entry: u64,
    relocatable: bool,
    /// Image offset and size of the dynamic section.
    dynamic: Option<(u64, u64)>,
}

impl Plan {
    /// Reads and checks `file`.
    ///
    /// # Errors
    /// [`ElfError`], the first thing found wrong.
    pub fn new(file: &[u8]) -> Result<Plan, ElfError> {
        if file.len() < HEADER_SIZE || !file.starts_with(b"\x7fELF\x02\x01\x01") {
            return Err(ElfError::NotElf);
        }
        let kind = u16_at(file, 16);
        if u16_at(file, 18) != Some(X86_64) || !matches!(kind, Some(EXECUTABLE_FILE | SHARED_FILE))
        {
            return Err(ElfError::NotElf);
        }
        let headers = Headers::new(file)?;
        let dynamic = headers.iter().find(|it| it.kind == DYNAMIC);
        let relocatable = kind == Some(SHARED_FILE);
        if relocatable && dynamic.is_none() {
            return Err(ElfError::RelocationTable);
        }

        let loads = || headers.iter().filter(|it| it.kind == LOAD && it.memory_size > 0);
        let linked = loads().map(|it| it.address).min().ok_or(ElfError::SegmentCount)?;
        let mut end = linked;
        let mut alignment = PAGE;
        for header in loads() {
            let top = header.address.checked_add(header.memory_size).ok_or(ElfError::Segment)?;
            end = end.max(top);
            alignment = alignment.max(header.alignment);
        }
        if linked % PAGE != 0 {
            return Err(ElfError::Unaligned);
        }
        if end - linked > MAXIMUM_IMAGE {
            return Err(ElfError::TooLarge);
        }
        if !alignment.is_power_of_two() || alignment > MAXIMUM_IMAGE {
            return Err(ElfError::Segment);
        }
        let low = loads().filter(|it| it.address < KERNEL_BASE).count();
        if low > 0 && (!relocatable || low < loads().count()) {
            return Err(ElfError::LowerHalf);
        }

        let mut plan = Plan {
            segments: [Segment::default(); MAXIMUM_SEGMENTS],
            segment_count: 0,
            linked,
            size: align_up(end - linked).ok_or(ElfError::TooLarge)?,
            alignment,
            entry: u64_at(file, 24).unwrap_or(0),
            relocatable,
            dynamic: None,
        };
        for header in loads() {
            let segment = header.segment(file, linked)?;
            *plan.segments.get_mut(plan.segment_count).ok_or(ElfError::SegmentCount)? = segment;
            plan.segment_count += 1;
        }
        plan.check_overlaps()?;
        if !plan.is_executable(plan.entry.wrapping_sub(linked)) {
            return Err(ElfError::Entry);
        }
        if let (true, Some(dynamic)) = (relocatable, dynamic) {
            let offset = dynamic.address.checked_sub(linked).ok_or(ElfError::RelocationTable)?;
            plan.dynamic = Some((offset, dynamic.file_size));
        }
        Ok(plan)
    }

    /// The loadable segments.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments[..self.segment_count]
    }

    /// Size of the image in bytes, whole pages.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What the image's address must be a multiple of.
    #[must_use]
    pub fn alignment(&self) -> u64 {
        self.alignment
    }

    /// Virtual address of the image for a slide's seed. Seed 0 is the lowest place (for a file
    /// linked to the higher half, its own); any other seed always gives the same place, somewhere
    /// in the top 2 GiB. A file that is not relocatable stays where it was linked.
    #[must_use]
    pub fn virtual_base(&self, seed: u64) -> u64 {
        let lowest = if self.linked < KERNEL_BASE { KERNEL_BASE } else { self.linked };
        if seed == 0 || !self.relocatable {
            return lowest;
        }
        // The last aligned place is left out so that no address in or after the image wraps to 0.
        let places = (0u64.wrapping_sub(lowest) - self.size) / self.alignment;
        match scramble(seed).checked_rem(places) {
            Some(place) => lowest + place * self.alignment,
            None => lowest,
        }
    }

    /// Virtual address of the entry point when the image lies at `virtual_base`.
    #[must_use]
    pub fn entry(&self, virtual_base: u64) -> u64 {
        virtual_base.wrapping_add(self.entry.wrapping_sub(self.linked))
    }

    /// Whether the image's byte at `offset` is in an executable segment.
    #[must_use]
    pub fn is_executable(&self, offset: u64) -> bool {
        let mut code = self.segments().iter().filter(|it| it.executable);
        code.any(|it| (it.offset..it.offset + it.size).contains(&offset))
    }

    /// Copies the segments of `file` into `image` and relocates it to `virtual_base`. The image
    /// must be zero before, and [`Plan::size`] bytes long.
    ///
    /// # Errors
    /// [`ElfError`]: relocation tables that are damaged or ask for what is not supported.
    pub fn load(&self, file: &[u8], image: &mut [u8], virtual_base: u64) -> Result<(), ElfError> {
        for segment in self.segments() {
            let source = file
                .get(segment.file_offset..)
                .and_then(|rest| rest.get(..segment.file_size))
                .ok_or(ElfError::Segment)?;
            let offset = usize::try_from(segment.offset).map_err(|_| ElfError::Segment)?;
            if !crate::bytes::put(image, offset, source) {
                return Err(ElfError::Segment);
            }
        }
        match self.dynamic {
            Some(dynamic) => relocate::relocate(
                image,
                self.linked,
                dynamic,
                virtual_base.wrapping_sub(self.linked),
            ),
            None => Ok(()),
        }
    }

    fn check_overlaps(&self) -> Result<(), ElfError> {
        let segments = self.segments();
        for (index, one) in segments.iter().enumerate() {
            for other in &segments[index + 1..] {
                let bytes =
                    one.offset < other.offset + other.size && other.offset < one.offset + one.size;
                let (one_pages, other_pages) = (one.pages(), other.pages());
                let pages = one_pages.0 < other_pages.1 && other_pages.0 < one_pages.1;
                let differ = (one.writable, one.executable) != (other.writable, other.executable);
                if bytes || (pages && differ) {
                    return Err(ElfError::Overlap);
                }
            }
        }
        Ok(())
    }
}

/// One program header, as far as it matters here.
#[derive(Clone, Copy, Debug)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    file_offset: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
    alignment: u64,
}

impl ProgramHeader {
    fn read(bytes: &[u8]) -> Option<ProgramHeader> {
        Some(ProgramHeader {
            kind: u32_at(bytes, 0)?,
            flags: u32_at(bytes, 4)?,
            file_offset: u64_at(bytes, 8)?,
            address: u64_at(bytes, 16)?,
            file_size: u64_at(bytes, 32)?,
            memory_size: u64_at(bytes, 40)?,
            alignment: u64_at(bytes, 48)?,
        })
    }

    fn segment(&self, file: &[u8], linked: u64) -> Result<Segment, ElfError> {
        let file_offset = usize::try_from(self.file_offset).map_err(|_| ElfError::Segment)?;
        let file_size = usize::try_from(self.file_size).map_err(|_| ElfError::Segment)?;
        let end = file_offset.checked_add(file_size).ok_or(ElfError::Segment)?;
        if end > file.len() || self.file_size > self.memory_size {
            return Err(ElfError::Segment);
        }
        Ok(Segment {
            offset: self.address - linked,
            size: self.memory_size,
            file_offset,
            file_size,
            writable: self.flags & 2 != 0,
            executable: self.flags & 1 != 0,
        })
    }
}

/// The program header table, checked to lie inside the file.
#[derive(Clone, Copy, Debug)]
struct Headers<'a> {
    table: &'a [u8],
    entry_size: usize,
}

impl<'a> Headers<'a> {
    fn new(file: &'a [u8]) -> Result<Headers<'a>, ElfError> {
        let field = || {
            let offset = usize::try_from(u64_at(file, 32)?).ok()?;
            let entry_size = usize::from(u16_at(file, 54)?);
            let length = usize::from(u16_at(file, 56)?).checked_mul(entry_size)?;
            let table = file.get(offset..)?.get(..length)?;
            (entry_size >= PROGRAM_HEADER_SIZE).then_some(Headers { table, entry_size })
        };
        field().ok_or(ElfError::Headers)
    }

    fn iter(&self) -> impl Iterator<Item = ProgramHeader> + use<'a> {
        self.table.chunks_exact(self.entry_size).filter_map(ProgramHeader::read)
    }
}

/// Spreads a seed over 64 bits (the finaliser of SplitMix64).
fn scramble(seed: u64) -> u64 {
    let mut value = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
