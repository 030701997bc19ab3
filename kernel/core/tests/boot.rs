//! What the root server finds at its start.

use tine_abi::{
    Call, CapRef, Error,
    capability::Rights,
    memory::{CopyRequest, Place},
    start::{MAGIC, StartBlock},
    wire::Wire,
};
use tine_kcore::testing::system::{MEMORY, System};

#[test]
fn the_root_server_finds_its_start_block_and_capabilities() {
    let system = System::new(256);
    let registers = system.registers(system.root);
    assert_eq!(registers.rip, 0x20_0010);
    assert_eq!(registers.rsp % 16, 0);
    assert_eq!(registers.gs_base, 0x60_0000 - 256);
    assert_eq!(system.get_words(system.root, registers.gs_base, 1), [registers.gs_base]);
    assert_eq!(system.get_words(system.root, MEMORY, 2), [0x1122_3344_5566_7788, 0]);

    let words = system.get_words(system.root, registers.rsp, StartBlock::WORDS);
    let start = StartBlock::decode(&words).expect("a start block");
    assert_eq!(start.magic, MAGIC);
    assert_eq!((start.arguments, start.environment), (1, 2));
    assert_eq!(start.strings, registers.rsp + 96);
    assert_eq!(start.heap, MEMORY + 0x1000);
    assert_eq!(start.archive, 7);
    let strings: Vec<u8> = system
        .get_words(system.root, start.strings, 4)
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    assert_eq!(&strings[..start.strings_length as usize], b"root\0mode=test\0filter=a,b\0");

    for slot in [System::ACCOUNT, System::HARDWARE, System::ARCHIVE] {
        let capability = system.capability(system.root, slot).expect("a capability");
        assert_eq!(capability.rights(), Rights::ALL);
    }
}

#[test]
fn the_archive_can_be_read_and_is_sealed() {
    let system = System::new(256);
    let copy = CopyRequest {
        to: Place::Own(MEMORY + 0x2000),
        from: Place::Memory(System::ARCHIVE, 0),
        length: 7,
    };
    system.put(system.root, MEMORY, &copy);
    let copied = system.call(system.root, Call::SpaceCopy, CapRef::SELF, &[MEMORY]);
    assert_eq!(copied.value(), 7);
    let words = system.get_words(system.root, MEMORY + 0x2000, 1);
    assert_eq!(&words[0].to_le_bytes()[..7], b"archive");

    let back = CopyRequest { to: copy.from, from: copy.to, length: 7 };
    system.put(system.root, MEMORY, &back);
    let refused = system.call(system.root, Call::SpaceCopy, CapRef::SELF, &[MEMORY]);
    assert_eq!(refused.error(), Error::BadAddress);
}

#[test]
fn the_machine_halts_when_the_root_server_ends() {
    let system = System::new(256);
    system.call(system.root, Call::ThreadExit, CapRef::SELF, &[3]);
    system.settle();
    let halted = system.with(|state| state.machine.devices.halted.clone());
    assert_eq!(halted.as_deref(), Some("the root server has ended"));
    assert!(matches!(system.kernel().next(), tine_kcore::Next::Idle));
    let left = system.with(|state| state.statistics());
    assert_eq!((left.objects, left.domains), (0, 0));
}
