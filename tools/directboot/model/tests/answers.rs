//! Answers as the kernel reads them: from the request's response field, through direct-map addresses.

use tine_directboot_model::Error;
use tine_directboot_model::answers::{Answers, File, direct};
use tine_directboot_model::arena::Arena;
use tine_directboot_model::error::RequestError;
use tine_directboot_model::memory::{Kind, MemoryMap};
use tine_directboot_model::protocol::{self as ask, Feature};
use tine_directboot_model::start_info::FirmwareRegion;

use crate::support::words;

const ARENA: u64 = 0x10_0000;

/// A kernel's image that asks for `features` with three words of its own each.
fn image(features: &[(Feature, u64, [u64; 3])]) -> Vec<u8> {
    let mut list = vec![ask::BASE_REVISION[0], ask::BASE_REVISION[1], 2];
    for &(feature, revision, extra) in features {
        list.extend([ask::COMMON[0], ask::COMMON[1], feature.0, feature.1, revision, 0]);
        list.extend(extra);
    }
    words(&list)
}

/// The memory a kernel would see: its image, and the answers at `ARENA`.
struct Seen {
    image: Vec<u8>,
    arena: Vec<u8>,
}

impl Seen {
    fn of(
        features: &[(Feature, u64, [u64; 3])],
        answer: impl FnOnce(&mut Answers<'_>) -> Result<(), Error>,
    ) -> Result<Seen, Error> {
        let mut seen = Seen { image: image(features), arena: vec![0; 4096] };
        let arena = Arena::new(&mut seen.arena, direct(ARENA));
        let mut answers = Answers::new(&mut seen.image, arena)?;
        answer(&mut answers)?;
        Ok(seen)
    }

    /// Word `index` of the structure at a direct-map address.
    fn word(&self, address: u64, index: u64) -> u64 {
        let at = (address - direct(ARENA) + index * 8) as usize;
        u64::from_le_bytes(self.arena[at..at + 8].try_into().expect("eight bytes"))
    }

    /// Address of the response to request `number`.
    fn response(&self, number: usize) -> u64 {
        let at = 24 + number * 72 + 40;
        u64::from_le_bytes(self.image[at..at + 8].try_into().expect("eight bytes"))
    }

    fn text(&self, address: u64) -> &str {
        let rest = &self.arena[(address - direct(ARENA)) as usize..];
        let end = rest.iter().position(|&byte| byte == 0).expect("a closing NUL");
        std::str::from_utf8(&rest[..end]).expect("text")
    }
}

#[test]
fn numbers_are_told() {
    let features = [ask::HHDM, ask::KERNEL_ADDRESS, ask::RSDP, ask::BOOT_TIME, ask::PAGING_MODE]
        .map(|feature| (feature, 0, [0; 3]));
    let seen = Seen::of(&features, |answers| {
        answers.addresses(0x1000, 0xffff_ffff_8000_0000)?;
        answers.firmware_tables(Some(0xf_5000), None, None)?;
        answers.boot_time(Some(-1))?;
        answers.paging_mode()
    })
    .expect("answered");
    assert_eq!(seen.word(seen.response(0), 1), 0xffff_8000_0000_0000);
    assert_eq!(seen.word(seen.response(1), 1), 0x1000);
    assert_eq!(seen.word(seen.response(1), 2), 0xffff_ffff_8000_0000);
    assert_eq!(seen.word(seen.response(2), 1), 0xffff_8000_000f_5000);
    assert_eq!(seen.word(seen.response(3), 1), u64::MAX);
    assert_eq!(seen.word(seen.response(4), 1), 0);
}

#[test]
fn what_is_not_there_is_not_told() {
    let features = [ask::RSDP, ask::SMBIOS, ask::BOOT_TIME, ask::MODULES, ask::FRAMEBUFFER]
        .map(|feature| (feature, 0, [0; 3]));
    let seen = Seen::of(&features, |answers| {
        answers.firmware_tables(None, None, None)?;
        answers.boot_time(None)?;
        answers.modules(&[])
    })
    .expect("answered");
    assert_eq!((0..5).map(|number| seen.response(number)).collect::<Vec<_>>(), [0; 5]);
    let silent = Seen::of(&[], |answers| {
        answers.addresses(0, 0)?;
        answers.memory_map(&map())?;
        assert_eq!(answers.entry_point()?, None);
        assert_eq!(answers.stack_size()?, 65536);
        answers.kernel_file(&File::default())
    });
    assert!(silent.expect("answered").arena.iter().all(|&byte| byte == 0));
}

#[test]
fn files_have_path_command_line_and_direct_map_address() {
    let features = [(ask::KERNEL_FILE, 0, [0; 3]), (ask::MODULES, 0, [0; 3])];
    let file = |name, command_line, physical| File { name, command_line, physical, length: 7 };
    let seen = Seen::of(&features, |answers| {
        answers.kernel_file(&file("kernel", "log=1", 0x3000))?;
        answers.modules(&[file("root", "", 0x4000), file("archive", "ro", 0x5000)])
    })
    .expect("answered");
    let check = |address: u64, path: &str, command_line: &str, physical: u64| {
        let fields: Vec<_> = (0..3).map(|index| seen.word(address, index)).collect();
        assert_eq!(fields, [0, direct(physical), 7]);
        assert_eq!(seen.text(seen.word(address, 3)), path);
        assert_eq!(seen.text(seen.word(address, 4)), command_line);
        assert!((5..14).all(|index| seen.word(address, index) == 0), "no disk");
    };
    check(seen.word(seen.response(0), 1), "/boot/kernel", "log=1", 0x3000);
    let modules = seen.response(1);
    assert_eq!((seen.word(modules, 0), seen.word(modules, 1)), (2, 2));
    let list = seen.word(modules, 2);
    check(seen.word(list, 0), "/boot/root", "", 0x4000);
    check(seen.word(list, 1), "/boot/archive", "ro", 0x5000);
}

#[test]
fn own_words_of_requests_are_honoured() {
    let ask_stack = |size| {
        Seen::of(&[(ask::STACK, 0, [size, 0, 0])], |answers| {
            assert_eq!(answers.stack_size()?, size.max(65536));
            Ok(())
        })
    };
    assert_ne!(ask_stack(100_000).expect("answered").response(0), 0);
    assert!(ask_stack(1).is_ok());
    let refused = ask_stack(1 << 40).err();
    assert_eq!(refused, Some(Error::Request(RequestError::StackSize(1 << 40))));
    let entry = Seen::of(&[(ask::ENTRY_POINT, 0, [77, 0, 0])], |answers| {
        assert_eq!(answers.entry_point()?, Some(77));
        Ok(())
    });
    assert_ne!(entry.expect("answered").response(0), 0);
}

#[test]
fn demands_that_cannot_be_met_are_refused() {
    let paging = |revision, extra| {
        Seen::of(&[(ask::PAGING_MODE, revision, extra)], |answers| answers.paging_mode()).err()
    };
    assert_eq!(paging(0, [1, 1, 1]), None, "an older request has no lowest mode");
    assert_eq!(paging(1, [1, 1, 0]), None);
    assert_eq!(paging(1, [1, 1, 1]), Some(Error::Request(RequestError::PagingMode)));
    let modules = |revision, extra| {
        Seen::of(&[(ask::MODULES, revision, extra)], |answers| answers.modules(&[])).err()
    };
    assert_eq!(modules(0, [1, 1, 0]), None);
    assert_eq!(modules(1, [1, 1, 0]), Some(Error::Request(RequestError::InternalModules)));
}

#[test]
fn processors_are_listed() {
    let seen = Seen::of(&[(ask::SMP, 0, [0; 3])], |answers| {
        let one = answers.processor(3, 4, 0xffff_8000_0001_0000)?;
        let other = answers.processor(5, 6, 0)?;
        answers.smp(6, &[one, other])
    })
    .expect("answered");
    let response = seen.response(0);
    assert_eq!([0, 1, 2].map(|index| seen.word(response, index)), [0, 6 << 32, 2]);
    let list = seen.word(response, 3);
    let one = seen.word(list, 0);
    let expected = [3 | 4 << 32, 0xffff_8000_0001_0000, 0, 0];
    assert_eq!([0, 1, 2, 3].map(|index| seen.word(one, index)), expected);
    assert_eq!(seen.word(seen.word(list, 1), 0), 5 | 6 << 32);
}

fn map() -> MemoryMap {
    let ram = |base, length| FirmwareRegion { base, length, kind: 1 };
    let mut map = MemoryMap::from_firmware(&[ram(0x1000, 0x9000), ram(1 << 20, 64 << 20)])
        .expect("a good map");
    map.claim(1 << 20, 2 << 20, Kind::BootloaderReclaimable).expect("room");
    map
}

#[test]
fn memory_map_is_told_as_it_is() {
    let seen = Seen::of(&[(ask::MEMORY_MAP, 0, [0; 3])], |answers| answers.memory_map(&map()));
    let seen = seen.expect("answered");
    let (count, list) = (seen.word(seen.response(0), 1), seen.word(seen.response(0), 2));
    let entry = |at: u64| [0, 1, 2].map(|index| seen.word(seen.word(list, at), index));
    assert_eq!(count, 3);
    assert_eq!(entry(0), [0x1000, 0x9000, 0]);
    assert_eq!(entry(1), [1 << 20, 1 << 20, 5]);
    assert_eq!(entry(2), [2 << 20, 63 << 20, 0]);
}

#[test]
fn full_arena_is_an_error() {
    let mut image = image(&[(ask::BOOTLOADER_INFO, 0, [0; 3])]);
    for size in 0..48 {
        let mut bytes = vec![0; size];
        let arena = Arena::new(&mut bytes, direct(ARENA));
        let mut answers = Answers::new(&mut image, arena).expect("a good image");
        let outcome = answers.bootloader_info("a name", "a version");
        assert_eq!(outcome, if size < 48 { Err(Error::AnswersFull) } else { Ok(()) });
        // The scan granted the revision; ask again for the next round.
        image[16] = 2;
    }
}
