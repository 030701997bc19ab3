//! A machine made of software, for host tests of the kernel core and of crates above it.
//!
//! Owns: [`SoftwareMachine`]: physical memory, an MMU that walks the tables as the processor does, a
//! TLB that keeps stale entries until they are flushed, counters of every access; and [`Bench`], the
//! kernel's memory state around it. Never in the kernel: behind the feature `testing`.
//!
//! The TLB remembers leaves and upper-level entries of the active space, also such as no longer
//! stand in the tables; so a missing flush shows as a store into a frame of somebody else.

mod bench;
pub mod devices;
mod mmu;
pub mod requests;
pub mod system;

use std::{boxed::Box, collections::HashMap, vec, vec::Vec};

use tine_ksync::{HeapPages, Page, PageSource};

pub use bench::Bench;
pub use mmu::Refusal;

use crate::{
    machine::{Frame, PhysicalMemory, Translation},
    memory::address::ENTRIES,
};

/// How often memory was touched. Entries are counted one by one, pages as wholes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Accesses {
    /// Table entries loaded.
    pub loads: u64,
    /// Table entries stored.
    pub stores: u64,
    /// Pages cleared.
    pub zeroed: u64,
    /// Pages copied.
    pub copied: u64,
    /// INVLPG executed for the active space.
    pub page_flushes: u64,
    /// CR3 loaded to flush the active space.
    pub full_flushes: u64,
    /// CR3 loaded to change the active space.
    pub activations: u64,
}

/// The machine.
#[derive(Debug)]
pub struct SoftwareMachine {
    memory: Vec<[u64; ENTRIES]>,
    kernel_half: Frame,
    active: Option<Frame>,
    translations: mmu::Translations,
    lent: HashMap<usize, Frame>,
    heap: HeapPages,
    loads: std::cell::Cell<u64>,
    counted: Accesses,
    /// Everything but memory.
    pub devices: devices::Devices,
}

impl SoftwareMachine {
    /// A machine of `frames` frames with arbitrary content; frame 1 is the kernel half.
    #[must_use]
    pub fn new(frames: usize) -> SoftwareMachine {
        let mut machine = SoftwareMachine {
            memory: vec![[0xa5a5_a5a5_a5a5_a5a5; ENTRIES]; frames],
            kernel_half: Frame(1),
            active: None,
            translations: mmu::Translations::default(),
            lent: HashMap::new(),
            heap: HeapPages::new(),
            loads: std::cell::Cell::new(0),
            counted: Accesses::default(),
            devices: devices::Devices::default(),
        };
        for index in 0..ENTRIES {
            let value = if index < ENTRIES / 2 { 0 } else { (index as u64) << 12 | 1 };
            machine.store(Frame(1), index, value);
        }
        machine.counted = Accesses::default();
        machine
    }

    /// The counters, which start again from zero.
    pub fn take_accesses(&mut self) -> Accesses {
        let counted = Accesses { loads: self.loads.take(), ..self.counted };
        self.counted = Accesses::default();
        counted
    }

    /// The active root.
    #[must_use]
    pub fn active(&self) -> Option<Frame> {
        self.active
    }

    fn table(&self, frame: Frame) -> &[u64; ENTRIES] {
        assert!(!self.lent.values().any(|lent| *lent == frame), "{frame:?} belongs to a slab");
        &self.memory[frame.0 as usize]
    }

    fn table_mut(&mut self, frame: Frame) -> &mut [u64; ENTRIES] {
        assert!(!self.lent.values().any(|lent| *lent == frame), "{frame:?} belongs to a slab");
        &mut self.memory[frame.0 as usize]
    }
}

impl PhysicalMemory for SoftwareMachine {
    fn load(&self, frame: Frame, index: usize) -> u64 {
        self.loads.set(self.loads.get() + 1);
        self.memory[frame.0 as usize][index]
    }

    fn store(&mut self, frame: Frame, index: usize, value: u64) {
        self.counted.stores += 1;
        self.memory[frame.0 as usize][index] = value;
    }

    fn zero(&mut self, frame: Frame) {
        self.counted.zeroed += 1;
        self.table_mut(frame).fill(0);
    }

    fn copy(&mut self, to: Frame, from: Frame) {
        self.counted.copied += 1;
        let content = *self.table(from);
        *self.table_mut(to) = content;
    }

    fn read(&self, frame: Frame, offset: usize, into: &mut [u8]) {
        let table = self.table(frame);
        for (at, byte) in (offset..).zip(into) {
            *byte = table[at / 8].to_le_bytes()[at % 8];
        }
    }

    fn write(&mut self, frame: Frame, offset: usize, from: &[u8]) {
        let table = self.table_mut(frame);
        for (at, byte) in (offset..).zip(from) {
            let mut word = table[at / 8].to_le_bytes();
            word[at % 8] = *byte;
            table[at / 8] = u64::from_le_bytes(word);
        }
    }

    fn copy_bytes(&mut self, to: (Frame, usize), from: (Frame, usize), length: usize) {
        let mut bytes = vec![0; length];
        self.read(from.0, from.1, &mut bytes);
        self.write(to.0, to.1, &bytes);
    }

    fn page(&mut self, frame: Frame) -> Page {
        assert!(self.memory[frame.0 as usize].iter().all(|word| *word == 0), "not zeroed");
        let page = self.heap.take_page().expect("the host has memory");
        self.lent.insert(page.address(), frame);
        page
    }

    fn frame_of(&mut self, page: Page) -> Frame {
        let frame = self.lent.remove(&page.address()).expect("a page of this machine");
        self.heap.give_page(page);
        frame
    }
}

impl Translation for SoftwareMachine {
    fn activate(&mut self, root: Frame) {
        self.counted.activations += 1;
        self.active = Some(root);
        self.translations.clear();
    }

    fn flush_page(&mut self, root: Frame, address: u64) {
        if self.active == Some(root) {
            self.counted.page_flushes += 1;
            self.translations.drop_page(address);
        }
    }

    fn flush_all(&mut self, root: Frame) {
        if self.active == Some(root) {
            self.counted.full_flushes += 1;
            self.translations.clear();
        }
    }

    fn kernel_half(&self) -> Frame {
        self.kernel_half
    }
}

/// A leaked array for a frame table: tests end soon.
pub(crate) fn leak<T: Clone>(value: T, count: usize) -> &'static mut [T] {
    Box::leak(vec![value; count].into_boxed_slice())
}
