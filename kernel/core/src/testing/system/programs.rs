//! The programs of a test: what the root server makes for it.
//!
//! Owns: [`Program`], the file that every program runs, ports and identities by which programs reach
//! each other. Called by the tests of system calls, through [`System`].

use std::{vec, vec::Vec};

use tine_abi::{
    Call, CapRef, Error, Kind, Rights,
    capability::Destination,
    memory::{Inheritance, MapRequest, PAGE, Protection, Source},
};

use super::System;
use crate::object::{DomainId, ThreadId, capability::Object};

/// Address of the memory that every test program has.
pub const MEMORY: u64 = 0x40_0000;
/// Bytes of it.
pub const MEMORY_LENGTH: u64 = 16 * PAGE;

/// A Domain with one thread, made by the root server.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its thread.
    pub thread: ThreadId,
    /// Its Domain.
    pub domain: DomainId,
    /// The root server's capability to the Domain.
    pub domain_slot: CapRef,
    /// The root server's capability to the thread.
    pub thread_slot: CapRef,
    /// The root server's capability to the space.
    pub space_slot: CapRef,
}

/// A program file: one page of text at the lowest address, one word of data in the next region.
#[must_use]
pub fn program_file() -> Vec<u8> {
    let mut file = vec![0_u8; 2 * PAGE as usize + 8];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &2_u16.to_le_bytes());
    put(18, &62_u16.to_le_bytes());
    put(24, &0x20_0010_u64.to_le_bytes());
    put(32, &64_u64.to_le_bytes());
    put(54, &56_u16.to_le_bytes());
    put(56, &2_u16.to_le_bytes());
    let mut segment = |at: usize, flags: u32, numbers: [u64; 5]| {
        put(at, &1_u32.to_le_bytes());
        put(at + 4, &flags.to_le_bytes());
        let [offset, address, file_length, length, alignment] = numbers;
        for (index, number) in
            [offset, address, address, file_length, length, alignment].into_iter().enumerate()
        {
            put(at + 8 + 8 * index, &number.to_le_bytes());
        }
    };
    segment(64, 5, [PAGE, 0x20_0000, PAGE, PAGE, PAGE]);
    segment(120, 6, [2 * PAGE, 0x40_0000, 8, 64, PAGE]);
    file[PAGE as usize + 0x10] = 0x90;
    file[2 * PAGE as usize..].copy_from_slice(&0x1122_3344_5566_7788_u64.to_le_bytes());
    file
}

impl System {
    /// A private slot that no test has used.
    #[must_use]
    pub fn slot(&self) -> CapRef {
        let slot = self.next_slot.get();
        self.next_slot.set(slot + 1);
        CapRef::private(slot)
    }

    /// Has `thread` create an object for its own account.
    ///
    /// # Errors
    /// What the kernel said.
    #[track_caller]
    pub fn create(&self, thread: ThreadId, kind: Kind, words: &[u64]) -> Result<CapRef, Error> {
        let slot = self.slot();
        let mut all = vec![kind as u64, Destination::exactly(slot).bits()];
        all.extend_from_slice(words);
        self.call(thread, Call::Create, CapRef::SELF, &all).result().map(|_| slot)
    }

    /// Gives the Domain of `to` a copy of a capability of `from`, by force of the test.
    ///
    /// # Panics
    /// If there is no such capability.
    #[track_caller]
    pub fn give(&self, from: ThreadId, slot: CapRef, to: ThreadId, place: CapRef, rights: Rights) {
        self.with(|state| {
            let capability = state.capability(from, slot.bits()).expect("the capability exists");
            let table = state.threads.get(to).expect("the thread exists").tables;
            let table = table[place.table() as usize];
            let slot = state
                .find_slot(table, Destination::exactly(place), true)
                .expect("there is room for it");
            let copy = capability.narrowed(rights);
            state.hold(copy);
            state.replace(table, slot, copy);
        });
    }

    /// Has `thread` make a space with the memory of a test program.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn space(&self, thread: ThreadId) -> CapRef {
        let space = self.create(thread, Kind::AddressSpace, &[]).expect("a space is made");
        let request = MapRequest {
            address: MEMORY,
            length: MEMORY_LENGTH,
            protection: Protection::READ | Protection::WRITE,
            inheritance: Inheritance::Copy,
            source: Source::Anonymous,
            offset: 0,
        };
        self.put(thread, MEMORY, &request);
        self.call(thread, Call::Map, space, &[MEMORY]).value();
        space
    }

    /// Has the root server make a Domain with one running thread and some memory.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn spawn(&self, rank: u64) -> Program {
        let root = self.root;
        let make = |kind, words: &[u64]| self.create(root, kind, words).expect("root makes it");
        let space_slot = self.space(root);
        let domain_slot = make(Kind::Domain, &[u64::from(space_slot.bits()), rank]);
        let thread_slot = make(Kind::Thread, &[u64::from(domain_slot.bits())]);
        let start = [0x20_0000, MEMORY + MEMORY_LENGTH, 0, MEMORY, 0];
        self.call(root, Call::ThreadStart, thread_slot, &start).value();
        let object = |slot: CapRef| {
            self.capability(root, slot).and_then(|it| it.object()).expect("it was just made")
        };
        let (Object::Domain(domain), Object::Thread(thread)) =
            (object(domain_slot), object(thread_slot))
        else {
            panic!("root made other objects")
        };
        Program { thread, domain, domain_slot, thread_slot, space_slot }
    }

    /// A port of `thread`.
    ///
    /// # Panics
    /// If it cannot be made.
    #[track_caller]
    pub fn port(&self, thread: ThreadId) -> CapRef {
        self.create(thread, Kind::Port, &[0]).expect("a port is made")
    }

    /// Has `thread` mint an identity on its port and gives it to `client`, in a private slot.
    #[track_caller]
    pub fn client(
        &self,
        server: ThreadId,
        port: CapRef,
        badge: u64,
        client: ThreadId,
        place: CapRef,
    ) {
        let slot = self.slot();
        let words = [Destination::exactly(slot).bits(), u64::from(Rights::ALL.bits()), badge, 1];
        self.call(server, Call::CapDuplicate, port, &words).value();
        self.give(server, slot, client, place, Rights::ALL);
        self.call(server, Call::CapClose, slot, &[]).value();
    }
}
