//! Answering the kernel's requests: one method per feature, each writes one response.
//!
//! Owned here: the responses' layouts and revisions. Never here: finding out the facts told.
//! Called by: `tools/directboot`, once per feature; a method whose feature was not asked for does
//! nothing. Invariants: all addresses told are direct-map addresses (base revision 2); an address
//! in the image is written only at a request's response field.
//! Source: PROTOCOL.md, "Feature List"; revisions as Limine 8.2 sets them.

use crate::Error;
use crate::arena::Arena;
use crate::bytes::{put_u64, u64_at};
use crate::error::RequestError;
use crate::memory::MemoryMap;
use crate::protocol::{self, EXTRA_OFFSET, Feature, RESPONSE_OFFSET, REVISION_OFFSET};
use crate::requests::Requests;

/// The largest stack that is given.
pub const MAXIMUM_STACK: u64 = 16 << 20;

/// A file as the protocol describes it.
#[derive(Clone, Copy, Debug, Default)]
pub struct File<'a> {
    /// Its name, told as `/boot/NAME`, where a disk image has it.
    pub name: &'a str,
    /// Its command line.
    pub command_line: &'a str,
    /// Physical address of its content, page aligned.
    pub physical: u64,
    /// Length of its content in bytes.
    pub length: u64,
}

/// The image with its requests, and the memory for the responses.
#[derive(Debug)]
pub struct Answers<'a> {
    image: &'a mut [u8],
    requests: Requests,
    arena: Arena<'a>,
}

impl<'a> Answers<'a> {
    /// Scans `image` and grants the base revision.
    ///
    /// # Errors
    /// Those of [`Requests::scan`].
    pub fn new(image: &'a mut [u8], arena: Arena<'a>) -> Result<Answers<'a>, Error> {
        let requests = Requests::scan(image)?;
        Ok(Answers { image, requests, arena })
    }

    /// Whether the kernel asked for `feature`.
    #[must_use]
    pub fn wants(&self, feature: Feature) -> bool {
        self.requests.find(feature).is_some()
    }

    /// Name and version of this loader.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn bootloader_info(&mut self, name: &str, version: &str) -> Result<(), Error> {
        if !self.wants(protocol::BOOTLOADER_INFO) {
            return Ok(());
        }
        let (name, version) = (self.arena.text(&[name])?, self.arena.text(&[version])?);
        self.respond(protocol::BOOTLOADER_INFO, &[0, name, version])
    }

    /// The features whose whole response is a few numbers: the firmware's type (0, a PC BIOS), the
    /// direct map's address, the kernel's physical and virtual base.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn addresses(&mut self, physical_base: u64, virtual_base: u64) -> Result<(), Error> {
        self.respond(protocol::FIRMWARE_TYPE, &[0, 0])?;
        self.respond(protocol::HHDM, &[0, protocol::DIRECT_MAP])?;
        self.respond(protocol::KERNEL_ADDRESS, &[0, physical_base, virtual_base])
    }

    /// Firmware tables by physical address: the RSDP and the two SMBIOS entry points. What is not
    /// there is not told.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn firmware_tables(
        &mut self,
        rsdp: Option<u64>,
        smbios_32: Option<u64>,
        smbios_64: Option<u64>,
    ) -> Result<(), Error> {
        let told = |address: Option<u64>| address.map_or(0, direct);
        if rsdp.is_some() {
            self.respond(protocol::RSDP, &[0, told(rsdp)])?;
        }
        if smbios_32.is_some() || smbios_64.is_some() {
            self.respond(protocol::SMBIOS, &[0, told(smbios_32), told(smbios_64)])?;
        }
        Ok(())
    }

    /// Seconds since 1970 by the machine's clock; a machine without one is not answered.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn boot_time(&mut self, seconds: Option<i64>) -> Result<(), Error> {
        match seconds {
            Some(seconds) => self.respond(protocol::BOOT_TIME, &[0, seconds.cast_unsigned()]),
            None => Ok(()),
        }
    }

    /// 4-level paging, the only mode that direct boot knows.
    ///
    /// # Errors
    /// `AnswersFull`; `PagingMode` if the kernel's lowest mode is another one.
    pub fn paging_mode(&mut self) -> Result<(), Error> {
        let feature = protocol::PAGING_MODE;
        if self.request_revision(feature)? >= 1 && self.extra(feature, 2)? != 0 {
            return Err(RequestError::PagingMode.into());
        }
        self.respond(feature, &[0, 0])
    }

    /// Answers the stack size request; returns the size of every CPU's stack in bytes.
    ///
    /// # Errors
    /// `AnswersFull`; `StackSize` above [`MAXIMUM_STACK`].
    pub fn stack_size(&mut self) -> Result<u64, Error> {
        if !self.wants(protocol::STACK) {
            return Ok(protocol::STACK_SIZE);
        }
        let asked = self.extra(protocol::STACK, 0)?;
        if asked > MAXIMUM_STACK {
            return Err(RequestError::StackSize(asked).into());
        }
        self.respond(protocol::STACK, &[0])?;
        Ok(asked.max(protocol::STACK_SIZE))
    }

    /// Answers the entry point request; returns where to start instead of the file's entry point.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn entry_point(&mut self) -> Result<Option<u64>, Error> {
        if !self.wants(protocol::ENTRY_POINT) {
            return Ok(None);
        }
        let entry = self.extra(protocol::ENTRY_POINT, 0)?;
        self.respond(protocol::ENTRY_POINT, &[0])?;
        Ok(Some(entry))
    }

    /// The kernel's own file, with its command line.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn kernel_file(&mut self, file: &File<'_>) -> Result<(), Error> {
        if !self.wants(protocol::KERNEL_FILE) {
            return Ok(());
        }
        let file = self.file(file)?;
        self.respond(protocol::KERNEL_FILE, &[0, file])
    }

    /// The modules, in order. No modules: no answer.
    ///
    /// # Errors
    /// `AnswersFull`; `InternalModules` if the kernel itself names modules.
    pub fn modules(&mut self, files: &[File<'_>]) -> Result<(), Error> {
        let feature = protocol::MODULES;
        if !self.wants(feature) {
            return Ok(());
        }
        if self.request_revision(feature)? >= 1 && self.extra(feature, 0)? != 0 {
            return Err(RequestError::InternalModules.into());
        }
        let count = files.len();
        if count == 0 {
            return Ok(());
        }
        let list = self.arena.reserve(count * 8)?;
        for (index, file) in files.iter().enumerate() {
            let address = self.file(file)?;
            self.arena.write(list, index * 8, &address.to_le_bytes())?;
        }
        self.respond(feature, &[2, count as u64, list.address()])
    }

    /// Writes one CPU's information structure; returns its direct-map address. `stack_top` is the
    /// direct-map address of the end of its stack; where Limine keeps it too.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn processor(&mut self, acpi_id: u32, apic_id: u32, stack_top: u64) -> Result<u64, Error> {
        let ids = u64::from(acpi_id) | u64::from(apic_id) << 32;
        self.arena.words(&[ids, stack_top, 0, 0])
    }

    /// The running CPUs, by the addresses that [`Answers::processor`] returned; flags 0, no x2APIC.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn smp(&mut self, boot_apic_id: u32, processors: &[u64]) -> Result<(), Error> {
        let list = self.arena.words(processors)?;
        let count = processors.len() as u64;
        self.respond(protocol::SMP, &[0, u64::from(boot_apic_id) << 32, count, list])
    }

    /// The memory map as it is now: the last answer, since every allocation changes it.
    ///
    /// # Errors
    /// `AnswersFull`.
    pub fn memory_map(&mut self, map: &MemoryMap) -> Result<(), Error> {
        let feature = protocol::MEMORY_MAP;
        if !self.wants(feature) {
            return Ok(());
        }
        let regions = map.regions();
        let list = self.arena.reserve(regions.len() * 8)?;
        for (index, region) in regions.iter().enumerate() {
            let entry = [region.base, region.end - region.base, region.kind as u64];
            let address = self.arena.words(&entry)?;
            self.arena.write(list, index * 8, &address.to_le_bytes())?;
        }
        self.respond(feature, &[0, regions.len() as u64, list.address()])
    }

    fn file(&mut self, file: &File<'_>) -> Result<u64, Error> {
        let path = self.arena.text(&["/boot/", file.name])?;
        let command_line = self.arena.text(&[file.command_line])?;
        let place = self.arena.reserve(protocol::FILE_SIZE)?;
        // The fields that follow say which disk a file came from: none.
        let fields = [0, direct(file.physical), file.length, path, command_line];
        for (index, field) in fields.into_iter().enumerate() {
            self.arena.write(place, index * 8, &field.to_le_bytes())?;
        }
        Ok(place.address())
    }

    /// Writes a response and its address into the request, if there is such a request.
    fn respond(&mut self, feature: Feature, words: &[u64]) -> Result<(), Error> {
        let Some(offset) = self.requests.find(feature) else { return Ok(()) };
        let response = self.arena.words(words)?;
        if put_u64(self.image, offset + RESPONSE_OFFSET, response) {
            Ok(())
        } else {
            Err(RequestError::Truncated.into())
        }
    }

    fn request_revision(&self, feature: Feature) -> Result<u64, Error> {
        self.field(feature, REVISION_OFFSET)
    }

    /// The request's own field `index`; 0 if there is no such request.
    fn extra(&self, feature: Feature, index: usize) -> Result<u64, Error> {
        self.field(feature, EXTRA_OFFSET + index * 8)
    }

    fn field(&self, feature: Feature, at: usize) -> Result<u64, Error> {
        let Some(offset) = self.requests.find(feature) else { return Ok(0) };
        u64_at(self.image, offset + at).ok_or(Error::Request(RequestError::Truncated))
    }
}

/// The direct-map address of physical memory.
#[must_use]
pub const fn direct(physical: u64) -> u64 {
    protocol::DIRECT_MAP.wrapping_add(physical)
}
