//! Domains and threads: operations, exec, and the specification of a fork.

use bitflags::bitflags;

use crate::capability::{CapRef, Destination};
use crate::wire::Wire;

/// First argument of `domain_control`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum DomainOperation {
    /// Kills it. Argument 0: the value of the exit record (a signal number).
    Kill = 1,
    /// Suspends it. Argument 0: reasons to set ([`Suspend`]).
    Suspend = 2,
    /// Clears reasons; the Domain runs when none is left. Argument 0: reasons to clear.
    Resume = 3,
    /// Gives the one live thread a new address space and registers and empties CLOEXEC slots.
    /// Argument 0: address of an [`ExecSpec`]. The call that the thread waits in stays in service.
    Exec = 4,
    /// Sets the supervisor. Argument 0: a Port with MINT ([`CapRef`]; 0: none), argument 1: badge.
    SetSupervisor = 5,
    /// Tells its state. RSI: threads alive; RDX: frames charged to its account.
    Inspect = 6,
}

impl DomainOperation {
    /// The operation with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Kill),
            2 => Some(Self::Suspend),
            3 => Some(Self::Resume),
            4 => Some(Self::Exec),
            5 => Some(Self::SetSupervisor),
            6 => Some(Self::Inspect),
            _ => None,
        }
    }
}

bitflags! {
    /// Reasons for which a Domain or Thread does not run; it runs when none is set.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Suspend: u32 {
        /// Created and not yet started.
        const NEW = 1;
        /// Job control stopped it.
        const STOPPED = 2;
        /// A tracer stopped it.
        const TRACED = 4;
        /// A debugger holds it.
        const DEBUG = 8;
        /// Frozen by one of its own threads.
        const FROZEN = 16;
        /// It is being given a new program.
        const EXEC = 32;
        /// Its supervisor is gone; whoever becomes the supervisor may resume it.
        const ORPHANED = 64;
    }
}

/// First argument of `thread_control`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum ThreadOperation {
    /// Lets other ready threads run first.
    Yield = 1,
    /// Sets suspend reasons. Argument: [`Suspend`].
    Suspend = 2,
    /// Clears suspend reasons. Argument: [`Suspend`].
    Resume = 3,
    /// Argument: base of GS, the control block.
    SetGs = 4,
    /// Argument: base of FS.
    SetFs = 5,
    /// Argument: first of four private slots where capabilities of received calls arrive.
    SetArrivals = 6,
}

impl ThreadOperation {
    /// The operation with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Yield),
            2 => Some(Self::Suspend),
            3 => Some(Self::Resume),
            4 => Some(Self::SetGs),
            5 => Some(Self::SetFs),
            6 => Some(Self::SetArrivals),
            _ => None,
        }
    }
}

/// Ranks: who may call whom. A server calls only towards a lower number.
pub mod rank {
    /// The root server: nobody calls it, so it may wait for anybody.
    pub const ROOT: u64 = 0;
    /// The process server; it calls nobody.
    pub const PROCESS: u64 = 1;
    /// initrd, pipe, console.
    pub const SERVICE: u64 = 2;
    /// The debugger server.
    pub const DEBUGGER: u64 = 3;
    /// Programs: may call each other.
    pub const PROGRAM: u64 = 4;
}

/// Arguments of `create`, in the order argument 0, 1, 2.
///
/// | kind | argument 0 | argument 1 | argument 2 |
/// |---|---|---|---|
/// | Domain | AddressSpace | rank | - |
/// | Thread | Domain | - | - |
/// | AddressSpace | - | - | - |
/// | Memory | bytes, a positive multiple of the page size | - | - |
/// | Port | rank | - | - |
/// | Event | Port to bind to with MINT (0: none) | badge of the binding | - |
/// | Account | frames, at most | objects, at most | - |
///
/// The other kinds come from `hw_control`.
#[derive(Debug)]
pub enum CreateArguments {}

/// Bytes that the kernel keeps at most for each object that an account may have. They are charged to
/// nobody: who makes an account sets them aside.
///
/// It is the sum over all kinds: the kernel keeps memory that objects of one kind had when they go and
/// objects of another kind come.
pub const OBJECT_BYTES: u64 = 6400;

/// What `Exec` installs: 4 words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExecSpec {
    /// The new AddressSpace, CONTROL.
    pub space: CapRef,
    /// First instruction.
    pub instruction: u64,
    /// First stack pointer: the address of a [`crate::start::StartBlock`].
    pub stack: u64,
    /// The control block.
    pub gs_base: u64,
}

impl Wire for ExecSpec {
    const WORDS: usize = 4;

    fn encode(&self, words: &mut [u64]) {
        words[..4].copy_from_slice(&[
            u64::from(self.space.bits()),
            self.instruction,
            self.stack,
            self.gs_base,
        ]);
    }

    fn decode(words: &[u64]) -> Option<Self> {
        let [space, instruction, stack, gs_base] = *words else { return None };
        let space = CapRef::from_bits(u32::try_from(space).ok()?)?;
        Some(Self { space, instruction, stack, gs_base })
    }
}

/// What the child gets of a table or address space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Inherit {
    /// A copy of the caller's.
    Copy = 0,
    /// The caller's own.
    Share = 1,
    /// An empty one (tables only).
    Empty = 2,
}

/// Where an entry of the child's private table comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PrivateSource {
    /// The same slot of the caller's private table; empty stays empty.
    Caller,
    /// A new identity on the port of the call, with this badge, SEND and these protocol rights. The
    /// child cannot pass it on, so its EXIT says that the identity is gone; no-senders is not said.
    Mint {
        /// The badge.
        badge: u64,
        /// Protocol rights.
        protocol: u16,
    },
}

/// One entry of the child's private table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrivateEntry {
    /// The slot, in child and source alike.
    pub slot: u16,
    /// What fills it.
    pub source: PrivateSource,
}

/// Entries of [`CloneSpec::private`] at most.
pub const PRIVATE_ENTRIES: usize = 6;

/// Argument of `clone_caller`: 24 words.
///
/// The child has one thread. Its registers are the caller's, with status 0, word 0 = 0, word 1 = 0
/// (fork's result) and word 2 = [`Self::child_result`] (its own process id), and the overrides
/// below. It does not run before a reply starts it, whatever [`Self::suspend`] says beyond that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CloneSpec {
    /// Memory: copy or share.
    pub space: Inherit,
    /// File descriptors: copy, share or empty.
    pub descriptors: Inherit,
    /// Root and working directory: copy, share or empty.
    pub paths: Inherit,
    /// Where the capability of the new Domain goes.
    pub domain: Destination,
    /// Account that pays for the child (SELF: the caller's own account).
    pub account: CapRef,
    /// Port told of exit and faults, held with MINT.
    pub supervisor: CapRef,
    /// Badge of those notifications.
    pub supervisor_badge: u64,
    /// Port asked first about faults, held with MINT (SELF: none).
    pub debugger: CapRef,
    /// Badge of those messages.
    pub debugger_badge: u64,
    /// Suspend reasons the child begins with, beside NEW.
    pub suspend: Suspend,
    /// Word 2 of the child's result.
    pub child_result: u64,
    /// The child's stack pointer, if not the caller's.
    pub stack: Option<u64>,
    /// The child's instruction pointer, if not the caller's.
    pub instruction: Option<u64>,
    /// The child's control block, if not the caller's.
    pub gs_base: Option<u64>,
    /// The child's FS base, if not the caller's.
    pub fs_base: Option<u64>,
    /// The child's private table; filled from the front, all other slots empty.
    pub private: [Option<PrivateEntry>; PRIVATE_ENTRIES],
}

impl Wire for CloneSpec {
    /// Word 0: inherit codes (bits 0..2, 2..4, 4..6), override flags (8..12: stack, instruction,
    /// GS, FS), number of private entries (16..20), suspend (32..64). Then domain, account,
    /// supervisor, its badge, debugger, its badge, child result, the four overrides; then two
    /// words an entry: slot (0..16), source kind (16), protocol (32..48); badge.
    const WORDS: usize = 24;

    fn encode(&self, words: &mut [u64]) {
        words[..Self::WORDS].fill(0);
        let overrides = [self.stack, self.instruction, self.gs_base, self.fs_base];
        let mut head = self.space as u64
            | (self.descriptors as u64) << 2
            | (self.paths as u64) << 4
            | u64::from(self.suspend.bits()) << 32;
        for (index, value) in overrides.iter().enumerate() {
            head |= u64::from(value.is_some()) << (8 + index);
            words[8 + index] = value.unwrap_or(0);
        }
        let mut entries = 0;
        for (index, entry) in self.private.iter().map_while(|entry| entry.as_ref()).enumerate() {
            let (kind, protocol, badge) = match entry.source {
                PrivateSource::Caller => (0, 0, 0),
                PrivateSource::Mint { badge, protocol } => (1, protocol, badge),
            };
            words[12 + 2 * index] = u64::from(entry.slot) | kind << 16 | u64::from(protocol) << 32;
            words[13 + 2 * index] = badge;
            entries += 1;
        }
        words[0] = head | entries << 16;
        words[1] = self.domain.bits();
        words[2] = u64::from(self.account.bits());
        words[3] = u64::from(self.supervisor.bits());
        words[4] = self.supervisor_badge;
        words[5] = u64::from(self.debugger.bits());
        words[6] = self.debugger_badge;
        words[7] = self.child_result;
    }

    fn decode(words: &[u64]) -> Option<Self> {
        if words.len() != Self::WORDS {
            return None;
        }
        let head = words[0];
        let inherit = |shift: u32, may_be_empty: bool| match head >> shift & 3 {
            0 => Some(Inherit::Copy),
            1 => Some(Inherit::Share),
            2 if may_be_empty => Some(Inherit::Empty),
            _ => None,
        };
        let capability = |word: u64| CapRef::from_bits(u32::try_from(word).ok()?);
        let over = |index: usize| (head >> (8 + index) & 1 == 1).then_some(words[8 + index]);
        if head & 0xfff0_f0c0 != 0 {
            return None;
        }
        let entries = (head >> 16 & 15) as usize;
        if entries > PRIVATE_ENTRIES {
            return None;
        }
        let mut private = [None; PRIVATE_ENTRIES];
        for (index, entry) in private.iter_mut().take(entries).enumerate() {
            let word = words[12 + 2 * index];
            let source = match word & 0xffff_0000 {
                0 if word >> 32 == 0 => PrivateSource::Caller,
                0x1_0000 if word >> 48 == 0 => PrivateSource::Mint {
                    badge: words[13 + 2 * index],
                    protocol: (word >> 32) as u16,
                },
                _ => return None,
            };
            let slot = word as u16;
            if slot == 0 {
                return None;
            }
            *entry = Some(PrivateEntry { slot, source });
        }
        Some(Self {
            space: inherit(0, false)?,
            descriptors: inherit(2, true)?,
            paths: inherit(4, true)?,
            domain: Destination::from_bits(words[1])?,
            account: capability(words[2])?,
            supervisor: capability(words[3])?,
            supervisor_badge: words[4],
            debugger: capability(words[5])?,
            debugger_badge: words[6],
            suspend: Suspend::from_bits((head >> 32) as u32)?,
            child_result: words[7],
            stack: over(0),
            instruction: over(1),
            gs_base: over(2),
            fs_base: over(3),
            private,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_of_a_fork_survives_the_wire() {
        let mut private = [None; PRIVATE_ENTRIES];
        private[0] = Some(PrivateEntry {
            slot: 1,
            source: PrivateSource::Mint { badge: 0x1234, protocol: 7 },
        });
        private[1] = Some(PrivateEntry { slot: 2, source: PrivateSource::Caller });
        let spec = CloneSpec {
            space: Inherit::Share,
            descriptors: Inherit::Copy,
            paths: Inherit::Empty,
            domain: Destination::lowest_from(CapRef::private(64)),
            account: CapRef::SELF,
            supervisor: CapRef::private(4),
            supervisor_badge: 5,
            debugger: CapRef::SELF,
            debugger_badge: 0,
            suspend: Suspend::TRACED,
            child_result: 42,
            stack: Some(0x7000),
            instruction: None,
            gs_base: None,
            fs_base: Some(1),
            private,
        };
        let mut words = [0; CloneSpec::WORDS];
        spec.encode(&mut words);
        assert_eq!(CloneSpec::decode(&words), Some(spec));
        for bit in [6, 7, 12, 15, 20, 31, 40] {
            let mut bad = words;
            bad[0] |= 1 << bit;
            assert_eq!(CloneSpec::decode(&bad), None, "bit {bit}");
        }
    }
}
