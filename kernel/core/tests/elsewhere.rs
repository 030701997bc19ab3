//! The refusals that no program in the guest can provoke, each provoked here.
//!
//! Owns: [`PROVOCATIONS`], compared with the entries of the table of refusals that name the host: each
//! has exactly one, is tried by it, and changes nothing.

use tine_abi::{
    Call, CapRef, Error, Kind, Table,
    capability::{Destination, Rights},
    domain::{CloneSpec, DomainOperation, Inherit, ThreadOperation, rank},
    hardware::HardwareOperation,
    memory::{CopyRequest, Inheritance, MapRequest, PAGE, Place, Protection, Source},
    message::{Extras, SendCapability, SendMode},
};
use tine_kcore::testing::system::{MEMORY, MEMORY_LENGTH, Outcome, Program, System};
use tine_tests_table::refusals::{By, ELSEWHERE};

/// A way to have a call refused: what to do, and how the call ended.
type Provocation = fn(&World, Call) -> Error;

/// Which error of which calls is provoked how.
const PROVOCATIONS: &[(&[Call], Error, Provocation)] = &[
    (&[Call::Call], Error::Rank, calling_upwards),
    (&[Call::Call, Call::Reply, Call::ReplyReceive], Error::NoObjects, minting_without_objects),
    (&[Call::Call, Call::Reply, Call::ReplyReceive], Error::NoMemory, minting_without_memory),
    (&[Call::ThreadControl], Error::NoMemory, far_arrivals_without_frames),
    (&[Call::CapDuplicate], Error::NoObjects, identity_without_objects),
    (&[Call::CapDuplicate, Call::CapMove], Error::NoMemory, far_slot_without_frames),
    (&[Call::Create], Error::NoObjects, object_without_objects),
    (&[Call::Create], Error::NoMemory, space_without_frames),
    (&[Call::DomainControl], Error::NoMemory, far_table_without_frames),
    (&[Call::Unmap, Call::Protect], Error::NoMemory, change_without_memory),
    (&[Call::SpaceCopy], Error::NoMemory, copy_without_frames),
    (&[Call::CloneCaller], Error::NoObjects, clone_without_objects),
    (&[Call::CloneCaller], Error::NoMemory, clone_without_frames),
    (&[Call::HardwareControl], Error::NoSlots, device_into_a_used_slot),
    (&[Call::HardwareControl], Error::NoMemory, device_into_a_far_slot),
    (&[Call::HardwareControl], Error::Busy, line_that_is_bound),
];

#[test]
fn every_refusal_that_names_the_host_is_provoked_here() {
    let hosts = || ELSEWHERE.iter().filter(|entry| matches!(entry.by, By::Host(_)));
    for entry in hosts() {
        let what = format!("{}, {}", entry.call.info().name, entry.error.label());
        let mut provocations = PROVOCATIONS
            .iter()
            .filter(|(calls, error, _)| calls.contains(&entry.call) && *error == entry.error);
        let (.., provoke) = provocations.next().unwrap_or_else(|| panic!("{what}: nobody does"));
        assert!(provocations.next().is_none(), "{what}: provoked twice");
        let world = World::new();
        assert_eq!(provoke(&world, entry.call), entry.error, "{what}");
        world.system.check();
    }
    let count: usize = PROVOCATIONS.iter().map(|(calls, ..)| calls.len()).sum();
    assert_eq!(count, hosts().count(), "a provocation belongs to no entry");
}

/// Private slots: the client's identity on the server's port, a port of its own.
const SERVER: CapRef = CapRef::private(1);
const OWN_PORT: CapRef = CapRef::private(2);
/// A slot in a part of the table that does not exist yet.
const FAR: CapRef = CapRef::private(6000);
/// Where structures lie.
const STRUCTURE: u64 = MEMORY + 0x400;

/// A server, its client, and the root server, whose account pays for all.
struct World {
    system: System,
    server: Program,
    client: Program,
    port: CapRef,
}

impl World {
    fn new() -> World {
        let system = System::new(1024);
        let (server, client) = (system.spawn(rank::PROCESS), system.spawn(rank::PROGRAM));
        let port = system.port(server.thread);
        system.client(server.thread, port, 77, client.thread, SERVER);
        let own = system.port(client.thread);
        let words = [Destination::exactly(OWN_PORT).bits(), u64::from(Rights::ALL.bits())];
        system.call(client.thread, Call::CapMove, own, &words).value();
        // The pages that structures are written to exist from the beginning.
        for thread in [server.thread, client.thread, system.root] {
            system.put_words(thread, STRUCTURE, &[0]);
        }
        for thread in [server.thread, client.thread] {
            system.put_words(thread, MEMORY + MEMORY_LENGTH - 256, &[0]);
        }
        World { system, server, client, port }
    }

    /// Leaves the account with so many frames and objects.
    fn leave(&self, frames: u32, objects: u32) {
        self.system.settle();
        self.system.with(|state| {
            let account = state.domains.get(self.client.domain).expect("it lives").account;
            let account = state.accounts.get_mut(account).expect("it pays");
            account.frames.set_limit(account.frames.used().saturating_add(frames));
            account.objects.set_limit(account.objects.used().saturating_add(objects));
        });
    }

    fn without_frames(&self) {
        self.leave(0, u32::MAX);
    }

    fn without_objects(&self) {
        self.leave(u32::MAX, 0);
    }

    /// The error of a call, which must have changed nothing.
    #[track_caller]
    fn refused(&self, call: impl FnOnce() -> Outcome) -> Error {
        let before = self.system.usage();
        let error = call().error();
        assert_eq!(self.system.usage(), before, "a refused call changes nothing");
        error
    }

    /// As [`World::refused`], with the first allocation of the call failing.
    #[track_caller]
    fn refused_without_memory(&self, call: impl FnOnce() -> Outcome) -> Error {
        self.refused(|| {
            self.system.with(|state| state.frames.fail_after(0));
            let outcome = call();
            assert!(!self.system.with(|state| state.frames.heal()), "no allocation was tried");
            outcome
        })
    }

    /// The client calls and the server has the call in service: its token.
    fn served(&self) -> u64 {
        let call = self.system.message(self.client.thread, Call::Call, SERVER, 0, [0; 8], None);
        assert_eq!(call, Outcome::Blocked);
        match self.system.receive(self.server.thread, self.port) {
            Outcome::Returned(registers) => registers.rdi,
            Outcome::Blocked => panic!("the call is there"),
        }
    }

    /// A message that mints an identity: the client's call, or the server's answer to one.
    fn minting(&self, call: Call) -> impl Fn() -> Outcome {
        let (thread, port, source, token) = match call {
            Call::Call => (self.client.thread, SERVER, OWN_PORT, 0),
            _ => (self.server.thread, self.port, self.port, self.served()),
        };
        let mut extras = Extras::NONE;
        let (mode, rights, badge) = (SendMode::Mint, Rights::SEND, 5);
        extras.capabilities[0] = Some(SendCapability { source, mode, rights, badge });
        move || self.system.message(thread, call, port, token, [0; 8], Some(&extras))
    }

    /// Has the client mint an identity into a slot.
    fn mint(&self, slot: CapRef) -> Outcome {
        let words = [Destination::exactly(slot).bits(), u64::from(Rights::SEND.bits()), 6, 1];
        self.system.call(self.client.thread, Call::CapDuplicate, OWN_PORT, &words)
    }

    /// Uses the room for identities up.
    fn fill_identities(&self) {
        let rights = u64::from(Rights::SEND.bits());
        for slot in (100..4000).map(CapRef::private) {
            // The slot's own memory is not what will be lacking.
            let words = [Destination::exactly(slot).bits(), rights];
            let client = self.client.thread;
            self.system.call(client, Call::CapDuplicate, OWN_PORT, &words).value();
            self.system.call(client, Call::CapClose, slot, &[]).value();
            self.system.with(|state| state.frames.fail_after(0));
            let minted = self.mint(slot).result();
            if !self.system.with(|state| state.frames.heal()) {
                assert_eq!(minted, Err(Error::NoMemory));
                return;
            }
        }
        panic!("there is always room");
    }

    /// The server makes a copy of its caller.
    fn clone(&self, call: Call, token: u64) -> impl Fn() -> Outcome {
        let specification =
            CloneSpec::fork(Destination::lowest_from(CapRef::private(40)), self.port, 55);
        self.system.put(self.server.thread, STRUCTURE, &specification);
        move || self.system.call(self.server.thread, call, self.port, &[token, STRUCTURE])
    }

    /// Has root make or use a device.
    fn device(&self, call: Call, main: CapRef, words: [u64; 3]) -> Outcome {
        self.system.call(self.system.root, call, main, &words)
    }
}

/// Debug kernels refuse it; root, whom nobody calls, is excepted.
fn calling_upwards(world: &World, call: Call) -> Error {
    let (high, low) = (world.server.thread, world.client.thread);
    let words = [Kind::Port as u64, Destination::exactly(FAR).bits(), rank::PROGRAM];
    world.system.call(low, Call::Create, CapRef::SELF, &words).value();
    world.system.client(low, FAR, 1, high, SERVER);
    world.refused(|| world.system.message(high, call, SERVER, 0, [0; 8], None))
}

fn minting_without_objects(world: &World, call: Call) -> Error {
    let minting = world.minting(call);
    world.without_objects();
    world.refused(minting)
}

fn minting_without_memory(world: &World, call: Call) -> Error {
    world.fill_identities();
    let minting = world.minting(call);
    world.refused_without_memory(minting)
}

fn far_arrivals_without_frames(world: &World, call: Call) -> Error {
    world.without_frames();
    let words = [ThreadOperation::SetArrivals as u64, u64::from(FAR.slot())];
    world.refused(|| world.system.call(world.client.thread, call, CapRef::SELF, &words))
}

fn identity_without_objects(world: &World, _: Call) -> Error {
    world.without_objects();
    world.refused(|| world.mint(CapRef::private(10)))
}

fn far_slot_without_frames(world: &World, call: Call) -> Error {
    world.without_frames();
    let words = [Destination::exactly(FAR).bits(), u64::from(Rights::ALL.bits())];
    world.refused(|| world.system.call(world.client.thread, call, OWN_PORT, &words))
}

fn object_without_objects(world: &World, call: Call) -> Error {
    world.without_objects();
    let words = [Kind::Event as u64, Destination::exactly(CapRef::private(10)).bits()];
    world.refused(|| world.system.call(world.client.thread, call, CapRef::SELF, &words))
}

fn space_without_frames(world: &World, call: Call) -> Error {
    world.without_frames();
    let words = [Kind::AddressSpace as u64, Destination::exactly(CapRef::private(10)).bits()];
    world.refused(|| world.system.call(world.client.thread, call, CapRef::SELF, &words))
}

/// A copy of descriptors beyond those that a table has itself.
fn far_table_without_frames(world: &World, call: Call) -> Error {
    let client = world.client.thread;
    let far = Destination::exactly(CapRef::descriptor(6000)).bits();
    let words = [far, u64::from(Rights::ALL.bits())];
    world.system.call(client, Call::CapDuplicate, OWN_PORT, &words).value();
    world.without_frames();
    let operation = DomainOperation::SetTable as u64;
    let words = [operation, Table::Descriptors as u64, Inherit::Copy as u64];
    world.refused(|| world.system.call(client, call, CapRef::SELF, &words))
}

/// A change in the middle of a mapping that a child shares: nodes of the tree must be copied.
fn change_without_memory(world: &World, call: Call) -> Error {
    let client = world.client.thread;
    let map = MapRequest {
        address: 0,
        length: 64 * PAGE,
        protection: Protection::READ | Protection::WRITE,
        inheritance: Inheritance::Copy,
        source: Source::Anonymous,
        offset: 0,
    };
    world.system.put(client, STRUCTURE, &map);
    let address = world.system.call(client, Call::Map, CapRef::SELF, &[STRUCTURE]).value();
    let token = world.served();
    world.clone(Call::CloneCaller, token)().value();
    world.system.message(world.server.thread, Call::Reply, world.port, token, [0; 8], None).value();
    let words = [address + PAGE, PAGE, u64::from(Protection::READ.bits())];
    world.refused_without_memory(|| world.system.call(client, call, CapRef::SELF, &words))
}

fn copy_without_frames(world: &World, call: Call) -> Error {
    let client = world.client.thread;
    let memory = world.system.create(client, Kind::Memory, &[PAGE]).expect("a Memory");
    let copy = CopyRequest { to: Place::Memory(memory, 0), from: Place::Own(MEMORY), length: 8 };
    world.system.put(client, STRUCTURE, &copy);
    world.without_frames();
    world.refused(|| world.system.call(client, call, CapRef::SELF, &[STRUCTURE]))
}

fn clone_without_objects(world: &World, call: Call) -> Error {
    let clone = world.clone(call, world.served());
    world.without_objects();
    world.refused(clone)
}

fn clone_without_frames(world: &World, call: Call) -> Error {
    let clone = world.clone(call, world.served());
    world.without_frames();
    world.refused(clone)
}

fn device_into_a_used_slot(world: &World, call: Call) -> Error {
    let used = Destination::exactly(System::HARDWARE).bits();
    let words = [HardwareOperation::MakeInterrupt as u64, 4, used];
    world.refused(|| world.device(call, System::HARDWARE, words))
}

fn device_into_a_far_slot(world: &World, call: Call) -> Error {
    world.without_frames();
    let far = Destination::exactly(FAR).bits();
    let words = [HardwareOperation::MakeInterrupt as u64, 4, far];
    world.refused(|| world.device(call, System::HARDWARE, words))
}

fn line_that_is_bound(world: &World, call: Call) -> Error {
    let line = world.system.slot();
    let make = [HardwareOperation::MakeInterrupt as u64, 4, Destination::exactly(line).bits()];
    world.device(call, System::HARDWARE, make).value();
    let event = world.system.create(world.system.root, Kind::Event, &[0, 0]).expect("an Event");
    let bind = [HardwareOperation::InterruptBind as u64, u64::from(event.bits()), 2];
    world.device(call, line, bind).value();
    world.refused(|| world.device(call, line, bind))
}
