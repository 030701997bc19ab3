//! What the portable kernel asks of hardware.
//!
//! Owns: [`Frame`] and the traits [`PhysicalMemory`] and [`Translation`] (upper half, the memory
//! side), [`Machine`](self) and its records (lower half). Never here: policy, page-table formats.
//! Implemented by the kernel binary over the direct map and by the software machine of the host
//! tests; generic parameters everywhere, so the binary pays no dispatch.
//!
//! Contract: every `Frame` passed in is one that the frame table manages or one of a physical
//! range handed out by boot; implementations may trust that, they need not check it.

use tine_abi::registers::UserRegisters;
use tine_ksync::{IrqsOff, Page};

/// Number of a 4 KiB frame of physical memory: its address divided by 4096.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(transparent)]
pub struct Frame(pub u32);

impl Frame {
    /// Physical address of the first byte.
    #[inline]
    #[must_use]
    pub const fn address(self) -> u64 {
        (self.0 as u64) << 12
    }
}

/// Physical memory as 4 KiB frames.
pub trait PhysicalMemory {
    /// Entry `index` (0..512) of the table in `frame`.
    fn load(&self, frame: Frame, index: usize) -> u64;

    /// Writes entry `index` (0..512) of the table in `frame`.
    fn store(&mut self, frame: Frame, index: usize, value: u64);

    /// Clears the frame: 512 iterations of `rep stosq`.
    fn zero(&mut self, frame: Frame);

    /// Copies a whole frame: 512 iterations of `rep movsq`.
    fn copy(&mut self, to: Frame, from: Frame);

    /// Reads bytes; `offset + into.len()` is at most 4096.
    fn read(&self, frame: Frame, offset: usize, into: &mut [u8]);

    /// Writes bytes; `offset + from.len()` is at most 4096.
    fn write(&mut self, frame: Frame, offset: usize, from: &[u8]);

    /// Copies bytes between two places, each within its frame. They may overlap: as `memmove`.
    fn copy_bytes(&mut self, to: (Frame, usize), from: (Frame, usize), length: usize);

    /// Gives a frame to a slab: it is kernel memory until [`PhysicalMemory::frame_of`].
    fn page(&mut self, frame: Frame) -> Page;

    /// Takes such a frame back.
    fn frame_of(&mut self, page: Page) -> Frame;

    /// For each entry of the group of eight from `first` in `from` that is not zero: stores it with
    /// the bits of `keep` to `from` and to the same place of `to`, where zero is, and hands it to
    /// `each`.
    ///
    /// The inner loop of breaking a shared table.
    #[inline(always)]
    fn copy_entries(
        &mut self,
        to: Frame,
        from: Frame,
        first: usize,
        keep: u64,
        mut each: impl FnMut(u64),
    ) {
        for index in first..first + 8 {
            let entry = self.load(from, index) & keep;
            if entry != 0 {
                self.store(from, index, entry);
                self.store(to, index, entry);
                each(entry);
            }
        }
    }

    /// For each entry of the group of eight from `first` in `table` that is not zero: hands it to
    /// `each` and clears it.
    ///
    /// The inner loop of taking a dead table apart.
    #[inline(always)]
    fn take_entries(&mut self, table: Frame, first: usize, mut each: impl FnMut(u64)) {
        for index in first..first + 8 {
            let entry = self.load(table, index);
            if entry != 0 {
                self.store(table, index, 0);
                each(entry);
            }
        }
    }
}

/// What a CPU remembers of page tables.
///
/// A space that is not the active one has nothing remembered: `activate` drops everything of the
/// space it leaves (there are no process-context identifiers).
pub trait Translation: PhysicalMemory {
    /// Makes the tables under `root` the ones in use: loads CR3.
    fn activate(&mut self, root: Frame);

    /// Drops what is remembered for the page at `address` and every upper-level entry remembered,
    /// if `root` is active: INVLPG.
    fn flush_page(&mut self, root: Frame, address: u64);

    /// Drops everything remembered of the tables under `root`, if it is active.
    fn flush_all(&mut self, root: Frame);

    /// A root whose entries 256..512 are copied into each new root. They never change after boot.
    fn kernel_half(&self) -> Frame;
}

// ------------------------------------------------------------------------------------------------
// Above: physical memory and translation (memory). Below: the rest of the machine (kernel core).
// ------------------------------------------------------------------------------------------------

/// Bytes of one thread's extended state: the XSAVE standard format with x87, SSE and AVX, that is
/// 512 + 64 + 256 (Intel SDM volume 1, 13.4).
pub const EXTENDED_STATE: usize = 832;

/// The x87, SSE and AVX registers of a thread that is not running.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct ExtendedState(pub [u8; EXTENDED_STATE]);

/// How the time-stamp counter becomes the kernel's clock; programs compute it themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Clock {
    /// Ticks a second.
    pub frequency: u64,
    /// The counter's value at nanosecond 0.
    pub start: u64,
}

/// Interrupt lines that can be bound at most.
pub const LINES: usize = 64;

/// Everything else that the portable kernel asks of hardware.
///
/// All methods are called with interrupts off and the kernel lock held, and never wait.
pub trait Machine: Translation + Sized + Send + 'static {
    /// The token that the kernel lock is taken with: interrupts are off whenever kernel code runs.
    fn interrupts_off() -> IrqsOff;

    /// Nanoseconds since boot.
    fn now(&mut self) -> u64;

    /// What [`Machine::now`] is computed from.
    fn clock(&self) -> Clock;

    /// Has one timer interrupt come at `deadline` (nanoseconds since boot; the past: at once);
    /// `None`: none.
    fn arm_timer(&mut self, deadline: Option<u64>);

    /// Loads the segment bases of the thread that runs next. Programs cannot change them by
    /// themselves, so nothing is saved.
    fn use_thread(&mut self, entering: &UserRegisters);

    /// Whether extended state may be used from now on; if not, the first use is exception 7.
    fn allow_extended(&mut self, allowed: bool);

    /// Saves the extended state in use. It is allowed at that time.
    fn save_extended(&mut self, image: &mut ExtendedState);

    /// Makes this the extended state in use. It is allowed at that time.
    fn load_extended(&mut self, image: &ExtendedState);

    /// What a thread's extended state begins as.
    fn initial_extended(&self) -> ExtendedState;

    /// Reads an I/O port; `width` is 1, 2 or 4 bytes.
    fn port_read(&mut self, port: u16, width: u8) -> u32;

    /// Writes an I/O port; `width` is 1, 2 or 4 bytes.
    fn port_write(&mut self, port: u16, width: u8, value: u32);

    /// How many interrupt lines there are, at most [`LINES`].
    fn interrupt_lines(&self) -> u32;

    /// Masks or unmasks a line, named by its ISA number or global system interrupt.
    fn interrupt_mask(&mut self, line: u32, masked: bool);

    /// Switches the machine off; on hardware this does not return.
    fn power_off(&mut self);

    /// Stops for good because nothing can go on, saying why; on hardware this does not return.
    fn halt(&mut self, reason: &str);

    /// Resets the machine; on hardware this does not return.
    fn reboot(&mut self);

    /// Writes to the kernel's log.
    fn log(&mut self, bytes: &[u8]);

    /// Reads the kernel's log: [`Log::read`](crate::log::Log::read).
    fn log_read(&self, position: u64, into: &mut [u8]) -> (u64, usize);
}
