//! The Limine boot protocol's numbers: identities of requests, markers, layouts.
//!
//! Owned here: constants only, for loader and kernel side alike. Never here: behaviour.
//! Invariant: every request begins with four identity words, a revision and the response's address.
//! Source: Limine 8.2, PROTOCOL.md (facts of the wire format).

/// Before the first request, if the kernel marks its requests.
pub const START_MARKER: [u64; 4] =
    [0xf6b8_f4b3_9de7_d1ae, 0xfab9_1a69_40fc_b9cf, 0x785c_6ed0_15d3_e316, 0x181e_920a_7852_b9d9];
/// After the last request.
pub const END_MARKER: [u64; 2] = [0xadc0_e053_1bb1_0d03, 0x9572_709f_3176_4c62];
/// The base revision tag; the third word is the revision asked for, and 0 once it is granted.
pub const BASE_REVISION: [u64; 2] = [0xf956_2b2d_5c95_a6c8, 0x6a7b_3849_4453_6bdc];
/// The first two identity words of every request.
pub const COMMON: [u64; 2] = [0xc7b1_dd30_df4c_8b88, 0x0a82_e883_a194_f07b];

/// The base revision that this loader gives.
pub const SUPPORTED_REVISION: u64 = 2;

/// Where the direct map begins, with 4-level paging.
pub const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;

/// Offset of the request's own revision.
pub const REVISION_OFFSET: usize = 32;
/// Offset of the response's address.
pub const RESPONSE_OFFSET: usize = 40;
/// Offset of the first field that only some requests have.
pub const EXTRA_OFFSET: usize = 48;

/// Size of a stack when the kernel does not ask for a larger one, in bytes.
pub const STACK_SIZE: u64 = 65536;

/// What a request is about: the third and fourth identity word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature(pub u64, pub u64);

/// Name and version of the loader.
pub const BOOTLOADER_INFO: Feature = Feature(0xf550_38d8_e2a1_202f, 0x2794_26fc_f5f5_9740);
/// Kind of firmware.
pub const FIRMWARE_TYPE: Feature = Feature(0x8c2f_75d9_0bef_28a8, 0x7045_a468_8eac_00c3);
/// Size of the stacks.
pub const STACK: Feature = Feature(0x224e_f046_0a8e_8926, 0xe1cb_0fc2_5f46_ea3d);
/// Address of the direct map.
pub const HHDM: Feature = Feature(0x48dc_f1cb_8ad2_b852, 0x6398_4e95_9a98_244b);
/// Framebuffers; never answered by direct boot.
pub const FRAMEBUFFER: Feature = Feature(0x9d58_27dc_d881_dd75, 0xa314_8604_f6fa_b11b);
/// Paging mode.
pub const PAGING_MODE: Feature = Feature(0x95c1_a0ed_ab09_44cb, 0xa4e5_cb38_42f7_488a);
/// The other CPUs.
pub const SMP: Feature = Feature(0x95a6_7b81_9a1b_857e, 0xa0b6_1b72_3b6a_73e0);
/// Memory map.
pub const MEMORY_MAP: Feature = Feature(0x67cf_3d9d_378a_806f, 0xe304_acdf_c50c_3c62);
/// Another entry point than the ELF header's.
pub const ENTRY_POINT: Feature = Feature(0x13d8_6c03_5a1c_d3e1, 0x2b0c_aa89_d8f3_026a);
/// The kernel's file and command line.
pub const KERNEL_FILE: Feature = Feature(0xad97_e90e_83f1_ed67, 0x31eb_5d1c_5ff2_3b69);
/// Modules.
pub const MODULES: Feature = Feature(0x3e7e_2797_02be_32af, 0xca1c_4f3b_d128_0cee);
/// ACPI's root pointer.
pub const RSDP: Feature = Feature(0xc5e7_7b6b_397e_7b43, 0x2763_7845_accd_cf3c);
/// SMBIOS entry points.
pub const SMBIOS: Feature = Feature(0x9e90_46f1_1e09_5391, 0xaa4a_520f_efbd_e5ee);
/// Time of the real-time clock.
pub const BOOT_TIME: Feature = Feature(0x5027_46e1_84c0_88aa, 0xfbc5_ec83_e632_7893);
/// Addresses of the kernel's image.
pub const KERNEL_ADDRESS: Feature = Feature(0x71ba_7686_3cc5_5f63, 0xb264_4a48_c516_a487);

/// Offset of `goto_address` in a CPU's information structure.
pub const CPU_GOTO_OFFSET: usize = 16;
/// Size of a CPU's information structure.
pub const CPU_SIZE: usize = 32;
/// Size of a file structure.
pub const FILE_SIZE: usize = 112;
/// Size of a memory map entry.
pub const MEMORY_MAP_ENTRY_SIZE: usize = 24;
